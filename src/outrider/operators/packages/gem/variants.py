"""Which variants of a version are for a platform: `select_best_platform_match` of Bundler 2.6.7, in its file `gem_helpers.rb`."""

from collections.abc import Sequence

from outrider.operators.packages.gem.lines import Variant
from outrider.operators.packages.gem.platforms import best


def best_variants(variants: Sequence[Variant], target: str) -> list[Variant]:
    """Return the variants that fit a platform best and need the same as the first of them."""
    found = [variants[position] for position in best([one.platform for one in variants], target)]
    if len(found) < 2 or any(one.platform == target for one in found):
        return found
    end = next((at for at, one in enumerate(found) if not needs_same(one, found[0])), len(found))
    return found[:end]


def needs_same(one: Variant, other: Variant) -> bool:
    """Return whether two variants need the same gems, Ruby and RubyGems."""
    return _needs(one) == _needs(other)


def _needs(variant: Variant) -> tuple[list[tuple[str, str]], str, str]:
    return sorted((need.name, need.range) for need in variant.needs), variant.ruby, variant.rubygems
