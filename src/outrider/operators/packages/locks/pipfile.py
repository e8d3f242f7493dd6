"""Pipfile.lock of Pipenv: https://pipenv.pypa.io/en/latest/pipfile.html."""

from typing import Any

from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.entries import (
    Findings,
    UnusableEntry,
    optional_text,
    table_of,
    text_at,
    texts_at,
)
from outrider.operators.packages.locks.hashes import prefixed
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.pypi.pages import normalised

FORM = "Pipfile.lock"
_REPOSITORIES = ("git", "hg", "svn", "bzr")
_FILES = ("path", "file")
# What tells that a package is of no index.
SOURCES = (*_REPOSITORIES, *_FILES)


def read(text: str) -> Lock:
    """Return the packages of a file; all groups but `default` are for development.

    Raises:
        InvalidConfigError: It is none of this format.
    """
    document = read_json(FORM, text)
    findings = Findings(FORM, "pypi")
    for group in document:
        if group == "_meta":
            continue
        for name, entry in findings.section(document, group).items():
            with findings.entry(f"{group}: {name}"):
                _take(findings, name, table_of(entry), is_development=group != "default")
    return findings.lock(tells_needs=False)


def _take(findings: Findings, name: str, entry: dict[str, Any], *, is_development: bool) -> None:
    source = next((kind for kind in _REPOSITORIES if kind in entry), "")
    if source:
        version = text_at(entry, "ref")
    else:
        source = "path" if any(kind in entry for kind in _FILES) else ""
        pinned = optional_text(entry, "version")
        version = pinned.lstrip("=").strip()
        if not version or not pinned.startswith("=="):
            raise UnusableEntry(f"{pinned} is no pinned version" if pinned else "it has no version")
    findings.add(
        normalised(name), version, hashes=prefixed(texts_at(entry, "hashes")), source=source, development=is_development
    )
