"""The package databases of a root: which there are, and what of them is read."""

from collections.abc import Iterator, Sequence

from outrider.operators.packages.distributions import rpm_berkeley, rpm_ndb, rpm_sqlite
from outrider.operators.packages.distributions.files import (
    DPKG_FOLDER,
    DPKG_PASSED_OVER,
    RPM,
    RPM_LOG,
    Located,
    Root,
    files_of,
    located,
)


def status_files(root: Root) -> list[str]:
    """Return the places of the files in which images without dpkg have what is installed."""
    folder = located(root, DPKG_FOLDER)
    paths = (f"{folder}/{name}" for name in sorted(root.names(folder)) if not name.endswith(DPKG_PASSED_OVER))
    return [path for path in paths if root.is_file(path)]


def rpm_databases(root: Root) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield the databases of RPM, each by its path with the headers in it.

    Raises:
        InvalidConfigError: One is damaged.
    """
    places: set[str] = set()
    for paths in RPM:
        # What stands first counts: what RPM used before may have been left behind. Both folders may be one.
        found = next((one for one in files_of(root, paths) if root.read(one.place)), None)
        if found is not None and found.place not in places:
            places.add(found.place)
            yield found.path, _headers(root, found, paths)


def _headers(root: Root, file: Located, paths: Sequence[str]) -> Iterator[bytes]:
    content = root.read(file.place)
    kind = paths.index(file.path)
    if kind == 0:
        log = f"{file.place}{RPM_LOG}"
        return rpm_sqlite.headers(content, root.read(log) if root.is_file(log) else b"")
    return rpm_ndb.headers(content) if kind == 1 else rpm_berkeley.headers(content)
