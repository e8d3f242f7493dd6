"""Finding families, kinds and services by their manifests, and importing them when they are first used.

This is the one upward step of the layers: what a manifest names by a string is imported here and nowhere else.
"""

import functools
import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import outrider
from outrider.core.errors import InternalError, MissingRequirementError, OutriderError
from outrider.core.manifest import read_manifest
from outrider.core.registry import BrokenPackage, Package, Registry
from outrider.runtime.third_party import third_party

_ROOT = Path(next(iter(outrider.__path__)))
# Folders that hold one package each, and packages that carry a manifest of their own.
_COLLECTIONS = ("operators", "kinds")
_PARTS = ("controller", "edge", "orchestrator", "sidecar", "local", "surfaces/agents", "surfaces/mcp")


@functools.cache
def registry() -> Registry:
    """Return the registry of everything that is installed; read once per process."""
    packages, broken = [], []
    for folder in _manifest_folders():
        module = ".".join(("outrider", *folder.relative_to(_ROOT).parts))
        path = folder / "manifest.toml"
        try:
            packages.append(
                Package(module, read_manifest(path.read_text(encoding="utf-8"), str(path.relative_to(_ROOT))))
            )
        except OutriderError as error:
            broken.append(BrokenPackage(module, error))
    foreign, unusable = third_party()
    return Registry([*packages, *foreign], [*broken, *unusable])


def _manifest_folders() -> Iterator[Path]:
    for collection in _COLLECTIONS:
        with os.scandir(_ROOT / collection) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir())
        yield from (
            _ROOT / collection / name for name in names if (_ROOT / collection / name / "manifest.toml").is_file()
        )
    yield from (_ROOT / part for part in _PARTS if (_ROOT / part / "manifest.toml").is_file())


def load(reference: str) -> Any:
    """Import what a manifest names as `module:attribute`.

    Raises:
        MissingRequirementError: A library is not installed.
        InternalError: The manifest names what the module does not have.
    """
    module_name, _, attribute = reference.partition(":")
    module = import_module(module_name)
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        raise InternalError(f"{module_name} has no '{attribute}', which its manifest names") from error


def import_module(name: str, *, extra: str = "") -> Any:
    """Import one of our modules; a missing library becomes an error with the command that installs it.

    Args:
        name: The module.
        extra: The extra of this package that brings the libraries which it needs.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] not in ("outrider", name.partition(".")[0]):
            raise MissingRequirementError(
                f"{name} needs the Python package '{error.name}', which is not installed",
                found="not installed",
                expected=error.name,
                suggestions=[f"pip install 'outrider[{extra}]'" if extra else f"pip install {error.name}"],
            ) from error
        raise
