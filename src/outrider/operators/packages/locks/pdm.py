"""pdm.lock: https://pdm-project.org/en/latest/usage/lockfile/."""

import re
from typing import Any

from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.entries import Findings, list_at, table_of, text_at, texts_at
from outrider.operators.packages.locks.hashes import prefixed
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.pypi.pages import normalised

FORM = "pdm.lock"
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


def read(text: str) -> Lock:
    """Return the packages of a file; those that are in no group `default` are for development.

    Raises:
        InvalidConfigError: It is none of this format.
    """
    document = read_toml(FORM, text)
    findings = Findings(FORM, "pypi")
    files = findings.section(findings.section(document, "metadata"), "files")
    for number, entry in enumerate(findings.rows(document, "package"), 1):
        with findings.entry(f"package[{number}]"):
            name = text_at(table_of(entry), "name")
            with findings.entry(name):
                # PDM below 2.8 has the files of all packages at the end.
                old = list_at(files, f"{name} {text_at(entry, 'version')}")
                _take(findings, name, entry, list_at(entry, "files") or old)
    return findings.lock()


def _take(findings: Findings, name: str, entry: dict[str, Any], files: list[Any]) -> None:
    groups = texts_at(entry, "groups")
    needs = [match[1] for match in map(_NAME.match, texts_at(entry, "dependencies")) if match]
    source = next((kind for kind in ("git", "hg", "svn", "bzr", "url", "path") if kind in entry), "")
    findings.add(
        normalised(name), text_at(entry, "version"), hashes=lambda: prefixed(text_at(table_of(one), "hash") for one in files),
        needs=map(normalised, needs), source=source, development=bool(groups) and "default" not in groups,
    )  # fmt: skip
