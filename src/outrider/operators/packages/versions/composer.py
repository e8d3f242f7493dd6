"""Versions and constraints of Composer, by the rules of its library `composer/semver` 3.3.2.

Its class `VersionParser` brings versions into a normal form and reads constraints: https://github.com/composer/semver.
PHP sorts normal forms: https://www.php.net/version_compare.

Branches such as `dev-main` are below all numbered versions. The library knows no order between two of them; here they stand
by their names. No bound allows a branch, only `*`, `=` and `!=` do.

In two things the library is not followed. Where a bound counts up a number from 2**63 - 1 on, that becomes a float; here it is
the largest number. Where a line breaks inside numbers or a constraint, it overlooks one of the lines; here none is overlooked.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.versions.ranges import EVERYTHING, Key, Span, VersionRange, complement, intersection
from outrider.operators.packages.versions.scheme import Version, invalid_range, invalid_version

_FLAGS = re.IGNORECASE | re.ASCII
_SPACE = " \t\n\v\f\r"
_TRIMMED = " \t\n\r\0\v"
# Larger numbers are all the same to PHP.
_LARGEST, _DIGITS = 2**63 - 1, 20
# Stands for the numbers that a branch leaves open.
_OPEN_NUMBER = "9999999"

# A branch is below what is numbered.
_BRANCH, _NUMBERED = 0, 1
_NUMBERED_ONLY = (Span.at_least((_NUMBERED,)),)
# Words by how they begin. A word that is none of them is below all; numbers and the end stand between RC and patch.
_RANKS = (("dev", 0), ("a", 1), ("b", 2), ("RC", 3), ("rc", 3), ("p", 5))
_UNKNOWN_RANK, _NUMBER_RANK = -1, 4
_END = (_NUMBER_RANK, -1)

_STABILITY = r"stable|RC|beta|alpha|dev"
_MODIFIER = r"[._-]?(?:(?P<word>stable|beta|b|RC|alpha|a|patch|pl|p)(?P<count>(?:[.-]?\d+)*+)?)?(?P<dev>[.-]?dev)?"
_ALIAS = re.compile(r"([^,\s]+) +as +[^,\s]+", re.ASCII)
_FLAG = re.compile(rf"@(?:{_STABILITY})\Z", _FLAGS)
_BUILD = re.compile(r"([^,\s+]+)\+\S+", re.ASCII)
_DATE = r"\d{4}(?:[.:-]?\d{2}){1,6}(?:[.:-]?\d{1,3})?"
_NUMBERS = re.compile(rf"v?(?:(?P<numbers>\d{{1,5}}(?:\.\d+){{0,3}})|(?P<date>{_DATE})){_MODIFIER}", _FLAGS)
_OPEN_BRANCH = re.compile(r"v?(?P<numbers>\d+(?:\.(?:\d+|[x*])){0,3})[ \t\r\0\v]*[.-]?dev", _FLAGS)
_LONG_WORDS = {"a": "alpha", "b": "beta", "p": "patch", "pl": "patch", "rc": "RC"}
_TOKEN = re.compile(r"[0-9]+|[A-Za-z]+")

_OR = re.compile(rf"\|\|?[{_SPACE}]*")
_AND = re.compile(r"(?<!^)(?<!as)(?<![=>< ,]) *(?<!-)[, ](?!-) *(?!,|as|\Z)")
_FLAGGED = re.compile(rf"([^,\s]*?)@({_STABILITY})", _FLAGS)
_REFERENCE = re.compile(r"(dev-[^,\s@]+?|[^,\s@]+?\.x-dev)#.+", _FLAGS | re.DOTALL)
_ANYTHING = re.compile(r"v?[x*](?:\.[x*])*", _FLAGS)
_PARTIAL = rf"v?(?P<numbers>\d+(?:\.\d+){{0,3}})(?:{_MODIFIER}|\.(?P<open>[x*][.-]?dev))(?:\+\S+)?"
_HALF = re.compile(_PARTIAL, _FLAGS)
_BENT = re.compile(rf"(?P<operator>[~^]){_PARTIAL}", _FLAGS)
_WILDCARD = re.compile(r"v?(\d+(?:\.\d+){0,2})(?:\.[xX*])+", re.ASCII)
_HYPHEN = re.compile(r"(?<! ) +- +")
# Longer ones first.
_OPERATORS = ("<>", "!=", "==", ">=", "<=", ">", "<", "=", "")
_NAMED_BRANCH = re.compile(r"[0-9A-Za-z./-]*-dev")
# Looked for in lower case, where no RC is found: `<1.0-RC1` is below RC1-dev.
_SUFFIX = re.compile(rf"-{_MODIFIER}\Z", re.ASCII)
_FIRST = "0.0.0.0-dev"
_TOUCHING = ([">=", "<", ">=", "<"], [">=", "<", ">=", "<="])


class _Comparator(NamedTuple):
    """An operator and a normal form; the operator `*` allows everything."""

    operator: str
    normal: str = ""


class ComposerScheme:
    """Versions and constraints of Composer."""

    def parse(self, text: str) -> Version:
        """Read a version; an inline alias and a stability flag do not count."""
        key = key_of(normal_form(text))
        return Version(key, _is_unstable(key))

    def range(self, text: str) -> VersionRange:
        """Read a constraint."""
        try:
            groups = [[one for word in words for one in _comparators(word)] for words in alternatives_of(text)]
        except InvalidConfigError as fault:
            expected = "a constraint such as ^1.2, ~1.2.3, >=1.0 <2.0 or dev-main"
            raise invalid_range("Composer", text, expected) from fault
        spans = (span for group in _joined(groups) for span in intersection(*map(_spans, group)))
        return VersionRange(spans=tuple(spans))


def alternatives_of(text: str) -> Iterator[list[str]]:
    """Yield what stands between the `|` of a constraint, each as what must all hold of it."""
    *parts, last = _OR.split(text.strip(_TRIMMED))
    for part in (*(part.rstrip(_SPACE) for part in parts), last):
        yield _AND.split(part)


def normal_form(text: str) -> str:
    """Return the normal form of a version: the name of a branch behind `dev-`, or numbers, a word and `-dev`.

    Raises:
        InvalidConfigError: It is no version.
    """
    bare = text.strip(_TRIMMED)
    bare = _FLAG.sub("", _first_group(_ALIAS, bare))
    if bare in ("master", "trunk", "default"):
        return f"dev-{bare}"
    if bare[:4].lower() == "dev-":
        return f"dev-{bare[4:]}"
    bare = _first_group(_BUILD, bare)
    if (match := _NUMBERS.fullmatch(bare)) is not None:
        numbers = _padded(match["numbers"], "0") if match["numbers"] else re.sub(r"\D", ".", match["date"])
        return numbers + _modifier(match)
    if (match := _OPEN_BRANCH.fullmatch(bare)) is not None:
        return re.sub("[xX*]", _OPEN_NUMBER, _padded(match["numbers"], "x")) + "-dev"
    raise invalid_version("Composer", text, "a version such as 1.2.3, 1.2.3-beta1, 1.2.x-dev or dev-main")


def _first_group(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.fullmatch(text)
    return text if match is None else match[1]


def _padded(numbers: str, pad: str) -> str:
    return numbers + f".{pad}" * (3 - numbers.count("."))


def _modifier(match: re.Match[str]) -> str:
    word = match["word"] or ""
    # In another case it stays, as a word that nobody knows.
    if word == "stable":
        return ""
    text = f"-{_LONG_WORDS.get(word.lower(), word.lower())}{(match['count'] or '').lstrip('.-')}" if word else ""
    return text + "-dev" if match["dev"] else text


def key_of(normal: str) -> Key:
    """Return the key of a version by its normal form."""
    if normal.startswith("dev-"):
        return _BRANCH, normal
    return _NUMBERED, *map(_token, _TOKEN.findall(normal)), _END


def _token(text: str) -> tuple[int, int]:
    if text.isdigit():
        return _NUMBER_RANK, _number(text)
    return next((rank for start, rank in _RANKS if text.startswith(start)), _UNKNOWN_RANK), 0


def _number(text: str) -> int:
    return min(int(text.lstrip("0")[:_DIGITS] or "0"), _LARGEST)


def _is_unstable(key: Key) -> bool:
    return key[0] == _BRANCH or any(0 <= rank < _NUMBER_RANK for rank, _ in key[1:])


def _comparators(text: str) -> list[_Comparator]:
    """Return what a constraint without `|` and commas says."""
    text, flag = _first_group(_ALIAS, text), ""
    if (match := _FLAGGED.fullmatch(text)) is not None:
        text, flag = match[1] or "*", match[2]
    text = _first_group(_REFERENCE, text)
    if _ANYTHING.fullmatch(text):
        return [_Comparator("*") if len(text) == 1 else _Comparator(">=", _FIRST)]
    return _bent(text) or _wildcard(text) or _hyphen(text) or [_comparison(text, flag)]


def _bent(text: str) -> list[_Comparator] | None:
    match = _BENT.fullmatch(text)
    if match is None:
        return None
    numbers = match["numbers"].split(".")
    if match["operator"] == "~":
        position = max(1, len(numbers) + (match["open"] is not None) - 1)
    else:
        # The leftmost number that is not zero; one that is written as 00 is none to Composer.
        position = next((at for at in (1, 2) if numbers[at - 1] != "0" or len(numbers) == at), 3)
    # Without a word, prereleases of the lowest version count too. Behind build metadata the ending is lost.
    low = normal_form(text[1:] + ("" if _is_exact(match) else "-dev"))
    return [_Comparator(">=", low), _Comparator("<", _bound(numbers[:position], 1))]


def _wildcard(text: str) -> list[_Comparator] | None:
    match = _WILDCARD.fullmatch(text)
    if match is None:
        return None
    numbers = match[1].split(".")
    low, high = _Comparator(">=", _bound(numbers, 0)), _Comparator("<", _bound(numbers, 1))
    return [high] if low.normal == _FIRST else [low, high]


def _hyphen(text: str) -> list[_Comparator] | None:
    ends = [_HALF.fullmatch(end) for end in _HYPHEN.split(text)]
    if len(ends) != 2 or ends[0] is None or ends[1] is None:
        return None
    first, last = ends[0], ends[1]
    low = normal_form(first[0]) + ("" if _is_exact(first) else "-dev")
    high, numbers = normal_form(last[0]), last["numbers"].split(".")
    if len(numbers) > 2 or _is_exact(last):
        return [_Comparator(">=", low), _Comparator("<=", high)]
    return [_Comparator(">=", low), _Comparator("<", _bound(numbers, 1))]


def _comparison(text: str, flag: str) -> _Comparator:
    operator = next(one for one in _OPERATORS if text.startswith(one))
    version = text[len(operator) :].lstrip(_SPACE)
    try:
        normal = normal_form(version)
    except InvalidConfigError:
        if _NAMED_BRANCH.fullmatch(version) is None:
            raise
        normal = "dev-" + version.removesuffix("-dev")
    if operator in ("", "=", "=="):
        return _Comparator("=", normal)
    if flag not in ("", "stable") and not _is_unstable(key_of(normal)):
        normal += f"-{flag}"
    elif operator in ("<", ">=") and not version.startswith("dev-") and not _SUFFIX.search(version.lower()):
        normal += "-dev"
    return _Comparator(operator, normal)


def _is_exact(match: re.Match[str]) -> bool:
    return any(match[name] is not None for name in ("word", "dev", "open"))


def _bound(numbers: list[str], step: int) -> str:
    """Return the point before all that begins with some numbers, the last of them counted up."""
    *leading, last = numbers
    return _padded(".".join((*leading, str(_number(last) + step) if step else last)), "0") + "-dev"


def _joined(groups: list[list[_Comparator]]) -> list[list[_Comparator]]:
    """Join spans that touch, as Composer does, although one of the two may be empty: `>=3 <2 || >=2 <4` is `>=3 <4`."""
    joined = groups[:1]
    for group in groups[1:]:
        last = joined[-1]
        touch = len(group) == 2 and [one.operator for one in (*last, *group)] in _TOUCHING
        if touch and last[1].normal == group[0].normal:
            joined[-1] = [last[0], group[1]]
        else:
            joined.append(group)
    return joined


def _spans(one: _Comparator) -> Iterable[Span]:
    if one.operator == "*":
        return EVERYTHING
    key = key_of(one.normal)
    if one.operator == "=":
        return (Span.only(key),)
    if one.operator in ("!=", "<>"):
        return complement([Span.only(key)])
    if key[0] == _BRANCH:
        return ()
    bounds = {"<": Span.below, "<=": Span.at_most, ">": Span.above, ">=": Span.at_least}
    return intersection(_NUMBERED_ONLY, [bounds[one.operator](key)])
