"""package-lock.json and npm-shrinkwrap.json: https://docs.npmjs.com/cli/configuring-npm/package-lock-json."""

from typing import Any

from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.entries import Findings, optional_text, table_at, table_of, text_at
from outrider.operators.packages.locks.hashes import integrity
from outrider.operators.packages.locks.licence_texts import licence_text
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.locks.npm_names import names_at, real_name, source_of, split_name

FORM = "package-lock.json"
_INSIDE = "node_modules/"
_NEEDS = ("dependencies", "optionalDependencies", "peerDependencies")
_WANTED = (*_NEEDS, "devDependencies")


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
    for place, entry in packages.items():
        with findings.entry(place):
            # What is not in node_modules is the project, a member of it, or a folder that is linked.
            if _INSIDE in place and not table_of(entry).get("link"):
                _take(findings, place.rpartition(_INSIDE)[2], entry, addresses)


def _take(findings: Findings, name: str, entry: dict[str, Any], addresses: set[str]) -> None:
    resolved = optional_text(entry, "resolved")
    source = source_of(resolved)
    if source == "url" and resolved not in addresses:
        source = ""  # a registry
    optional = {one for one, meta in table_at(entry, "peerDependenciesMeta").items() if table_of(meta).get("optional")}
    findings.add(
        optional_text(entry, "name") or name, text_at(entry, "version"), source=source,
        hashes=lambda: integrity(optional_text(entry, "integrity")), development=entry.get("dev") is True,
        needs=set(names_at(entry, _NEEDS)) - optional, licence=licence_text(entry.get("license")),
    )  # fmt: skip


def _read_tree(findings: Findings, dependencies: dict[str, Any]) -> None:
    """Read what version 1 has: entries within entries."""
    left = [("", dependencies)]
    while left:
        place, inside = left.pop()
        for name, entry in inside.items():
            with findings.entry(f"{place}{name}"):
                left.append((f"{name}/", table_at(table_of(entry), "dependencies")))
                _take_old(findings, name, entry)


def _take_old(findings: Findings, name: str, entry: dict[str, Any]) -> None:
    version = text_at(entry, "version")
    source = source_of(version)
    written = optional_text(entry, "integrity")
    if source == "path" and not written:
        return  # a folder that is linked
    if version.startswith("npm:"):
        name, version = real_name(name, version), split_name(version.removeprefix("npm:"))[1]
    findings.add(
        name, version, hashes=lambda: integrity(written), source=source, development=entry.get("dev") is True,
        needs=names_at(entry, ["requires"]),
    )  # fmt: skip
