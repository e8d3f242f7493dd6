"""What changes from one lock to another."""

from collections.abc import Iterable, Iterator
from itertools import zip_longest

import msgspec

from outrider.core.operation import Difference
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable


class VersionChange(msgspec.Struct, kw_only=True, frozen=True):
    """A package that changes.

    Attributes:
        name: Of the package.
        before: Its version until now; empty where it comes in.
        after: Its version from now on; empty where it goes.
    """

    name: str
    before: str
    after: str


def changes_between(before: Lock | None, after: Lock) -> list[VersionChange]:
    """Return what changes, by name; of several versions of one name the oldest that goes is taken to become the oldest that comes."""
    old, new = _versions(before), _versions(after)
    return [
        VersionChange(name=name, before=one or "", after=other or "")
        for name in sorted(old.keys() | new.keys())
        for one, other in _pairs(_ecosystem(before, after), old.get(name, set()), new.get(name, set()))
    ]


def differences(changes: Iterable[VersionChange]) -> list[Difference]:
    """Return changes as a plan shows them."""
    return [Difference(one.name, one.before or None, one.after or None) for one in changes]


def _versions(lock: Lock | None) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in lock.packages if lock is not None else ():
        found.setdefault(one.called, set()).add(one.version)
    return found


def _ecosystem(*locks: Lock | None) -> str:
    return next((one.packages[0].ecosystem for one in locks if one is not None and one.packages), "")


def _pairs(ecosystem: str, old: set[str], new: set[str]) -> Iterator[tuple[str | None, str | None]]:
    gone, come = old - new, new - old
    yield from zip_longest(_sorted(ecosystem, gone), _sorted(ecosystem, come))


def _sorted(ecosystem: str, versions: set[str]) -> list[str]:
    table = VersionTable(scheme_of(ecosystem), sorted(versions))
    return [*table.versions, *table.unsorted]
