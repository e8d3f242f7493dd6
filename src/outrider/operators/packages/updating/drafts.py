"""What an update of one group comes to, before anything is written."""

from pathlib import Path
from typing import NamedTuple

import msgspec

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError, OutriderError, UnsupportedError
from outrider.core.package_updates import UpdateGroup
from outrider.operators.packages.fixing.calls import LockFile
from outrider.operators.packages.fixing.fixes import FixParams, find_fix, outermost_first
from outrider.operators.packages.fixing.pom_files import PomFiles
from outrider.operators.packages.fixing.projects import PROJECTS, refuse_outside
from outrider.operators.packages.fixing.results import FixedFile, changes_of, range_changes
from outrider.operators.packages.fixing.wishes import Project
from outrider.operators.packages.locks.form_versions import refuse_unknown_version
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.locks.making.manifests import folder_of
from outrider.operators.packages.locks.reading import lock_files, read_lock
from outrider.operators.packages.locks.writing.differences import changes_between
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.manifests.pom import FORM as POM
from outrider.operators.packages.registries.failures import UNREACHED, told
from outrider.operators.packages.sessions import Terms, question_of, session_of
from outrider.operators.packages.updating.groups import Groups
from outrider.operators.packages.updating.poms import PomUpdate, update_pom
from outrider.operators.packages.updating.updater import Updater
from outrider.operators.packages.versions.ecosystems import Ecosystem
from outrider.runtime.context import Context


class Draft(msgspec.Struct, kw_only=True):
    """What would be written for a group.

    Attributes:
        group: Of which it is.
        told: What changes, by lock file.
        texts: The files that change, by their paths in the repository.
        warnings: What was not looked at, or could not be had.
        unreached: Lock files whose registry could not be asked, and why.
    """

    group: UpdateGroup
    told: list[FixedFile] = []
    texts: dict[str, str] = {}
    warnings: list[str] = []
    unreached: list[str] = []


class _Opened(NamedTuple):
    lock: Lock
    ecosystem: Ecosystem
    names: set[str]
    project: Project


class _UnreadableFile(Exception):  # noqa: N818 - it is told, not shown as an error
    """A lock file or a manifest cannot be read."""


