"""Where the texts of a TOML file stand: https://toml.io/en/v1.0.0."""

import re
from pathlib import Path
from typing import Any

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.manifests.gradle.traced import Traced, written

_WORD = re.compile(
    r"""
      (?P<skipped> [ \t\r\n]++ | \#[^\n]*+ )
    | (?P<long> \"\"\".*?\"\"\"\"*+ | '''.*?''''*+ )
    | (?P<text> "(?:[^"\\\n]|\\.)*+" | '[^'\n]*+' )
    | (?P<other> [^\s"'\#=\[\],{}]++ | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_BEHIND_KEY = re.compile(r"[ \t]*+[=.\]]")


def traced_toml(form: str, text: str, path: Path) -> Any:
    """Return what a TOML file says, each text of it with where it stands.

    Args:
        form: The name of its format, for errors.
        text: Of the file.
        path: Of the file.

    Raises:
        InvalidConfigError: It is something else.
    """
    document = read_toml(form, text)
    marked, places = _marked(text)
    try:
        found = read_toml(form, marked)
    except InvalidConfigError:
        found = {}
    return _joined(document, found, places, path, text)


def _marked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return a file with a number for each text that is a value, and where these stand."""
    parts: list[str] = []
    places: list[tuple[int, int]] = []
    before, is_header = "", False
    for match in _WORD.finditer(text):
        word = match[0]
        if match["skipped"] is not None:
            is_header = is_header and "\n" not in word
        elif match["text"] is not None and not is_header and _is_value(before, text, match.end()):
            word = f'"{len(places)}"'
            places.append((match.start() + 1, match.end() - 1))
        else:
            is_header = is_header or (
                word == "[" and _begins_line(text, match.start()) and before not in ("=", "[", ",")
            )
        if match["skipped"] is None:
            before = match[0]
        parts.append(word)
    return "".join(parts), places


def _is_value(before: str, text: str, end: int) -> bool:
    return before in ("=", "[", ",") and (before != "," or not _is_key(text, end))


def _is_key(text: str, end: int) -> bool:
    match = _BEHIND_KEY.match(text, end)
    return match is not None and match[0][-1] != "]"


def _begins_line(text: str, start: int) -> bool:
    return not text[text.rfind("\n", 0, start) + 1 : start].strip(" \t[")


def _joined(document: Any, marked: Any, places: list[tuple[int, int]], path: Path, text: str) -> Any:
    """Return what a file says, with the places of texts that stand there as they read."""
    if isinstance(document, dict):
        others = marked if isinstance(marked, dict) else {}
        return {key: _joined(value, others.get(key), places, path, text) for key, value in document.items()}
    if isinstance(document, list):
        same = isinstance(marked, list) and len(marked) == len(document)
        return [
            _joined(value, marked[number] if same else None, places, path, text)
            for number, value in enumerate(document)
        ]
    if not isinstance(document, str):
        return document
    if isinstance(marked, str) and marked.isdecimal() and int(marked) < len(places):
        start, end = places[int(marked)]
        if text[start:end] == document:
            return written(document, path, start)
    return Traced(document)
