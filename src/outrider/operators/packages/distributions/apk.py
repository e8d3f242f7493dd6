"""What apk has installed: lib/apk/db/installed, https://wiki.alpinelinux.org/wiki/Apk_spec#Installed_Database_V2.

Alpine advises by origin: the package that one was split from, in the same version.
"""

from collections.abc import Iterator

from outrider.operators.packages.distributions.packages import add_package
from outrider.operators.packages.distributions.releases import BY_PACKAGE, Release
from outrider.operators.packages.locks.entries import Findings
from outrider.operators.packages.locks.lock import Lock

FORM = "apk database"
_NAME, _VERSION, _ARCHITECTURE, _ORIGIN = "P", "V", "A", "o"
_FOLDER, _FILE = "F:", "R:"
_WANTED = frozenset({_NAME, _VERSION, _ARCHITECTURE, _ORIGIN})


def read(content: bytes, release: Release) -> Lock:
    """Return what is installed.

    Args:
        content: Of the file.
        release: Of the distribution.
    """
    findings = Findings(FORM, "apk")
    fields: dict[str, str] = {}
    for line in [*content.decode("utf-8", "replace").split("\n"), ""]:
        if line.strip():
            name, colon, value = line.partition(":")
            if colon and name in _WANTED:
                fields[name] = value.strip()
        elif fields:
            with findings.entry(fields.get(_NAME, "a package")):
                _add(findings, fields, release)
            fields = {}
    return findings.lock()


def paths(content: bytes) -> Iterator[str]:
    """Yield the paths of all files that are installed, without a slash before them."""
    folder = ""
    for line in content.decode("utf-8", "surrogateescape").split("\n"):
        if line.startswith(_FOLDER):
            folder = line.removeprefix(_FOLDER)
        elif line.startswith(_FILE):
            yield f"{folder}/{line.removeprefix(_FILE)}".lstrip("/")


def _add(findings: Findings, fields: dict[str, str], release: Release) -> None:
    name, version = fields.get(_NAME, ""), fields.get(_VERSION, "")
    names = [(fields.get(_ORIGIN) or name, version)]
    if release.advisories in BY_PACKAGE:
        names.append((name, version))
    add_package(findings, release, (name, version), names=names, architecture=fields.get(_ARCHITECTURE, ""))
