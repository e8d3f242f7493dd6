"""Versions and constraints of Composer."""

from random import Random

_WORDS = ("alpha", "a", "beta", "b", "RC", "rc", "patch", "pl", "p", "stable", "STABLE", "Beta")
_COUNTS = ("", "", "1", "2", "10", ".1", "-2", "01", ".1.2", "-1-1")
_DEV = ("-dev", "-dev", ".dev", "dev", "-DEV")
_FLAGS = ("dev", "alpha", "beta", "RC", "stable", "rc", "DEV", "Beta", "aLPHA", "STABLE")
# The order knows one branch alone: Composer has none between two of them.
_BRANCH = ("dev-master", "master", "DEV-master", "dev-master@dev", "dev-master as 1.0.0")
_OTHER_BRANCHES = ("dev-foo", "foo-dev", "trunk", "default", "dev-feature/x", "dev-", "dev-1.0", "Dev-a b", "1.0-x-dev")
_DATES = ("20100102", "2010-01-02", "2010-01", "2010.01.02", "201001", "20100102-203040", "2010-01-02.5", "0000-00")
_WRONG = (
    "",
    "foo",
    "1.2.3.4.5",
    "1..2",
    "1.2-foo",
    "1.2.*",
    "123456.1.2",
    "1.x",
    "1.0-3",
    "@dev",
    "1.0 2.0",
    "-dev",
    "v",
    "1.0 as ",
    "1.2.3.4.x-dev",
    "٣.0",
)
_WRONG_RANGES = (
    "^foo",
    "~>1.2",
    "=>1",
    ">",
    "1,,2",
    "~",
    "^1.*",
    "1.*.2",
    "< =1",
    "1 || ",
    "^1.0-x",
    "!1",
    "~1.2.3.4.x-dev",
)
# Composer takes a second blank for a comma.
_HYPHENS = (" - ",) * 18 + ("  - ", " -  ")
_OPERATORS = ("", "", "=", "==", "!=", "<>", ">", ">=", ">=", "<", "<", "<=", "> ", ">= ", "<  ", "!= ")


def number(random: Random) -> str:
    return random.choice(("0", "0", "1", "1", "2", "3", "10", "10", "00", "01"))


def numbers(random: Random, most: int = 4) -> str:
    return ".".join(number(random) for _ in range(random.randint(1, most)))


def modifier(random: Random) -> str:
    text = random.choice(("-", "-", "-", "", ".", "_"))
    if random.random() < 0.8:
        text += random.choice(_WORDS) + random.choice(_COUNTS)
    return text + random.choice(_DEV) if random.random() < 0.3 else text


def numbered(random: Random) -> str:
    """Return a version with numbers, maybe with a word behind them."""
    text = random.choice(("", "", "", "", "v", "V")) + numbers(random)
    if random.random() < 0.4:
        text += modifier(random)
    return text + random.choice(("+build", "+a-dev", "+1.2")) if random.random() < 0.06 else text


def open_branch(random: Random) -> str:
    return (
        random.choice(("", "", "v"))
        + numbers(random, 3)
        + random.choice((".x-dev", ".x-dev", ".*-dev", ".X.dev", ".xdev"))
    )


def version(random: Random) -> str:
    kind = random.random()
    if kind < 0.02:
        return random.choice(_WRONG)
    if kind < 0.08:
        return random.choice(_BRANCH)
    if kind < 0.12:
        return random.choice(_DATES) + random.choice(("", "", "-beta1", "-p1", "-dev"))
    text = open_branch(random) if kind < 0.2 else numbered(random)
    if random.random() < 0.06:
        text += random.choice((f"@{random.choice(_FLAGS)}", " as 1.0", " as 1.0.x-dev", " @dev"))
    return random.choice((" ", "  ")) + text + random.choice(("", " ")) if random.random() < 0.03 else text


def branch(random: Random) -> str:
    """Return a branch of any name."""
    return random.choice(_BRANCH + _OTHER_BRANCHES)


def version_range(random: Random) -> str:
    alternatives = [_alternative(random) for _ in range(random.choice((1, 1, 1, 2, 3)))]
    text = random.choice(("|", "||", " | ", " || ", "||  ")).join(alternatives)
    return f" {text} " if random.random() < 0.05 else text


def _alternative(random: Random) -> str:
    if random.random() < 0.08:
        return _joining(random)
    words = [_word(random) for _ in range(random.choice((1, 1, 1, 2, 2, 3)))]
    return random.choice((" ", ",", ", ", " , ", "  ")).join(words)


def _joining(random: Random) -> str:
    """Return spans that touch, each of which may be empty."""
    low, middle, high = (number(random) for _ in range(3))
    return f">={low} <{middle}|>={middle} {random.choice(('<', '<='))}{high}"


def _word(random: Random) -> str:
    kind = random.random()
    if kind < 0.01:
        return random.choice(_WRONG_RANGES)
    if kind < 0.28:
        return random.choice("^^~") + _base(random) + _flag(random)
    if kind < 0.4:
        return random.choice(("", "", "v")) + numbers(random, 3) + random.choice((".*", ".x", ".X", ".*.*", ".x.*"))
    if kind < 0.5:
        return _base(random) + random.choice(_HYPHENS) + _base(random)
    if kind < 0.54:
        return random.choice(("*", "x", "X", "*.*", "v*", "@dev", "@stable", "*@beta"))
    text = random.choice(_OPERATORS) + _operand(random) + _flag(random)
    return text + random.choice((" as 1.0", " as 2.0.x-dev", " as dev-foo")) if random.random() < 0.04 else text


def _base(random: Random) -> str:
    return open_branch(random) if random.random() < 0.08 else numbered(random)


def _operand(random: Random) -> str:
    kind = random.random()
    if kind < 0.1:
        return branch(random)
    if kind < 0.14:
        return random.choice(("dev-master#abc", "1.0.x-dev#abc", "dev-foo#1 x"))
    return version(random) if kind < 0.6 else _base(random)


def _flag(random: Random) -> str:
    return f"@{random.choice(_FLAGS)}" if random.random() < 0.15 else ""
