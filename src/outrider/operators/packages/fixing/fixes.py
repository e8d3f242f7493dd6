"""Fixes the lock files of a path: what would be written is made whole first, and looked at again for what is vulnerable."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import msgspec

from outrider.core.errors import (
    ConflictError,
    ExecutionFailedError,
    InvalidConfigError,
    NotFoundError,
    UnsupportedError,
)
from outrider.core.package_policies import AdvisoryRule, PackagePolicySpec, Severity
from outrider.core.quantities import Duration
from outrider.operators.packages.advisories.matching import Matcher
from outrider.operators.packages.advisories.places import store_path
from outrider.operators.packages.advisories.store import AdvisoryStore
from outrider.operators.packages.distributions.images import is_image
from outrider.operators.packages.distributions.roots import is_root
from outrider.operators.packages.fixing.mending import Mended, Mender
from outrider.operators.packages.fixing.projects import PROJECTS, refuse_outside
from outrider.operators.packages.fixing.results import (
    FixedFile,
    Vulnerable,
    changes_of,
    fixed_of,
    range_changes,
    unfixed_of,
)
from outrider.operators.packages.fixing.units import Auditor
from outrider.operators.packages.fixing.wishes import Project, Unit
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.locks.reading import lock_files, read_lock
from outrider.operators.packages.locks.writing.differences import changes_between
from outrider.operators.packages.locks.writing.files import digest_of, read_text
from outrider.operators.packages.policies.opening import opened_policies
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.sessions import Terms, question_of, session_of
from outrider.runtime.context import Context


class FixParams(Terms, kw_only=True, forbid_unknown_fields=True):
    """What is to be fixed, and how.

    Attributes:
        path: A lock file, or a folder whose lock files are looked at.
        least: From which severity on vulnerabilities are fixed; those that nobody has rated always are.
        manifest: Change ranges of the manifest too, where nothing else will do.
        max_age: How old advisories may be; older ones are an error.
        python: For which version of Python, such as `3.12`; that which runs Outrider if none is given.
    """

    path: str = "."
    least: Severity = "high"
    manifest: bool = False
    max_age: Duration = msgspec.field(default_factory=lambda: Duration(7 * 86_400))
    python: str = ""


class Fix(msgspec.Struct, kw_only=True):
    """What a fix comes to, before anything is written.

    Attributes:
        told: What of it is told, by lock file.
        texts: The files that change, as they would be.
        digests: Of all files that it follows from.
        unread: Why lock files could not be read, among others that could.
    """

    told: list[FixedFile]
    texts: dict[Path, str]
    digests: dict[str, str]
    unread: list[str]


class _Call(msgspec.Struct, frozen=True):
    wanted: FixParams
    context: Context
    folder: Path | None


async def find_fix(wanted: FixParams, context: Context, folder: Path | None = None, *, lenient: bool = False) -> Fix:
    """Find what would be written.

    Args:
        wanted: What is to be fixed.
        context: Of the call.
        folder: Whose policies count, and outside of which nothing does; the working folder, and no bound, if none is given.
        lenient: Whether the only lock file is told of as one among others is, where it cannot be fixed.

    Raises:
        NotFoundError: There is no lock file, or no manifest of the only one.
        InvalidConfigError: The only one cannot be read.
        UnsupportedError: It is of a format that is not changed, or leads to what is not read.
        MissingRequirementError: No advisories are imported.
        PreconditionFailedError: They are too old, or there are none of an ecosystem.
        OutriderError: What a registry says.
    """
    found = Fix(told=[], texts={}, digests={}, unread=[])
    with closing(AdvisoryStore(store_path())) as store:
        auditor = Auditor(Matcher(store), wanted.least)
        files = _files(wanted.path)
        for path in files:
            lock = None
            try:
                text = read_text(path)
                lock = read_lock(path.as_posix(), text)
                await _fix_one(found, (path, text, lock), auditor, _Call(wanted, context, folder))
            except (ConflictError, InvalidConfigError, NotFoundError, UnsupportedError) as error:
                # One file that cannot be fixed must not keep the others from it, nor hide that it is there.
                if len(files) == 1 and not lenient:
                    raise
                _leave(found, path, lock, auditor, error.message)
    return found


def _files(path: str) -> list[Path]:
    folder = Path(path)
    if is_root(folder) or is_image(folder):
        raise UnsupportedError(
            f"{path}: what is installed in a root or an image is not changed here", path="path", found="a root, or an image of a container",
            expected=" or ".join(PROJECTS),
            suggestions=["see with audit what is vulnerable, and where; what a distribution has packed is updated with the command that it names",
                "build the image anew"],
        )  # fmt: skip
    files = lock_files(folder) if folder.is_dir() else [folder]
    if not files:
        raise NotFoundError(
            f"{path}: there is no lock file", path="path", found="none", expected=" or ".join(PROJECTS), suggestions=["name the file"]
        )  # fmt: skip
    return files


async def _fix_one(found: Fix, file: tuple[Path, str, Lock], auditor: Auditor, call: _Call) -> None:
    path, text, lock = file
    wanted, context = call.wanted, call.context
    found.digests[str(path)] = digest_of(text)
    if lock.form not in PROJECTS:
        raise UnsupportedError(
            f"{path}: a {lock.form} is not changed", path="path", found=lock.form, expected=" or ".join(PROJECTS),
            suggestions=["have its own tool update what is vulnerable: outrider packages audit PATH"],
        )  # fmt: skip
    ecosystem, opened = PROJECTS[lock.form]
    said = {"this fix": PackagePolicySpec(advisories=AdvisoryRule(least=wanted.least, max_age=wanted.max_age))}
    # Opened even where nothing is vulnerable: advisories that are too old know of nothing.
    with opened_policies(ecosystem, said, context.clock.now()) as vulnerable:
        units = auditor.units(lock)
        if not units:
            found.told.append(
                FixedFile(file=str(path), changes=[], manifest=[], fixed=[], unfixed=[], warnings=list(lock.unreadable))
            )
            return
        project = opened(path, text, wanted.python)
        if call.folder is not None:
            refuse_outside(project, call.folder)
        found.digests |= {str(one): digest_of(content) for one, content in project.texts.items()}
        ours = [one for one in units if one.version in project.locked.get(one.name, ())]
        with question_of(context, ecosystem, [], wanted, python=wanted.python, folder=call.folder) as question:
            asked = project.asked(question)
            real = [await _with_real_fix(one, ecosystem, asked, auditor) for one in ours]
            mender = Mender(session_of(ecosystem).resolve, asked, vulnerable, project, real)
            mended = await mender.mend(widen=wanted.manifest) if ours else Mended()
    _take(found, (path, lock, units), project, mended, auditor)


async def _with_real_fix(unit: Unit, ecosystem: str, question: Question, auditor: Auditor) -> Unit:
    """Return what is vulnerable with the lowest fix that its registry has."""
    try:
        facts = await session_of(ecosystem).facts(question, unit.name)
    except NotFoundError:
        return unit
    return auditor.with_real_fix(ecosystem, unit, facts)


def _take(found: Fix, file: tuple[Path, Lock, list[Unit]], project: Project, mended: Mended, auditor: Auditor) -> None:
    """Take in what was found for a file, once it is proven."""
    path, lock, units = file
    texts = {} if mended.answer is None else project.mended(mended.answer, mended.before, mended.widenings)
    after = read_lock(path.as_posix(), texts[path]) if path in texts else lock
    left = {(one.name, one.version): one for one in auditor.units(after)}
    _refuse_new(path, left, units)
    blocked = {(one.unit.name, one.unit.version): one for one in mended.blocked}
    found.told.append(
        FixedFile(
            file=str(path),
            changes=changes_of(changes_between(lock, after), mended, project),
            manifest=range_changes(mended, project),
            fixed=[fixed_of(one) for one in units if (one.name, one.version) not in left],
            unfixed=[unfixed_of(one, blocked.get(one[:2]), project) for one in units if one[:2] in left],
            warnings=list(project.warnings),
        )
    )
    found.texts |= {place: text for place, text in texts.items() if text != project.texts[place]}


def _refuse_new(path: Path, left: Mapping[tuple[str, str], Unit], units: list[Unit]) -> None:
    new = [f"{one.name} {one.version}" for one in left.values() if one[:2] not in {each[:2] for each in units}]
    if new:
        raise ExecutionFailedError(
            f"{path}: what would be written is vulnerable, and was not before", found=", ".join(new), expected="nothing that is",
            suggestions=["import advisories again, and fix again"],
        )  # fmt: skip


def _leave(found: Fix, path: Path, lock: Lock | None, auditor: Auditor, why: str) -> None:
    """Tell of a file that is not changed what of it is vulnerable, or that nobody knows."""
    if lock is None:
        found.unread.append(why)
        return
    reason = f"{why}; have its own tool update it."
    unfixed = [
        Vulnerable(name=one.name, version=one.version, vulnerabilities=one.ids, reasons=[reason])
        for one in auditor.units(lock)
    ]
    if unfixed:
        found.told.append(FixedFile(file=str(path), changes=[], manifest=[], fixed=[], unfixed=unfixed, warnings=[]))
