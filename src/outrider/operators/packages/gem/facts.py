"""What sources say of a gem."""

from outrider.operators.packages.gem.lines import ANY
from outrider.operators.packages.gem.sources import GemSource
from outrider.operators.packages.gem.targets import is_here
from outrider.operators.packages.resolving.facts import PackageFacts, newest, no_package


async def facts_of(source: GemSource, name: str) -> PackageFacts:
    """Return what is known of a gem; what was yanked is in no index any more.

    Raises:
        NotFoundError: No source has it.
        OutriderError: What a source says.
    """
    await source.load([name])
    gem = source.gems[name]
    if not gem.table.versions:
        raise no_package("gem", name)
    latest = newest(gem.table.everything, gem.table.releases)
    needs = [need for need in gem.needs(latest) if not is_here(need.name)]
    return PackageFacts(
        name=name, latest=gem.table.versions[latest], versions=[*dict.fromkeys(reversed(gem.table.versions))],
        prereleases=[*dict.fromkeys(reversed(gem.table.named(gem.prereleases)))],
        needs=[need.name if need.range == ANY else f"{need.name}@{need.range}" for need in needs],
    )  # fmt: skip
