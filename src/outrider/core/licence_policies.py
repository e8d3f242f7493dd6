"""What a policy says of licences, and of the packages that may be used in spite of it."""

from datetime import date
from typing import Literal

import msgspec

Answer = Literal["allow", "deny", "review"]


class LicenceWaiver(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Packages that may be used though their licence may not.

    Attributes:
        package: `ECOSYSTEM:NAME`, such as `npm:lodash`; a star at its end stands for any rest of the name.
        versions: A range as its ecosystem writes it; empty for all.
        until: The last day on which it counts, in UTC.
        reason: Why, for whoever reads the report.
    """

    package: str
    versions: str = ""
    until: date
    reason: str


class LicencePolicy(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Which licences may be used.

    An entry of a list is an identifier or an expression of SPDX, or the beginning of identifiers with a star behind it, such as
    `AGPL-*`. `GPL-2.0-or-later` stands for that version and all later ones, `GPL-2.0-only` also for itself with any exception. An
    entry with AND or OR stands for exactly this combination. What is in several lists is denied before it is reviewed, and
    reviewed before it is allowed; an entry with an exception counts before one without.

    Attributes:
        allow: May be used.
        deny: May not.
        review: Somebody has to look at.
        unlisted: What counts for licences in none of the lists.
        unknown: What counts where no licence is told, or none that is understood.
        guessed: What counts for a licence that is allowed, but was guessed from what its author has written: `allow` or `review`.
        waivers: Packages that are allowed nevertheless, for a while.
    """

    allow: list[str] = []
    deny: list[str] = []
    review: list[str] = []
    unlisted: Answer = "review"
    unknown: Answer = "review"
    guessed: Literal["allow", "review"] = "allow"
    waivers: list[LicenceWaiver] = []
