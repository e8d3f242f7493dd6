"""pnpm-lock.yaml, versions 5 to 9: https://github.com/pnpm/spec/tree/master/lockfile."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from outrider.operators.packages.locks.documents import read_yaml
from outrider.operators.packages.locks.entries import (
    Findings,
    Need,
    optional_text,
    reached,
    table_at,
    table_of,
)
from outrider.operators.packages.locks.hashes import integrity
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.locks.npm_names import source_of, split_name

FORM = "pnpm-lock.yaml"
# Version 5: /name/1.0.0 or /@scope/name/1.0.0, with the host of another registry before it, and peers after a _ or a /.
_OLD_KEY = re.compile(r"[^/@]*/((?:@[^/]+/)?[^/@]+)/([^/_]+)(?:[/_].*)?")
# What ends a version where peers stand behind it; since version 6 these are in parentheses.
_PEERS = re.compile(r"[_/]")
_NUMBERS = re.compile(r"\d+\.\d+\.\d+")
_NEEDS = ("dependencies", "optionalDependencies")


def read(text: str) -> Lock:
    """Return the packages of a file.

    Newer versions have what pnpm itself needs in a document of its own before that of the project.

    Raises:
        InvalidConfigError: It is none of this format.
    """
    findings = Findings(FORM, "npm")
    for document in read_yaml(FORM, text):
        _read_document(findings, document)
    return findings.lock()


def _read_document(findings: Findings, document: dict[str, Any]) -> None:
    snapshots = findings.section(document, "snapshots")
    present = _Present(findings, document)
    main = _wanted_by_main(findings, document, snapshots) if snapshots else set()
    for place, importer in (findings.section(document, "importers") or {".": document}).items():
        with findings.entry(place):
            findings.ask(_needs(table_of(importer), (*_NEEDS, "devDependencies")))
            _note_lacking(findings, present, place, importer)
    needs: dict[str, set[Need]] = {}
    optional: dict[str, list[bool]] = {}
    for key, entry in snapshots.items():
        with findings.entry(key):
            needs.setdefault(_without_peers(key), set()).update(_needs(table_of(entry)))
            optional.setdefault(_without_peers(key), []).append(entry.get("optional") == "true")
            _note_lacking(findings, present, key, entry)
    for key, entry in findings.section(document, "packages").items():
        with findings.entry(key):
            table = table_of(entry)
            needs.setdefault(key, set()).update(_needs(table))
            _note_lacking(findings, present, key, table)
            is_development = key not in main if snapshots else table.get("dev") == "true"
            is_optional = all(optional.get(key, [table.get("optional") == "true"]))
            _take(findings, key, table, needs[key], development=is_development, optional=is_optional)


def _note_lacking(findings: Findings, present: "_Present", place: str, entry: dict[str, Any]) -> None:
    """Note what is needed and has no entry; what is optional pnpm may have left out, with what only that needs."""
    if entry.get("optional") == "true":
        return
    for field in ("dependencies", "devDependencies"):
        for alias, said in table_at(entry, field).items():
            version = said.get("version") if isinstance(said, dict) else said
            if isinstance(version, str) and not version.startswith("link:") and not present.has(alias, version):
                findings.lack(
                    f"{alias} {_without_peers(version)}", _without_peers(place) if place != "." else "the project"
                )


class _Present:
    """What a document has entries for.

    Args:
        findings: Of the file.
        document: Of it.
    """

    def __init__(self, findings: Findings, document: dict[str, Any]) -> None:
        self._packages = findings.section(document, "packages")
        self._snapshots = findings.section(document, "snapshots")
        # From version 9 on it says apart what each package needs.
        self._is_apart = str(document.get("lockfileVersion")).partition(".")[0] == "9"
        self._identities = {_identity(key) for key in self._packages} if not self._is_apart else set()

    def has(self, alias: str, version: str) -> bool:
        """Return whether there is one for a dependency, as the version of the format writes it."""
        keys = (version, f"{alias}@{version}")
        if self._is_apart:
            return any(_without_peers(one) in self._packages for one in keys) and any(
                one in self._snapshots for one in keys
            )
        old = (*keys, f"/{alias}@{version}", f"/{alias}/{version}")
        # Before a key the host of another registry may stand.
        return (
            any(one in self._packages for one in old)
            or (alias, _PEERS.split(_without_peers(version))[0]) in self._identities
        )


def _take(findings: Findings, key: str, entry: dict[str, Any], needs: set[Need], **flags: bool) -> None:
    resolution = table_at(entry, "resolution")
    name, version = _identity(key)
    findings.add(
        optional_text(entry, "name") or name, optional_text(entry, "version") or version, needs=needs,
        hashes=lambda: integrity(optional_text(resolution, "integrity")), source=_source(key, version, resolution), **flags,
    )  # fmt: skip


def _identity(key: str) -> tuple[str, str]:
    """Return name and version as a key has them; the key of a folder has no name, and is its version."""
    bare = _without_peers(key)
    if source_of(bare) == "path" and not bare.startswith("/"):
        return "", bare
    match = _OLD_KEY.fullmatch(bare)
    if match:
        return match[1], match[2]
    return split_name(bare.removeprefix("/"))


def _without_peers(key: str) -> str:
    return key.partition("(")[0]


def _source(key: str, version: str, resolution: dict[str, Any]) -> str:
    kind = optional_text(resolution, "type")
    if kind == "git":
        return "git"
    if kind == "directory" or key.startswith("file:") or version.startswith("file:"):
        return "path"
    # Archives of a commit have the address of their host for a version, or as a key.
    is_registry = bool(re.match(r"v?[0-9]", version)) and (key.startswith("/") or "://" not in key)
    return "" if is_registry else "url"


def _needs(entry: dict[str, Any], fields: Iterable[str] = _NEEDS) -> Iterator[Need]:
    for field in fields:
        for alias, said in table_at(entry, field).items():
            # Importers say beside the version what was asked for.
            version = said.get("version") if isinstance(said, dict) else said
            if isinstance(version, str) and not version.startswith("link:"):
                name, found = _identity(_key(alias, version))
                yield (name, _PEERS.split(found)[0]) if name and _NUMBERS.match(found) else name or alias


def _key(alias: str, version: str) -> str:
    """Return the key of the package that a dependency is on: its version is that key for an alias."""
    if _NUMBERS.match(version):
        return f"{alias}@{version}"
    is_key = version.startswith("/") or "@" in _without_peers(version)[1:].partition(":")[0]
    return version if is_key else f"{alias}@{version}"


def _wanted_by_main(findings: Findings, document: dict[str, Any], snapshots: dict[str, Any]) -> set[str]:
    """Return the keys that dependencies of the project and its members reach, those for development left out."""
    needs: dict[str, list[str]] = {}
    for key, entry in snapshots.items():
        with findings.entry(key):
            tables = [table_at(table_of(entry), field) for field in _NEEDS]
            needs[key] = [_key(alias, str(version)) for table in tables for alias, version in table.items()]
    starts = []
    for place, importer in findings.section(document, "importers").items():
        with findings.entry(place):
            for field in _NEEDS:
                for alias, entry in table_at(table_of(importer), field).items():
                    starts.append(_key(alias, optional_text(table_of(entry), "version")))
    return {_without_peers(key) for key in reached(starts, needs)}
