"""Compares the packages of locks with advisories, and what is found with what others state of it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from outrider.core.errors import InvalidConfigError, OutriderError, PreconditionFailedError
from outrider.core.quantities import Duration, duration
from outrider.core.timestamps import parse_timestamp
from outrider.operators.packages.advisories.exploits import EPSS, KEV
from outrider.operators.packages.advisories.matching import Matcher, urgency
from outrider.operators.packages.advisories.places import store_path
from outrider.operators.packages.advisories.store import AdvisoryStore, Source
from outrider.operators.packages.locks.files import read_locks
from outrider.operators.packages.locks.lock import OTHER_REGISTRY, Lock, LockedPackage
from outrider.operators.packages.vex.products import audited_product
from outrider.operators.packages.vex.reading import read_statements
from outrider.operators.packages.vex.stated import Stated
from outrider.operators.packages.vex.statements import Statements

_CALLED = {EPSS: "the scores of EPSS", KEV: "the catalogue of exploited vulnerabilities"}

# From which age on it is said in which unit, both in seconds.
_UNITS = ((604_800, 86_400), (86_400, 3600), (60, 60), (0, 1))


class AuditTerms(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to compare, and with what.

    Attributes:
        path: A lock file, an SBOM, a list of package URLs, or a folder whose lock files are looked at. Or a virtual environment, a
            site-packages or a node_modules, a root with a package database of dpkg, apk or RPM, or an image of a container, as a layout of
            OCI or as `docker save` writes it: of these what is installed is looked at, packages of languages too.
        max_age: How old advisories may be, by their import and by the newest of them.
        stale: What to do where they are older, a file leaves open what is installed, or whether something is affected cannot be told:
            `warn` or `fail`.
        vex: Files with statements of vulnerabilities: OpenVEX, or CycloneDX with analyses. The newest statement counts.
        product: The package URL of what is looked at; statements of its parts count only where it is named.
    """

    path: str = "."
    max_age: Duration = duration("7d")
    stale: Literal["warn", "fail"] = "warn"
    vex: list[str] = msgspec.field(default_factory=list)
    product: str = ""


class Found(NamedTuple):
    """A package with its vulnerabilities, the worst first, and what is stated of each."""

    file: str
    lock: Lock
    package: LockedPackage
    stated: list[Stated]


class Audited(NamedTuple):
    """What a comparison comes to.

    Attributes:
        locks: What was looked at, by file.
        found: Packages with vulnerabilities, the worst first.
        unread: Why lock files of a folder could not be read, of which the others were.
        unknown: Of how many packages nothing is known: there are no advisories of their ecosystem, or their versions cannot be compared.
        sources: What they were compared with.
        warnings: Why this may not be all.
    """

    locks: list[tuple[str, Lock]]
    found: list[Found]
    unread: list[str]
    unknown: int
    sources: list[Source]
    warnings: list[str]


def audited(terms: AuditTerms, now: float) -> Audited:
    """Compare.

    Args:
        terms: What, and with what.
        now: Seconds since the epoch.

    Raises:
        NotFoundError: There is no lock file, or no file with statements.
        UnsupportedError: A file is of no known format.
        InvalidConfigError: The only one cannot be read.
        LimitedError: A root has too much in it.
        MissingRequirementError: No advisories are imported, or an image is packed with zstd, and the library that unpacks it is missing.
        PreconditionFailedError: They are older than allowed, or there are none of an ecosystem, a file leaves open what is installed, or
            whether something is affected cannot be told, and that is to fail.
    """
    product = audited_product(terms.product)
    unread: list[OutriderError] = []
    locks = read_locks(Path(terms.path), roots=True, unread=unread)
    said, unreadable = read_statements(terms.vex)
    statements = Statements(said, product)
    warnings = [f"{path}: {text}" for path, lock in locks for text in _said_of(lock)]
    with closing(AdvisoryStore(store_path())) as store:
        sources = store.sources()
        ecosystems = {one.advised_by for _, lock in locks for one in lock.packages}
        doubts = list(_doubts(ecosystems, sources, terms, now))
        left_open = [f"{path}: {lock.left_open}" for path, lock in locks if lock.left_open]
        matcher = Matcher(store)
        uncompared = [one for _, lock in locks for one in lock.packages if matcher.is_uncompared(one)]
        unclear = [*_unclear(matcher, locks), *_told(uncompared)]
        if terms.stale == "fail":
            _refuse(doubts, left_open, unclear, terms.max_age)
        found = sorted(_found(matcher, locks, statements), key=_order)
    return Audited(
        locks=locks,
        found=found,
        unread=[one.message for one in unread],
        unknown=_unknown(locks, sources) + sum(_is_known(one.advised_by, sources) for one in uncompared),
        sources=[sources[one] for one in [*sorted(ecosystems), *_CALLED] if one in sources],
        warnings=[*doubts, *left_open, *warnings, *_elsewhere(locks), *unclear, *unreadable, *statements.unused()],
    )


