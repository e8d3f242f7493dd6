"""The versions of a package in one document of a repository; what they say is read only of those that are wanted."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from outrider.operators.packages.composer.candidates import Candidate, alias_of, candidate_of
from outrider.operators.packages.composer.constraints import Constraints
from outrider.operators.packages.composer.records import ComposerRecord
from outrider.operators.packages.composer.stabilities import stability_of
from outrider.operators.packages.resolving.policies import Policy
from outrider.operators.packages.versions.composer import key_of
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.ranges import Key
from outrider.operators.packages.versions.tables import VersionTable


class Called(NamedTuple):
    """A version by which something is called.

    Attributes:
        normal: In its normal form.
        key: Of it.
        stability: How unstable it is.
    """

    normal: str
    key: Key
    stability: int


class PackageVersion:
    """A version in a document.

    Args:
        called: By what: its own version, and what it is called too.
        make: Makes the candidate of its own version.
    """

    __slots__ = ("_alias", "_base", "_make", "called")

    def __init__(self, called: Sequence[Called], make: Callable[[], Candidate]) -> None:
        self.called, self._make = called, make
        self._base: Candidate | None = None
        self._alias: Candidate | None = None

    @property
    def base(self) -> Candidate:
        """It as a candidate."""
        if self._base is None:
            self._base = self._make()
        return self._base

    @property
    def alias(self) -> Candidate | None:
        """What it is called too, as a candidate; None where there is none."""
        if self._alias is None and len(self.called) > 1:
            self._alias = alias_of(self.base, self.called[1].normal)
        return self._alias

    def candidates(self) -> list[Candidate]:
        """Return the alias, and what it is an alias of."""
        return [one for one in (self.alias, self.base) if one is not None]


def versions_of(
    record: ComposerRecord, name: str, refused: Sequence[str] | set[str], constraints: Constraints
) -> list[PackageVersion]:
    """Return the versions in a document that a policy does not refuse, in their order.

    Args:
        record: What is known of the document.
        name: Of the package.
        refused: Those that it refuses, as they are written.
        constraints: Reads constraints.
    """

    def made(position: int) -> PackageVersion:
        texts = [text for text in (record.normals[position], record.aliases[position]) if text]
        called = [Called(text, key_of(text), stability_of(text)) for text in texts]
        version, normal = record.versions[position], record.normals[position]
        return PackageVersion(
            called, lambda: candidate_of(name, version, normal, record.release(position), constraints)
        )

    return [made(position) for position, version in enumerate(record.versions) if version not in refused]


def refusals(policy: Policy, name: str, records: Sequence[ComposerRecord]) -> dict[str, str]:
    """Return which versions of a package a policy refuses, as they are written, and why.

    Args:
        policy: Which.
        name: Of the package.
        records: All documents of it in a repository.
    """
    published = {version: time for one in records for version, time in zip(one.versions, one.published, strict=True)}
    table = VersionTable(scheme_of("composer"), published)
    times = [published[version] for version in table.versions] if any(published.values()) else []
    found = {version: one.why for one in policy.refusals(name, table, times) for version in table.named(one.versions)}
    if policy.asks_for_licences:
        for version, licence in _licences(records):
            why = policy.refuses_licence(name, version, licence)
            if why:
                found.setdefault(version, why)
    return found


def _licences(records: Sequence[ComposerRecord]) -> Iterator[tuple[str, str]]:
    for record in records:
        for position, version in enumerate(record.versions):
            yield version, record.release(position).licence
