"""What stands in node_modules, as npm, Yarn or pnpm put it there; each package.json says what it is."""

from pathlib import Path
from typing import Any

import msgspec

from outrider.operators.packages.licences.installed.found import (
    MOST_FOLDERS,
    Find,
    Installed,
    Places,
    folders_in,
    text_of,
)
from outrider.operators.packages.licences.normalising import Licence, licence_of

_FOLDER = "node_modules"
# Where pnpm has the folders that its links lead to.
_STORE = ".pnpm"


class _Package(msgspec.Struct):
    name: Any = None
    version: Any = None
    license: Any = None
    licenses: Any = None


def finder(places: Places) -> Find:
    """Return what finds packages in the node_modules of a project, and in further folders of that kind."""
    found: dict[tuple[str, str], Installed] = {}
    left = [places.project / _FOLDER, *places.others]
    looked = 0
    while left and looked < MOST_FOLDERS:
        for folder in _packages_in(left.pop()):
            looked += 1
            if not (folder / _FOLDER).is_symlink():
                left.append(folder / _FOLDER)
            _note(found, folder)
    return lambda name, version: found.get((name, version))


def _packages_in(modules: Path) -> list[Path]:
    folders = []
    for one in folders_in(modules):
        if one.name == _STORE:
            folders += [package for store in folders_in(one) for package in _packages_in(store / _FOLDER)]
        elif one.name.startswith("@"):
            folders += [inner for inner in folders_in(one) if not inner.is_symlink()]
        elif not one.name.startswith(".") and not one.is_symlink():
            folders.append(one)
    return folders


def _note(found: dict[tuple[str, str], Installed], folder: Path) -> None:
    try:
        package = msgspec.json.decode(text_of(folder / "package.json"), type=_Package)
    except (msgspec.DecodeError, RecursionError):
        return
    if isinstance(package.name, str) and isinstance(package.version, str):
        value = package.license if package.license is not None else package.licenses
        licence = licence_of("npm", value) if value is not None else Licence()
        found.setdefault((package.name, package.version), Installed(licence, (folder,)))
