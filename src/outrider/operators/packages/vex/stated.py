"""What a document says of a finding: what others state of it, or else that the package is affected, and what to do."""

import msgspec

from outrider.operators.packages.advisories.matching import Vulnerability
from outrider.operators.packages.locks.lock import LockedPackage
from outrider.operators.packages.locks.package_urls import url_of
from outrider.operators.packages.vex.statements import Statement, Status

# Why something is not affected: OpenVEX and CycloneDX, each with its own labels. Those that mean the same stand beside each other,
# and those of CycloneDX that mean no more than one of OpenVEX.
_SAME = {
    "vulnerable_code_not_present": "code_not_present",
    "vulnerable_code_not_in_execute_path": "code_not_reachable",
    "inline_mitigations_already_exist": "protected_by_mitigating_control",
}
_NARROWER = {
    "protected_by_compiler": "inline_mitigations_already_exist",
    "protected_at_runtime": "inline_mitigations_already_exist",
}
OPENVEX_LABELS = frozenset({*_SAME, "component_not_present", "vulnerable_code_cannot_be_controlled_by_adversary"})
CYCLONEDX_LABELS = frozenset(
    {*_SAME.values(), *_NARROWER, "protected_at_perimeter", "requires_configuration", "requires_dependency", "requires_environment"}
)  # fmt: skip
_MOST_FIXES = 5


class Stated(msgspec.Struct, frozen=True):
    """A finding with what is stated of it.

    Attributes:
        package: That has it.
        vulnerability: It.
        statement: Of others; None where nobody has made one.
    """

    package: LockedPackage
    vulnerability: Vulnerability
    statement: Statement | None

    @property
    def url(self) -> str:
        """The package URL."""
        return url_of(self.package)

    @property
    def status(self) -> Status:
        """What is said of it, in the words of OpenVEX."""
        return "affected" if self.statement is None else self.statement.status

    @property
    def action(self) -> str:
        """What to do where it is affected."""
        if self.statement is not None and self.statement.action:
            return self.statement.action
        fixed = self.vulnerability.fixed[:_MOST_FIXES]
        if not fixed:
            return "no version without it is known"
        return f"update {self.package.name} to {fixed[0]}" + (
            f", or to one of {', '.join(fixed[1:])}" if fixed[1:] else ""
        )

    def reason(self, label: str) -> str:
        """Return in a sentence what is said of it, but for what a label says already."""
        if self.statement is None:
            return ""
        said = self.statement.said if self.statement.said == "false_positive" else ""
        return ": ".join(filter(None, (said, "" if label else self.statement.justification, self.statement.notes)))


def openvex_label(justification: str) -> str:
    """Return a justification as OpenVEX has it; empty where it has none that means the same."""
    if justification in OPENVEX_LABELS:
        return justification
    back = {two: one for one, two in _SAME.items()} | _NARROWER
    return back.get(justification, "")


def cyclonedx_label(justification: str) -> str:
    """Return a justification as CycloneDX has it; empty where it has none that means the same."""
    return justification if justification in CYCLONEDX_LABELS else _SAME.get(justification, "")
