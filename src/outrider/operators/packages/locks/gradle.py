"""gradle.lockfile: https://docs.gradle.org/current/userguide/dependency_locking.html."""

import re

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
    for number, line in enumerate(checked(FORM, text).splitlines(), 1):
        written, _, configurations = line.strip().partition("=")
        if not written or written.startswith("#") or written == "empty":
            continue
        with findings.entry(f"line {number}"):
            parts = written.split(":")
            if len(parts) != 3 or not all(parts):
                raise UnusableEntry(f"{written} is no group:artifact:version")
            names = [one for one in configurations.split(",") if one]
            findings.add(f"{parts[0]}:{parts[1]}", parts[2], development=bool(names) and all(map(_TEST.match, names)))
    return findings.lock()
