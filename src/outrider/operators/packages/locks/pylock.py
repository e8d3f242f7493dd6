"""pylock.toml: https://packaging.python.org/en/latest/specifications/pylock-toml/ (PEP 751)."""

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
)
from outrider.operators.packages.locks.hashes import collected
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.pypi.pages import normalised

FORM = "pylock.toml"


def read(text: str) -> Lock:
    """Return the packages of a file.

    Raises:
        InvalidConfigError: It is none of this format.
    """
    findings = Findings(FORM, "pypi")
    rows = findings.rows(read_toml(FORM, text), "packages")
    present = {normalised(str(one.get("name"))) for one in rows if isinstance(one, dict)}
    for number, entry in enumerate(rows, 1):
        with findings.entry(f"packages[{number}]"):
            _take(findings, table_of(entry))
            for need, _ in _needs(entry):
                if need not in present:
                    findings.lack(need, text_at(entry, "name"))
    # They are optional, and few tools write them.
    return findings.lock(tells_needs=any(isinstance(entry, dict) and "dependencies" in entry for entry in rows))


def _take(findings: Findings, entry: dict[str, Any]) -> None:
    name = text_at(entry, "name")
    with findings.entry(name):
        if optional_text(table_at(entry, "directory"), "path") == ".":
            return  # the project itself
        findings.add(
            normalised(name), text_at(entry, "version"), hashes=lambda: collected(_hashes(entry)), source=_source(entry),
            needs=_needs(entry),
        )  # fmt: skip


def _needs(entry: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (normalised(text_at(table_of(one), "name")), optional_text(one, "version"))
        for one in list_at(entry, "dependencies")
    ]


def _source(entry: dict[str, Any]) -> str:
    if table_at(entry, "vcs"):
        return text_at(table_at(entry, "vcs"), "type")
    archive = table_at(entry, "archive")
    if table_at(entry, "directory") or optional_text(archive, "path"):
        return "path"
    return "url" if archive else ""


def _hashes(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    files = [table_at(entry, "archive"), table_at(entry, "sdist"), *(table_of(one) for one in list_at(entry, "wheels"))]
    for file in files:
        hashes = table_at(file, "hashes")
        for algorithm in hashes:
            yield algorithm, text_at(hashes, algorithm)
