"""Cargo.lock, versions 1 to 4: https://doc.rust-lang.org/cargo/guide/cargo-toml-vs-cargo-lock.html."""

import re
from typing import Any, NamedTuple

from outrider.operators.packages.cargo.places import GIT, USUAL, GitPlace, is_usual, key_of
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.entries import Findings, Need, optional_text, table_of, text_at, texts_at
from outrider.operators.packages.locks.hashes import collected
from outrider.operators.packages.locks.lock import OTHER_REGISTRY, Lock

FORM = "Cargo.lock"
_CHECKSUM = re.compile(r"checksum (\S+) (\S+)(?: \((.*)\))?")


class Kept(NamedTuple):
    """What a lock says that is tried first.

    Attributes:
        versions: By the name of each crate, with its place where that is not the usual one.
        commits: Of repositories, by their places.
    """

    versions: dict[str, set[str]]
    commits: dict[str, str]


def kept_of(text: str) -> Kept:
    """Return what a lock says that is tried first.

    Raises:
        InvalidConfigError: It is no TOML.
    """
    found, document = Kept({}, {}), read_toml(FORM, text)
    is_encoded = document.get("version") not in (None, 1, 2, 3)
    for one in document.get("package", []):
        source = str(one.get("source") or "") if isinstance(one, dict) else ""
        place, _, commit = source.partition("#")
        if place.startswith(GIT):
            found.commits[GitPlace.of(place, encoded=is_encoded).text()] = commit
        elif place:
            key = key_of(str(one.get("name")), USUAL if is_usual(place) else place)
            found.versions.setdefault(key, set()).add(str(one.get("version")))
    return found


def read(text: str) -> Lock:
    """Return the packages of a file; those without a source are members of the workspace, or folders within it.

    Raises:
        InvalidConfigError: It is none of this format.
    """
    document = read_toml(FORM, text)
    findings = Findings(FORM, "cargo")
    checksums = _checksums(findings.section(document, "metadata"))
    entries = findings.rows(document, "package")
    present = _present([*entries, document.get("root")])
    for number, entry in enumerate(entries, 1):
        with findings.entry(f"package[{number}]"):
            name = text_at(table_of(entry), "name")
            with findings.entry(name):
                _take(findings, name, entry, checksums)
                for need in map(_need, texts_at(entry, "dependencies")):
                    if need not in present:
                        findings.lack(need if isinstance(need, str) else " ".join(need), name)
    return findings.lock()


def _checksums(metadata: dict[str, Any]) -> dict[tuple[str, str, str], Any]:
    """Return the checksums of version 1, which stand at the end, by name, version and source."""
    matches = ((_CHECKSUM.fullmatch(key), value) for key, value in metadata.items())
    return {(match[1], match[2], match[3] or ""): value for match, value in matches if match}


def _present(entries: list[Any]) -> set[Need]:
    """Return what can be needed: names, and these with each version."""
    tables = [one for one in entries if isinstance(one, dict)]
    names = {str(one.get("name")) for one in tables}
    return {*names, *((str(one.get("name")), str(one.get("version"))) for one in tables)}


def _take(findings: Findings, name: str, entry: dict[str, Any], checksums: dict[tuple[str, str, str], Any]) -> None:
    version, source = text_at(entry, "version"), optional_text(entry, "source")
    if not source:
        findings.ask(map(_need, texts_at(entry, "dependencies")))
        return
    checksum = optional_text(entry, "checksum") or checksums.get((name, version, source), "")
    kind, _, rest = source.partition("+")
    url, _, commit = rest.partition("#")
    findings.add(
        name, version, source="" if is_usual(source) else OTHER_REGISTRY if kind in ("registry", "sparse") else kind,
        address="" if is_usual(source) else f"{GIT}{url.partition('?')[0]}@{commit}" if kind == "git" else source,
        # `<none>` is what version 1 has for packages of git.
        hashes=lambda: collected([("sha256", str(checksum))]) if checksum not in ("", "<none>") else {},
        needs=map(_need, texts_at(entry, "dependencies")),
    )  # fmt: skip


def _need(written: str) -> Need:
    """Return what is needed: its version stands behind its name where a file has several, and its source where that does not tell."""
    name, version, *_ = [*written.split(" "), ""]
    return (name, version) if version else name
