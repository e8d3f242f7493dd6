"""Which files of a root tell what packages of languages are installed, and what they tell.

Where a file may be does not matter: what it is called, and in what, says what it is. So do Trivy and Syft. Programs are known by
what they begin with.
"""

import re
from importlib import import_module
from typing import BinaryIO, NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.locks.entries import Findings, UnusableEntry
from outrider.operators.packages.locks.lock import Lock

# Whatever is larger is not what it is called, but for archives of Java and programs.
_LARGEST_TEXT = 4 << 20
# What a program of Linux begins with.
MAGIC = b"\x7fELF"
_MAY_RUN = 0o111


class Told(NamedTuple):
    """What is told of some packages.

    Attributes:
        inside: The place within the file, where there is one.
        lock: The packages.
    """

    inside: str
    lock: Lock


class _Kind(NamedTuple):
    """A kind of files.

    Attributes:
        ending: With which their paths end.
        path: What else is so of them.
        reader: The module that reads them, which is the name of the ecosystem.
        form: What they are called.
        tells_needs: Whether they say what their packages need.
    """

    ending: str
    path: re.Pattern[str]
    reader: str
    form: str
    tells_needs: bool = False


_ANY = re.compile(r"(?s:.*)")
_PACKAGE_JSON = re.compile(r"(?s:(?:.*/)?node_modules/(?:@[^/]+/)?[^/.@][^/]*/package\.json)")
# What pip could not take away begins with a tilde.
_DIST_INFO, _EGG_INFO = (re.compile(rf"(?s:(?:.*/)?[^/~][^/]*\.{one})") for one in ("dist-info/METADATA", "egg-info"))
_PKG_INFO = re.compile(r"(?s:(?:.*/)?(?:[^/~][^/]*\.egg-info|EGG-INFO)/PKG-INFO)")
_GEMSPEC = re.compile(r"(?s:(?:.*/)?specifications/(?:default/)?[^/]+\.gemspec)")
_INSTALLED_JSON = re.compile(r"(?s:(?:.*/)?composer/installed\.json)")
_KINDS = (
    _Kind("/METADATA", _DIST_INFO, "pypi", "METADATA"),
    _Kind("/PKG-INFO", _PKG_INFO, "pypi", "PKG-INFO"),
    _Kind(".egg-info", _EGG_INFO, "pypi", "PKG-INFO"),
    _Kind("/package.json", _PACKAGE_JSON, "npm", "package.json"),
    _Kind(".gemspec", _GEMSPEC, "gem", "gemspec"),
    _Kind("/installed.json", _INSTALLED_JSON, "composer", "installed.json", tells_needs=True),
    _Kind(".deps.json", _ANY, "nuget", "deps.json", tells_needs=True),
)
_ARCHIVES = (".jar", ".war", ".ear", ".par", ".jpi", ".hpi", ".nar")
_ENDINGS = tuple(kind.ending for kind in _KINDS)


def is_told_by_name(path: str) -> bool:
    """Return whether a file tells of packages, by its path in the root."""
    return is_archive(path) or (path.endswith(_ENDINGS) and _kind(path) is not None)


def is_program(mode: int) -> bool:
    """Return whether a file may be a program that tells of packages, by its mode."""
    return bool(mode & _MAY_RUN)


def is_archive(path: str) -> bool:
    """Return whether a file is an archive of Java, by its name."""
    return path.lower().endswith(_ARCHIVES)


def read_installed(path: str, file: BinaryIO) -> list[Told]:
    """Return what a file tells; nothing where it tells of no packages.

    What is wrong with it is told too, and is no error: what strangers have left in a root must not hide the rest of it.

    Args:
        path: Of the file, in the root.
        file: It, at its beginning.
    """
    kind = _kind(path)
    if kind is not None:
        return [_read_text(kind, file)]
    reader = import_module(f"outrider.operators.packages.installed.{'maven' if is_archive(path) else 'cargo'}")
    told: list[Told] = reader.read(path, file)
    return told


def unread(why: str) -> Told:
    """Return what there is to tell of a file that cannot be read."""
    return Told("", Lock(form="packages", packages=(), unreadable=(why,)))


def _kind(path: str) -> _Kind | None:
    return next((kind for kind in _KINDS if path.endswith(kind.ending) and kind.path.fullmatch(path)), None)


def _read_text(kind: _Kind, file: BinaryIO) -> Told:
    findings = Findings(kind.form, kind.reader)
    content = file.read(_LARGEST_TEXT + 1)
    reader = import_module(f"outrider.operators.packages.installed.{kind.reader}")
    try:
        if len(content) > _LARGEST_TEXT:
            raise UnusableEntry(f"it has more than {_LARGEST_TEXT} bytes")
        reader.read(content.decode("utf-8", "replace"), findings)
    except UnusableEntry as error:
        findings.report(str(error))
    except InvalidConfigError as error:
        findings.report(error.message)
    return Told("", findings.lock(tells_needs=kind.tells_needs))
