"""What sources say of a gem."""

from outrider.operators.packages.gem.lines import ANY
from outrider.operators.packages.gem.sources import GemSource
from outrider.operators.packages.gem.targets import is_here
from outrider.operators.packages.resolving.facts import PackageFacts, newest, no_package, position, times_of


async def facts_of(source: GemSource, name: str, version: str = "") -> PackageFacts:
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
    shown = position("gem", name, gem.table.versions, version) if version else latest
    needs = [need for need in gem.needs(shown) if not is_here(need.name)]
    return PackageFacts(
        ecosystem="gem", name=name, latest=gem.table.versions[latest], version=gem.table.versions[shown], published=times_of(gem.table.versions, gem.published()), versions=[*dict.fromkeys(reversed(gem.table.versions))],
        prereleases=[*dict.fromkeys(reversed(gem.table.named(gem.prereleases)))],
        needs=[need.name if need.range == ANY else f"{need.name}@{need.range}" for need in needs],
    )  # fmt: skip
