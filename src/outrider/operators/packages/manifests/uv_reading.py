"""Reads what a uv.lock is the lock of.

https://docs.astral.sh/uv/concepts/projects/workspaces/ and https://docs.astral.sh/uv/concepts/projects/dependencies/.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from outrider.core.errors import InvalidConfigError, NotFoundError, UnsupportedError
from outrider.operators.packages.locks.writing.texts import toml_text
from outrider.operators.packages.manifests.py_requirements import (
    FORM,
    PyRequirement,
    malformed,
    read_requirements,
    shown,
)
from outrider.operators.packages.manifests.pyproject import PyProject, read_groups, read_pyproject
from outrider.operators.packages.manifests.uv_direct import Direct
from outrider.operators.packages.manifests.uv_files import UvFiles, manifest_in
from outrider.operators.packages.manifests.uv_lowering import Lowering
from outrider.operators.packages.manifests.uv_members import UvMembers
from outrider.operators.packages.manifests.uv_settings import refuse_settings, workspace_of
from outrider.operators.packages.manifests.uv_sources import Source
from outrider.operators.packages.manifests.uv_workspace import Fetched, LocalProject, UvWorkspace
from outrider.operators.packages.pypi.archives import ENDINGS

_UV = "tool.uv"


def read_workspace(
    path: Path, given: Mapping[Path, str] | None = None, fetched: Mapping[Direct, Fetched] | None = None
) -> UvWorkspace:
    """Read a manifest, and those that it leads to.

    Args:
        path: Of the manifest beside the lock.
        given: Texts that count in place of those on disk.
        fetched: What was fetched; what else is needed from elsewhere is told by what is returned.

    Raises:
        NotFoundError: There is no manifest or folder where one is named.
        InvalidConfigError: One cannot be read, or uv would refuse how they are put together.
        UnsupportedError: They have what is not read, and what a lock of uv would follow from.
        LimitedError: There are too many of them.
    """
    files = UvFiles(path, given or {})
    refuse_settings(files.settings(path), f"{FORM}: {_UV}.")
    return _Reader(path, files, fetched or {}).workspace()


class _Reader:
    """Puts manifests together.

    Args:
        path: Of the manifest of the root.
        files: That are read.
        fetched: What was fetched.
    """

    def __init__(self, path: Path, files: UvFiles, fetched: Mapping[Direct, Fetched]) -> None:
        self._path, self._files, self._fetched = path, files, fetched
        self._members = UvMembers(path, files)
        self._lowering = Lowering(self._members, files, self)
        # Manifests in folders, with the names that lead to them, and what they are as uv.lock writes it; or what stands for one.
        self._waiting: list[tuple[Path, str, str]] = []
        self._directs: dict[str, Direct] = {}
        self._led = set[tuple[str, str]]()

    def workspace(self) -> UvWorkspace:
        """Return all of it; the errors are those of `read_workspace`."""
        projects = self._members.projects
        has_project = self._path in projects
        members = [self._member(name, path) for name, path in self._members.paths.items()]
        groups = {} if has_project else read_groups(self._files.document(self._path))
        pythons = [one.project.pythons for one in members if one.project.pythons]
        if not pythons:
            raise malformed(("project", "requires-python"), None, "a range of versions of Python")
        constraints, overrides = (self._amending(key) for key in ("constraint-dependencies", "override-dependencies"))
        lowered = {name: self._lowering.requirements(group, "", self._path) for name, group in groups.items()}
        asked = [one for some in (*(each.project.every() for each in members), *lowered.values()) for one in some]
        others = self._others(asked)
        fetched = [self._fetched[one] for one in self._directs.values() if one in self._fetched]
        return UvWorkspace(
            groups=lowered, constraints=constraints, overrides=overrides, projects=[*members, *others], texts=self._files.texts,
            has_project=has_project, pythons=",".join(pythons), environments=self._markers("environments"),
            required=self._markers("required-environments") or [],
            addresses={key: value for one in fetched for key, value in one.addresses.items()} | self._files.addresses(),
            unfetched=[one for one in self._directs.values() if one not in self._fetched],
        )  # fmt: skip

    def _member(self, name: str, path: Path) -> LocalProject:
        project = self._lowering.project(path, self._members.projects[path])
        return LocalProject(path=path, project=project, source=self._members.written(name), is_member=True)

    def member(self, name: str) -> tuple[str, str]:
        """Return a member; as of `Landing`."""
        return self._members.written(name), ""

    def direct(self, name: str, direct: Direct) -> tuple[str, str]:
        """Take in what is to be fetched; as of `Landing`."""
        written = direct.entry()
        # Of the same archive, that counts whose hash is told.
        if direct.sha256 or written not in self._directs:
            self._directs[written] = direct
        if (written, name) not in self._led:
            self._led.add((written, name))
            self._waiting.append((Path(written), name, written))
        return written, written

    def path(self, name: str, source: Source) -> tuple[str, str]:
        """Take in a folder, whose manifest is read later, or a file; as of `Landing`."""
        said = source.text("path")
        file = Path(os.path.normpath(source.folder / said))
        if said.endswith(ENDINGS) and file.is_file() and not Path(said).is_absolute() and not source.flag("editable"):
            address = Path(os.path.relpath(file, self._path.parent)).as_posix()
            return self.direct(name, Direct(kind="path", address=address))
        written = self._folder(name, source)
        return written, written

    def _folder(self, name: str, source: Source) -> str:
        """Return a folder as uv.lock writes it; its manifest is read later."""
        said, where = source.text("path"), f"{source.where}.path"
        path = manifest_in(Path(os.path.normpath(source.folder / said)))
        if not path.parent.exists():
            raise NotFoundError(
                f"{source.form}: {where} leads to nothing", path=where, found=said[:80], expected="a folder", suggestions=["correct it"]
            )  # fmt: skip
        if Path(said).is_absolute() or not path.is_file():
            raise UnsupportedError(
                f"{source.form}: {where} is no path from its own folder to one with a {FORM}", path=where, found=said[:80],
                expected="such a path", suggestions=["use uv itself: uv lock"],
            )  # fmt: skip
        package = source.flag("package")
        if package is None:
            package = self._files.settings(path).get("package") is not False
        kind = "editable" if source.flag("editable") else "directory" if package else "virtual"
        written = f"{kind} = {toml_text(self._files.place(path))}"
        self._waiting.append((path, name, written))
        return written

    def _others(self, asked: Sequence[PyRequirement]) -> list[LocalProject]:
        """Return what is needed in folders and was fetched, and what that needs of these."""
        found: dict[Path, LocalProject] = {}
        paths, ways = dict(self._members.paths), dict[Path, str]()
        while self._waiting:
            path, name, written = self._waiting.pop(0)
            first = paths.setdefault(name, path)
            if first != path or ways.setdefault(path, written) != written:
                raise InvalidConfigError(
                    f"{FORM}: its sources lead to {name} in two ways", path=f"tool.uv.sources.{name}", found=written,
                    expected=ways.get(first) or self._files.form(first), suggestions=["write the same in all manifests", "use uv itself: uv lock"],
                )  # fmt: skip
            if path not in found and (project := self._other(path, name, written)) is not None:
                found[path] = project
            if not self._waiting:
                self._wait_for_needs(found, asked)
        return sorted(found.values(), key=lambda one: one.project.name)

    def _wait_for_needs(self, found: Mapping[Path, LocalProject], asked: Sequence[PyRequirement]) -> None:
        """Wait for what projects that were fetched need from elsewhere, with the extras that are asked of them."""
        needed = [one for each in found.values() for one in each.project.requirements]
        extras = {(one.need.name, extra) for one in (*asked, *needed) for extra in one.need.extras}
        for one in found.values():
            direct = self._directs.get(one.place)
            needs = self._fetched[direct].directs if direct is not None else {}
            for each in one.project.requirements:
                if each.place in needs and (not each.extra or (one.project.name, each.extra) in extras):
                    self.direct(each.need.name, needs[each.place])

    def _other(self, path: Path, name: str, written: str) -> LocalProject | None:
        """Return a project that is no member; None where it is not fetched yet."""
        direct = self._directs.get(written)
        if direct is None:
            project = self._lowering.project(path, self._in_folder(path, name))
            return LocalProject(path=path, project=project, source=written, is_member=False)
        if direct not in self._fetched:
            return None
        one = self._fetched[direct]
        self._refuse_named(written, name, one.project.name)
        return LocalProject(
            path=path, project=one.project, source=one.source, is_member=False, place=written, archive=one.archive, url=direct.url
        )  # fmt: skip

    def _in_folder(self, path: Path, name: str) -> PyProject:
        above = workspace_of(path.parent.resolve())
        if above is not None:
            raise UnsupportedError(
                f"{self._files.form(path)}: it is a member of the workspace of {above}, whose sources are not read here",
                path=f"tool.uv.sources.{name}", found=str(above), expected="a project by itself", suggestions=["use uv itself: uv lock"],
            )  # fmt: skip
        self._files.document(path)
        project = read_pyproject(self._files.texts[path], self._files.form(path))
        self._refuse_named(self._files.form(path), name, project.name)
        return project

    def _refuse_named(self, form: str, name: str, found: str) -> None:
        if found != name:
            raise InvalidConfigError(
                f"{form}: tool.uv.sources leads to it as {name}", path=f"tool.uv.sources.{name}", found=found, expected=name,
                suggestions=["correct the path, or the name"],
            )  # fmt: skip

    def _amending(self, key: str) -> list[PyRequirement]:
        """Return constraints or overrides."""
        found = []
        for one in read_requirements(self._files.settings(self._path).get(key) or [], ("tool", "uv", key)):
            listed = self._members.sources(self._path).of(one.need.name)
            if (
                one.url
                or any(source.kind != "index" for source in listed)
                or (one.extras and key.startswith("constraint"))
            ):
                raise UnsupportedError(
                    f"{FORM}: {shown(one.where)} is about more than versions of an index", path=shown(one.where), found=one.need.text()[:80],
                    expected="NAME and a range", suggestions=["use uv itself: uv lock"],
                )  # fmt: skip
            found += self._lowering.requirements([one], "", self._path)
        return found

    def _markers(self, key: str) -> list[str] | None:
        said = self._files.settings(self._path).get(key)
        listed = [said] if isinstance(said, str) else said
        if listed is None or listed == []:
            return None
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise malformed(("tool", "uv", key), said, "a list of markers")
        return listed
