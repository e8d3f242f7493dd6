"""Which files of a root a distribution has packed, as its package databases say.

dpkg has a list of files for each package in var/lib/dpkg/info; images without dpkg have checksums of them beside what is installed. apk
has them in its database, and RPM in the header of each package.
"""

from collections.abc import Collection, Iterator
from functools import lru_cache, partial

from outrider.operators.packages.distributions import apk, rpm_headers
from outrider.operators.packages.distributions.databases import rpm_databases
from outrider.operators.packages.distributions.files import (
    APK,
    DPKG_FOLDER,
    DPKG_LIST,
    DPKG_LISTS,
    DPKG_PASSED_OVER,
    Root,
    files_of,
    located,
)


def owned(root: Root, places: Collection[str]) -> set[str]:
    """Return those of some files that belong to a package of the distribution.

    Args:
        root: The root.
        places: Of the files, without links.

    Raises:
        InvalidConfigError: A package database is damaged.
    """
    # Packages have files in lib where that is a link to usr/lib.
    top_of = lru_cache(maxsize=100)(partial(located, root))
    parts = (path.partition("/") for path in (_paths(root) if places else ()))
    return {place for top, slash, rest in parts if (place := f"{top_of(top)}{slash}{rest}") in places}


def _paths(root: Root) -> Iterator[str]:
    for folder, ending in ((DPKG_LISTS, DPKG_LIST), (DPKG_FOLDER, DPKG_PASSED_OVER)):
        place = located(root, folder)
        files = (f"{place}/{name}" for name in root.names(place) if name.endswith(ending))
        for file in filter(root.is_file, files):
            for line in root.read(file).decode("utf-8", "surrogateescape").split("\n"):
                # Before a path there is a checksum, or a slash.
                yield (line.partition("  ")[2] if ending == DPKG_PASSED_OVER else line).lstrip("/")
    for one in files_of(root, APK):
        yield from apk.paths(root.read(one.place))
    for _, headers in rpm_databases(root):
        for blob in headers:
            yield from rpm_headers.paths(blob)
