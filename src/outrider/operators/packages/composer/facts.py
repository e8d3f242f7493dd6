"""What repositories say of a package."""

from outrider.operators.packages.composer.records import ComposerRecord
from outrider.operators.packages.composer.sources import ComposerSource
from outrider.operators.packages.resolving.facts import PackageFacts, newest, no_package, position, times_of
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable


async def facts_of(source: ComposerSource, name: str, version: str = "") -> PackageFacts:
    """Return what is known of a package; what a version needs, of its latest one if none is given.

    Raises:
        NotFoundError: No repository has it, or it has no such version.
        OutriderError: What a repository says.
    """
    name = name.lower()
    records: list[ComposerRecord] = []
    for repository in source.repositories:
        await repository.load({name: True})
        found = repository.records(name)
        records += found
        if found and repository.place.canonical:
            break
    where = {one: (record, at) for record in reversed(records) for at, one in enumerate(record.versions)}
    table = VersionTable(scheme_of("composer"), where)
    if not table.versions:
        raise no_package("composer", name)
    latest = newest(table.everything, table.releases)
    shown = position("composer", name, table.versions, version) if version else latest
    record, at = where[table.versions[shown]]
    release = record.release(at)
    published = [known.published[place] for known, place in (where[one] for one in table.versions)]
    return PackageFacts(
        ecosystem="composer", name=name, latest=table.versions[latest], version=table.versions[shown], licence=release.licence,
        versions=[*reversed(table.versions)], published=times_of(table.versions, published),
        prereleases=[*reversed(table.named(table.everything & ~table.releases))],
        needs=[f"{target}:{constraint}" for target, constraint in release.requires.items()],
        status="abandoned" if release.abandoned else "active",
    )  # fmt: skip
