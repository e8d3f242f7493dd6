"""What a registry says of a crate."""

from outrider.operators.packages.cargo.sources import CargoSource
from outrider.operators.packages.resolving.facts import PackageFacts, newest, no_package, position, times_of


async def facts_of(source: CargoSource, name: str, version: str = "") -> PackageFacts:
    """Return what is known of a crate.

    Raises:
        NotFoundError: The registry does not have it.
        OutriderError: What the registry says.
    """
    await source.load([name])
    crate = source.crates[name]
    table = crate.table
    if not table.versions:
        raise no_package("cargo", name)
    yanked = int.from_bytes(crate.record.yanked, "little")
    latest = newest(table.everything, ~yanked, table.releases)
    shown = position("cargo", name, table.versions, version) if version else latest
    release = crate.release(shown)
    return PackageFacts(
        ecosystem="cargo", name=name, latest=table.versions[latest], version=table.versions[shown], versions=[*reversed(table.versions)], extras=sorted(release.features),
        prereleases=[*reversed(table.named(table.everything & ~table.releases))],
        taken_back=[*reversed(table.named(yanked))],
        needs=[f"{need.name}@{need.range}{' (optional)' if need.optional else ''}" for need in release.needs],
        published=times_of(table.versions, crate.record.published),
    )  # fmt: skip
