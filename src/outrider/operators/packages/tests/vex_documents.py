"""Statements of vulnerabilities, made up, in OpenVEX and CycloneDX."""

from typing import Any


def statement(name: str, product: Any, status: str = "not_affected", **more: Any) -> dict[str, Any]:
    """Return a statement of OpenVEX; one that something is not affected says why."""
    why = {"justification": "vulnerable_code_not_present"} if status == "not_affected" else {}
    return {"vulnerability": {"name": name}, "products": [product], "status": status, **why, **more}


def openvex_document(*statements: dict[str, Any], timestamp: str = "2026-10-01T00:00:00Z") -> dict[str, Any]:
    """Return a document of OpenVEX."""
    return {
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://openvex.dev/docs/example/vex-1", "author": "ana", "timestamp": timestamp,
        "version": 1, "statements": list(statements),
    }  # fmt: skip


def analysis(identity: str, reference: str, state: str, **more: Any) -> dict[str, Any]:
    """Return a vulnerability of CycloneDX with an analysis; `more` are fields of that."""
    return {"id": identity, "affects": [{"ref": reference}], "analysis": {"state": state, **more}}


def cyclonedx_document(*vulnerabilities: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a document of CycloneDX."""
    return {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": {"timestamp": "2026-10-01T00:00:00Z"},
        "components": [{"type": "library", "bom-ref": "web", "name": "web", "version": "1.0", "purl": "pkg:pypi/web@1.0"}],
        "vulnerabilities": list(vulnerabilities), **more,
    }  # fmt: skip
