"""What Composer has put into vendor: https://getcomposer.org/doc/07-runtime.md#installed-versions."""

from pathlib import Path
from typing import Any

import msgspec

from outrider.operators.packages.licences.installed.found import Find, Installed, Places, text_of
from outrider.operators.packages.licences.normalising import Licence, licence_of


def finder(places: Places) -> Find:
    """Return what finds packages in the vendor folder of a project, and in further ones."""
    found: dict[tuple[str, str], Installed] = {}
    for vendor in (places.project / "vendor", *places.others):
        for entry in _entries(vendor / "composer" / "installed.json"):
            _note(found, vendor, entry)
    return lambda name, version: found.get((name, version))


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        content = msgspec.json.decode(text_of(path))
    except (msgspec.DecodeError, RecursionError):
        return []
    # Version 1 of Composer has the list alone.
    rows = content.get("packages") if isinstance(content, dict) else content
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _note(found: dict[tuple[str, str], Installed], vendor: Path, entry: dict[str, Any]) -> None:
    name, version = entry.get("name"), entry.get("version")
    if isinstance(name, str) and isinstance(version, str):
        value = entry.get("license")
        licence = licence_of("composer", value) if value is not None else Licence()
        folder = vendor / name
        folders = (folder,) if folder.resolve().is_relative_to(vendor.resolve()) else ()
        found.setdefault((name.lower(), version), Installed(licence, folders))