class Drafter:
    """Finds updates for the files of a folder.

    Args:
        folder: With the files of a repository.
        groups: Its groups.
        terms: How registries are asked.
        python: For which version of Python.
        context: Of the call.
    """

    def __init__(self, folder: Path, groups: Groups, terms: Terms, python: str, context: Context) -> None:
        self._folder, self._groups, self._terms, self._python, self._context = folder, groups, terms, python, context

    async def draft(self, group: UpdateGroup) -> Draft:
        """Find what would be written.

        Raises:
            MissingRequirementError: It is about what is vulnerable, and no advisories are imported.
            PreconditionFailedError: They are too old.
            OutriderError: What a registry says.
        """
        try:
            found = await (self._fixed(group) if group.vulnerable else self._updated(group))
        except OutriderError as error:
            error.message, error.source, error.found = map(self._shown, (error.message, error.source, error.found))
            error.suggestions = [self._shown(one) for one in error.suggestions]
            raise
        return found

    async def _fixed(self, group: UpdateGroup) -> Draft:
        draft = Draft(group=group, told=[], texts={}, warnings=[], unreached=[])
        if not lock_files(self._folder):
            return draft
        wanted = FixParams(
            path=str(self._folder), least=group.least, manifest=group.ranges == "raise", python=self._python, policy=self._terms.policy,
            offline=self._terms.offline,
        )  # fmt: skip
        try:
            found = await find_fix(wanted, self._context, self._folder, lenient=True)
        except UnsupportedError as error:
            draft.warnings.append(self._shown(error.message))
            return draft
        draft.warnings = [self._shown(one) for one in found.unread]
        draft.told = [self._relative(one) for one in found.told]
        draft.texts = {self._shown(str(path)): text for path, text in found.texts.items()}
        return draft

    async def _updated(self, group: UpdateGroup) -> Draft:
        draft = Draft(group=group, told=[], texts={}, warnings=[], unreached=[])
        for path in outermost_first(self._folder):
            try:
                await self._update_one(draft, path)
            # One project that cannot be updated must not keep the others from it.
            except _UnreadableFile as error:
                draft.warnings.append(self._shown(str(error)))
            except (ConflictError, NotFoundError, UnsupportedError) as error:
                draft.warnings.append(self._shown(f"{path}: {error.message}"))
            except UNREACHED as error:
                self._context.remaining()  # what took all of its time ends the call
                draft.unreached.append(self._shown(f"{path}: {told(error)}"))
        return draft

    async def _update_one(self, draft: Draft, path: Path) -> None:
        """Take in the update of a file, where something of it belongs to a group.

        Raises:
            _UnreadableFile: It or its manifest cannot be read.
            NotFoundError: There is no manifest.
            UnsupportedError: It is of a kind that is not changed.
            OutriderError: What a registry says.
        """
        try:
            text = read_text(path)
            file = LockFile(path, text, read_lock(path.as_posix(), text))
            refuse_unknown_version(file.lock.form, text, "have its own tool update it")
            if file.lock.form == POM:
                await self._update_pom(draft, file)
                return
            opened = self._opened(draft.group, file)
        except InvalidConfigError as error:
            raise _UnreadableFile(error.message) from error
        if opened is not None:
            await self._update_lock(draft, path, opened)

    async def _update_pom(self, draft: Draft, file: LockFile) -> None:
        group = draft.group
        files = PomFiles(file.path, {self._folder / name: text for name, text in draft.texts.items()})
        files.refuse_outside(self._folder)
        files.leave_out(self._folder / one.file for one in draft.told)
        if not files.asked:
            return
        wanted = PomUpdate(
            lambda names: self._groups.members(group, "maven", names), group.up_to, raises=group.ranges == "raise"
        )
        with question_of(self._context, "maven", [], self._terms, folder=self._folder) as asked:
            question = msgspec.structs.replace(asked, folder=folder_of(file.path))
            found = await update_pom(files, question, wanted)
        draft.told += [self._relative(one) for one in found.told]
        draft.texts |= {self._shown(str(place)): text for place, text in found.texts.items()}
        draft.warnings += [self._shown(one) for one in found.unread]

    def _opened(self, group: UpdateGroup, file: LockFile) -> "_Opened | None":
        """Return a lock file with what it is the lock of; None where nothing of it belongs to a group."""
        lock = file.lock
        if lock.form not in PROJECTS:
            return None
        ecosystem, opener = PROJECTS[lock.form]
        names = self._groups.members(group, ecosystem, {one.name for one in lock.packages})
        if not names:
            return None
        project = opener(file.path, file.text, self._python)
        refuse_outside(project.paths, self._folder)
        project.is_bounded = True
        return _Opened(lock, ecosystem, names, project)

    async def _update_lock(self, draft: Draft, path: Path, opened: "_Opened") -> None:
        group = draft.group
        lock, ecosystem, names, project = opened
        asking = question_of(self._context, ecosystem, [], self._terms, target=self._python, folder=self._folder)
        with asking as question:
            await project.complete(question)
            updater = Updater(
                session_of(ecosystem).resolve, project.asked(question), project, names.__contains__, group.up_to
            )
            updated = await updater.update(raises=group.ranges == "raise")
        assert updated.answer is not None
        texts = project.mended(updated.answer, updated.before, updated.widenings)
        after = read_lock(path.as_posix(), texts[path])
        changes = changes_of(changes_between(lock, after), updated, project, names)
        manifest = range_changes(updated, project)
        change = FixedFile(
            file=str(path), changes=changes, manifest=manifest, fixed=[], unfixed=[], warnings=list(project.warnings)
        )
        draft.told.append(self._relative(change))
        draft.texts |= {self._shown(str(place)): text for place, text in texts.items() if text != project.texts[place]}

    def _relative(self, told: FixedFile) -> FixedFile:
        """Return what is told with paths as the repository has them, in reasons too."""
        shown = self._shown(msgspec.json.encode(told).decode())
        return msgspec.json.decode(shown, type=FixedFile)

    def _shown(self, text: str) -> str:
        return text.replace(f"{self._folder}/", "")
