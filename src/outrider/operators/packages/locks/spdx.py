"""SPDX 2.3 in JSON: https://spdx.github.io/spdx-spec/v2.3/."""

from typing import Any

from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.entries import (
    Findings,
    UnusableEntry,
    list_at,
    optional_text,
    reached,
    table_of,
    text_at,
)
from outrider.operators.packages.locks.hashes import collected
from outrider.operators.packages.locks.licence_texts import extracted_texts, spdx_licence
from outrider.operators.packages.locks.lock import Lock, unreadable
from outrider.operators.packages.locks.package_urls import Others, package_url

FORM = "SPDX"
_DOCUMENT = "SPDXRef-DOCUMENT"
# Which way a relationship points; what DEV_DEPENDENCY_OF has at its left is for development.
_NEEDS = ("DEPENDS_ON",)
_IS_NEEDED = ("DEPENDENCY_OF", "RUNTIME_DEPENDENCY_OF", "OPTIONAL_DEPENDENCY_OF", "PROVIDED_DEPENDENCY_OF")
_FOR_DEVELOPMENT = ("DEV_DEPENDENCY_OF", "TEST_DEPENDENCY_OF", "BUILD_DEPENDENCY_OF")


def read(text: str) -> Lock:
    """Return the packages that have a package URL; the one that the file is about is none of them.

    Raises:
        InvalidConfigError: It is none of this format.
    """
    document = read_json(FORM, text)
    if not str(document.get("spdxVersion", "")).startswith("SPDX-2"):
        raise unreadable(FORM, f"spdxVersion is {document.get('spdxVersion')!r}", "spdxVersion is SPDX-2.3")
    findings, others = Findings(FORM), Others()
    rows = findings.rows(document, "packages")
    relations = _Relations(findings, document, rows)
    for number, entry in enumerate(rows, 1):
        with findings.entry(f"packages[{number}]"):
            identifier = optional_text(table_of(entry), "SPDXID")
            if not identifier or identifier != relations.described:
                with findings.entry(optional_text(entry, "name") or number):
                    _take(findings, others, entry, relations)
    findings.ask(relations.needs_of(relations.described))
    others.tell(findings)
    return findings.lock()


def _take(findings: Findings, others: Others, entry: dict[str, Any], relations: "_Relations") -> None:
    url = package_url(_purl(entry))
    if others.has(url):
        return
    identifier = optional_text(entry, "SPDXID")
    checksums = [table_of(one) for one in list_at(entry, "checksums")]
    findings.add(
        url.name, url.version or text_at(entry, "versionInfo"), ecosystem=url.ecosystem, source=url.source,
        hashes=collected((text_at(one, "algorithm").replace("-", ""), text_at(one, "checksumValue")) for one in checksums),
        needs=relations.needs_of(identifier),
        development=identifier in relations.development, licence=spdx_licence(entry, relations.extracted),
        packed=url.packed,
    )  # fmt: skip


def _purl(entry: dict[str, Any]) -> str:
    for one in list_at(entry, "externalRefs"):
        if optional_text(table_of(one), "referenceType") == "purl":
            return text_at(one, "referenceLocator")
    raise UnusableEntry("it has no package URL")


class _Relations:
    """Who needs whom.

    Attributes:
        described: The package that the file is about; empty where it is about several.
        development: Those that only its development needs.
        extracted: Texts of licences that only this file has, by reference.
    """

    def __init__(self, findings: Findings, document: dict[str, Any], rows: list[Any]) -> None:
        self._needs: dict[str, list[str]] = {}
        self._starts: set[str] = set()
        self._found: dict[str, tuple[str, str]] = {}
        self.extracted = extracted_texts(findings.rows(document, "hasExtractedLicensingInfos"))
        described = {one for one in findings.rows(document, "documentDescribes") if isinstance(one, str)}
        for entry in findings.rows(document, "relationships"):
            with findings.entry("relationships"):
                table = table_of(entry)
                left, right = optional_text(table, "spdxElementId"), optional_text(table, "relatedSpdxElement")
                kind = optional_text(table, "relationshipType")
                if kind == "DESCRIBES" and left == _DOCUMENT:
                    described.add(right)
                self._relate(kind, left, right)
        self.described = next(iter(described)) if len(described) == 1 else ""
        main = reached([self.described], self._needs)
        self.development = reached(self._starts, self._needs) - main if self.described else set()
        for entry in rows:
            if isinstance(entry, dict) and isinstance(entry.get("SPDXID"), str):
                self._found[entry["SPDXID"]] = _identity(entry)

    def _relate(self, kind: str, left: str, right: str) -> None:
        if kind in _NEEDS:
            self._needs.setdefault(left, []).append(right)
        elif kind in _IS_NEEDED:
            self._needs.setdefault(right, []).append(left)
        elif kind in _FOR_DEVELOPMENT:
            self._starts.add(left)

    def needs_of(self, identifier: str) -> list[tuple[str, str]]:
        """Return the names and versions of what a package needs."""
        return [self._found[one] for one in self._needs.get(identifier, ()) if one in self._found]


def _identity(entry: dict[str, Any]) -> tuple[str, str]:
    try:
        url = package_url(_purl(entry))
    except UnusableEntry:
        return "", ""
    return url.name, url.version or str(entry.get("versionInfo") or "")
