"""The files in which installed packages have the texts of their licences."""

import re
from pathlib import Path

from outrider.operators.packages.licences.sources import Told

LARGEST = 512 << 10
_MOST = 10
_MOST_ENTRIES = 5000
_NAME = re.compile(r"(?:.+[-_.])?(?:un)?(?:licen[sc]es?|copying|eula)(?:[-_.].*)?", re.IGNORECASE)
_NAMED = re.compile(r"see[ -]licen[cs]e in (?P<file>.+)", re.IGNORECASE)
# Programs and data that are called so too.
_OTHERS = (
    ".py",
    ".js",
    ".ts",
    ".rb",
    ".php",
    ".json",
    ".rs",
    ".java",
    ".cs",
    ".class",
    ".map",
    ".mjs",
    ".cjs",
    ".css",
    ".png",
    ".spdx",
)


def licence_files(one: Told) -> list[Path]:
    """Return the licence files of a package, sorted; the one that its author names, where one is named."""
    if one.installed is None:
        return []
    match = _NAMED.fullmatch(" ".join(one.licence.raw.split()))
    if match is not None:
        named = [path for folder in one.installed.folders if (path := _inside(folder, match["file"])) is not None]
        if named:
            return named[:1]
    return [path for folder in one.installed.folders for path in _called_so(folder)][:_MOST]


def _inside(folder: Path, name: str) -> Path | None:
    """Return a file of a folder; None where there is none, or a name leads elsewhere."""
    try:
        # NuGet packages are made on Windows too.
        path = (folder / name.replace("\\", "/")).resolve()
        return path if path.is_relative_to(folder.resolve()) and _is_readable(path) else None
    except (OSError, ValueError):
        return None


def _called_so(folder: Path) -> list[Path]:
    try:
        entries = [path for path, _ in zip(folder.iterdir(), range(_MOST_ENTRIES), strict=False)]
        return sorted(path for path in entries if _is_licence(path))
    except OSError:
        return []


def _is_licence(path: Path) -> bool:
    is_called_so = _NAME.fullmatch(path.name) is not None and path.suffix.lower() not in _OTHERS
    return is_called_so and not path.is_symlink() and _is_readable(path)


def _is_readable(path: Path) -> bool:
    return path.is_file() and 0 < path.stat().st_size <= LARGEST
