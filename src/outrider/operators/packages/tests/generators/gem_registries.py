"""Random gems of few versions, which often clash, and what is asked of them."""

from random import Random
from typing import NamedTuple

from outrider.operators.packages.tests.gem_registry import GemRegistry

_VERSIONS = ("0.9", "1.0", "1.0.1", "1.1", "1.2", "2.0", "2.1", "3.0")
_PRERELEASES = ("1.2.a", "2.0.rc1", "3.0.beta1", "3.1.pre")
_REQUIREMENTS = (
    "", "", "", "", "", "~> 1.0", "~> 1.0", "~> 1.0.1", "~> 2.0", ">= 1.0", ">= 1.1", ">= 1.1", ">= 2.0", "< 2", "< 2.1", "< 3",
    "<= 1.1", "<= 2.1", "= 1.0", "!= 2.0", ">= 1.0, < 3", "~> 1.1, >= 1.1.5", "> 1.0", "!= 1.0, >= 1", "~> 2",
)  # fmt: skip
_OF_PRERELEASES = ("~> 2.0.rc1", ">= 3.0.beta1", "= 2.0.rc1", ">= 1.2.a", "< 3.1.pre", ">= 3.1.pre")


class Drawn(NamedTuple):
    """A question.

    Attributes:
        names: Of all gems.
        asked: Each as `NAME@REQUIREMENT`.
    """

    names: list[str]
    asked: list[str]


def draw(random: Random, registry: GemRegistry, prefix: str) -> Drawn:
    """Have random gems, and ask for some of them.

    Args:
        random: Where chance comes from.
        registry: That has them.
        prefix: Of their names.
    """
    names = [f"{prefix}-{letter}" for letter in "abcdefghi"[: random.randint(3, 9)]]
    # What needs gems that need it is refused by Bundler, so each needs such as come later.
    for position, name in enumerate(names):
        versions = random.sample(_VERSIONS, random.randint(2, 7))
        versions += [one for one in _PRERELEASES if random.random() < 0.15]
        random.shuffle(versions)
        for version in versions:
            _add(random, registry, f"{name}@{version}", names[position + 1 :])
    asked = random.sample(names[: max(3, len(names) // 2)], random.randint(1, min(3, len(names))))
    return Drawn(names, [_need(random, name) for name in asked])


def _add(random: Random, registry: GemRegistry, spec: str, others: list[str]) -> None:
    facts = {}
    if random.random() < 0.12:
        facts["ruby"] = random.choice((">= 2.7", ">= 9.0", "< 3", ">= 2.5, < 9"))
    if random.random() < 0.03:
        facts["rubygems"] = random.choice((">= 2.0", ">= 99"))
    platforms = random.choice(("", "", "", "", "", "", "linux", "both", "both", "java", "foreign", "two"))
    of_platforms = {
        "": [""],
        "linux": ["-x86_64-linux"],
        "both": ["", "-x86_64-linux"],
        "java": ["", "-java"],
        "foreign": ["-arm64-darwin"],
    }
    for platform in of_platforms.get(platforms, ["", "-x86-linux", "-universal-java-11", "-x86_64-linux"]):
        some = random.sample(others, min(len(others), random.choice((0, 1, 1, 2, 2, 3))))
        registry.add(f"{spec}{platform}", *(_need(random, one) for one in some), **facts)


def _need(random: Random, name: str) -> str:
    requirement = random.choice(_OF_PRERELEASES if random.random() < 0.06 else _REQUIREMENTS)
    return f"{name}@{requirement}" if requirement else name
