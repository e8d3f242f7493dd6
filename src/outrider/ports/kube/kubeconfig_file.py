"""The user's kubeconfig file, with a context that comes and goes: all else that it says stays, but for comments.

As kubectl itself does, it writes the file anew.
"""

import fcntl
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from outrider.core.errors import InvalidConfigError
from outrider.ports.kube.kubeconfig import TextLoader
from outrider.ports.secrets.private_files import write_private

_WIDE = 1 << 20
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
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


def check_file(file: Path) -> None:
    """Check that a file can be changed, or is not there.

    Raises:
        InvalidConfigError: It is no kubeconfig.
    """
    if file.exists():
        document = _read(file)
        for part in _PARTS:
            _entries(document, part, file)


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
    try:
        target = file.resolve()  # a link stays one
    except (OSError, RuntimeError) as error:
        raise _none(file, str(error)) from error
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(target.parent):
        before = target.stat() if target.exists() else None
        document = _read(target) if before is not None else {"apiVersion": "v1", "kind": "Config"}
        yield document
        write_private(target, yaml.dump(document, Dumper=_Quoting, sort_keys=False, width=_WIDE).encode())
        _give_back(target, before)


def _give_back(file: Path, before: os.stat_result | None) -> None:
    """Let a file belong to whom it belonged to, and one that is new to who called sudo."""
    if before is not None:
        os.chown(file, before.st_uid, before.st_gid)
        file.chmod(stat.S_IMODE(before.st_mode))
    elif os.geteuid() == 0 and "SUDO_UID" in os.environ:
        for path in (file.parent, file):
            os.chown(path, int(os.environ["SUDO_UID"]), int(os.environ.get("SUDO_GID", "-1")))


class _Quoting(yaml.SafeDumper):
    """Writes texts in quotes unless no reader, of YAML 1.1 or 1.2, could take them for something else."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


_Quoting.add_representer(str, _text)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time change files of a folder; of the lock nothing is left."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read(file: Path) -> dict[str, Any]:
    try:
        document = yaml.load(file.read_text(), Loader=TextLoader) or {}  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        # Without the excerpt that the whole error has: it may be a token.
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark is not None else ""
        raise _none(file, f"{line}{error.problem or 'no YAML'}") from None
    except (OSError, yaml.YAMLError, ValueError, AttributeError) as error:
        raise _none(file, type(error).__name__ if isinstance(error, ValueError) else str(error)) from None
    if not isinstance(document, dict):
        raise _none(file, type(document).__name__)
    return document


def _entries(document: Mapping[str, Any], part: str, file: Path) -> list[dict[str, Any]]:
    entries = document.get(part) or []
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and isinstance(entry.get("name"), str) for entry in entries
    ):
        raise _none(file, f"{part} is no list of names")
    return entries


def _none(file: Path, found: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{file} is no kubeconfig file: {found}", found=found, expected="a kubeconfig (apiVersion v1, kind Config)",
        suggestions=[f"correct it, or move it away: {file}"],
    )  # fmt: skip
