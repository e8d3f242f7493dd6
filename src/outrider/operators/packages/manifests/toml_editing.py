"""Changes one text in a TOML file, and nothing else of it: neither comments nor the order."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.writing.texts import toml_text

_TEXT = r"\"(?:[^\"\\\n]|\\[^\n])*+\"|'[^'\n]*+'"


def edited(form: str, text: str, wheres: Sequence[Sequence[str | int]], wanted: str) -> str:
    """Return a file with another text at a place.

    Args:
        form: The name of its format.
        text: Of the file.
        wheres: Keys, and numbers within arrays, that may lead there; the first place that is there counts.
        wanted: The text that is to be there.

    Raises:
        UnsupportedError: It is written in a way that is not changed here.
    """
    document = read_toml(form, text)
    for where in wheres:
        before = _at(document, where)
        if isinstance(before, str):
            for start, end in _spans(text, before):
                changed = f"{text[:start]}{toml_text(wanted)}{text[end:]}"
                # What the file says is compared, so that no way of writing it has to be known.
                if _says(form, changed, document, where, wanted):
                    return changed
    shown = ".".join(map(str, wheres[0]))
    raise UnsupportedError(
        f"{form}: {shown} is written in a way that is not changed here", path=shown, found="no plain text", expected=f'{shown} = "{wanted}"',
        suggestions=["write it there yourself, and fix again"],
    )  # fmt: skip


def text_at(form: str, text: str, where: Sequence[str | int]) -> str:
    """Return the text at a place that is there.

    Args:
        form: The name of the format.
        text: Of the file.
        where: Keys, and numbers within arrays, that lead there.
    """
    return str(_at(read_toml(form, text), where))


def with_text(document: Any, where: Sequence[str | int], wanted: str) -> Any:
    """Return what a file says, with another text at a place.

    Args:
        document: What it says.
        where: Keys, and numbers within arrays, that lead there.
        wanted: The text that is to be there.
    """
    first, *rest = where
    value = with_text(document[first], rest, wanted) if rest else wanted
    if isinstance(document, list):
        return [value if number == first else one for number, one in enumerate(document)]
    return {**document, first: value}


def _spans(text: str, value: str) -> Iterator[tuple[int, int]]:
    """Yield where a text stands, in whatever place."""
    for match in re.finditer(_TEXT, text):
        if match[0][1:-1] == value:
            yield match.span()


def _says(form: str, changed: str, document: dict[str, Any], where: Sequence[str | int], wanted: str) -> bool:
    expected = with_text(document, where, wanted)
    return bool(read_toml(form, changed) == expected)


def _at(document: Any, where: Sequence[str | int]) -> Any:
    for key in where:
        if isinstance(document, list) and isinstance(key, int):
            document = document[key] if key < len(document) else None
        else:
            document = document.get(key) if isinstance(document, dict) else None
    return document
