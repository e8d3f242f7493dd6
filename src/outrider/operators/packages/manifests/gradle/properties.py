"""gradle.properties: https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/Properties.html#load(java.io.Reader)."""

import re
from pathlib import Path

from outrider.operators.packages.manifests.gradle.traced import Traced, written

_LINE = re.compile(r"[^\\\r\n]*+(?:\\(?:\r\n|.|\Z)[^\\\r\n]*+)*+", re.DOTALL)
_KEY = re.compile(r"(?:[^\\=: \t\f]|\\.)++", re.DOTALL)
_BETWEEN = re.compile(r"[ \t\f]*+[=:]?+[ \t\f]*+")
_ESCAPED = re.compile(r"\\(u[0-9a-fA-F]{4}|\r\n[ \t\f]*|[\r\n][ \t\f]*|.|\Z)", re.DOTALL)
_SIGNS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def read_properties(text: str, path: Path) -> dict[str, Traced]:
    """Return the values of a file by their names; the last of several counts.

    Args:
        text: Of it.
        path: Of it.
    """
    found: dict[str, Traced] = {}
    at = 0
    while at < len(text):
        if text[at] in " \t\f\r\n":
            at += 1
            continue
        if text[at] in "#!":
            ends = [end for end in (text.find("\n", at), text.find("\r", at)) if end >= 0]
            at = min(ends, default=len(text))
            continue
        line = _LINE.match(text, at)
        assert line is not None
        key = _KEY.match(text, at, line.end())
        behind = key.end() if key is not None else at
        between = _BETWEEN.match(text, behind, line.end())
        start = between.end() if between is not None else behind
        raw = text[start : line.end()]
        value = _plain(raw)
        found[_plain(key[0]) if key is not None else ""] = (
            written(value, path, start) if value == raw else Traced(value)
        )
        at = max(line.end(), at + 1)
    return found


def _plain(raw: str) -> str:
    return _ESCAPED.sub(_sign, raw)


def _sign(match: re.Match[str]) -> str:
    escaped = match[1]
    if escaped[:1] in ("\r", "\n", ""):
        return ""
    if len(escaped) == 5:
        return chr(int(escaped[1:], 16))
    return _SIGNS.get(escaped, escaped)
