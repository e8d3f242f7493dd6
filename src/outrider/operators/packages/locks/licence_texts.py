"""Licences as locks and bills have them, kept as they are written: what they mean is read in `licences/normalising.py`.

Nothing here is an error: a package whose licence cannot be read is still one.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

LONGEST = 4000
NUMBERED = re.compile(r"LicenseRef-\d+")
_UNKNOWN = ("", "NOASSERTION", "NONE")


def licence_text(value: Any) -> str:
    """Return what an author has written as a text; JSON where it is none, and nothing where it is too long for that."""
    if value is None:
        return ""
    if isinstance(value, str):
        # Half of a surrogate pair cannot be written anywhere.
        return value.strip()[:LONGEST].encode("utf-8", "replace").decode().strip()
    try:
        text = msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError):
        return ""
    return text if len(text) <= LONGEST else ""


def cyclonedx_licence(entry: Mapping[str, Any]) -> str:
    """Return the licence of a component: https://cyclonedx.org/docs/1.7/json/#components_items_licenses.

    Of several it is not said whether all of them count; none is left out then.
    """
    rows = entry.get("licenses")
    found = [text for row in rows if (text := _text_of(row))] if isinstance(rows, list) else []
    joined = found[0] if len(found) == 1 else " AND ".join(f"({text})" if " " in text else text for text in found)
    return joined[:LONGEST]


def spdx_licence(entry: Mapping[str, Any], extracted: Mapping[str, str]) -> str:
    """Return the licence of a package, as it was concluded or else declared.

    Args:
        entry: Of the package.
        extracted: The texts of references that only this file has, by reference.
    """
    for field in ("licenseConcluded", "licenseDeclared"):
        text = entry.get(field)
        if isinstance(text, str) and text.strip().upper() not in _UNKNOWN:
            return (extracted.get(text.strip()) or text.strip())[:LONGEST]
    return ""


def extracted_texts(rows: list[Any]) -> dict[str, str]:
    """Return the texts of references that are but a number, by reference: outside of their file these say nothing."""
    found = {}
    for row in rows:
        reference, text = (row.get(name) if isinstance(row, dict) else None for name in ("licenseId", "extractedText"))
        if isinstance(reference, str) and isinstance(text, str) and NUMBERED.fullmatch(reference):
            found[reference] = text.strip()
    return found


def _text_of(row: Any) -> str:
    licence = row.get("license") if isinstance(row, dict) else None
    places = [(row, "expression"), (licence, "id"), (licence, "name"), (licence, "url")]
    texts = (table.get(name) for table, name in places if isinstance(table, dict))
    return next((text.strip() for text in texts if isinstance(text, str) and text.strip()), "")
