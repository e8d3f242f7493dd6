"""What a PackagePolicy says: which packages, and which versions of them, may be installed."""

from typing import Annotated, Literal

import msgspec

from outrider.core.quantities import Duration, duration

Severity = Literal["critical", "high", "medium", "low", "none", "unknown"]
PolicyField = Literal["minimumAge", "allow", "deny", "advisories"]


class AdvisoryRule(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which vulnerabilities rule a version out.

    Attributes:
        least: From which severity on; vulnerabilities that nobody has rated always do.
        max_age: How old the advisories may be. Older ones are an error: nobody knows what they do not know.
    """

    least: Severity = "high"
    max_age: Duration = duration("7d")


class Waiver(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An exception, with the day on which it ends.

    Attributes:
        package: `ECOSYSTEM:NAME` or `ECOSYSTEM:NAME@RANGE`; `*` in a name stands for any letters.
        rules: The fields of the policy that do not count for it.
        vulnerabilities: Ids of those that do not count, where `advisories` is waived; empty for all.
        until: The last day on which it holds, in UTC, such as `2027-01-31`.
        reason: Why.
    """

    package: str
    rules: list[PolicyField]
    vulnerabilities: list[str] = []
    until: Annotated[str, msgspec.Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    reason: str


class PackagePolicySpec(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which versions may be installed: those that no field refuses.

    Attributes:
        minimum_age: For how long a version must have been published; one whose time nobody tells counts as too young.
        allow: Packages, as `ECOSYSTEM:NAME` or `ECOSYSTEM:NAME@RANGE`; `*` in a name stands for any letters. Of an ecosystem that is
            named here, all others are refused.
        deny: Packages that are refused, written likewise.
        advisories: Which vulnerabilities rule a version out.
        waivers: Exceptions.
    """

    minimum_age: Duration | None = None
    allow: list[str] = []
    deny: list[str] = []
    advisories: AdvisoryRule | None = None
    waivers: list[Waiver] = []
