"""What the sources say of a NuGet package."""

from outrider.operators.packages.nuget.packages import NugetPackage
from outrider.operators.packages.nuget.resolver import latest
from outrider.operators.packages.nuget.sources import NugetSources
from outrider.operators.packages.resolving.facts import PackageFacts, no_package


async def facts_of(sources: NugetSources, name: str) -> PackageFacts:
    """Return what is known of a package.

    Args:
        sources: Where packages come from.
        name: In small letters.

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
    await sources.complete([(name, newest)])
    release = package.release(newest)
    return PackageFacts(
        name=name, latest=table.versions[newest], versions=[*reversed(table.versions)],
        needs=_needs(package, newest), licence=release.licence if release is not None else "",
        prereleases=[*reversed(table.named(table.everything & ~table.releases))],
        taken_back=[*reversed(table.named(table.everything & ~package.listed))],
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
