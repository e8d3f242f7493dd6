"""Reads what a uv.lock is the lock of.

https://docs.astral.sh/uv/concepts/projects/workspaces/ and https://docs.astral.sh/uv/concepts/projects/dependencies/.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

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
from outrider.operators.packages.manifests.uv_files import UvFiles, manifest_in, without_login
from outrider.operators.packages.manifests.uv_members import UvMembers
from outrider.operators.packages.manifests.uv_settings import refuse_settings, workspace_of
from outrider.operators.packages.manifests.uv_sources import Source
from outrider.operators.packages.manifests.uv_workspace import LocalProject, UvWorkspace
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.marker_texts import marker_text
from outrider.operators.packages.pypi.universal.trees import disjunction, negation

_UV = "tool.uv"


def read_workspace(path: Path, given: Mapping[Path, str] | None = None) -> UvWorkspace:
    """Read a manifest, and those that it leads to.

    Args:
        path: Of the manifest beside the lock.
        given: Texts that count in place of those on disk.

    Raises:
        NotFoundError: There is no manifest or folder where one is named.
        InvalidConfigError: One cannot be read, or uv would refuse how they are put together.
        UnsupportedError: They have what is not read, and what a lock of uv would follow from.
        LimitedError: There are too many of them.
    """
    files = UvFiles(path, given or {})
    refuse_settings(files.settings(path), f"{FORM}: {_UV}.")
    return _Reader(path, files).workspace()


class _Reader:
    """Puts manifests together.

    Args:
        path: Of the manifest of the root.
        files: That are read.
    """

    def __init__(self, path: Path, files: UvFiles) -> None:
        self._path, self._files = path, files
        self._members = UvMembers(path, files)
        # Manifests in folders, with the names that lead to them, and what they are as uv.lock writes it.
        self._waiting: list[tuple[Path, str, str]] = []

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
        return UvWorkspace(
            groups={name: self._from_all(group, "", self._path) for name, group in groups.items()}, constraints=constraints,
            overrides=overrides, projects=[*members, *self._others()], texts=self._files.texts, has_project=has_project,
            pythons=",".join(pythons), environments=self._markers("environments"), required=self._markers("required-environments") or [],
            addresses=self._files.addresses(),
        )  # fmt: skip

    def _member(self, name: str, path: Path) -> LocalProject:
        project = self._with_sources(path, self._members.projects[path])
        return LocalProject(path=path, project=project, source=self._members.written(name), is_member=True)

    def _with_sources(self, path: Path, project: PyProject) -> PyProject:
        """Return a project with where its needs come from."""
        self._members.sources(path).refuse_missing(project)
        groups = {name: self._from_all(group, project.name, path, name) for name, group in project.groups.items()}
        requirements = self._from_all(project.requirements, project.name, path)
        return msgspec.structs.replace(project, requirements=requirements, groups=groups)

    def _from_all(
        self, requirements: Iterable[PyRequirement], own: str, path: Path, group: str = ""
    ) -> list[PyRequirement]:
        """Return requirements with where they come from: one may stand for several, each on some machines.

        Args:
            requirements: As they are written.
            own: The name of the project that has them.
            path: Of its manifest.
            group: Of the project, that they are of; empty for none.
        """
        sources, found = self._members.sources(path), []
        for one in requirements:
            listed = sources.of(one.need.name)
            if self._is_of_workspace(path) and one.need.name in self._members.paths and one.need.name != own:
                self._refuse_undeclared(one.need.name, listed, path)
            ours = [each for each in listed if each.counts(one.extra, group)]
            elsewhere = [(each.machines, self._from(one, own, path, each)) for each in ours]
            rest = negation(disjunction(each.machines for each in ours))
            parts = [
                msgspec.structs.replace(each, part=marker_text(where))
                for where, each in (*elsewhere, (rest, one))
                if where is not False
            ]
            found += [each for each in parts if not ours or marker_tree(each.told.marker) is not False]
        return found

    def _is_of_workspace(self, path: Path) -> bool:
        return path == self._path or path in self._members.projects

    def _from(self, one: PyRequirement, own: str, path: Path, source: Source) -> PyRequirement:
        """Return a requirement as it comes from a source; the errors are those of `read_workspace`."""
        name = one.need.name
        if source.kind == "index":
            address = self._members.sources(path).address(source)
            written = f"index = {toml_text(without_login(address))}{_conflict(own, source)}"
            return msgspec.structs.replace(one, source=written, index=address)
        place = ""
        if source.kind == "path":
            place = written = self._folder(name, source)
        elif self._is_of_workspace(path) and name in self._members.paths and source.flag("workspace"):
            written = self._members.written(name)
        else:
            raise InvalidConfigError(
                f"{source.form}: {source.where} names a member of the workspace, and there is none of this name", path=source.where,
                found=name, expected="the name of a member", suggestions=["correct it", "add its folder to tool.uv.workspace.members"],
            )  # fmt: skip
        # As with uv, its range does not count: there is one version of it.
        return msgspec.structs.replace(
            one, need=msgspec.structs.replace(one.need, range=""), clauses=(), source=written, place=place
        )

    def _refuse_undeclared(self, name: str, listed: Sequence[Source], path: Path) -> None:
        other = next((one.kind for one in listed if one.kind != "workspace"), "" if listed else "nothing")
        if other:
            raise InvalidConfigError(
                f"{self._files.form(path)}: {name} is a member of the workspace, and tool.uv.sources does not say so", path=f"tool.uv.sources.{name}",
                found=other, expected="{ workspace = true }", suggestions=[f"add {name} = {{ workspace = true }}"],
            )  # fmt: skip

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

    def _others(self) -> list[LocalProject]:
        """Return what is needed in folders, and what that needs in folders."""
        found: dict[Path, LocalProject] = {}
        paths = dict(self._members.paths)
        while self._waiting:
            path, name, written = self._waiting.pop(0)
            known = found.get(path)
            if (known is not None and known.source != written) or paths.setdefault(name, path) != path:
                raise InvalidConfigError(
                    f"{self._files.form(path)}: tool.uv.sources leads to {name} in two ways", path=f"tool.uv.sources.{name}", found=written,
                    expected=known.source if known is not None else self._files.form(paths[name]), suggestions=["write the same in all manifests", "use uv itself: uv lock"],
                )  # fmt: skip
            if known is None:
                project = self._with_sources(path, self._other(path, name))
                found[path] = LocalProject(path=path, project=project, source=written, is_member=False)
        return sorted(found.values(), key=lambda one: one.project.name)

    def _other(self, path: Path, name: str) -> PyProject:
        above = workspace_of(path.parent.resolve())
        if above is not None:
            raise UnsupportedError(
                f"{self._files.form(path)}: it is a member of the workspace of {above}, whose sources are not read here",
                path=f"tool.uv.sources.{name}", found=str(above), expected="a project by itself", suggestions=["use uv itself: uv lock"],
            )  # fmt: skip
        self._files.document(path)
        project = read_pyproject(self._files.texts[path], self._files.form(path))
        if project.name != name:
            raise InvalidConfigError(
                f"{self._files.form(path)}: tool.uv.sources leads to it as {name}", path=f"tool.uv.sources.{name}", found=project.name,
                expected=name, suggestions=["correct the path, or the name"],
            )  # fmt: skip
        return project

    def _amending(self, key: str) -> list[PyRequirement]:
        """Return constraints or overrides."""
        found = []
        for one in read_requirements(self._files.settings(self._path).get(key) or [], ("tool", "uv", key)):
            listed = self._members.sources(self._path).of(one.need.name)
            if any(source.kind != "index" for source in listed) or (one.extras and key.startswith("constraint")):
                raise UnsupportedError(
                    f"{FORM}: {shown(one.where)} is about more than versions of an index", path=shown(one.where), found=one.need.text()[:80],
                    expected="NAME and a range", suggestions=["use uv itself: uv lock"],
                )  # fmt: skip
            found += self._from_all([one], "", self._path)
        return found

    def _markers(self, key: str) -> list[str] | None:
        said = self._files.settings(self._path).get(key)
        listed = [said] if isinstance(said, str) else said
        if listed is None or listed == []:
            return None
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise malformed(("tool", "uv", key), said, "a list of markers")
        return listed


def _conflict(own: str, source: Source) -> str:
    """Return what uv.lock says of a source that is for one extra or group alone."""
    key = next((one for one in ("extra", "group") if source.name(one)), "")
    return f", conflict = {{ package = {toml_text(own)}, {key} = {toml_text(source.name(key))} }}" if key else ""
