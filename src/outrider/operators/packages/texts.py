"""Texts as they are shown."""

import json
from typing import Any


def flattened(text: str) -> str:
    """Return a text on one line, without what cannot be printed."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def document_lines(document: Any) -> list[str]:
    """Return a document in JSON as lines that get through a terminal as they are: of what that shows otherwise there are escapes alone."""
    return json.dumps(document, indent=1).replace("\x7f", "\\u007f").split("\n")


def number_of(number: int, what: str) -> str:
    """Return a number with what is counted, which has an `s` at its end where there is not one of it."""
    return f"{number} {what}{'' if number == 1 else 's'}"