def _doubts(ecosystems: set[str], sources: dict[str, Source], terms: AuditTerms, now: float) -> Iterator[str]:
    """Yield why what is found may not be all: nothing that is missing or old is taken for safe."""
    for one in [*sorted(ecosystems), *_CALLED]:
        if not _is_known(one, sources):
            if one not in _CALLED:
                yield f"no advisories of {one} are imported: nothing is known of its packages"
        elif text := _too_old(one, sources, terms.max_age, now):
            yield text


def _too_old(name: str, sources: dict[str, Source], max_age: Duration, now: float) -> str:
    """Return how old it is, where that is more than allowed: since its import, or since the newest of the advisories was changed."""
    imported = now - parse_timestamp(sources[name].imported)
    changed = None if name in _CALLED else _changed(sources[name], sources)
    if max(imported, now - changed if changed is not None else 0.0) <= max_age:
        return ""
    what = _CALLED.get(name, f"the advisories of {name}")
    newest = "" if changed is None else f", and the newest of them was changed {_duration(now - changed)} ago"
    return f"{what} {'was' if name == KEV else 'were'} imported {_duration(imported)} ago{newest}"


def _changed(one: Source, sources: dict[str, Source]) -> float | None:
    """Return when the newest record of an import was changed, of whichever ecosystem: about an old release nothing new may be said."""
    times = [each.newest for each in sources.values() if (each.source, each.imported) == (one.source, one.imported)]
    try:
        return parse_timestamp(max(times))
    except InvalidConfigError:  # records of some collections have no time
        return None


def _said_of(lock: Lock) -> Iterable[str]:
    """Return why it may not be all, aside from what is told as left open."""
    return lock.unreadable if lock.left_open else lock.warnings


def _duration(seconds: float) -> Duration:
    # Clocks differ, and records may be of the future.
    seconds = max(seconds, 0.0)
    unit = next(unit for least, unit in _UNITS if seconds >= least)
    return Duration(seconds // unit * unit)


def _refuse(doubts: Sequence[str], left_open: Sequence[str], unclear: Sequence[str], max_age: Duration) -> None:
    if doubts:
        raise PreconditionFailedError(
            doubts[0], expected=f"advisories of the last {max_age}", suggestions=["outrider packages import_advisories SOURCE"]
        )  # fmt: skip
    if left_open:
        raise PreconditionFailedError(
            left_open[0], expected="a lock of all that is installed", suggestions=["lock the project", "be told what there is: --stale warn"]
        )  # fmt: skip
    if unclear:
        raise PreconditionFailedError(
            unclear[0], expected="versions that can be compared with advisories", suggestions=["look at it yourself", "be told what there is: --stale warn"]
        )  # fmt: skip


def _elsewhere(locks: Sequence[tuple[str, Lock]]) -> list[str]:
    """Return of which packages no advisories tell, since they are of registries of somebody's own."""
    found = sorted({one.called for _, lock in locks for one in lock.packages if one.source == OTHER_REGISTRY})
    return [f"{one}: advisories are not about packages of this registry" for one in found]


def _is_known(name: str, sources: dict[str, Source]) -> bool:
    return name in sources and sources[name].records > 0


def _unknown(locks: Sequence[tuple[str, Lock]], sources: dict[str, Source]) -> int:
    return sum(not _is_known(one.advised_by, sources) for _, lock in locks for one in lock.packages)


def _found(matcher: Matcher, locks: Sequence[tuple[str, Lock]], statements: Statements) -> Iterator[Found]:
    for file, lock in locks:
        for one in lock.packages:
            known = matcher.of_package(one)
            if known:
                yield Found(file, lock, one, [Stated(one, each, statements.about(one, each)) for each in known])


def _order(one: Found) -> tuple[tuple[int, bool, float], str, str]:
    return urgency(one.stated[0].vulnerability), one.package.name, one.package.version


def _unclear(matcher: Matcher, locks: Sequence[tuple[str, Lock]]) -> list[str]:
    ids = {one for _, lock in locks for each in lock.packages for one in _unclear_of(matcher, each)}
    return [f"{identity}: a range of it cannot be read; it may affect more than is told" for identity in sorted(ids)]


def _unclear_of(matcher: Matcher, package: LockedPackage) -> Iterator[str]:
    for name, _ in package.advised_as:
        yield from matcher.unclear(package.advised_by, name)


def _told(uncompared: Iterable[LockedPackage]) -> list[str]:
    """Return which packages advisories are about that cannot be compared with them, such as a commit of git."""
    found = (f"{one.name} {one.version}: it is no version that {one.ecosystem} compares" for one in uncompared)
    return [f"{one}; whether it is affected is not known" for one in dict.fromkeys(found)]
