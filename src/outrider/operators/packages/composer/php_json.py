"""JSON as PHP reads it into arrays and writes it again: https://www.php.net/json_encode.

PHP knows no difference between an empty object and an empty list, nor between a list and an object whose keys count from 0 on.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cmp_to_key
from typing import Any

from outrider.operators.packages.composer.php_order import php_sorted

_INDENT = "    "
_NUMBER = re.compile(r"[ \t\n\r\v\f]*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?[ \t\n\r\v\f]*", re.ASCII)
# These two end a line in JavaScript, and so PHP does not write them as they are.
_LINE_ENDS = {"\u2028": "\\u2028", "\u2029": "\\u2029"}
_DELETE = "\x7f"
# From here on PHP writes a number with an exponent.
_LARGEST_PLAIN = 1e17
# Larger ones are no whole numbers to it.
_SMALLEST_WHOLE, _LARGEST_WHOLE = -(2**63), 2**63 - 1

# Stands for an object with nothing in it, which newer Composers write in some places.
EMPTY = object()


def written(value: Any) -> str:
    """Return a value as Composer writes it into a file: indented, with slashes and letters as they are."""
    return _lines(value, "")


def packed(value: Any) -> str:
    """Return a value as PHP writes it where nothing else is said: in one line, with slashes and all but ASCII escaped."""
    if isinstance(value, str):
        return _escaped(value)
    items = _items(value)
    if items is not None:
        return "{" + ",".join(f"{_escaped(key)}:{packed(one)}" for key, one in items) + "}"
    if isinstance(value, Sequence | Mapping):
        return "[" + ",".join(packed(one) for one in _elements(value)) + "]"
    return _scalar(value)


def sorted_texts(texts: Sequence[str]) -> list[str]:
    """Return texts in the order of PHP's `sort`, to which what reads as a number is one."""
    numbered = list(enumerate(texts))

    def compared(one: tuple[int, str], two: tuple[int, str]) -> int:
        return _compared(one[1], two[1]) or one[0] - two[0]

    return [text for _, text in php_sorted(numbered, compared)]


def with_sorted_keys(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table in the order of PHP's `ksort`."""
    return {key: table[key] for key in sorted(table, key=cmp_to_key(_compared))}


def _compared(one: str, two: str) -> int:
    if _NUMBER.fullmatch(one) and _NUMBER.fullmatch(two):
        return (float(one) > float(two)) - (float(one) < float(two))
    return (one > two) - (one < two)


def _lines(value: Any, indent: str) -> str:
    if value is EMPTY:
        return "{}"
    if isinstance(value, str):
        return _plain(value)
    inner, items = indent + _INDENT, _items(value)
    if items is not None:
        return _block("{", [f"{_plain(key)}: {_lines(one, inner)}" for key, one in items], "}", indent)
    if isinstance(value, Sequence | Mapping):
        return _block("[", [_lines(one, inner) for one in _elements(value)], "]", indent)
    return _scalar(value)


def _block(start: str, parts: Sequence[str], end: str, indent: str) -> str:
    if not parts:
        return start + end
    return f"{start}\n" + ",\n".join(f"{indent}{_INDENT}{one}" for one in parts) + f"\n{indent}{end}"


def _items(value: Any) -> Iterator[tuple[str, Any]] | None:
    """Return what an object has; None where a value is none, or a list to PHP."""
    if not isinstance(value, Mapping) or all(key == str(place) for place, key in enumerate(value)):
        return None
    return iter(value.items())


def _elements(value: Sequence[Any] | Mapping[str, Any]) -> Sequence[Any]:
    return list(value.values()) if isinstance(value, Mapping) else value


def _plain(text: str) -> str:
    found = _with_delete(text, ascii_only=False)
    for end, escaped in _LINE_ENDS.items():
        found = found.replace(end, escaped)
    return found


def _escaped(text: str) -> str:
    return _with_delete(text, ascii_only=True).replace("/", "\\/")


def _with_delete(text: str, *, ascii_only: bool) -> str:
    """Return a text as JSON; one sign is escaped by Python alone."""
    parts = (json.dumps(part, ensure_ascii=ascii_only)[1:-1] for part in text.split(_DELETE))
    return f'"{_DELETE.join(parts)}"'


def _scalar(value: Any) -> str:
    if isinstance(value, int) and not _SMALLEST_WHOLE <= value <= _LARGEST_WHOLE:
        value = float(value)
    if isinstance(value, float):
        if value.is_integer() and abs(value) < _LARGEST_PLAIN:
            return f"{value:.0f}"
        mantissa, exponent, power = repr(value).partition("e")
        if not exponent:
            return mantissa
        return f"{mantissa}{'' if '.' in mantissa else '.0'}e{int(power):+d}"
    return json.dumps(value)
