"""Versions in the order of Gradle 8.11, which is not Maven's.

A version falls into parts at dots, hyphens, low lines and plus signs, and where digits meet other characters. Of two parts the
number is above the word; `dev` is below all other words, and `rc`, `snapshot`, `final`, `ga`, `release` and `sp` are above
them, in this order. A version that goes on is above one that ends there if it does so with a number, else below it.

That is no order of all versions: where `rc` meets `RC`, or another of these words is spelled in two ways, Gradle takes both
versions for equal and does not look behind them, so that `1-rc1` and `1-rc2` are each equal to `1-RC3`. Ours does the same, as
what is chosen depends on it.

https://github.com/gradle/gradle/tree/v8.11.0/platforms/software/dependency-management/src/main/java/org/gradle/api/internal/artifacts/ivyservice/ivyresolve/strategy.
"""

import re
from collections.abc import Iterable
from functools import cmp_to_key, lru_cache
from typing import NamedTuple

from outrider.operators.packages.versions.ranges import Key

_RANKS = {"dev": -1, "rc": 1, "snapshot": 2, "final": 3, "ga": 4, "release": 5, "sp": 6}
# Of what Java holds in 64 bits; a longer one is a word.
_LARGEST = 2**63 - 1
_LONGEST_NUMBER = len(str(_LARGEST))
_TOKEN = re.compile(r"[0-9]+|[^0-9._+-]+|[._+-]")
_SEPARATORS = frozenset("._+-")
# In front of a separator that is no dot, unless it begins the text, or of a change between digits and other characters.
_END_OF_BASE = re.compile(r"(?<=[0-9])(?=[^0-9._+-])|(?<=[^0-9._+-])(?=[0-9])|(?<=.)(?=[_+-])", re.DOTALL)
_REMEMBERED = 4096


class _Part(NamedTuple):
    """A part of a version.

    Attributes:
        text: Of it.
        number: Its value; None for a word.
    """

    text: str
    number: int | None


def key(version: str) -> Key:
    """Return what versions are sorted by; any text is a version."""
    return _key(version)


def base_of(version: str) -> str:
    """Return a version without what qualifies it, such as 1.2 of 1.2-rc-3; it is the version itself where nothing does."""
    end = _END_OF_BASE.search(version)
    return version if end is None else version[: end.start()]


def newest_first(versions: Iterable[str]) -> list[str]:
    """Return versions in the order in which Gradle tries them; equal ones stay as they were."""
    return sorted(versions, key=key, reverse=True)


@lru_cache(_REMEMBERED)
def _key(version: str) -> Key:
    return (_PARTS(_parts(version)),)


def _parts(version: str) -> tuple[_Part, ...]:
    parts, last = [], ""
    for token in _TOKEN.findall(version):
        is_separator = token in _SEPARATORS
        if is_separator or last:
            parts.append(_part(last))
        last = "" if is_separator else token
    # Behind a separator at the end is no part, while others may have an empty one behind them.
    return (*parts, _part(last)) if last else tuple(parts)


def _part(text: str) -> _Part:
    digits = text.lstrip("0")
    if not text or not "0" <= text[0] <= "9" or len(digits) > _LONGEST_NUMBER:
        return _Part(text, None)
    number = int(digits or "0")
    return _Part(text, number if number <= _LARGEST else None)


def _compared(these: tuple[_Part, ...], those: tuple[_Part, ...]) -> int:
    for this, that in zip(these, those, strict=False):
        if this.text == that.text:
            continue
        if this.number is None and that.number is None:
            return _words(this.text, that.text)
        if this.number is None or that.number is None:
            return -1 if this.number is None else 1
        if this.number != that.number:
            return -1 if this.number < that.number else 1
    if len(these) == len(those):
        return 0
    longer, sign = (these, 1) if len(these) > len(those) else (those, -1)
    return -sign if longer[min(len(these), len(those))].number is None else sign


def _words(this: str, that: str) -> int:
    rank, other = _RANKS.get(this.lower()), _RANKS.get(that.lower())
    if rank is not None or other is not None:
        return (rank or 0) - (other or 0)
    # Java sorts by the halves of wide characters.
    one, two = (text.encode("utf-16-be", "surrogatepass") for text in (this, that))
    return -1 if one < two else 1


_PARTS = cmp_to_key(_compared)
