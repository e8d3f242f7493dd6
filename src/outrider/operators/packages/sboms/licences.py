"""The licences of a bill, in the words of CycloneDX and SPDX; what the author has written is kept where it was guessed."""

from typing import Any

from outrider.operators.packages.licences.expressions import Named, licences_in, read_expression
from outrider.operators.packages.licences.normalising import Licence, normalised
from outrider.operators.packages.locks.licence_texts import NUMBERED
from outrider.operators.packages.locks.lock import LockedPackage

RAW = "outrider:licence"
_REFERENCE, _ELSEWHERE = "LicenseRef-", "DocumentRef-"
_UNKNOWN = "NOASSERTION"
_LONGEST_NAME = 500


def cyclonedx_licences(package: LockedPackage) -> dict[str, Any]:
    """Return the fields of a component that speak of its licence; none where nothing is told."""
    licence = normalised(package.ecosystem, package.licence)
    if not licence.raw:
        return {}
    if not licence.expression:
        return {"licenses": [{"license": {"name": _named(licence), "acknowledgement": "declared"}}]}
    fields: dict[str, Any] = {"licenses": [_choice(licence)]}
    if licence.guessed:
        fields["properties"] = [{"name": RAW, "value": _named(licence)}]
    return fields


def _choice(licence: Licence) -> dict[str, Any]:
    said = {"acknowledgement": "concluded" if licence.guessed else "declared"}
    expression = read_expression(licence.expression)
    # The schema lists identifiers; what is made of them, with a plus sign too, is an expression.
    is_single = isinstance(expression, Named) and not expression.exception and not licence.expression.endswith("+")
    if is_single and not licence.expression.startswith((_REFERENCE, _ELSEWHERE)):
        return {"license": {"id": licence.expression, **said}}
    return {"expression": licence.expression, **said}


def _named(licence: Licence) -> str:
    return " ".join(licence.raw.split())[:_LONGEST_NAME]


class SpdxLicences:
    """The licences of an SPDX document: those that SPDX does not list get references, with what is known of them."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._numbers: dict[str, str] = {}

    def fields(self, package: LockedPackage) -> dict[str, str]:
        """Return the fields of a package that speak of its licence."""
        licence = normalised(package.ecosystem, package.licence)
        if licence.guessed:
            return {
                "licenseConcluded": self._declared(licence), "licenseDeclared": self._numbered(licence),
                "licenseComments": f"guessed from: {_named(licence)}",
            }  # fmt: skip
        return {"licenseConcluded": _UNKNOWN, "licenseDeclared": self._declared(licence)}

    def extracted(self) -> list[dict[str, str]]:
        """Return what the references stand for."""
        return [{"licenseId": reference, "extractedText": text} for reference, text in sorted(self._texts.items())]

    def _declared(self, licence: Licence) -> str:
        if not licence.raw:
            return _UNKNOWN
        names = [one.name for one in licences_in(read_expression(licence.expression))] if licence.expression else []
        # A reference to another document would need that document, and one that is but a number would need its own.
        if not names or any(name.startswith(_ELSEWHERE) or NUMBERED.fullmatch(name) for name in names):
            return self._numbered(licence)
        for name in names:
            if name.startswith(_REFERENCE):
                self._texts.setdefault(name, licence.raw)
        return licence.expression

    def _numbered(self, licence: Licence) -> str:
        if licence.raw not in self._numbers:
            reference = f"{_REFERENCE}{len(self._numbers) + 1}"
            self._numbers[licence.raw] = reference
            self._texts[reference] = licence.raw
        return self._numbers[licence.raw]
