"""The few files of a root that tell what is installed, and what holds for a path in it: links lead to places in the same root."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.installed.finding import Told

OS_RELEASES = ("etc/os-release", "usr/lib/os-release")
DPKG, DPKG_FOLDER = "var/lib/dpkg/status", "var/lib/dpkg/status.d"
# Which files a package has, one list for each.
DPKG_LISTS, DPKG_LIST = "var/lib/dpkg/info", ".list"
APK = ("lib/apk/db/installed", "usr/lib/apk/db/installed")
_RPM_FOLDERS = ("var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm")
# In the order in which RPM has changed its mind; of what was left behind nothing is told.
RPM_FILES = ("rpmdb.sqlite", "Packages.db", "Packages")
RPM_LOG = "-wal"
RPM = tuple(tuple(f"{folder}/{name}" for name in RPM_FILES) for folder in _RPM_FOLDERS)
FILES = (
    *OS_RELEASES, DPKG, *APK, *(path for paths in RPM for path in paths), *(f"{paths[0]}{RPM_LOG}" for paths in RPM)
)  # fmt: skip
# Beside what is told of a package, images have the checksums of its files.
DPKG_PASSED_OVER = ".md5sums"
LARGEST_DATABASE = 512 << 20
MOST_ENTRIES, MOST_FILES = 10_000, 500_000
_MOST_LINKS = 40


class Root(Protocol):
    """Files of a root, as far as they are looked at."""

    def target(self, path: str) -> str | None:
        """Return where a link leads to; None where there is none."""

    def is_file(self, path: str) -> bool:
        """Return whether there is a plain file, at a path without links."""

    def names(self, folder: str) -> Sequence[str]:
        """Return the names of what is in a folder, at a path without links; none where there is none."""

    def read(self, path: str) -> bytes:
        """Return a plain file, at a path without links.

        Raises:
            OutriderError: It cannot be read.
        """

    def installed(self) -> Iterable[tuple[str, list[Told]]]:
        """Return the files that tell of packages of languages, by path without links, with what they tell."""


class Located(NamedTuple):
    """A file, as it is called and where it is."""

    path: str
    place: str


def located(root: Root, path: str) -> str:
    """Return where a path leads to, without any link.

    Raises:
        InvalidConfigError: Its links go round in circles.
    """
    done: list[str] = []
    left = [part for part in reversed(path.split("/")) if part]
    links = 0
    while left:
        part = left.pop()
        if part in ("", "."):
            continue
        if part == "..":
            # Above the top there is the top.
            done = done[:-1]
            continue
        target = root.target("/".join((*done, part)))
        if target is None:
            done.append(part)
            continue
        links += 1
        if links > _MOST_LINKS:
            raise InvalidConfigError(
                f"{path}: its links go round in circles", path=path, found=f"more than {_MOST_LINKS} links",
                expected="a path that leads somewhere", suggestions=["mend the links in the root"],
            )  # fmt: skip
        done = [] if target.startswith("/") else done
        left += reversed(target.split("/"))
    return "/".join(done)


def files_of(root: Root, paths: Sequence[str]) -> Iterator[Located]:
    """Yield those of some paths that lead to files, each file once."""
    places: set[str] = set()
    for path in paths:
        place = located(root, path)
        if place not in places and root.is_file(place):
            places.add(place)
            yield Located(path, place)
