"""What is installed in a root: what its package databases say, and of which distribution it is."""

from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from outrider.core.errors import LimitedError, NotFoundError
from outrider.operators.packages.distributions import apk, dpkg, rpm
from outrider.operators.packages.distributions.databases import rpm_databases, status_files
from outrider.operators.packages.distributions.files import (
    APK,
    DPKG,
    DPKG_FOLDER,
    MOST_FILES,
    OS_RELEASES,
    RPM,
    Root,
    files_of,
)
from outrider.operators.packages.distributions.os_release import read_os_release
from outrider.operators.packages.distributions.owned import owned
from outrider.operators.packages.distributions.releases import Release, release_of
from outrider.operators.packages.locks.lock import Lock

_NO_DATABASE = (
    "it has no package database of dpkg, apk or RPM; what else than packages of languages is in it is not known"
)
_LONGEST_SHOWN = 4096


def inventories(root: Root, shown: str) -> list[tuple[str, Lock]]:
    """Return what each package database of a root says, and each file that tells of packages of languages, with its path.

    Args:
        root: The root.
        shown: What it is called.

    Raises:
        NotFoundError: It has neither.
        InvalidConfigError: A package database is damaged.
        LimitedError: There is too much in it.
    """
    release = _release(root)
    found = [*_dpkg(root, release), *_apk(root, release), *_rpm(root, release)]
    installed = languages(root, shown)
    if installed and not found:
        found.append(("", Lock(form="root", packages=(), unreadable=(_NO_DATABASE,))))
    if not found and not installed:
        raise NotFoundError(
            f"{shown}: there is no package database in this root, and no package of a language",
            found="neither a database of dpkg, nor of apk, nor of RPM", expected=", ".join((DPKG, APK[0], *RPM[0])),
            suggestions=["name the lock files of what is in it", "name an SBOM that was made when the image was built"],
        )  # fmt: skip
    return [*_placed(found, shown), *installed]


def languages(root: Root, shown: str) -> list[tuple[str, Lock]]:
    """Return each file of a root that tells of packages of languages, with its path.

    Args:
        root: The root.
        shown: What it is called.

    Raises:
        InvalidConfigError: A package database is damaged.
        LimitedError: There is too much in it.
    """
    return _placed(_languages(root), shown)


def _placed(found: Iterable[tuple[str, Lock]], shown: str) -> list[tuple[str, Lock]]:
    return [(_shown(f"{shown}/{path}" if path else shown or "/"), lock) for path, lock in found]


def _shown(text: str) -> str:
    """Return a text as it can be shown: names of files may be of any bytes."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text[:_LONGEST_SHOWN])


def has_inventory(root: Root) -> bool:
    """Return whether a folder is a root: whether it says of which distribution it is, or has a package database."""
    paths = (*OS_RELEASES, DPKG, *APK, *(path for paths in RPM for path in paths))
    return any(files_of(root, paths)) or bool(status_files(root))


def _release(root: Root) -> Release:
    for one in files_of(root, OS_RELEASES):
        return read_os_release(root.read(one.place))
    return release_of("", "")


def _dpkg(root: Root, release: Release) -> Iterator[tuple[str, Lock]]:
    for one in files_of(root, (DPKG,)):
        yield one.path, dpkg.read([root.read(one.place)], release)
    if files := status_files(root):
        yield DPKG_FOLDER, dpkg.read(map(root.read, files), release)


def _apk(root: Root, release: Release) -> Iterator[tuple[str, Lock]]:
    for one in files_of(root, APK):
        yield one.path, apk.read(root.read(one.place), release)


def _rpm(root: Root, release: Release) -> Iterator[tuple[str, Lock]]:
    for path, headers in rpm_databases(root):
        yield path, rpm.read(headers, release)


def _languages(root: Root) -> Iterator[tuple[str, Lock]]:
    """Yield what tells of packages of languages, but for what belongs to a package of the distribution: that is told by its name.

    Distributions mend what they pack without making its version another one: by the name and the version of the language it would be
    told as vulnerable where it is mended. So does Trivy.
    """
    found = dict(islice(root.installed(), MOST_FILES + 1))
    if len(found) > MOST_FILES:
        raise LimitedError(
            "there is too much in this root", found=f"more than {MOST_FILES} files that tell of packages", expected=f"at most {MOST_FILES}",
            suggestions=["name a part of it"],
        )  # fmt: skip
    packed = owned(root, found)
    for path, all_told in found.items():
        for inside, lock in all_told if path not in packed else ():
            if lock.packages or lock.unreadable:
                # What is told of a damaged file may have any text of it.
                yield f"{path}{inside}", msgspec.structs.replace(lock, unreadable=tuple(map(_shown, lock.unreadable)))
