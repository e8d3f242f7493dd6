"""The user's kubeconfig file, with a context that comes and goes: all else in it stays as it is."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from outrider.core.errors import InvalidConfigError
from outrider.ports.secrets.private_files import write_private

_PARTS = ("clusters", "users", "contexts")


def add_context(file: Path, added: Path) -> str:
    """Add what one kubeconfig file has to another one, in place of what has the same names there, and select its context.

    Args:
        file: The user's file; made where there is none.
        added: The other one.

    Returns:
        The context that was selected before; empty where there was none.

    Raises:
        InvalidConfigError: A file is no kubeconfig.
    """
    new = _read(added)
    with _changed(file) as document:
        before = str(document.get("current-context") or "")
        for part in _PARTS:
            named = {entry["name"]: entry for entry in [*_entries(document, part, file), *_entries(new, part, added)]}
            document[part] = list(named.values())
        document["current-context"] = new["current-context"]
    return before if before != new["current-context"] else ""


def remove_context(file: Path, name: str, before: str = "") -> None:
    """Remove a context, its cluster and its user, which all have one name.

    Args:
        file: The user's file.
        name: Of the context.
        before: The one that is selected in its place, where it is there and `name` was selected.

    Raises:
        InvalidConfigError: The file is no kubeconfig.
    """
    if not file.exists():
        return
    with _changed(file) as document:
        for part in _PARTS:
            document[part] = [entry for entry in _entries(document, part, file) if entry.get("name") != name]
        if document.get("current-context") == name:
            there = any(entry.get("name") == before for entry in document["contexts"])
            document["current-context"] = before if there else ""


@contextmanager
def _changed(file: Path) -> Iterator[dict[str, Any]]:
    """Give the content of a file to be changed, and write it back; others who do the same wait."""
    target = file.resolve()  # a link stays one
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(target.with_name(f".{target.name}.outrider.lock")):
        document = _read(target) if target.exists() else {"apiVersion": "v1", "kind": "Config"}
        yield document
        write_private(target, yaml.safe_dump(document, sort_keys=False).encode())


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        file.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _read(file: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(file.read_text()) or {}
    except (OSError, yaml.YAMLError, UnicodeError) as error:
        raise _none(file, str(error)) from error
    if not isinstance(document, dict):
        raise _none(file, type(document).__name__)
    return document


def _entries(document: Mapping[str, Any], part: str, file: Path) -> list[dict[str, Any]]:
    entries = document.get(part) or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "name" in entry for entry in entries):
        raise _none(file, f"{part} is no list of names")
    return entries


def _none(file: Path, found: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{file} is no kubeconfig file: {found}", found=found, expected="a kubeconfig (apiVersion v1, kind Config)",
        suggestions=[f"correct it, or move it away: {file}"],
    )  # fmt: skip
