"""What repositories say of a package."""

from outrider.operators.packages.composer.records import ComposerRecord
from outrider.operators.packages.composer.sources import ComposerSource
from outrider.operators.packages.resolving.facts import PackageFacts, newest, no_package
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable


async def facts_of(source: ComposerSource, name: str) -> PackageFacts:
    """Return what is known of a package.

    Raises:
        NotFoundError: No repository has it.
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
    where = {version: (one, position) for one in reversed(records) for position, version in enumerate(one.versions)}
    table = VersionTable(scheme_of("composer"), where)
    if not table.versions:
        raise no_package("composer", name)
    latest = newest(table.everything, table.releases)
    record, position = where[table.versions[latest]]
    release = record.release(position)
    return PackageFacts(
        name=name, latest=table.versions[latest], versions=[*reversed(table.versions)], licence=release.licence,
        prereleases=[*reversed(table.named(table.everything & ~table.releases))],
        needs=[f"{target}:{constraint}" for target, constraint in release.requires.items()],
        status="abandoned" if release.abandoned else "active",
    )  # fmt: skip
