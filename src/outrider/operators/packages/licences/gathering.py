"""The packages of a project with their licences, each once, however many lock files have it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from outrider.core.errors import NotFoundError
from outrider.operators.packages.licences.sources import Sources, Told
from outrider.operators.packages.locks.files import read_locks
from outrider.operators.packages.locks.lock import Lock

Key = tuple[str, str, str]


class Gathered(msgspec.Struct, kw_only=True):
    """What the lock files of a project have.

    Attributes:
        title: The name of the project's folder.
        files: That were read.
        told: The packages, by ecosystem, name and version.
        found_in: The files that have each of them.
        needed_by: Names of packages of the same files that need them.
        unreadable: What could not be read, in words.
        unknown: The files of which nothing could be read, or not all.
    """

    title: str
    files: list[str]
    told: list[Told]
    found_in: dict[Key, list[str]]
    needed_by: dict[Key, list[str]]
    unreadable: list[str]
    unknown: list[str]


def gathered(path: Path, installed: str, environment: Mapping[str, str]) -> Gathered:
    """Return the packages of a lock file, or of all lock files of a folder.

    Args:
        path: Of the file or the folder.
        installed: A further folder of packages; empty for none.
        environment: Variables, which may say where tools keep what they fetch.

    Raises:
        NotFoundError: There is no lock file, or no such folder.
        UnsupportedError: It is of no known format.
        InvalidConfigError: It is not of its format.
    """
    if installed and not Path(installed).is_dir():
        raise NotFoundError(
            f"{installed}: no such folder", path="installed", found=installed, expected="a folder of installed packages",
            suggestions=["check the path"],
        )  # fmt: skip
    root = path if path.is_dir() else path.parent
    locks = read_locks(path)
    sources = Sources(root, (Path(installed),) if installed else (), environment)
    told: dict[Key, Told] = {}
    found_in: dict[Key, list[str]] = {}
    for file, lock in locks:
        for package in lock.packages:
            key = (package.ecosystem, package.name, package.version)
            found_in.setdefault(key, []).append(file)
            if key not in told or not told[key].licence.expression:
                told[key] = sources.told(package, Path(file).parent)
    return Gathered(
        title=root.resolve().name or "project", files=[file for file, _ in locks], told=[told[key] for key in sorted(told)],
        found_in=found_in, needed_by=_needed_by(locks), unreadable=[f"{file}: {text}" for file, lock in locks for text in lock.warnings],
        unknown=[file for file, lock in locks if lock.is_unjudged],
    )  # fmt: skip


def _needed_by(locks: Sequence[tuple[str, Lock]]) -> dict[Key, list[str]]:
    found: dict[Key, set[str]] = {}
    for _, lock in locks:
        versions: dict[tuple[str, str], list[str]] = {}
        for one in lock.packages:
            versions.setdefault((one.ecosystem, one.name), []).append(one.version)
        for one in lock.packages:
            for name in one.needs:
                for version in one.needed_versions.get(name, versions.get((one.ecosystem, name), ())):
                    found.setdefault((one.ecosystem, name, version), set()).add(one.name)
    return {key: sorted(names) for key, names in found.items()}
