"""Versions of RPM packages, from few numbers and letters, so that they meet."""

from random import Random

_WORDS = (
    "a",
    "b",
    "rc",
    "~",
    "~~",
    "~rc",
    "^",
    "^^",
    "^git",
    "+",
    ".",
    ".",
    ".",
    "_",
    ".el9",
    ".el9_",
    "Z",
    "z",
    "é",
    "..",
    "",
)
_NUMBERS = ("0", "0", "00", "1", "1", "2", "9", "10", "01", "20240101", "9" * 30)


def version(random: Random) -> str:
    epoch = random.choice(("", "", "", "0:", "1:", "01:", "2:"))
    release = f"-{_part(random, 3)}" if random.random() < 0.6 else ""
    return f"{epoch}{_part(random, 4)}{release}"


def _part(random: Random, most: int) -> str:
    words = [random.choice(_NUMBERS)] if random.random() < 0.9 else [random.choice(_WORDS) or "a"]
    for _ in range(random.randrange(most)):
        words += [random.choice(_WORDS), random.choice(_NUMBERS) if random.random() < 0.8 else ""]
    return "".join(words)
