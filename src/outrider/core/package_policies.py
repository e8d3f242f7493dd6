"""What a PackagePolicy says: which packages, and which versions of them, may be installed."""

from typing import Annotated, Literal

import msgspec

from outrider.core.quantities import Duration, duration

Severity = Literal["critical", "high", "medium", "low", "none", "unknown"]
PolicyField = Literal["minimumAge", "allow", "deny", "advisories", "licences"]
Answer = Literal["allow", "deny", "review"]


class AdvisoryRule(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which vulnerabilities rule a version out.

    Attributes:
        least: From which severity on; vulnerabilities that nobody has rated always do.
        max_age: How old the advisories may be. Older ones are an error: nobody knows what they do not know.
    """

    least: Severity = "high"
    max_age: Duration = duration("7d")


class LicencePolicy(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which licences may be used.

    An entry of a list is an identifier or an expression of SPDX, or the beginning of identifiers with a star behind it, such as
    `AGPL-*`. `GPL-2.0-or-later` stands for that version and all later ones, `GPL-2.0-only` also for itself with any exception. An
    entry with AND or OR stands for exactly this combination; `allow` takes none with OR, but each licence by itself. What is in
    several lists is denied before it is reviewed, and reviewed before it is allowed; an entry with an exception counts before one
    without.

    Only what is denied is refused where packages are installed; the operation `licences` tells of what is to be reviewed.

    Attributes:
        allow: May be used.
        deny: May not.
        review: Somebody has to look at.
        unlisted: What counts for licences in none of the lists.
        unknown: What counts where no licence is told, or none that is understood.
        guessed: What counts for a licence that is allowed, but was guessed from what its author has written: `allow` or `review`.
    """

    allow: list[str] = []
    deny: list[str] = []
    review: list[str] = []
    unlisted: Answer = "review"
    unknown: Answer = "review"
    guessed: Literal["allow", "review"] = "allow"


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
    until: Annotated[str, msgspec.Meta(examples=["2027-01-31"], extra_json_schema={"format": "date"})]
    reason: str


class PackagePolicySpec(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which versions may be installed: those that no field refuses.

    Attributes:
        minimum_age: For how long a version must have been published; one whose time nobody tells counts as too young.
        allow: Packages, as `ECOSYSTEM:NAME` or `ECOSYSTEM:NAME@RANGE`; `*` in a name stands for any letters. Of an ecosystem that is
            named here, all others are refused.
        deny: Packages that are refused, written likewise.
        advisories: Which vulnerabilities rule a version out.
        licences: Which licences may be used.
        waivers: Exceptions.
    """

    minimum_age: Duration | None = None
    allow: list[str] = []
    deny: list[str] = []
    advisories: AdvisoryRule | None = None
    licences: LicencePolicy | None = None
    waivers: list[Waiver] = []
