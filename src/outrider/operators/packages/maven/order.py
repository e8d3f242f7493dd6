"""Versions and ranges by the rules that Maven resolves with: those of maven-resolver 1.6.3, which comes with Maven 3.8.7.

They are not quite those of `versions/maven.py`, by which Maven sorts versions elsewhere: here a dot, a hyphen and a low line mean the same,
and an unknown word is above a release. `[1.2.*]` is a range here. Ranges may overlap, and come in any order.

https://github.com/apache/maven-resolver/tree/maven-resolver-1.6.3/maven-resolver-util/src/main/java/org/eclipse/aether/util/version.
"""

from functools import cmp_to_key, lru_cache
from typing import Any, NamedTuple

from outrider.operators.packages.versions.ranges import Cut, Key, Span, VersionRange
from outrider.operators.packages.versions.scheme import Version, invalid_range

# Kinds of items, in the order in which they are sorted.
_MIN, _WORD, _UNKNOWN, _INT, _LONG, _MAX = 0, 2, 3, 4, 5, 8
_WORDS = {
    "alpha": -5, "beta": -4, "milestone": -3, "cr": -2, "rc": -2, "snapshot": -1, "ga": 0, "final": 0, "release": 0, "sp": 1,
}  # fmt: skip
_SHORT = {"a": -5, "b": -4, "m": -3}
_SEPARATORS = ".-_"
_BLANK = "".join(map(chr, range(33)))
_EXPECTED = "a range such as 1.0, [1.0], [1.0,2.0), (,1.0] or (,1.1),(1.1,)"
_LONGEST_NUMBER = 9
_REMEMBERED = 4096


class _Item(NamedTuple):
    kind: int
    value: Any

    @property
    def is_number(self) -> bool:
        return self.kind not in (_WORD, _UNKNOWN)

    def padded(self) -> int:
        """Return how it compares with what stands for nothing: 0, or a release."""
        if self.kind in (_WORD, _INT):
            return int(self.value > 0) - int(self.value < 0)
        return -1 if self.kind == _MIN else 1


class ResolverScheme:
    """Versions and ranges as the resolver reads them."""

    def parse(self, text: str) -> Version:
        """Read a version; any text is one."""
        return _parsed(text)

    def range(self, text: str) -> VersionRange:
        """Read a range, or a version that is preferred where any is allowed."""
        spans: list[Span] = []
        rest = text
        while rest.startswith(("[", "(")):
            ends = [end for end in (rest.find(")"), rest.find("]")) if end >= 0]
            if not ends:
                raise invalid_range("Maven", text, _EXPECTED)
            spans.append(_span(rest[: min(ends) + 1], text))
            rest = rest[min(ends) + 1 :].strip(_BLANK)
            rest = rest[1:].strip(_BLANK) if rest.startswith(",") else rest
        if rest and spans:
            raise invalid_range("Maven", text, _EXPECTED)
        return VersionRange(spans=tuple(spans)) if spans else VersionRange(preferred=text)


RESOLVER_SCHEME = ResolverScheme()


def _span(text: str, whole: str) -> Span:
    inside, includes_low, includes_high = text[1:-1], text[0] == "[", text[-1] == "]"
    low_text, comma, high_text = (part.strip(_BLANK) for part in inside.partition(","))
    if not comma:
        if not (includes_low and includes_high):
            raise invalid_range("Maven", whole, "[ and ] around a single version")
        if low_text.endswith(".*"):
            prefix = low_text[:-1]
            return Span(Cut(_parsed(f"{prefix}min").key, after=False), Cut(_parsed(f"{prefix}max").key, after=True))
        return Span.only(_parsed(low_text).key)
    if "," in high_text:
        raise invalid_range("Maven", whole, "two bounds")
    low, high = (_parsed(part).key if part else None for part in (low_text, high_text))
    if low is not None and high is not None and high < low:
        raise invalid_range("Maven", whole, "a lower bound first, and an upper one behind it")
    return Span(
        None if low is None else Cut(low, after=not includes_low),
        None if high is None else Cut(high, after=includes_high),
    )


@lru_cache(_REMEMBERED)
def _parsed(text: str) -> Version:
    items = _items(text)
    key: Key = (_ITEMS(items),)
    return Version(key, any(item.kind == _WORD and item.value < 0 for item in items))


def _items(text: str) -> tuple[_Item, ...]:
    items: list[_Item] = []
    position, text = 0, text or "0"
    while position < len(text):
        end = position
        is_number = _is_digit(text[position])
        while end < len(text) and text[end] not in _SEPARATORS and _is_digit(text[end]) == is_number:
            end += 1
        following = end + 1 if text[end : end + 1] in (".", "-", "_") else end
        meets_number = end < len(text) and not is_number and _is_digit(text[end])
        items.append(_item(text[position:end], is_last=following >= len(text), meets_number=meets_number))
        position = following
    _trim(items)
    return tuple(items)


def _is_digit(character: str) -> bool:
    # Java reads char by char, so that digits outside of the first 65,536 characters are letters.
    return character.isdecimal() and character < "\U00010000"


def _item(token: str, *, is_last: bool, meets_number: bool) -> _Item:
    if not token or _is_digit(token[0]):
        digits = "".join(str(int(digit)) for digit in token).lstrip("0") or "0"
        if len(digits) <= _LONGEST_NUMBER:
            return _Item(_INT, int(digits))
        return _Item(_LONG, (len(digits), digits))
    lower = token.lower()
    if is_last and lower in ("min", "max"):
        return _Item(_MIN if lower == "min" else _MAX, 0)
    if meets_number and lower in _SHORT:
        return _Item(_WORD, _SHORT[lower])
    if lower in _WORDS:
        return _Item(_WORD, _WORDS[lower])
    # Java sorts by the halves of wide characters.
    return _Item(_UNKNOWN, lower.encode("utf-16-be", "surrogatepass"))


def _trim(items: list[_Item]) -> None:
    """Leave out what stands for nothing at the end, and before a change between numbers and words."""
    kind: bool | None = None
    end = len(items) - 1
    for at in range(len(items) - 1, 0, -1):
        item = items[at]
        if item.is_number != kind:
            end, kind = at, item.is_number
        same = at == len(items) - 1 or items[at - 1].is_number == item.is_number
        if end == at and same and item.padded() == 0:
            del items[at]
            end -= 1


def _compared(these: tuple[_Item, ...], those: tuple[_Item, ...]) -> int:
    is_number = True
    for at, (this, that) in enumerate(zip(these, those, strict=False)):
        if this.is_number != that.is_number:
            if this.is_number == is_number:
                return _padding(these[at:], is_number)
            return -_padding(those[at:], is_number)
        if this != that:
            return 1 if this > that else -1
        is_number = this.is_number
    shared = min(len(these), len(those))
    return _padding(these[shared:], None) - _padding(those[shared:], None)


def _padding(items: tuple[_Item, ...], is_number: bool | None) -> int:
    for item in items:
        if is_number is not None and item.is_number != is_number:
            break
        if (found := item.padded()) != 0:
            return found
    return 0


_ITEMS = cmp_to_key(_compared)
