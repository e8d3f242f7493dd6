"""OpenVEX, read and written: https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md, version 0.2.0.

Documents of version 0.0.1, in which products and vulnerabilities are plain texts, are read too.
"""

import uuid
from collections.abc import Iterable, Iterator
from typing import Any, cast, get_args

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
    texts_at,
)
from outrider.operators.packages.vex.products import Named, Product, named
from outrider.operators.packages.vex.stated import Stated, openvex_label
from outrider.operators.packages.vex.statements import Statement, Status, compared
from outrider.operators.packages.vex.times import time_of
from outrider.version import __version__

CONTEXT = "https://openvex.dev/ns"
_WRITTEN = f"{CONTEXT}/v0.2.0"


def read(document: dict[str, Any], file: str, findings: Findings) -> Iterator[Statement]:
    """Yield the statements of a document; what is wrong with one leaves out that one, and is noted.

    Args:
        document: As it was read.
        file: Its name.
        findings: Takes the notes.

    Raises:
        InvalidConfigError: The statements are no list.
    """
    issued = time_of(document.get("timestamp"))
    for number, entry in enumerate(findings.rows(document, "statements"), 1):
        with findings.entry(f"statement {number}"):
            yield _statement(table_of(entry), file, issued)


def _statement(entry: dict[str, Any], file: str, issued: float) -> Statement:
    name, aliases = _vulnerability(entry.get("vulnerability"))
    status = text_at(entry, "status")
    if status not in get_args(Status):
        raise UnusableEntry(f"{status[:50]} is no status")
    justification, impact = optional_text(entry, "justification"), optional_text(entry, "impact_statement")
    if status == "not_affected" and not justification and not impact:
        raise UnusableEntry("it does not say why not_affected")
    # In version 0.0.1 parts stand beside the products.
    parts = list_at(entry, "subcomponents")
    return Statement(
        file=file, vulnerability=name, ids=frozenset(compared(one) for one in (name, *aliases)), status=cast("Status", status), said=status,
        products=tuple(_product(one, parts) for one in list_at(entry, "products")), justification=justification,
        notes=impact or optional_text(entry, "status_notes"), action=optional_text(entry, "action_statement"),
        time=time_of(entry.get("timestamp")) or issued,
    )  # fmt: skip


def _vulnerability(value: Any) -> tuple[str, list[str]]:
    if isinstance(value, str) and value:
        return value, []
    entry = table_of(value)
    return text_at(entry, "name"), texts_at(entry, "aliases")


def _product(value: Any, parts: list[Any]) -> Product:
    if isinstance(value, dict):
        parts = [*parts, *list_at(value, "subcomponents")]
    # What is about parts that have no package URLs is about these all the same, and not about the whole.
    return Product(names=_names(value), parts=tuple(name for one in parts for name in _names(one)) if parts else None)


def _names(value: Any) -> tuple[Named, ...]:
    """Return the package URLs of a component; none where it is named in other ways."""
    entry = {"@id": value} if isinstance(value, str) else table_of(value)
    texts = (optional_text(entry, "@id"), optional_text(table_at(entry, "identifiers"), "purl"))
    return tuple(named(text) for text in dict.fromkeys(texts) if text.startswith("pkg:"))


def openvex(stated: Iterable[Stated], *, author: str, product: str, created: str) -> dict[str, Any]:
    """Return a document; the same content has the same bytes.

    Args:
        stated: What it says.
        author: Who says it.
        product: The package URL of what has the packages; if there is none, the packages themselves are the products.
        created: When, as RFC 3339 has it.
    """
    document = {
        "@context": _WRITTEN,
        "@id": "",
        "author": author,
        "timestamp": created,
        "version": 1,
        "tooling": f"outrider {__version__}",
        "statements": [_written(one, product) for one in stated],
    }
    identity = uuid.uuid5(uuid.NAMESPACE_URL, msgspec.json.encode(document).decode())
    return {**document, "@id": f"urn:uuid:{identity}"}


def _written(one: Stated, product: str) -> dict[str, Any]:
    vulnerability: dict[str, Any] = {"name": one.vulnerability.id}
    if one.vulnerability.aliases:
        vulnerability["aliases"] = one.vulnerability.aliases
    part = {"@id": one.url}
    entry = {
        "vulnerability": vulnerability,
        "products": [{"@id": product, "subcomponents": [part]} if product else part],
        "status": one.status,
    }
    if one.statement is not None and one.statement.time:
        entry["timestamp"] = timestamp_of_second(one.statement.time)
    return entry | _reasons(one)


def _reasons(one: Stated) -> dict[str, str]:
    """Return what each status asks for: of a justification and a sentence the schema wants one, and not both."""
    label = openvex_label(one.statement.justification) if one.statement is not None else ""
    reason = one.reason(label)
    if one.status == "not_affected" and not label:
        return {"impact_statement": reason or "not_affected"}
    fields = {"justification": label} if one.status == "not_affected" else {}
    if one.status == "affected":
        fields["action_statement"] = one.action
    return {**fields, "status_notes": reason} if reason else fields
