"""What others state of vulnerabilities, whatever the format: that a product is not affected, affected, fixed, or being looked at."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from outrider.operators.packages.advisories.matching import Vulnerability
from outrider.operators.packages.locks.lock import LockedPackage
from outrider.operators.packages.vex.products import Named, Product

Status = Literal["not_affected", "affected", "fixed", "under_investigation"]
# With these a finding is none.
SUPPRESSING: tuple[Status, ...] = ("not_affected", "fixed")
_MOST_TOLD = 20
_CVE = "cve-"
_SEVERAL = 2


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement.

    Attributes:
        file: That has it.
        vulnerability: The id that it names first.
        ids: All ids that it names, as they are compared.
        products: What it is about.
        status: In the words of OpenVEX.
        said: In those of the file.
        justification: Why something is not affected, in those of the file; may be empty.
        notes: The same, or more, in a sentence; may be empty.
        action: What should be done; may be empty.
        time: When it was made, as seconds since the epoch; 0 where that is not told.
    """

    file: str
    vulnerability: str
    ids: frozenset[str]
    products: tuple[Product, ...]
    status: Status
    said: str
    justification: str = ""
    notes: str = ""
    action: str = ""
    time: float = 0.0


def compared(identity: str) -> str:
    """Return an id as ids are compared: nobody means two by upper and lower case."""
    return identity.strip().casefold()


class Statements:
    """All statements that count.

    Args:
        said: In the order of their files, and within these.
        audited: The product that is audited, where it is known.
    """

    def __init__(self, said: Iterable[Statement], audited: Named | None) -> None:
        self._all = list(said)
        self._audited = audited
        self._fitting: set[int] = set()
        self._by_id: dict[str, list[int]] = {}
        for number, one in enumerate(self._all):
            for identity in one.ids:
                self._by_id.setdefault(identity, []).append(number)

    def about(self, package: LockedPackage, vulnerability: Vulnerability) -> Statement | None:
        """Return what counts for a vulnerability of a package: the newest statement, of several at one time the last one.

        Where a finding stands for several CVEs, and some are stated for themselves, it is each of these that must be no danger.
        """
        ids = {compared(one) for one in (vulnerability.id, *vulnerability.aliases)}
        numbers = sorted({number for identity in ids for number in self._by_id.get(identity, ())})
        fitting = [number for number in numbers if self._holds(self._all[number], package)]
        self._fitting.update(fitting)
        said = [self._all[number] for number in reversed(fitting)]
        cves = {one for one in ids if one.startswith(_CVE)}
        if len(cves) < _SEVERAL:
            return _newest(said)
        # One that names the record itself, or another database's, is about all of it.
        each = [_newest(one for one in said if cve in one.ids or one.ids & (ids - cves)) for cve in sorted(cves)]
        dangers = [one for one in each if one is not None and one.status not in SUPPRESSING]
        return _newest(dangers) if dangers or None in each else _newest(one for one in each if one is not None)

    def _holds(self, statement: Statement, package: LockedPackage) -> bool:
        return any(product.holds(package, self._audited) for product in statement.products)

    def unused(self) -> list[str]:
        """Return, in sentences, what has not fitted anything that was asked for."""
        left = [one for number, one in enumerate(self._all) if number not in self._fitting]
        told = [
            f"{one.file}: {one.said} of {one.vulnerability} fits nothing that was found{_hint(one)}" for one in left
        ]
        return (
            told
            if len(told) <= _MOST_TOLD
            else [*told[:_MOST_TOLD], f"{len(told) - _MOST_TOLD} more statements fit nothing"]
        )


def _newest(said: Iterable[Statement]) -> Statement | None:
    return max(said, key=lambda one: one.time, default=None)


def _hint(statement: Statement) -> str:
    of_parts = [one for one in statement.products if one.parts is not None and one.names]
    if of_parts:
        return f"; it is about parts of {of_parts[0].names[0].text}: if that is what you audit, name it with --product"
    names = [name for one in statement.products for name in one.names]
    return (
        f": {names[0].text}{' and others' if len(names) > 1 else ''}" if names else ": no package URL names its product"
    )
