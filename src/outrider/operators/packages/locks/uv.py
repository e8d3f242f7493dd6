"""uv.lock: https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.entries import (
    Findings,
    Hashes,
    list_at,
    optional_text,
    reached,
    table_at,
    table_of,
    text_at,
)
from outrider.operators.packages.locks.hashes import prefixed
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.pypi.details import LockedVersion
from outrider.operators.packages.pypi.pages import normalised

FORM = "uv.lock"
# What of a git repository is wanted.
REFERENCES = ("rev", "tag", "branch")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SOURCES = {"git": "git", "url": "url", "path": "path", "directory": "path", "editable": "path", "virtual": "path"}


def read(text: str) -> Lock:
    """Return the packages of a file; what only groups of the project and its members need is for development.

    Raises:
        InvalidConfigError: It is none of this format.
    """
    document = read_toml(FORM, text)
    findings = Findings(FORM, "pypi")
    manifest = findings.section(document, "manifest")
    members = {one for one in findings.rows(manifest, "members") if isinstance(one, str)}
    starts: dict[str, set[str]] = {"main": set(), "development": set()}
    with findings.entry("manifest.dependency-groups"):
        groups = [*_needed(_groups(manifest, "dependency-groups"))]
        findings.ask(groups)
        starts["development"].update(_names(groups))
    entries = findings.rows(document, "package")
    present = _present(entries)
    for number, entry in enumerate(entries, 1):
        with findings.entry(f"package[{number}]"):
            name = text_at(table_of(entry), "name")
            with findings.entry(name):
                if name in members or _is_project(entry):
                    needs, groups = _needs(entry), [*_needed(_groups(entry, "dev-dependencies"))]
                    findings.ask([*needs, *groups])
                    starts["main"] |= {name, *_names(needs)}
                    starts["development"].update(_names(groups))
                else:
                    _take(findings, normalised(name), entry)
                for need, version in sorted({*_needs(entry), *_needed(_groups(entry, "dev-dependencies"))}):
                    if (need, version) not in present:
                        findings.lack(f"{need} {version}".strip(), name)
    _mark(findings, starts)
    return findings.lock()


def kinds_of(document: Mapping[str, Any]) -> list[str]:
    """Return the markers of the machines that a file tells apart; none where it does not."""
    markers = document.get("resolution-markers", [])
    return [one for one in markers if isinstance(one, str)] if isinstance(markers, list) else []


def versions_of(document: Mapping[str, Any]) -> list[LockedVersion]:
    """Return the versions that a file has of packages of registries."""
    found = []
    for one in document.get("package", []):
        registry = one.get("source", {}).get("registry") if isinstance(one, dict) else None
        if isinstance(registry, str):
            version = LockedVersion(
                name=str(one.get("name")), version=str(one.get("version")), url=registry, markers=kinds_of(one)
            )
            found.append(version)
    return found


def commits_of(document: Mapping[str, Any]) -> dict[tuple[str, tuple[str, str]], str]:
    """Return the commits that a file has, by the address of the repository and what is wanted of it, as `Direct` has them."""
    found = {}
    for one in document.get("package", []):
        source = one.get("source", {}).get("git") if isinstance(one, dict) else None
        if isinstance(source, str):
            written, _, commit = source.partition("#")
            address, _, query = written.partition("?")
            said = [each for each in parse_qsl(query) if each[0] in REFERENCES]
            if _COMMIT.fullmatch(commit):
                found[address, said[0] if said else ("", "")] = commit
    return found


def _present(entries: list[Any]) -> set[tuple[str, str]]:
    """Return what can be needed: names, with each version and without."""
    tables = [one for one in entries if isinstance(one, dict)]
    names = [(normalised(str(one.get("name"))), str(one.get("version", ""))) for one in tables]
    return {*names, *((name, "") for name, _ in names)}


def _is_project(entry: dict[str, Any]) -> bool:
    source = table_at(entry, "source")
    return "." in (optional_text(source, "editable"), optional_text(source, "virtual"))


def _take(findings: Findings, name: str, entry: dict[str, Any]) -> None:
    source = table_at(entry, "source")
    if "version" not in entry and {"directory", "editable", "virtual"} & source.keys():
        return  # a project in a folder, whose version only a build can tell
    files = [table_of(one) for one in list_at(entry, "wheels")]
    files.append(table_at(entry, "sdist"))
    kind = next((_SOURCES[one] for one in source if one in _SOURCES), "")
    findings.add(name, text_at(entry, "version"), needs=_needs(entry), source=kind, hashes=lambda: _hashes(files))


def _hashes(files: list[dict[str, Any]]) -> Hashes:
    return prefixed(one for one in (optional_text(file, "hash") for file in files) if one)


def _needs(entry: dict[str, Any]) -> set[tuple[str, str]]:
    """Return what a package needs, with what its extras need: the file has those that somebody asks for."""
    return {*_needed(list_at(entry, "dependencies")), *_needed(_groups(entry, "optional-dependencies"))}


def _groups(entry: dict[str, Any], name: str) -> Iterator[Any]:
    groups = table_at(entry, name)
    for group in groups:
        yield from list_at(groups, group)


def _needed(dependencies: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Yield names, and versions where a file has several of a name."""
    for one in dependencies:
        yield normalised(text_at(table_of(one), "name")), optional_text(one, "version")


def _names(needs: Iterable[tuple[str, str]]) -> Iterator[str]:
    return (name for name, _ in needs)


def _mark(findings: Findings, starts: dict[str, set[str]]) -> None:
    needs: dict[str, set[str]] = {}
    for one in findings.packages:
        needs.setdefault(one.name, set()).update(one.needs)
    main, development = reached(starts["main"], needs), reached(starts["development"], needs)
    findings.packages = [
        msgspec.structs.replace(one, development=one.name in development and one.name not in main)
        for one in findings.packages
    ]
