"""Changes one text in a JSON file, and nothing else of it."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.documents import read_json

_TEXT = re.compile(r'"(?:[^"\\]|\\.)*+"')


def edited(form: str, text: str, where: Sequence[str], wanted: str) -> str:
    """Return a file with another text at a place.

    Args:
        form: The name of its format.
        text: Of the file.
        where: The keys that lead there.
        wanted: The text that is to be there.

    Raises:
        UnsupportedError: It is written in a way that is not changed here.
    """
    document = read_json(form, text)
    before = _at(document, where)
    if isinstance(before, str):
        expected = _with(document, where, wanted)
        for start, end in _spans(text, before):
            changed = f"{text[:start]}{msgspec.json.encode(wanted).decode()}{text[end:]}"
            # What the file says is compared, so that no way of writing it has to be known.
            if read_json(form, changed) == expected:
                return changed
    shown = ".".join(where)
    raise UnsupportedError(
        f"{form}: {shown} is written in a way that is not changed here", path=shown, found=str(before)[:80], expected=wanted,
        suggestions=["write it there yourself, and fix again"],
    )  # fmt: skip


def _spans(text: str, value: str) -> Iterator[tuple[int, int]]:
    """Yield where a text stands, in whatever place."""
    for match in _TEXT.finditer(text):
        if match[0][1:-1] == value:
            yield match.span()


def _with(document: dict[str, Any], where: Sequence[str], wanted: str) -> dict[str, Any]:
    first, *rest = where
    return {**document, first: _with(document[first], rest, wanted) if rest else wanted}


def _at(document: Any, where: Sequence[str]) -> Any:
    for key in where:
        document = document.get(key) if isinstance(document, dict) else None
    return document
