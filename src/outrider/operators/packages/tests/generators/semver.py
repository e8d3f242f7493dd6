"""Semantic versions as npm and Cargo have them, mostly right ones, from few numbers, so that they meet."""

from random import Random

_LETTERS = ("alpha", "beta", "rc", "x", "0a", "-", "alpha-1", "00a")
_WRONG = (
    "1.2",
    "1.2.3.4",
    "01.2.3",
    "1.2.3-",
    "1.2.3-01",
    "1.2.3+",
    "a.b.c",
    "",
    "1.2.3-a..b",
    "1.2.3 4",
    "18446744073709551616.0.0",
)


def number(random: Random) -> str:
    return str(random.choice((0, 0, 1, 1, 2, 3, 10)))


def prerelease(random: Random) -> str:
    return ".".join(
        random.choice((number(random), random.choice(_LETTERS))) for _ in range(random.choice((1, 1, 2, 3)))
    )


def version(random: Random) -> str:
    if random.random() < 0.02:
        return random.choice(_WRONG)
    text = ".".join(number(random) for _ in range(3))
    if random.random() < 0.4:
        text += f"-{prerelease(random)}"
    if random.random() < 0.1:
        text += "+build.1"
    return text


def partial(random: Random, wildcards: str) -> str:
    """Return a version of which the last numbers may be left out or open."""
    if random.random() < 0.5:
        return version(random)
    parts = [number(random) for _ in range(random.choice((1, 2, 2, 3)))]
    if random.random() < 0.4:
        parts[random.randrange(len(parts))] = random.choice(wildcards)
    return ".".join(parts)
