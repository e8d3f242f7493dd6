"""poetry.lock of Poetry 1 and 2: https://python-poetry.org/docs/basic-usage/#installing-with-poetrylock."""

from collections.abc import Iterator
from typing import Any

from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.entries import (
    Findings,
    list_at,
    optional_text,
    table_at,
    table_of,
    text_at,
    texts_at,
)
from outrider.operators.packages.locks.hashes import prefixed
from outrider.operators.packages.locks.lock import Lock, unreadable
from outrider.operators.packages.pypi.pages import normalised

FORM = "poetry.lock"
# What Poetry below 1.5 never locked.
_UNLOCKED = frozenset({"pip", "setuptools", "distribute"})
# `legacy` is an index that is not the first one.
_SOURCES = {"git": "git", "url": "url", "directory": "path", "file": "path", "legacy": "", "": ""}


def read(text: str) -> Lock:
    """Return the packages of a file.

    Raises:
        InvalidConfigError: It is none of this format.
    """
    document = read_toml(FORM, text)
    findings = Findings(FORM, "pypi")
    if document and "metadata" not in document:
        # Poetry always writes it, at the end.
        raise unreadable(FORM, "there is no [metadata] in it", "[metadata], as its own tool writes it")
    files = findings.section(findings.section(document, "metadata"), "files")
    entries = findings.rows(document, "package")
    present = {normalised(str(one.get("name"))) for one in entries if isinstance(one, dict)} | _UNLOCKED
    for number, entry in enumerate(entries, 1):
        with findings.entry(f"package[{number}]"):
            name = text_at(table_of(entry), "name")
            with findings.entry(name):
                # Poetry below 1.3 has the files of all packages at the end.
                _take(findings, name, entry, list_at(entry, "files") or list_at(files, name))
                for need in _certain(entry):
                    if need not in present:
                        findings.lack(need, name)
    return findings.lock()


def _take(findings: Findings, name: str, entry: dict[str, Any], files: list[Any]) -> None:
    groups = texts_at(entry, "groups") or [optional_text(entry, "category")]
    kind = optional_text(table_at(entry, "source"), "type")
    findings.add(
        normalised(name), text_at(entry, "version"), hashes=lambda: prefixed(text_at(table_of(one), "hash") for one in files),
        needs=map(normalised, table_at(entry, "dependencies")), source=_SOURCES.get(kind, kind),
        development=not {"main", ""} & set(groups), optional=entry.get("optional") is True,
    )  # fmt: skip


def _certain(entry: dict[str, Any]) -> Iterator[str]:
    """Yield what a package needs whatever the machine, the Python and the extras are."""
    for name, said in table_at(entry, "dependencies").items():
        if isinstance(said, str) or (isinstance(said, dict) and said.keys() <= {"version", "extras"}):
            yield normalised(name)
