"""SPDX 2.3 in JSON: https://spdx.github.io/spdx-spec/v2.3/."""

from typing import Any

from outrider.operators.packages.sboms.bill import Bill, Part
from outrider.operators.packages.sboms.licences import SpdxLicences
from outrider.version import __version__

_ALGORITHMS = {
    "md5": "MD5", "sha1": "SHA1", "sha256": "SHA256", "sha384": "SHA384", "sha512": "SHA512", "blake2b": "BLAKE2b-512"
}  # fmt: skip
_DOCUMENT, _ROOT = "SPDXRef-DOCUMENT", "SPDXRef-Root"
_UNKNOWN = "NOASSERTION"


def spdx(bill: Bill) -> dict[str, Any]:
    """Return a bill as SPDX has it."""
    ids = {part.url: f"SPDXRef-Package-{number}" for number, part in enumerate(bill.parts, 1)}
    top = set(bill.top)
    relationships = [_relationship(_DOCUMENT, "DESCRIBES", _ROOT)]
    for part in bill.parts:
        if part.package.development:
            relationships.append(_relationship(ids[part.url], "DEV_DEPENDENCY_OF", _ROOT))
        elif part.url in top:
            relationships.append(_relationship(_ROOT, "DEPENDS_ON", ids[part.url]))
        relationships += [_relationship(ids[part.url], "DEPENDS_ON", ids[url]) for url in part.needs]
    licences = SpdxLicences()
    packages = [_package(part, ids[part.url], licences) for part in bill.parts]
    extracted = licences.extracted()
    root = {"SPDXID": _ROOT, "name": bill.name, **({"versionInfo": bill.version} if bill.version else {})}
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": _DOCUMENT,
        "name": bill.name,
        "documentNamespace": f"urn:uuid:{bill.identity}",
        "creationInfo": {"created": bill.created, "creators": [f"Tool: outrider-{__version__}"]},
        "packages": [
            {**root, "downloadLocation": _UNKNOWN, "filesAnalyzed": False},
            *packages,
        ],
        **({"hasExtractedLicensingInfos": extracted} if extracted else {}),
        "relationships": relationships,
    }


def _package(part: Part, identifier: str, licences: SpdxLicences) -> dict[str, Any]:
    package = part.package
    # Where a version has several files, no hash is that of the package.
    checksums = [
        {"algorithm": _ALGORITHMS[algorithm], "checksumValue": digits[0]}
        for algorithm, digits in sorted(package.hashes.items())
        if algorithm in _ALGORITHMS and len(digits) == 1
    ]
    reference = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": part.url}
    return {
        "SPDXID": identifier, "name": package.name, "versionInfo": package.version, "downloadLocation": _UNKNOWN, "filesAnalyzed": False,
        **({"checksums": checksums} if checksums else {}), **licences.fields(package), "externalRefs": [reference],
    }  # fmt: skip


def _relationship(one: str, kind: str, two: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": two}
