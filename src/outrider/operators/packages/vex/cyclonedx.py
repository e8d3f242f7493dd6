"""Analyses of vulnerabilities in CycloneDX, read and written: https://cyclonedx.org/docs/1.7/json/#vulnerabilities_items_analysis."""

import re
import uuid
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote

import msgspec

from outrider.core.timestamps import timestamp_of_second
from outrider.operators.packages.locks.entries import (
    Findings,
    UnusableEntry,
    list_at,
    optional_text,
    table_at,
    table_of,
    text_at,
)
from outrider.operators.packages.sboms.bill import Bill
from outrider.operators.packages.sboms.cyclonedx import cyclonedx
from outrider.operators.packages.vex.products import Product, named
from outrider.operators.packages.vex.stated import Stated, cyclonedx_label
from outrider.operators.packages.vex.statements import Statement, Status, compared
from outrider.operators.packages.vex.times import time_of

FORM = "CycloneDX"
_STATES: dict[str, Status] = {
    "not_affected": "not_affected",
    "false_positive": "not_affected",
    "resolved": "fixed",
    "resolved_with_pedigree": "fixed",
    "exploitable": "affected",
    "in_triage": "under_investigation",
}
_WRITTEN: dict[Status, str] = {
    "not_affected": "not_affected",
    "fixed": "resolved",
    "affected": "exploitable",
    "under_investigation": "in_triage",
}
_BEGINNING = re.compile(r"[-:]")
# https://cyclonedx.org/capabilities/bomlink/: a component of another document.
_LINK = "urn:cdx:"


def read(document: dict[str, Any], file: str, findings: Findings) -> Iterator[Statement]:
    """Yield the analyses of a document; what is wrong with one leaves out that one, and is noted.

    Args:
        document: As it was read.
        file: Its name.
        findings: Takes the notes.

    Raises:
        InvalidConfigError: The vulnerabilities or the components are no lists.
    """
    metadata = findings.section(document, "metadata")
    urls = dict(_urls(findings, [*findings.rows(document, "components"), metadata.get("component") or {}]))
    issued = time_of(metadata.get("timestamp"))
    for number, entry in enumerate(findings.rows(document, "vulnerabilities"), 1):
        with findings.entry(f"vulnerability {number}"):
            table = table_of(entry)
            analysis = table_at(table, "analysis")
            # Many documents only list what was found.
            if optional_text(analysis, "state"):
                yield _statement(table, analysis, urls, file, issued)


def _urls(findings: Findings, rows: list[Any]) -> Iterator[tuple[str, str]]:
    """Yield the package URLs of all components, also of those within others, by their references."""
    left = list(rows)
    for entry in left:
        with findings.entry("a component"):
            table = table_of(entry)
            left.extend(list_at(table, "components"))
            if optional_text(table, "bom-ref"):
                yield text_at(table, "bom-ref"), optional_text(table, "purl")


def _statement(
    entry: dict[str, Any], analysis: dict[str, Any], urls: dict[str, str], file: str, issued: float
) -> Statement:
    state = text_at(analysis, "state")
    if state not in _STATES:
        raise UnusableEntry(f"{state[:50]} is no state")
    name = text_at(entry, "id")
    others = [text_at(table_of(one), "id") for one in list_at(entry, "references")]
    return Statement(
        file=file, vulnerability=name, ids=frozenset(compared(one) for one in (name, *others)), status=_STATES[state], said=state,
        products=tuple(_product(table_of(one), urls, _STATES[state]) for one in list_at(entry, "affects")),
        justification=optional_text(analysis, "justification"), notes=optional_text(analysis, "detail"),
        action=optional_text(entry, "recommendation"),
        time=time_of(analysis.get("lastUpdated")) or time_of(analysis.get("firstIssued")) or issued,
    )  # fmt: skip


def _product(entry: dict[str, Any], urls: dict[str, str], status: Status) -> Product:
    reference = text_at(entry, "ref")
    url = urls.get(reference) or (unquote(reference.partition("#")[2]) if reference.startswith(_LINK) else reference)
    rows = [table_of(one) for one in list_at(entry, "versions")]
    return Product(
        names=(named(url),) if url.startswith("pkg:") else (),
        versions=tuple(optional_text(one, "version") for one in rows if _counts(one, status)) if rows else None,
    )


def _counts(row: dict[str, Any], status: Status) -> bool:
    """Return whether a version is one that an analysis is about; ranges are not read, so nothing follows from them."""
    told = optional_text(row, "status") or "affected"
    # What was resolved is so in those that are unaffected, and not in those that were affected.
    return bool(optional_text(row, "version")) and (told == "unaffected" if status == "fixed" else told != "unknown")


def cyclonedx_vex(bill: Bill, stated: Iterable[Stated], product: str) -> dict[str, Any]:
    """Return a bill with its vulnerabilities; the same content has the same bytes.

    Args:
        bill: All packages.
        stated: What is said of those that are vulnerable.
        product: The package URL of what the bill is about; may be empty.
    """
    document = {**cyclonedx(bill), "serialNumber": "", "vulnerabilities": [_written(one) for one in stated]}
    if product:
        document["metadata"]["component"]["purl"] = product
    identity = uuid.uuid5(uuid.NAMESPACE_URL, msgspec.json.encode(document).decode())
    return {**document, "serialNumber": f"urn:uuid:{identity}"}


def _written(one: Stated) -> dict[str, Any]:
    vulnerability = one.vulnerability
    entry: dict[str, Any] = {"id": vulnerability.id, "source": _source(vulnerability.id)}
    if vulnerability.aliases:
        entry["references"] = [{"id": alias, "source": _source(alias)} for alias in vulnerability.aliases]
    entry["ratings"] = _ratings(one)
    if vulnerability.summary:
        entry["description"] = vulnerability.summary
    if one.status == "affected":
        entry["recommendation"] = one.action
    entry |= {"analysis": _analysis(one), "affects": [{"ref": one.url}]}
    if vulnerability.exploited:
        entry["properties"] = [{"name": "outrider:exploited", "value": vulnerability.exploited}]
    return entry


def _source(identity: str) -> dict[str, str]:
    # Where an id is from is what it begins with: CVE, GHSA, PYSEC, RUSTSEC.
    return {"name": _BEGINNING.split(identity, maxsplit=1)[0]}


def _ratings(one: Stated) -> list[dict[str, Any]]:
    vulnerability = one.vulnerability
    severity: dict[str, Any] = {"severity": vulnerability.severity}
    if vulnerability.rated_by:
        severity["source"] = _source(vulnerability.rated_by)
    if vulnerability.score is not None:
        severity["score"] = vulnerability.score
    if vulnerability.epss is None:
        return [severity]
    return [severity, {"source": {"name": "EPSS"}, "score": vulnerability.epss, "method": "other"}]


def _analysis(one: Stated) -> dict[str, Any]:
    statement = one.statement
    # A state that has no other name in OpenVEX stays what it was.
    said = statement.said if statement is not None and statement.said in _STATES else ""
    analysis: dict[str, Any] = {"state": said or _WRITTEN[one.status]}
    label = cyclonedx_label(statement.justification) if statement is not None else ""
    if label:
        analysis["justification"] = label
    if one.status == "affected" and one.vulnerability.fixed:
        analysis["response"] = ["update"]
    if reason := one.reason(label):
        analysis["detail"] = reason
    if statement is not None and statement.time:
        analysis["lastUpdated"] = timestamp_of_second(statement.time)
    return analysis
