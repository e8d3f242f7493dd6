"""What is installed in a root: what its package databases say, and of which distribution it is."""

from collections.abc import Iterator, Sequence

from outrider.core.errors import NotFoundError
from outrider.operators.packages.distributions import apk, dpkg, rpm, rpm_berkeley, rpm_ndb, rpm_sqlite
from outrider.operators.packages.distributions.files import (
    APK,
    DPKG,
    DPKG_FOLDER,
    DPKG_PASSED_OVER,
    OS_RELEASES,
    RPM,
    RPM_LOG,
    Located,
    Root,
    files_of,
    located,
)
from outrider.operators.packages.distributions.os_release import read_os_release
from outrider.operators.packages.distributions.releases import Release, release_of
from outrider.operators.packages.locks.lock import Lock


def inventories(root: Root, shown: str) -> list[tuple[str, Lock]]:
    """Return what each package database of a root says, with its path.

    Args:
        root: The root.
        shown: What it is called.

    Raises:
        NotFoundError: It has none.
        InvalidConfigError: One is damaged.
    """
    release = _release(root)
    found = [
        (f"{shown}/{path}", lock) for path, lock in (*_dpkg(root, release), *_apk(root, release), *_rpm(root, release))
    ]
    if not found:
        raise NotFoundError(
            f"{shown}: there is no package database in this root", found="neither one of dpkg, nor of apk, nor of RPM",
            expected=", ".join((DPKG, APK[0], *RPM[0])),
            suggestions=["name the lock files of what is in it", "name an SBOM that was made when the image was built"],
        )  # fmt: skip
    return found


def has_inventory(root: Root) -> bool:
    """Return whether a folder is a root: whether it says of which distribution it is, or has a package database."""
    paths = (*OS_RELEASES, DPKG, *APK, *(path for paths in RPM for path in paths))
    return any(files_of(root, paths)) or bool(_status_files(root))


def _release(root: Root) -> Release:
    for one in files_of(root, OS_RELEASES):
        return read_os_release(root.read(one.place))
    return release_of("", "")


def _status_files(root: Root) -> list[str]:
    folder = located(root, DPKG_FOLDER)
    paths = (f"{folder}/{name}" for name in sorted(root.names(folder)) if not name.endswith(DPKG_PASSED_OVER))
    return [path for path in paths if root.is_file(path)]


def _dpkg(root: Root, release: Release) -> Iterator[tuple[str, Lock]]:
    for one in files_of(root, (DPKG,)):
        yield one.path, dpkg.read([root.read(one.place)], release)
    if files := _status_files(root):
        yield DPKG_FOLDER, dpkg.read(map(root.read, files), release)


def _apk(root: Root, release: Release) -> Iterator[tuple[str, Lock]]:
    for one in files_of(root, APK):
        yield one.path, apk.read(root.read(one.place), release)


def _rpm(root: Root, release: Release) -> Iterator[tuple[str, Lock]]:
    places: set[str] = set()
    for paths in RPM:
        # What stands first counts: what RPM used before may have been left behind. Both folders may be one.
        found = next((one for one in files_of(root, paths) if root.read(one.place)), None)
        if found is not None and found.place not in places:
            places.add(found.place)
            yield found.path, rpm.read(_headers(root, found, paths), release)


def _headers(root: Root, file: Located, paths: Sequence[str]) -> Iterator[bytes]:
    content = root.read(file.place)
    kind = paths.index(file.path)
    if kind == 0:
        log = f"{file.place}{RPM_LOG}"
        return rpm_sqlite.headers(content, root.read(log) if root.is_file(log) else b"")
    return rpm_ndb.headers(content) if kind == 1 else rpm_berkeley.headers(content)
