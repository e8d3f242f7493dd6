"""Changes one text in a YAML file, and nothing else of it: neither comments nor the order."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.documents import read_yaml
from outrider.operators.packages.manifests.toml_editing import with_text


def edited(form: str, text: str, where: Sequence[str], before: str, wanted: str) -> str:
    """Return a file with another text at a place.

    Args:
        form: The name of its format.
        text: Of the file.
        where: The keys that lead there.
        before: The text that is there.
        wanted: The text that is to be there.

    Raises:
        UnsupportedError: It is written in a way that is not changed here.
    """
    expected = with_text(_document(form, text), where, wanted)
    for start, end, sign in _spans(text, before):
        for quote in (sign, "'"):
            changed = f"{text[:start]}{quote}{wanted}{quote}{text[end:]}"
            # What the file says is compared, so that no way of writing it has to be known.
            if _says(form, changed, expected):
                return changed
    shown = ".".join(where)
    raise UnsupportedError(
        f"{form}: {shown} is written in a way that is not changed here", path=shown, found=before[:80], expected=wanted,
        suggestions=["write it there yourself, and fix again"],
    )  # fmt: skip


def _says(form: str, text: str, expected: dict[str, Any]) -> bool:
    try:
        return _document(form, text) == expected
    except InvalidConfigError:
        return False


def _document(form: str, text: str) -> dict[str, Any]:
    documents = read_yaml(form, text)
    return documents[0] if documents else {}


def _spans(text: str, value: str) -> Iterator[tuple[int, int, str]]:
    """Yield where a text stands, in whatever place, with the quotes that are around it."""
    for quote in ("'", '"', ""):
        shown = f"{quote}{value}{quote}"
        for match in re.finditer(re.escape(shown), text):
            yield match.start(), match.end(), quote
