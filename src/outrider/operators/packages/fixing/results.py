"""What a fix has found and done, as it is told."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from outrider.core.operation import Difference
from outrider.operators.packages.fixing.mending import Blocked, Mended
from outrider.operators.packages.fixing.wishes import Project, Unit, Wish
from outrider.operators.packages.locks.writing.differences import VersionChange


class FixedChange(msgspec.Struct, kw_only=True):
    """A version that changes.

    Attributes:
        name: Of the package.
        before: Its version until now; empty where it comes in.
        after: Its version from now on; empty where it goes.
        why: Ids of vulnerabilities, or what else it follows from.
        direct: Whether it is asked for by itself; of requirements.txt, whether nothing else needs it.
    """

    name: str
    before: str
    after: str
    why: str
    direct: bool


class RangeChange(msgspec.Struct, kw_only=True):
    """A range of a manifest, and the one that would do.

    Attributes:
        file: The manifest.
        name: Of the package; of Maven also of a property, such as `${core.version}`.
        before: As it is; empty for an entry that comes in.
        after: As it would be.
    """

    file: str
    name: str
    before: str
    after: str


class Vulnerable(msgspec.Struct, kw_only=True):
    """A version that is vulnerable.

    Attributes:
        name: Of the package.
        version: That is locked.
        vulnerabilities: Their ids.
        reasons: Why it cannot be fixed, in sentences; none where it is.
        remedies: Changes of ranges, with each of which it can be; each was tried.
        together: Changes of ranges, with all of which it can be where none does alone, such as those of several members of a
            workspace; they were tried.
    """

    name: str
    version: str
    vulnerabilities: list[str]
    reasons: list[str] = []
    remedies: list[RangeChange] = []
    together: list[RangeChange] = []

    def stays(self, file: str) -> str:
        """Return in a line that it stays in a lock file, and why."""
        return f"{file}: {self.name} {self.version} stays ({', '.join(self.vulnerabilities)}): {' '.join(self.reasons)}"


class FixedFile(msgspec.Struct, kw_only=True):
    """A lock file.

    Attributes:
        file: Its path.
        changes: Of versions, by name.
        manifest: Changes of ranges.
        fixed: What was vulnerable, and is not any more.
        unfixed: What still is.
        warnings: What was not looked at, or changes with something else.
    """

    file: str
    changes: list[FixedChange]
    manifest: list[RangeChange]
    fixed: list[Vulnerable]
    unfixed: list[Vulnerable]
    warnings: list[str]

    def differences(self) -> list[Difference]:
        """Return what changes, as a plan shows it."""
        versions = [
            Difference(f"{self.file} {one.name}", one.before or None, one.after or None) for one in self.changes
        ]
        return [
            *versions,
            *(Difference(f"{one.file} {one.name}", one.before or None, one.after) for one in self.manifest),
        ]


def changes_of(
    changes: list[VersionChange], found: Mended, project: Project, updated: Collection[str] = ()
) -> list[FixedChange]:
    """Return changes of versions with why they are.

    Args:
        changes: From the lock as it is to the lock as it would be.
        found: What they follow from.
        project: Of the lock.
        updated: Names of what is to be as new as can be.
    """
    answer = found.answer
    direct = project.direct(answer) if answer is not None else set()
    needers = {one.name: one.needed_by for one in answer.packages} if answer is not None else {}
    return explained(changes, found.fixed, direct, needers, updated)


def explained(
    changes: list[VersionChange],
    fixed: Iterable[Unit],
    direct: Collection[str],
    needers: Mapping[str, Sequence[str]],
    updated: Collection[str] = (),
) -> list[FixedChange]:
    """Return changes of versions with why they are.

    Args:
        changes: From the lock as it is to the lock as it would be.
        fixed: What was vulnerable.
        direct: Names of what is asked for by itself.
        needers: By name, who needs a package.
        updated: Names of what is to be as new as can be.
    """
    ids = {(unit.name, unit.version): unit.ids for unit in fixed}
    told = []
    for one in changes:
        if (one.name, one.before) in ids:
            why = ", ".join(ids[one.name, one.before])
        elif not one.before:
            by = ", ".join(needers.get(one.name, []))
            why = f"needed by {by}" if by else "the manifest asks for it"
        elif not one.after:
            why = "nothing needs it any more"
        elif one.name in updated:
            why = "a newer version"
        else:
            why = "follows from the other changes, or may not be chosen any more"
        told.append(FixedChange(name=one.name, before=one.before, after=one.after, why=why, direct=one.name in direct))
    return told


def range_changes(found: Mended, project: Project) -> list[RangeChange]:
    """Return what changes in the manifest."""
    return [_range(project, *one) for one in found.widenings]


def fixed_of(unit: Unit) -> Vulnerable:
    """Return what is fixed."""
    return Vulnerable(name=unit.name, version=unit.version, vulnerabilities=unit.ids)


def unfixed_of(unit: Unit, blocked: Blocked | None, project: Project) -> Vulnerable:
    """Return what is not fixed, and why."""
    if blocked is None:
        reasons = [
            "It stands there for another machine or Python too, or comes from no registry, and that is not changed."
        ]
        return Vulnerable(name=unit.name, version=unit.version, vulnerabilities=unit.ids, reasons=reasons)
    notes = [f"Not considered: {'; '.join(blocked.why.notes)}."] if blocked.why.notes else []
    return Vulnerable(
        name=unit.name, version=unit.version, vulnerabilities=unit.ids, reasons=[*blocked.why.reasons, *notes],
        remedies=[_range(project, *one) for one in blocked.widenings], together=[_range(project, *one) for one in blocked.together],
    )  # fmt: skip


def _range(project: Project, before: Wish, after: Wish) -> RangeChange:
    file = before.file or project.paths[-1]
    return RangeChange(file=str(file), name=before.name, before=before.range, after=after.range)
