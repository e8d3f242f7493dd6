"""Overlays: what is different in one environment, as partial objects that are merged over those of the folder.

An overlay is a folder `overlays/NAME` beside the objects. A document in it that names an object of the folder is merged over it
as RFC 7396 says (JSON Merge Patch): mappings field by field, anything else takes the place of what was there, null removes.
A document of another kind or name is an object of its own.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from outrider.core.errors import NotFoundError, did_you_mean
from outrider.runtime.documents import Document

FOLDER = "overlays"


def overlay_folder(folder: Path, name: str) -> Path:
    """Return the folder of an overlay.

    Raises:
        NotFoundError: There is none of this name.
    """
    found = folder / FOLDER / name
    if not name or Path(name).name != name or name == ".." or not found.is_dir():
        known = sorted(path.name for path in (folder / FOLDER).glob("*") if path.is_dir())
        raise NotFoundError(
            f"no overlay is called '{name}'",
            found=str(found),
            expected=", ".join(known) or f"a folder below {folder / FOLDER}",
            suggestions=did_you_mean(name, known) or [f"make the folder {folder / FOLDER / name}"],
        )
    return found


def overlaid(documents: Iterable[Document], overlay: Iterable[Document]) -> list[Document]:
    """Return the documents with those of an overlay merged over them."""
    merged = list(documents)
    places = {_key(document.data): place for place, document in enumerate(merged)}
    for document in overlay:
        place = places.get(_key(document.data))
        if place is None:
            merged.append(document)
        else:
            base = merged[place]
            merged[place] = Document(
                merge(base.data, document.data), base.source.with_overlay(document.source), base.position
            )
    return merged


def merge(base: Any, patch: Any) -> Any:
    """Return `base` with a JSON Merge Patch applied (RFC 7396, section 2)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(base) if isinstance(base, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


def _key(data: Any) -> tuple[str, str]:
    if not isinstance(data, dict):
        return "", ""
    metadata = data.get("metadata")
    return str(data.get("kind")), str(metadata.get("name")) if isinstance(metadata, dict) else ""
