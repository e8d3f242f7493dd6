"""Versions and requirements of Cargo."""

from random import Random

from outrider.operators.packages.tests.generators.semver import partial, version

__all__ = ["version", "version_range"]
_OPERATORS = ("", "", "^", "~", ">", ">=", "<", "<=", "=", "^ ", ">= ", "!", "==")


def version_range(random: Random) -> str:
    count = random.choice((1, 1, 1, 2, 2, 3))
    return random.choice((",", ", ", " , ")).join(
        random.choice(_OPERATORS) + partial(random, "xX*") for _ in range(count)
    )
