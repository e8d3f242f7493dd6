"""package-lock.json and npm-shrinkwrap.json: https://docs.npmjs.com/cli/configuring-npm/package-lock-json."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.entries import (
    Findings,
    Need,
    UnusableEntry,
    optional_text,
    table_at,
    table_of,
    text_at,
)
from outrider.operators.packages.locks.hashes import integrity
from outrider.operators.packages.locks.licence_texts import licence_text
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.locks.npm_names import ranges_at, real_name, source_of, split_name

FORM = "package-lock.json"
_INSIDE = "node_modules/"
_NEEDS = ("dependencies", "optionalDependencies", "peerDependencies")
_CERTAIN = ("dependencies",)
_APART = ("optional", "devOptional", "extraneous", "inBundle", "hasShrinkwrap", "link")
_WANTED = (*_NEEDS, "devDependencies")
_DEEPEST = 256


def read(text: str) -> Lock:
    """Return the packages of a file; version 2 has them twice, and the way of version 3 counts.

    Raises:
        InvalidConfigError: It is none of this format.
    """
    document = read_json(FORM, text)
    findings = Findings(FORM, "npm")
    if "packages" in document:
        _read_packages(findings, findings.section(document, "packages"))
    else:
        _read_tree(findings, findings.section(document, "dependencies"))
    return findings.lock()


def _read_packages(findings: Findings, packages: dict[str, Any]) -> None:
    """Read what versions 2 and 3 have: entries by the folder that they are in."""
    addresses = {
        wanted
        for entry in packages.values() if isinstance(entry, dict)
        for field in _WANTED if isinstance(entry.get(field), dict)
        for wanted in entry[field].values() if isinstance(wanted, str) and source_of(wanted) == "url"
    }  # fmt: skip
    places = _Places(packages)
    for place, entry in packages.items():
        with findings.entry(place):
            # What is not in node_modules is the project, a member of it, or a folder that is linked.
            if _INSIDE not in place:
                findings.ask(places.needs(place, _WANTED))
            elif not table_of(entry).get("link"):
                _take(findings, places, place, addresses)
            for need in places.lacking(place):
                findings.lack(need, place.rpartition(_INSIDE)[2] or "the project")


def _take(findings: Findings, places: "_Places", place: str, addresses: set[str]) -> None:
    entry = places.packages[place]
    resolved = optional_text(entry, "resolved")
    source = source_of(resolved)
    if source == "url" and resolved not in addresses:
        source = ""  # a registry
    findings.add(
        *_identity(place, entry), source=source, needs=places.needs(place, _NEEDS),
        hashes=lambda: integrity(optional_text(entry, "integrity")), development=entry.get("dev") is True,
        optional=entry.get("optional") is True or entry.get("devOptional") is True, licence=licence_text(entry.get("license")),
    )  # fmt: skip


def _identity(place: str, entry: dict[str, Any]) -> tuple[str, str]:
    return optional_text(entry, "name") or place.rpartition(_INSIDE)[2], text_at(entry, "version")


class _Places:
    """The folders that packages are in.

    Attributes:
        packages: Entries by their folders.
    """

    def __init__(self, packages: dict[str, Any]) -> None:
        self.packages = packages
        self._identities: dict[str, tuple[str, str]] = {}
        for place, entry in packages.items():
            # Who takes it tells what is wrong with it.
            with suppress(UnusableEntry):
                if _INSIDE in place and not table_of(entry).get("link"):
                    self._identities[place] = _identity(place, entry)

    def needs(self, place: str, fields: tuple[str, ...]) -> Iterator[Need]:
        """Yield what an entry needs, as Node.js finds it; what is not there nobody has installed, and members are no packages."""
        for alias, _ in ranges_at(table_of(self.packages[place]), fields):
            found = self._found(place, alias)
            if found in self._identities:
                yield self._identities[found]

    def lacking(self, place: str) -> Iterator[str]:
        """Yield what an entry needs and what is not there, though npm would have put it there.

        What is optional it may have left out, with what only that needs; what a package brings itself, or a link leads to outside, is
        not its own to say.
        """
        entry = table_of(self.packages[place])
        brought = entry.get("bundleDependencies") or entry.get("bundledDependencies") or []
        if brought is True or place.startswith("..") or any(entry.get(one) for one in _APART):
            return
        left_out = {*table_at(entry, "optionalDependencies"), *(brought if isinstance(brought, list) else ())}
        for alias, _ in ranges_at(entry, _CERTAIN if _INSIDE in place else (*_CERTAIN, "devDependencies")):
            if alias not in left_out and not self._found(place, alias):
                yield alias

    def _found(self, place: str, alias: str) -> str:
        """Return the folder of a dependency: within that of who needs it, or beside one that this is in; empty where there is none."""
        folders = place.split("/") if place else []
        if len(folders) > _DEEPEST:
            raise UnusableEntry("it is nested too deeply")
        candidates = ("/".join([*folders[:depth], f"{_INSIDE}{alias}"]) for depth in range(len(folders), -1, -1))
        return next((one for one in candidates if one in self.packages), "")


def _read_tree(findings: Findings, dependencies: dict[str, Any]) -> None:
    """Read what version 1 has: entries within entries."""
    left = [("", [dependencies])]
    while left:
        place, scopes = left.pop()
        for name, entry in scopes[0].items():
            with findings.entry(f"{place}{name}"):
                seen = [table_at(table_of(entry), "dependencies"), *scopes]
                left.append((f"{name}/", seen))
                _take_old(findings, name, entry, seen)


def _take_old(findings: Findings, name: str, entry: dict[str, Any], scopes: list[dict[str, Any]]) -> None:
    version = text_at(entry, "version")
    source = source_of(version)
    written = optional_text(entry, "integrity")
    if source == "path" and not written:
        return  # a folder that is linked
    findings.add(
        *_identity_old(name, entry), hashes=lambda: integrity(written), source=source, development=entry.get("dev") is True,
        optional=entry.get("optional") is True, needs=_needs_old(entry, scopes),
    )  # fmt: skip


def _needs_old(entry: dict[str, Any], scopes: list[dict[str, Any]]) -> Iterator[Need]:
    for alias, _ in ranges_at(entry, ["requires"]):
        found = next((scope[alias] for scope in scopes if alias in scope), None)
        if isinstance(found, dict) and isinstance(found.get("version"), str):
            yield _identity_old(alias, found)


def _identity_old(name: str, entry: dict[str, Any]) -> tuple[str, str]:
    version = text_at(entry, "version")
    if version.startswith("npm:"):
        return real_name(name, version), split_name(version.removeprefix("npm:"))[1]
    return name, version
