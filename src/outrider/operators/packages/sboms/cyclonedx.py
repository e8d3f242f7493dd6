"""CycloneDX 1.7 in JSON: https://cyclonedx.org/docs/1.7/json/."""

from typing import Any

from outrider.operators.packages.sboms.bill import Bill, Part
from outrider.operators.packages.sboms.licences import cyclonedx_licences
from outrider.version import __version__

_ALGORITHMS = {
    "md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512", "blake2b": "BLAKE2b-512"
}  # fmt: skip
_ROOT = "root"


def cyclonedx(bill: Bill) -> dict[str, Any]:
    """Return a bill as CycloneDX has it."""
    root = {"type": "application", "bom-ref": _ROOT, "name": bill.name}
    if bill.version:
        root["version"] = bill.version
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": f"urn:uuid:{bill.identity}",
        "version": 1,
        "metadata": {
            "timestamp": bill.created,
            "tools": {"components": [{"type": "application", "name": "outrider", "version": __version__}]},
            "component": root,
        },
        "components": [_component(part) for part in bill.parts],
        "dependencies": [
            {"ref": _ROOT, "dependsOn": list(bill.top)},
            # One that is not listed may need something: nothing is known of it.
            *({"ref": part.url, "dependsOn": list(part.needs)} for part in bill.parts if part.aggregate != "unknown"),
        ],
    }
    if compositions := _compositions(bill):
        document["compositions"] = compositions
    return document


def _compositions(bill: Bill) -> list[dict[str, Any]]:
    found: dict[str, list[str]] = {"incomplete": [] if bill.is_whole else [_ROOT], "unknown": []}
    for part in bill.parts:
        found.setdefault(part.aggregate, []).append(part.url)
    return [{"aggregate": one, "dependencies": found[one]} for one in ("incomplete", "unknown") if found[one]]


def _component(part: Part) -> dict[str, Any]:
    package = part.package
    group, _, name = package.name.rpartition(":" if package.ecosystem == "maven" else "/")
    component: dict[str, Any] = {"type": "library", "bom-ref": part.url}
    if group:
        component["group"] = group
    component |= {"name": name, "version": package.version}
    # What only development needs is documented, and is no part of what runs.
    component["scope"] = "excluded" if package.development else "optional" if package.optional else "required"
    # Where a version has several files, no hash is that of the component.
    hashes = [
        {"alg": _ALGORITHMS[algorithm], "content": digits[0]}
        for algorithm, digits in sorted(package.hashes.items())
        if algorithm in _ALGORITHMS and len(digits) == 1
    ]
    if hashes:
        component["hashes"] = hashes
    return {**component, **cyclonedx_licences(package), "purl": part.url}
