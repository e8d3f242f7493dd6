"""gradle.lockfile: https://docs.gradle.org/current/userguide/dependency_locking.html."""

import re
from collections.abc import Iterator

from outrider.operators.packages.locks.documents import checked
from outrider.operators.packages.locks.entries import Findings, UnusableEntry
from outrider.operators.packages.locks.lock import Lock

FORM = "gradle.lockfile"
_TEST = re.compile(r"test|\w+Test")


def read(text: str) -> Lock:
    """Return the packages of a file; those that only configurations of tests have are for development.

    Raises:
        InvalidConfigError: It is too large, or no text.
    """
    findings = Findings(FORM, "maven")
    for number, written, names in _lines(text):
        with findings.entry(f"line {number}"):
            name, version = _module(written)
            findings.add(name, version, development=bool(names) and all(map(_TEST.match, names)))
    return findings.lock(tells_needs=False)


def by_configuration(text: str) -> dict[str, dict[str, str]]:
    """Return the versions of a file: by configuration, then by module. What cannot be read is left out, as `read` tells.

    Raises:
        InvalidConfigError: It is too large, or no text.
    """
    found: dict[str, dict[str, str]] = {}
    for _, written, names in _lines(text):
        try:
            name, version = _module(written)
        except UnusableEntry:
            continue
        for configuration in names:
            found.setdefault(configuration, {})[name] = version
    return found


def _lines(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """Yield the number of each line that tells of a module, the module, and the configurations that have it."""
    for number, line in enumerate(checked(FORM, text).splitlines(), 1):
        written, _, configurations = line.strip().partition("=")
        if written and not written.startswith("#") and written != "empty":
            yield number, written, [one for one in configurations.split(",") if one]


def _module(written: str) -> tuple[str, str]:
    parts = written.split(":")
    if len(parts) != 3 or not all(parts):
        raise UnusableEntry(f"{written} is no group:artifact:version")
    return f"{parts[0]}:{parts[1]}", parts[2]
