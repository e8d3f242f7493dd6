"""Cargo.lock, versions 1 to 4: https://doc.rust-lang.org/cargo/guide/cargo-toml-vs-cargo-lock.html."""

import re
from typing import Any

from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.entries import Findings, optional_text, table_of, text_at, texts_at
from outrider.operators.packages.locks.hashes import collected
from outrider.operators.packages.locks.lock import Lock

FORM = "Cargo.lock"
_CHECKSUM = re.compile(r"checksum (\S+) (\S+)(?: \((.*)\))?")


def read(text: str) -> Lock:
    """Return the packages of a file; those without a source are members of the workspace, or folders within it.

    Raises:
        InvalidConfigError: It is none of this format.
    """
    document = read_toml(FORM, text)
    findings = Findings(FORM, "cargo")
    checksums = _checksums(findings.section(document, "metadata"))
    for number, entry in enumerate(findings.rows(document, "package"), 1):
        with findings.entry(f"package[{number}]"):
            name = text_at(table_of(entry), "name")
            with findings.entry(name):
                _take(findings, name, entry, checksums)
    return findings.lock()


def _checksums(metadata: dict[str, Any]) -> dict[tuple[str, str, str], Any]:
    """Return the checksums of version 1, which stand at the end, by name, version and source."""
    matches = ((_CHECKSUM.fullmatch(key), value) for key, value in metadata.items())
    return {(match[1], match[2], match[3] or ""): value for match, value in matches if match}


def _take(findings: Findings, name: str, entry: dict[str, Any], checksums: dict[tuple[str, str, str], Any]) -> None:
    version, source = text_at(entry, "version"), optional_text(entry, "source")
    if not source:
        return
    checksum = optional_text(entry, "checksum") or checksums.get((name, version, source), "")
    kind = source.partition("+")[0]
    findings.add(
        name, version, source="" if kind in ("registry", "sparse") else kind,
        # `<none>` is what version 1 has for packages of git.
        hashes=collected([("sha256", str(checksum))]) if checksum not in ("", "<none>") else {},
        needs=[one.partition(" ")[0] for one in texts_at(entry, "dependencies")],
    )  # fmt: skip
