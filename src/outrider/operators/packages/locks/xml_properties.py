"""Values of XML files that have properties of the same file within."""

import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element

from outrider.operators.packages.locks.entries import UnusableEntry

_MOST_ROUNDS = 20
_LONGEST = 2000


def child_text(element: Element, name: str) -> str:
    """Return the text of a child; it is empty where there is none."""
    return (element.findtext(name) or "").strip()


def resolved(text: str, properties: Mapping[str, str], reference: re.Pattern[str]) -> str:
    """Return a text in which properties are replaced by their values.

    Args:
        text: With references.
        properties: Values by name.
        reference: What a reference looks like; its first group is the name.

    Raises:
        UnusableEntry: One is not known here, or they lead to themselves.
    """
    for _ in range(_MOST_ROUNDS):
        match = reference.search(text)
        if match is None:
            return text
        if match[1] not in properties:
            raise UnusableEntry(f"{match[0]} is not set in this file")
        text = reference.sub(lambda one: properties.get(one[1], one[0]), text)
        if len(text) > _LONGEST:
            break
    raise UnusableEntry(f"{text[:40]} leads to itself")
