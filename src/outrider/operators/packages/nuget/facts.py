"""What the sources say of a NuGet package."""

from outrider.operators.packages.nuget.packages import NugetPackage
from outrider.operators.packages.nuget.resolver import latest
from outrider.operators.packages.nuget.sources import NugetSources
from outrider.operators.packages.resolving.facts import PackageFacts, no_package, position, times_of


async def facts_of(sources: NugetSources, name: str, version: str = "") -> PackageFacts:
    """Return what is known of a package.

    Args:
        sources: Where packages come from.
        name: In small letters.
        version: Of which to tell the needs and the licence; the latest one if none is given.

    Raises:
        NotFoundError: No source has it.
        OutriderError: What a source says.
    """
    await sources.load([name])
    package = sources.packages[name]
    table = package.table
    if not table.versions:
        raise no_package("nuget", name)
    newest = latest(package)
    shown = position("nuget", name, table.versions, version) if version else newest
    await sources.complete([(name, shown)])
    release = package.release(shown)
    return PackageFacts(
        ecosystem="nuget", name=name, latest=table.versions[newest], version=table.versions[shown], versions=[*reversed(table.versions)],
        needs=_needs(package, shown), licence=release.licence if release is not None else "",
        prereleases=[*reversed(table.named(table.everything & ~table.releases))],
        taken_back=[*reversed(table.named(table.everything & ~package.listed))],
        published=times_of(table.versions, [package.entry(bit).published for bit in range(len(table.versions))]),
    )  # fmt: skip


def _needs(package: NugetPackage, bit: int) -> list[str]:
    """Return what a version needs, with the framework for which it does."""
    release = package.release(bit)
    groups = release.groups if release is not None else []
    return [
        f"{name}@{text or '*'}{f' ({framework})' if framework else ''}"
        for framework, needs in groups
        for name, text in needs
    ]
