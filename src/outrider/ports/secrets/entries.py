"""One entry out of a value that holds several: a JSON object, or lines of `KEY=value`."""

import json
import re
from typing import Any

from outrider.core.errors import InvalidConfigError, NotFoundError, did_you_mean

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(.*?)\s*")
_DOUBLE_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?')
_SINGLE_QUOTED = re.compile(r"'([^']*)'\s*(?:#.*)?")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def entry(name: str, text: str, key: str) -> str:
    """Return one entry of a secret's value.

    Args:
        name: The secret's name, for errors.
        text: Its value.
        key: The entry.

    Raises:
        NotFoundError: There is no such entry; the error names those that there are.
        InvalidConfigError: The value has neither form, or the entry is no text or number.
    """
    entries = _json_entries(name, text) if text.lstrip().startswith("{") else _line_entries(name, text)
    if key not in entries:
        raise NotFoundError(
            f"secret '{name}' has no entry '{key}'",
            found=key,
            expected=", ".join(sorted(entries)) or "no entry",
            suggestions=did_you_mean(key, entries),
        )
    value = entries[key]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidConfigError(
            f"secret '{name}', entry '{key}': not text", found=type(value).__name__, expected="text or a number"
        )
    return str(value)


def _json_entries(name: str, text: str) -> dict[str, Any]:
    try:
        entries = json.loads(text, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        # That error holds the whole value.
        raise InvalidConfigError(f"secret '{name}' is not a JSON object without duplicate keys") from None
    return entries if isinstance(entries, dict) else {}


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise ValueError("duplicate key")
    return entries


def _line_entries(name: str, text: str) -> dict[str, str]:
    entries = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise InvalidConfigError(f"secret '{name}', line {number}: not KEY=value", expected="KEY=value")
        entries[match[1]] = _unquoted(match[2])
    return entries


def _unquoted(text: str) -> str:
    if quoted := _DOUBLE_QUOTED.fullmatch(text):
        return _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[1], escape[1]), quoted[1])
    if quoted := _SINGLE_QUOTED.fullmatch(text):
        return quoted[1]
    return re.split(r"\s+#", text, maxsplit=1)[0]
