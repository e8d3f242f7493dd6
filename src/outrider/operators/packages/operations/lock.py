"""Writes a lock file, as the native client reads it."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.operation import Change, Difference
from outrider.operators.packages.locks.form_versions import refuse_unknown_version, unknown_version
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.locks.making.making import files_of, form_of, made, maker_of
from outrider.operators.packages.locks.pom import FORM as POM
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.locks.writing.differences import VersionChange, changes_between, differences
from outrider.operators.packages.locks.writing.files import digest_of, refuse_changed, text_or_none, write_text
from outrider.operators.packages.locks.writing.hash_changes import hash_changes, refuse_hash_changes
from outrider.operators.packages.sessions import Terms, question_of
from outrider.operators.packages.texts import number_of
from outrider.operators.packages.versions.ecosystems import Ecosystem
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class LockParams(Terms, kw_only=True, forbid_unknown_fields=True):
    """What to lock.

    Attributes:
        ecosystem: Of the packages.
        packages: Each as its ecosystem writes it; none where a manifest beside the file says it, as a Cargo.toml or package.json does,
            and for Maven, where the file or a build of Gradle does.
        file: What to write; its name says the format, as the native clients call their files; of Maven the pom.xml itself, which gets
            a profile, as do those of its modules, or the gradle.lockfile of a project of Gradle. If none is given, it is the usual one of its ecosystem in the working folder.
        keep: Try the versions of the file that is there first, so that as little as possible changes.
        python: For which version of Python, such as `3.12`; that which runs Outrider if none is given. A uv.lock or poetry.lock is
            for all of its project, and a Pipfile.lock for that of its Pipfile where that names one and none is given.
    """

    ecosystem: Ecosystem
    packages: list[str] = msgspec.field(default_factory=list)
    file: str = ""
    keep: bool = False
    python: str = ""

    @property
    def path(self) -> str:
        """What to write."""
        return self.file or maker_of(self.ecosystem).USUAL_NAME


class LockResult(msgspec.Struct, kw_only=True):
    """What was written.

    Attributes:
        file: Where.
        form: Its format.
        packages: How many are in it.
        changes: Against the file that was there.
        warnings: What its reader should know.
        beside: Further files that were written, such as the checksums of Maven.
    """

    file: str
    form: str
    packages: int
    changes: list[VersionChange]
    warnings: list[str]
    beside: list[str] = []


class _Draft(msgspec.Struct):
    texts: dict[Path, str]
    before: dict[Path, str | None]
    result: LockResult

    @property
    def digests(self) -> dict[str, str]:
        """What tells the files from others, as they were."""
        return {str(path): digest_of(text) for path, text in self.before.items()}

    @property
    def changed(self) -> list[Path]:
        """The files that will not be as they were."""
        return [path for path, text in self.texts.items() if text != self.before[path]]


async def plan(params: LockParams, context: Context) -> Change:
    """Say which versions would change; the errors are those of `run`."""
    draft = await _draft(params, context)
    changes = differences(draft.result.changes)
    # A file may change though no version does: a project of Maven says some of them itself.
    changes += [
        Difference(str(one), draft.digests[str(one)] or None, digest_of(draft.texts[one]))
        for one in draft.changed
        if str(one) in draft.result.beside or not changes
    ]
    return Change(
        target=f"file/{params.path}", difference=changes, warnings=draft.result.warnings,
        preconditions=dict(draft.digests),
    )  # fmt: skip


async def run(params: LockParams, context: Context) -> LockResult:
    """Resolve, and write the file.

    Raises:
        InvalidConfigError: A package is not written as its ecosystem writes it, or a manifest cannot be read.
        ConflictError: What is asked for cannot be had at once; it says why. Or a version that is to be kept has other hashes now.
        UnsupportedError: The file is of no format that can be written, or a manifest has what is not read.
        NotFoundError: No registry has a package, or there is no manifest.
        MissingRequirementError: No registry is known here, or no Bundler for Gemfile.lock.
        PreconditionFailedError: The file is another one than when the plan was made, or an index names no hashes.
        ExecutionFailedError: It cannot be written.
        OutriderError: What a registry says.
    """
    draft = await _draft(params, context)
    refuse_changed(context.preconditions, draft.digests)
    # What goes with the lock comes first: without the lock it does no harm.
    for path in reversed(draft.changed):
        write_text(path, draft.texts[path], with_folder=str(path) in draft.result.beside)
    return draft.result


async def _draft(params: LockParams, context: Context) -> _Draft:
    path = Path(params.path)
    form = form_of(params.ecosystem, path)
    files = files_of(params.ecosystem, path)
    # An empty file, such as one that says which Yarn it is for, locks nothing yet.
    there = [text for one in files if (text := text_or_none(one) or "").strip()]
    old, notes = _old(params, form, there)
    with question_of(context, params.ecosystem, params.packages, params, target=params.python) as question:
        locked = _locked(old) if params.keep and old is not None else {}
        asked = msgspec.structs.replace(question, locked=locked, anew=bool(there) and old is None)
        new = await made(params.ecosystem, path, asked)
    texts = {path: new.text, **new.beside}
    lock = _together(form, [texts[one] for one in files])
    changed = hash_changes(old, lock)
    if params.keep:
        refuse_hash_changes(params.path, changed)
    draft = _Draft(texts, {one: text_or_none(one) for one in texts}, LockResult(
        file=params.path, form=form, packages=len(lock.packages), changes=changes_between(old, lock), warnings=[*notes, *new.warnings, *changed],
    ))  # fmt: skip
    draft.result.beside = [str(one) for one in draft.changed if one != path]
    return draft


def _old(params: LockParams, form: str, there: list[str]) -> tuple[Lock | None, list[str]]:
    """Return what the files that are there say, and what is to be told of it; nothing where they cannot be read.

    Raises:
        InvalidConfigError: They cannot, and are to be kept.
        UnsupportedError: Their version is not known, and they are to be kept.
    """
    remedy = "lock without --keep: all of it is new then"
    notes = []
    try:
        for text in there:
            if params.keep:
                refuse_unknown_version(form, text, remedy)
            elif version := unknown_version(form, text):
                notes.append(
                    f"{params.path}: its version {version} is not known here, and it is written in one that is"
                )
        return (_together(form, there) if there else None), notes
    except InvalidConfigError as error:
        # A pom.xml says too what is asked for.
        if form == POM:
            raise
        if params.keep:
            error.suggestions = [remedy]
            raise
        return None, [f"{error.message}: all of it is new"]


def _together(form: str, texts: Iterable[str]) -> Lock:
    """Return what the files of a lock say."""
    packages = {(one.called, one.version): one for text in texts for one in read_lock(form, text).packages}
    return Lock(form=form, packages=tuple(packages.values()))


def _locked(lock: Lock) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in lock.packages:
        found.setdefault(one.name, set()).add(one.version)
    return found


def _text(result: LockResult) -> Iterable[str]:
    for warning in result.warnings:
        yield f"warning: {warning}"
    yield f"{result.file}: {number_of(result.packages, 'package')}, {number_of(len(result.changes), 'change')}"
    for other in result.beside:
        yield f"{other}: written"
    for one in result.changes:
        yield f"  {one.name} {one.before or '(new)'} -> {one.after or '(gone)'}"


OPERATION = Implementation(
    params=LockParams, result=LockResult, run=run, plan=plan, target=lambda params: f"file/{params.path}", text=_text
)
