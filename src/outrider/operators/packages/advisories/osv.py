"""Advisories in the form of OSV, schema 1.7: https://ossf.github.io/osv-schema/.

A record says of each package that it is about which versions it affects: those that it lists, and those that its ranges have. Ranges
of commits say nothing about versions and are passed over; other ranges of the same package count all the same.
"""

from typing import Any

import msgspec

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.distributions.releases import advised_release
from outrider.operators.packages.pypi.pages import normalised

# Names of ecosystems in OSV, and the names that package URLs use. What stands behind a colon is where the packages come from.
ECOSYSTEMS = {
    "npm": "npm", "PyPI": "pypi", "crates.io": "cargo", "Maven": "maven", "NuGet": "nuget", "RubyGems": "gem", "Packagist": "composer"
}  # fmt: skip
_RANGES = ("ECOSYSTEM", "SEMVER")
# Before ids that tell the records of a collection from each other, and that it has not given itself.
NUGET, RUBYSEC = "NuGet:", "rubysec:"


class Event(msgspec.Struct, array_like=True, frozen=True):
    """A point in the order of versions, where something begins or ends; `kind` is as in OSV."""

    kind: str
    version: str


class Affected(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What a record says of one package.

    Attributes:
        ecosystem: By the name that package URLs use; of a distribution its release, such as `Debian:12`.
        name: As its ecosystem compares names.
        versions: That are listed.
        ranges: Events of each range.
        within: Ranges of the ecosystem itself whose versions are affected.
        spared: Likewise of those that are not, whatever else says that they are.
        all: Whether all versions are, but for those that are spared.
    """

    ecosystem: str
    name: str
    versions: tuple[str, ...] = ()
    ranges: tuple[tuple[Event, ...], ...] = ()
    within: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()
    all: bool = False


class Score(msgspec.Struct, array_like=True, frozen=True):
    """How bad it is, as somebody has rated it: the kind of rating, such as `CVSS_V3`, and what it says."""

    kind: str
    value: str


class Advisory(msgspec.Struct, kw_only=True, frozen=True):
    """A record.

    Attributes:
        id: Of the record.
        aliases: Other ids of the same vulnerability.
        upstream: Of vulnerabilities of what a distribution has packed, where one record is about several of them.
        summary: One line.
        modified: When, as RFC 3339 has it.
        scores: All ratings.
        label: A rating in words, such as `HIGH`, where the source has one.
        affected: By package.
    """

    id: str
    aliases: tuple[str, ...] = ()
    summary: str = ""
    modified: str = ""
    scores: tuple[Score, ...] = ()
    label: str = ""
    affected: tuple[Affected, ...] = ()
    upstream: tuple[str, ...] = ()

    @property
    def called(self) -> str:
        """The id by which people know it: that of the vulnerability where its collection has given it none."""
        return self.aliases[0] if self.aliases and self.id.startswith((NUGET, RUBYSEC)) else self.id


class Withdrawn(msgspec.Struct, frozen=True):
    """A record that was withdrawn, or that is about no vulnerability any more: what was said by its id counts no longer."""

    id: str


class _Range(msgspec.Struct):
    type: str = ""
    events: list[dict[str, str]] = []


class _Package(msgspec.Struct):
    ecosystem: str = ""
    name: str = ""


class _Affected(msgspec.Struct):
    package: _Package | None = None
    ranges: list[_Range] = []
    versions: list[str] = []
    severity: list[dict[str, str]] = []


class _Record(msgspec.Struct):
    id: str
    modified: str = ""
    withdrawn: str | None = None
    aliases: list[str] = []
    upstream: list[str] = []
    related: list[str] = []
    summary: str = ""
    details: str = ""
    severity: list[dict[str, str]] = []
    affected: list[_Affected] = []
    database_specific: Any = None


_DECODER = msgspec.json.Decoder(_Record)
_LONGEST_SUMMARY = 300


def read_osv(content: bytes, name: str) -> Advisory | Withdrawn:
    """Read a record in JSON.

    Args:
        content: The record.
        name: What it is called in errors.

    Raises:
        ExecutionFailedError: It is none.
    """
    try:
        return _advisory(_DECODER.decode(content))
    except (msgspec.DecodeError, RecursionError) as error:
        raise _unreadable(name, error) from error


def read_osv_object(content: object, name: str) -> Advisory | Withdrawn:
    """Read a record that was read from YAML or the like; otherwise as `read_osv`."""
    try:
        return _advisory(msgspec.convert(content, _Record, strict=False))
    except (msgspec.ValidationError, RecursionError) as error:
        raise _unreadable(name, error) from error


def compared_name(ecosystem: str, name: str) -> str:
    """Return the name of a package as its ecosystem compares it."""
    if ecosystem == "pypi":
        return normalised(name)
    return name.lower() if ecosystem in ("nuget", "composer") else name


def _advisory(record: _Record) -> Advisory | Withdrawn:
    if record.withdrawn:
        return Withdrawn(record.id)
    scores = [*record.severity, *(score for one in record.affected for score in one.severity)]
    specific = record.database_specific if isinstance(record.database_specific, dict) else {}
    text = record.summary or record.details.strip().partition("\n")[0]
    cves = _packed_cves(record)
    # A notice of one vulnerability is that vulnerability; one of several is none of them.
    aliases = [*record.aliases, *cves] if len(cves) == 1 else record.aliases
    return Advisory(
        id=record.id, aliases=tuple(dict.fromkeys(aliases)), upstream=tuple(cves) if len(cves) > 1 else (), summary=text[:_LONGEST_SUMMARY], modified=record.modified,
        scores=tuple(dict.fromkeys(Score(one.get("type", ""), one.get("score", "")) for one in scores)),
        label=str(specific.get("severity") or _priority(scores)).upper(), affected=tuple(filter(None, map(_affected, record.affected))),
    )  # fmt: skip


def _affected(one: _Affected) -> Affected | None:
    ecosystem = _ecosystem(one.package.ecosystem) if one.package is not None else None
    if one.package is None or ecosystem is None:
        return None
    ranges = tuple(
        tuple(Event(kind, version) for event in each.events for kind, version in event.items())
        for each in one.ranges
        if each.type in _RANGES
    )
    return Affected(
        ecosystem=ecosystem,
        name=compared_name(ecosystem, one.package.name),
        versions=tuple(one.versions),
        ranges=ranges,
    )


def _packed_cves(record: _Record) -> list[str]:
    """Return the CVEs that a record of a distribution is about: `upstream`, where AlmaLinux has `related`."""
    names = {one.package.ecosystem for one in record.affected if one.package is not None}
    if not any(advised_release(name) for name in names):
        return []
    return list(dict.fromkeys(one for one in record.upstream or record.related if one.startswith("CVE-")))


def _priority(scores: list[dict[str, str]]) -> str:
    return next((one.get("score", "") for one in scores if one.get("type") == "Ubuntu"), "")


def _ecosystem(name: str) -> str | None:
    return advised_release(name) or ECOSYSTEMS.get(name.partition(":")[0])


def _unreadable(name: str, error: Exception) -> ExecutionFailedError:
    return ExecutionFailedError(
        f"{name}: no record of OSV: {error}", found=str(error)[:200], expected="a record of the OSV schema",
        suggestions=["fetch it again"],
    )  # fmt: skip
