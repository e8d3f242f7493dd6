"""Versions of Debian's packages, mostly right ones, from few numbers and letters, so that they meet."""

from random import Random

_WORDS = (
    "a",
    "b",
    "rc",
    "~",
    "~~",
    "~rc",
    "+",
    "+b",
    "+deb12u",
    "+dfsg",
    ".",
    ".",
    ".",
    "-",
    "ubuntu",
    "Z",
    "z",
    "é",
    ":",
)
_NUMBERS = ("0", "0", "00", "1", "1", "2", "9", "10", "01", "20240101", "9" * 30)
_WRONG = (
    "",
    ":1",
    "1:",
    "-1:1",
    "a:1",
    "1:-1",
    "1-",
    "-1",
    "1 2",
    "2147483648:1",
    "1:2:3-4",
    "-",
    "~",
    "+1:2",
    "a",
    ".1",
    "1_2",
)


def version(random: Random) -> str:
    if random.random() < 0.03:
        return random.choice(_WRONG)
    epoch = random.choice(("", "", "", "", "0:", "1:", "01:", "2:"))
    revision = f"-{_part(random, 2)}" if random.random() < 0.6 else ""
    return f"{epoch}{_part(random, 4)}{revision}"


def _part(random: Random, most: int) -> str:
    words = [random.choice(_NUMBERS)]
    for _ in range(random.randrange(most)):
        words += [random.choice(_WORDS), random.choice(_NUMBERS) if random.random() < 0.8 else ""]
    return "".join(words)
