"""Versions and specifiers of PyPI, mostly right ones, from few numbers, so that they meet."""

from random import Random

_SEPARATORS = ("", "", ".", "-", "_")
_LETTERS = ("a", "b", "rc", "alpha", "beta", "c", "pre", "preview", "RC", "Alpha")
_POSTS = ("post", "post", "rev", "r", "POST")
_LOCALS = ("cu118", "1", "2", "10", "abc", "ABC", "ubuntu.1", "ubuntu-2", "1_a", "01")
_WRONG = (
    "",
    "1.",
    ".1",
    "1..2",
    "a1",
    "1.0-",
    "1.0+",
    "1.0+a+b",
    "1.0+a..b",
    "1.0x",
    "1.0.post1.post2",
    "1.0.dev1a1",
    "1.0 a1",
    "1!",
    "-1",
    "1.0.gamma1",
    "dev",
    "vv1",
)
_OPERATORS = ("==", "==", "!=", ">=", ">=", "<=", "<", "<", ">", ">", "~=", "~=", "===")
_WRONG_OPERATORS = ("", "=", "=>", "~", "^", "<>", "> =", "====")
_WRONG_ENDS = (".x", "*", ".**", " .*", ";", ")", " x", ".dev1.*", "+a.*")


def version(random: Random) -> str:
    if random.random() < 0.02:
        return random.choice(_WRONG)
    text = _public(random)
    if random.random() < 0.15:
        text += f"+{random.choice(_LOCALS)}"
    return _around(random, text)


def version_range(random: Random) -> str:
    clauses = [_clause(random) for _ in range(random.choice((0, 1, 1, 1, 1, 2, 2, 2, 3)))]
    text = random.choice((",", ",", ", ", " , ")).join(clauses)
    return random.choice((",", " ", ", ,")) + text if random.random() < 0.03 else text


def _around(random: Random, text: str) -> str:
    """Return the same version, now and then with a letter or blanks around it that do not count."""
    if random.random() < 0.05:
        text = random.choice(("v", "V")) + text
    if random.random() < 0.05:
        text = random.choice((" {}", "{} ", "\x0b{}\x0c")).format(text)
    return text


def _number(random: Random) -> str:
    return random.choice(("0", "0", "0", "0", "1", "1", "1", "1", "2", "3", "10", "01"))


def _release(random: Random) -> str:
    epoch = random.choice(("0!", "1!", "1!")) if random.random() < 0.05 else ""
    return epoch + ".".join(_number(random) for _ in range(random.choice((1, 2, 2, 2, 2, 2, 3, 4))))


def _suffix(random: Random, words: tuple[str, ...]) -> str:
    """Return a word between separators, with a number or without."""
    number = random.choice(("", "0", "1", "1", "2", "10"))
    return random.choice(_SEPARATORS) + random.choice(words) + random.choice(_SEPARATORS) + number


def _public(random: Random) -> str:
    text = _release(random)
    if random.random() < 0.3:
        text += _suffix(random, _LETTERS)
    if random.random() < 0.2:
        text += f"-{_number(random)}" if random.random() < 0.2 else _suffix(random, _POSTS)
    if random.random() < 0.2:
        text += _suffix(random, ("dev", "dev", "DEV"))
    return text


def _clause(random: Random) -> str:
    operator = random.choice(_WRONG_OPERATORS if random.random() < 0.01 else _OPERATORS)
    blank = random.choice(("", "", "", " ", "  "))
    if operator in ("==", "!=") and random.random() < 0.4:
        operand = f"{_release(random)}.*"
    elif operator in ("==", "!=", "==="):
        operand = version(random)
    else:
        # A local part is wrong behind the other operators.
        operand = _around(random, _public(random)) if random.random() < 0.98 else version(random)
    if random.random() < 0.01:
        operand += random.choice(_WRONG_ENDS)
    return operator + blank + operand
