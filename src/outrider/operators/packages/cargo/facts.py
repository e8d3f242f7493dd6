"""What a registry says of a crate."""

from outrider.operators.packages.cargo.sources import CargoSource
from outrider.operators.packages.resolving.facts import PackageFacts, newest, no_package


async def facts_of(source: CargoSource, name: str) -> PackageFacts:
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
    latest = newest(table.everything, crate.usable, table.releases)
    release = crate.release(latest)
    return PackageFacts(
        name=name, latest=table.versions[latest], versions=[*reversed(table.versions)], extras=sorted(release.features),
        prereleases=[*reversed(table.named(table.everything & ~table.releases))],
        taken_back=[*reversed(table.named(table.everything & ~crate.usable))],
        needs=[f"{need.name}@{need.range}{' (optional)' if need.optional else ''}" for need in release.needs],
    )  # fmt: skip
