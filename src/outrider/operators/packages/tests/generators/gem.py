"""Versions and requirements of RubyGems, mostly right ones, from few numbers, so that they meet."""

from random import Random

_LETTERS = ("a", "b", "rc", "pre", "alpha", "A", "B", "RC", "z")
_MIXED = ("rc1", "rc2", "a10", "a9", "1a", "0a", "a0", "a0b", "1a2b3", "2RC1", "b00")
_WRONG = (
    "a",
    "a.1",
    "v1.2",
    ".1",
    "1.",
    "1..2",
    "1.2.",
    "1-",
    "1.2-a..b",
    "1.2-a.",
    "-1",
    "1_0",
    "1.2_a",
    "1+1",
    "1.2 3",
    "1.2 .3",
    "1.é",
    "1.٣",
    "1a",
    "1rc1.2",
    "*",
    "1.x.*",
    "1:2",
    "\0",
    "\u00a01",
)
_OPERATORS = ("", "=", "!=", ">", ">=", "<", "<=", "~>", "~>", "~>", "~>", ">=")
_WRONG_OPERATORS = ("==", "=>", "~", "^", "! =", "> =", "~ >", "<>", "!", "= =", "~>=")
_BLANKS = ("", "", "", "", "", "", " ", "  ", "\r", "\v", "\f")
_HUGE = "9" * 5000


def version(random: Random) -> str:
    if random.random() < 0.05:
        return random.choice(("", " ", random.choice(_WRONG), random.choice(_WRONG)))
    return random.choice(_BLANKS) + _whole(random) + random.choice(_BLANKS)


def version_range(random: Random) -> str:
    if random.random() < 0.02:
        return random.choice(("", ",", ",,", " ", ", ", ",1", "1,,2", "1, ,2", "!", ">=", "~> ", "1 2", ">= 1 < 2"))
    words = [_requirement(random) for _ in range(random.choice((1, 1, 1, 2, 2, 3)))]
    end = random.choice((",", ",,", ", ")) if random.random() < 0.02 else ""
    return random.choice((", ", ", ", ",", " , ")).join(words) + end


def _requirement(random: Random) -> str:
    operator = random.choice(_WRONG_OPERATORS if random.random() < 0.01 else _OPERATORS)
    text = random.choice(_WRONG) if random.random() < 0.01 else _whole(random)
    word = f"{operator}{random.choice((' ', ' ', *_BLANKS))}{text}"
    around = "\0" if random.random() < 0.01 else ""
    return f"{around}{random.choice(_BLANKS)}{word}{random.choice(_BLANKS)}{around}"


def _whole(random: Random) -> str:
    parts = [_number(random) for _ in range(random.choice((1, 2, 2, 3, 3, 4)))]
    if random.random() < 0.4:
        parts += [_part(random) for _ in range(random.choice((1, 1, 2, 3)))]
    text = ".".join(parts)
    if random.random() < 0.1:
        text += "-" + ".".join(_labelled(random) for _ in range(random.choice((1, 1, 2))))
    return text


def _number(random: Random) -> str:
    if random.random() < 0.001:
        return _HUGE
    return random.choice(("", "", "", "", "", "", "", "0", "00")) + str(random.choice((0, 0, 0, 1, 1, 2, 3, 9, 10)))


def _part(random: Random) -> str:
    return random.choice((_number(random), random.choice(_LETTERS), random.choice(_LETTERS), random.choice(_MIXED)))


def _labelled(random: Random) -> str:
    return random.choice((_part(random), _part(random), f"{_part(random)}-{_part(random)}", "-", "--1"))
