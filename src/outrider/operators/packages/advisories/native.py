"""Advisories as RustSec, rubysec, FriendsOfPHP and NuGet publish them, in the form in which ours are kept.

https://github.com/rustsec/advisory-db, https://github.com/rubysec/ruby-advisory-db, https://github.com/FriendsOfPHP/security-advisories,
https://learn.microsoft.com/en-us/nuget/api/vulnerability-info.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, TypeVar

import msgspec

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.advisories.osv import NUGET, RUBYSEC, Advisory, Affected, Score, Withdrawn

T = TypeVar("T")
_TOML = re.compile(r"```toml\n(.*?)\n```", re.DOTALL)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COMPOSER = "composer://"
_NUGET_LABELS = ("LOW", "MODERATE", "HIGH", "CRITICAL")
_SHOWN = 200
_LONGEST_SUMMARY = 300


class _RustHead(msgspec.Struct):
    id: str
    package: str
    date: str = ""
    aliases: list[str] = []
    cvss: str = ""
    informational: str = ""
    withdrawn: str = ""


class _RustVersions(msgspec.Struct, frozen=True):
    patched: list[str] = []
    unaffected: list[str] = []


class _Rust(msgspec.Struct):
    advisory: _RustHead
    versions: _RustVersions = _RustVersions()


class _Ruby(msgspec.Struct):
    # Fields are often there with nothing behind them.
    gem: str
    title: str | None = None
    date: str | None = None
    cve: str | int | None = None
    ghsa: str | None = None
    osvdb: str | int | None = None
    cvss_v2: float | None = None
    cvss_v3: float | None = None
    cvss_v4: float | None = None
    patched_versions: list[str] | None = None
    unaffected_versions: list[str] | None = None


class _Branch(msgspec.Struct):
    versions: list[str] | None = None
    time: str | int | None = None


class _Php(msgspec.Struct):
    reference: str
    branches: dict[Any, _Branch]
    title: str | None = None
    cve: str | None = None


class _NugetRecord(msgspec.Struct):
    url: str
    versions: str
    severity: int = -1


def read_rustsec(text: str, name: str) -> Advisory | Withdrawn:
    """Read a file of RustSec: Markdown that begins with TOML. What warns of no vulnerability is as good as withdrawn.

    Raises:
        ExecutionFailedError: It is none.
    """
    block = _TOML.search(text)
    if block is None:
        raise _unreadable(name, ValueError("no TOML in it"))
    try:
        content = tomllib.loads(block[1])
    except (ValueError, RecursionError) as error:
        raise _unreadable(name, error) from error
    record = _converted(content, _Rust, name)
    head, versions = record.advisory, record.versions
    if head.withdrawn or head.informational:
        return Withdrawn(head.id)
    heading = next((line.lstrip("# ") for line in text[block.end() :].splitlines() if line.startswith("#")), "")
    affected = Affected(
        ecosystem="cargo", name=head.package, spared=(*versions.patched, *versions.unaffected), all=True
    )
    scores = (Score("CVSS_V4" if head.cvss.startswith("CVSS:4") else "CVSS_V3", head.cvss),) if head.cvss else ()
    return Advisory(
        id=head.id, aliases=tuple(head.aliases), summary=heading[:_LONGEST_SUMMARY], modified=_time(head.date), scores=scores, affected=(affected,)
    )  # fmt: skip


def read_rubysec(content: object, name: str) -> Advisory:
    """Read a record of rubysec that was read from YAML.

    Raises:
        ExecutionFailedError: It is none.
    """
    record = _converted(content, _Ruby, name)
    ids = (("CVE", record.cve), ("GHSA", record.ghsa), ("OSVDB", record.osvdb))
    numbers = (record.cvss_v4, record.cvss_v3, record.cvss_v2)
    score = max((number for number in numbers if number is not None), default=None)
    affected = Affected(
        ecosystem="gem",
        name=record.gem,
        spared=(*(record.patched_versions or ()), *(record.unaffected_versions or ())),
        all=True,
    )
    # The same CVE may be told of several gems, and rated otherwise.
    return Advisory(
        id=f"{RUBYSEC}{record.gem}/{PurePath(name).stem}", aliases=tuple(f"{kind}-{one}" for kind, one in ids if one),
        summary=(record.title or "")[:_LONGEST_SUMMARY], modified=_time(record.date or ""),
        scores=(Score("NUMBER", f"{score}"),) if score is not None else (), affected=(affected,),
    )  # fmt: skip


def read_friends_of_php(content: object, name: str) -> Advisory:
    """Read a record of FriendsOfPHP that was read from YAML: each branch has constraints that all hold for what it affects.

    Raises:
        ExecutionFailedError: It is none.
    """
    record = _converted(content, _Php, name)
    if not record.reference.startswith(_COMPOSER):
        raise _unreadable(name, ValueError(f"reference: {record.reference}"))
    package = record.reference.removeprefix(_COMPOSER).lower()
    within = tuple(",".join(branch.versions) for branch in record.branches.values() if branch.versions)
    identity = f"FriendsOfPHP:{package}/{PurePath(name).stem}"
    cve = (record.cve or "").strip()
    times = (str(branch.time or "")[: len("2026-01-31")] for branch in record.branches.values())
    return Advisory(
        id=identity, aliases=(cve,) if cve else (), summary=(record.title or "")[:_LONGEST_SUMMARY],
        modified=_time(max(filter(_DAY.fullmatch, times), default="")),
        affected=(Affected(ecosystem="composer", name=package, within=within),),
    )  # fmt: skip


def read_nuget(content: bytes, name: str) -> Iterator[Advisory]:
    """Yield the records of a file of NuGet's vulnerability index.

    Each range is a record of its own, whoever else speaks of the same advisory: clients join what several files say.

    Raises:
        ExecutionFailedError: It is none.
    """
    try:
        packages = msgspec.json.decode(content, type=dict[str, list[_NugetRecord]])
    except (msgspec.DecodeError, RecursionError) as error:
        raise _unreadable(name, error) from error
    for package, records in packages.items():
        for record in records:
            label = _NUGET_LABELS[record.severity] if 0 <= record.severity < len(_NUGET_LABELS) else ""
            told = record.url.rstrip("/").rpartition("/")[2] or record.url
            affected = Affected(ecosystem="nuget", name=package.lower(), within=(record.versions,))
            identity = f"{NUGET}{affected.name}/{told} {record.versions}"
            yield Advisory(id=identity, aliases=(told,), label=label, affected=(affected,))


def is_rustsec(text: str) -> bool:
    """Return whether a file in Markdown is one of RustSec, whether or not it can be read: it begins with TOML about an advisory."""
    block = _TOML.match(text.lstrip("\ufeff\r\n\t "))
    try:
        return block is not None and "advisory" in tomllib.loads(block[1])
    except (ValueError, RecursionError):
        return True


def is_nuget_index(content: Any) -> bool:
    """Return whether what was read from JSON is NuGet's list of its files."""
    return (
        isinstance(content, list) and bool(content) and all(isinstance(one, dict) and "@id" in one for one in content)
    )


def is_rubysec(content: Any) -> bool:
    """Return whether what was read from YAML is a record of rubysec."""
    return isinstance(content, dict) and "gem" in content and "affected" not in content


def is_friends_of_php(content: Any) -> bool:
    """Return whether what was read from YAML is a record of FriendsOfPHP."""
    return isinstance(content, dict) and str(content.get("reference", "")).startswith(_COMPOSER)


def _converted(content: object, kind: type[T], name: str) -> T:
    try:
        return msgspec.convert(content, kind, strict=False)
    except (msgspec.ValidationError, RecursionError) as error:
        raise _unreadable(name, error) from error


def _time(date: str) -> str:
    return f"{date[:10]}T00:00:00Z" if date else ""


def _unreadable(name: str, error: Exception) -> ExecutionFailedError:
    return ExecutionFailedError(
        f"{name}: it cannot be read: {error}", found=str(error)[:_SHOWN], expected="a record of its collection",
        suggestions=["fetch it again"],
    )  # fmt: skip
