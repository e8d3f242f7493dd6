"""What is installed on this machine, and where: one module for each ecosystem, which looks only where its own tools put things."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, cast

import msgspec

from outrider.operators.packages.licences.normalising import Licence

_LARGEST = 4 << 20
MOST_FOLDERS = 200_000


class Installed(NamedTuple):
    """A package that is installed.

    Attributes:
        licence: As it says itself.
        folders: In which its licence files may be.
    """

    licence: Licence
    folders: tuple[Path, ...]


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where to look.

    Attributes:
        project: Its folder.
        others: Further folders of packages, such as a site-packages.
        environment: Variables, which may say where tools keep what they fetch.
    """

    project: Path
    others: tuple[Path, ...] = ()
    environment: Mapping[str, str] = {}

    @property
    def home(self) -> Path:
        """The folder of the user."""
        return Path(self.environment.get("HOME") or "/nonexistent")


Find = Callable[[str, str], Installed | None]


def finder_of(ecosystem: str, places: Places) -> Find:
    """Return what finds installed packages of an ecosystem by name and version."""
    module = import_module(f"outrider.operators.packages.licences.installed.{ecosystem}")
    return cast("Find", module.finder(places))


def text_of(path: Path) -> str:
    """Return the text of a file; nothing where it cannot be read, or is too large to be what it should."""
    try:
        if path.stat().st_size > _LARGEST:
            return ""
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder, sorted; none where it cannot be read."""
    try:
        return sorted(one for one in folder.iterdir() if one.is_dir())
    except OSError:
        return []


def is_plain(name: str) -> bool:
    """Return whether a name from a lock may be part of a path."""
    return bool(name) and not name.startswith(".") and not set(name) & set("/\\\0")
