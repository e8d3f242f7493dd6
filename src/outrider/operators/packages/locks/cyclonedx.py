"""CycloneDX in JSON: https://cyclonedx.org/docs/1.6/json/."""

from collections.abc import Iterator
from typing import Any

from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.entries import (
    Findings,
    UnusableEntry,
    list_at,
    optional_text,
    table_of,
    text_at,
    texts_at,
)
from outrider.operators.packages.locks.hashes import Hashes, collected
from outrider.operators.packages.locks.licence_texts import cyclonedx_licence
from outrider.operators.packages.locks.lock import Lock, unreadable
from outrider.operators.packages.locks.package_urls import Others, PackageUrl, package_url

FORM = "CycloneDX"
# How npm and the tools of CycloneDX mark what only development needs.
_DEVELOPMENT = ("cdx:npm:package:development", "cdx:pip:package:development", "cdx:composer:package:isDevRequirement")


def read(text: str) -> Lock:
    """Return the components that have a package URL; the one that the file is about is none of them.

    Raises:
        InvalidConfigError: It is none of this format.
    """
    document = read_json(FORM, text)
    if document.get("bomFormat") != "CycloneDX":
        raise unreadable(FORM, f"bomFormat is {document.get('bomFormat')!r}", "bomFormat is CycloneDX")
    findings, others = Findings(FORM), Others()
    components = list(_components(findings, findings.rows(document, "components")))
    found = {
        optional_text(entry, "bom-ref"): (url.name, url.version or str(entry.get("version") or "")) for entry, url in components
    }  # fmt: skip
    needs = _needs(findings, document, found)
    root = findings.section(findings.section(document, "metadata"), "component").get("bom-ref")
    findings.ask(needs.get(root, ()) if isinstance(root, str) else ())
    for entry, url in components:
        with findings.entry(url.name):
            if others.has(url):
                continue
            findings.add(
                url.name, url.version or text_at(entry, "version"), ecosystem=url.ecosystem, source=url.source,
                hashes=_hashes(entry), needs=needs.get(optional_text(entry, "bom-ref"), ()),
                development=any(_is_development(one) for one in list_at(entry, "properties")), licence=cyclonedx_licence(entry),
                packed=url.packed,
            )  # fmt: skip
    others.tell(findings)
    return findings.lock()


def _components(findings: Findings, rows: list[Any]) -> Iterator[tuple[dict[str, Any], PackageUrl]]:
    """Yield all components, also those within others, with their package URLs."""
    left = list(rows)
    for entry in left:
        with findings.entry("a component"):
            table = table_of(entry)
            left.extend(list_at(table, "components"))
            if optional_text(table, "type") == "file":
                continue
            optional_text(table, "bom-ref")
            name = text_at(table, "name")
            with findings.entry(name):
                if not optional_text(table, "purl"):
                    raise UnusableEntry("it has no package URL")
                yield table, package_url(text_at(table, "purl"))


def _needs(
    findings: Findings, document: dict[str, Any], found: dict[str, tuple[str, str]]
) -> dict[str, list[tuple[str, str]]]:
    needs: dict[str, list[tuple[str, str]]] = {}
    for entry in findings.rows(document, "dependencies"):
        with findings.entry("dependencies"):
            table = table_of(entry)
            needs[text_at(table, "ref")] = [found[one] for one in texts_at(table, "dependsOn") if one in found]
    return needs


def _hashes(entry: dict[str, Any]) -> Hashes:
    """Return the hashes of a component; uv has those of each file where it says where the file is."""
    references = [table_of(one) for one in list_at(entry, "externalReferences")]
    holders = [entry, *(one for one in references if optional_text(one, "type") == "distribution")]
    tables = [table_of(one) for holder in holders for one in list_at(holder, "hashes")]
    return collected((text_at(one, "alg").replace("-", ""), text_at(one, "content")) for one in tables)


def _is_development(entry: Any) -> bool:
    table = table_of(entry)
    return optional_text(table, "name") in _DEVELOPMENT and optional_text(table, "value").lower() in ("true", "1")
