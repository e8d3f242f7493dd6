"""Versions and ranges of npm."""

from random import Random

from outrider.operators.packages.tests.generators.semver import partial
from outrider.operators.packages.tests.generators.semver import version as semantic

_OPERATORS = (
    "",
    "",
    "^",
    "^",
    "~",
    "~>",
    ">",
    ">=",
    "<",
    "<=",
    "=",
    "==",
    ">==",
    "^=",
    "v",
    "^v",
    "=v",
    "~ ",
    ">= ",
    "> =",
    "!=",
)
_BUILDS = ("+b", "+b.1", "+a+b", "+b.")
_LARGE = (
    "9007199254740991",
    "9007199254740992",
    "0.9007199254740991",
    "9007199254740991.x",
    "1.2.9007199254740991",
    "9007199254740990",
)


def version(random: Random) -> str:
    text = semantic(random)
    return random.choice(("v", " ", "=", "v ")) + text if random.random() < 0.05 else text


def version_range(random: Random) -> str:
    alternatives = [_alternative(random) for _ in range(random.choice((1, 1, 1, 2, 3)))]
    return random.choice(("||", " || ", "|| ")).join(alternatives)


def _alternative(random: Random) -> str:
    if random.random() < 0.15:
        return f"{_word(random)} - {_word(random)}"
    return random.choice((" ", "  ")).join(
        random.choice(_OPERATORS) + _word(random) for _ in range(random.choice((0, 1, 1, 1, 2, 3)))
    )


def _word(random: Random) -> str:
    build = random.choice(_BUILDS) if random.random() < 0.1 else ""
    large = str(random.choice(_LARGE)) if random.random() < 0.02 else ""
    return random.choice(("", "", "", "", "v", "=")) + (large or partial(random, "xX*")) + build
