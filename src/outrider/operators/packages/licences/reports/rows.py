"""What a report says of each package, whatever its format."""

from typing import Literal

import msgspec

from outrider.operators.packages.licences.judging import Word
from outrider.operators.packages.licences.sources import Origin


class LicensedPackage(msgspec.Struct, kw_only=True):
    """A package, its licence, and what the policy says of it.

    Attributes:
        files: The lock files that have it.
        expression: Its licence in SPDX; empty where that is not known.
        raw: As its author has written it; JSON where that is no text.
        guessed: Whether the expression is a guess at what the author has written.
        origin: Who tells: the installed package, the lock, a registry, or the text of its licence.
        verdict: What the policy says.
        why: In words.
        needed_by: Packages of the same file that need it.
    """

    ecosystem: str
    name: str
    version: str
    files: list[str]
    expression: str
    raw: str
    guessed: bool
    origin: Origin
    verdict: Word
    why: str
    needed_by: list[str]


class LicenceFinding(msgspec.Struct, kw_only=True):
    """Something that wants doing.

    Attributes:
        kind: That a licence is denied, is to be reviewed or is not known, or that a waiver has ended.
        package: `ECOSYSTEM:NAME`; what a waiver says where that is meant.
        version: Of the package; empty for a waiver, which has its range behind the name.
        licence: In SPDX, or else as its author has written it; the reason of a waiver.
        why: In words.
    """

    kind: Literal["denied", "unknown", "review", "waiver"]
    package: str
    version: str
    licence: str
    why: str


class LicenceReport(msgspec.Struct, kw_only=True, frozen=True):
    """All of it.

    Attributes:
        title: Of what.
        created: When, as RFC 3339 has it.
        packages: By ecosystem, name and version.
        counts: How many packages have which licence; under the empty one those of which none is known.
        findings: The worst first.
        warnings: Why this may not be all.
    """

    title: str
    created: str
    packages: list[LicensedPackage]
    counts: dict[str, int]
    findings: list[LicenceFinding]
    warnings: list[str]
