"""Where the needs of a project come from: its sources are put together with its requirements.

`LoweredRequirement` in crates/uv-distribution/src/metadata/lowering.rs of uv 0.13.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.writing.texts import toml_text
from outrider.operators.packages.manifests.py_requirements import PyRequirement, shown
from outrider.operators.packages.manifests.pyproject import PyProject
from outrider.operators.packages.manifests.uv_direct import Direct
from outrider.operators.packages.manifests.uv_files import UvFiles, without_login
from outrider.operators.packages.manifests.uv_members import UvMembers
from outrider.operators.packages.manifests.uv_sources import Source
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.marker_texts import marker_text
from outrider.operators.packages.pypi.universal.trees import disjunction, negation


class Landing(Protocol):
    """Where sources lead from some manifests; each returns what uv.lock writes of it, and its place where it is no member here."""

    def member(self, name: str) -> tuple[str, str]:
        """Take in a member of the workspace."""

    def path(self, name: str, source: Source) -> tuple[str, str]:
        """Take in what lies in a folder or a file."""

    def direct(self, name: str, direct: Direct) -> tuple[str, str]:
        """Take in what comes from a repository or an address."""


class Lowering:
    """Tells of requirements where they come from.

    Args:
        members: Of the workspace, with their sources.
        files: That are read.
        landing: Takes in what comes from no index.
    """

    def __init__(self, members: UvMembers, files: UvFiles, landing: Landing) -> None:
        self._members, self._files, self._landing = members, files, landing

    def project(self, path: Path, project: PyProject) -> PyProject:
        """Return a project with where its needs come from.

        Args:
            path: Of its manifest.
            project: As that says.

        Raises:
            NotFoundError: A source leads to nothing.
            InvalidConfigError: uv would refuse how they are put together.
            UnsupportedError: Something comes from where nothing is read.
        """
        self._members.sources(path).refuse_missing(project)
        groups = {name: self.requirements(group, project.name, path, name) for name, group in project.groups.items()}
        requirements = self.requirements(project.requirements, project.name, path)
        return msgspec.structs.replace(project, requirements=requirements, groups=groups)

    def requirements(
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
            if one.url and listed:
                raise self._twice(one, listed[0])
            if self._members.has(path) and one.need.name in self._members.paths and one.need.name != own:
                self._refuse_undeclared(one.need.name, listed, path)
            ours = [each for each in listed if each.counts(one.extra, group)]
            elsewhere = [(each.machines, self._from(one, own, path, each)) for each in ours]
            rest = negation(disjunction(each.machines for each in ours))
            parts = [
                msgspec.structs.replace(each, part=marker_text(where))
                for where, each in (*elsewhere, (rest, self._of_url(one, path)))
                if where is not False
            ]
            found += [each for each in parts if not ours or marker_tree(each.told.marker) is not False]
        return found

    def _from(self, one: PyRequirement, own: str, path: Path, source: Source) -> PyRequirement:
        """Return a requirement as it comes from a source; the errors are those of `read_workspace`."""
        name = one.need.name
        if source.kind == "index":
            address = self._members.sources(path).address(source)
            written = f"index = {toml_text(without_login(address))}{_conflict(own, source)}"
            return msgspec.structs.replace(one, source=written, index=address)
        if source.kind in ("git", "url"):
            written, place = self._landing.direct(name, Direct.of_source(source))
        elif source.kind == "path":
            written, place = self._landing.path(name, source)
        elif self._members.has(path) and name in self._members.paths and source.flag("workspace"):
            written, place = self._landing.member(name)
        else:
            raise InvalidConfigError(
                f"{source.form}: {source.where} names a member of the workspace, and there is none of this name", path=source.where,
                found=name, expected="the name of a member", suggestions=["correct it", "add its folder to tool.uv.workspace.members"],
            )  # fmt: skip
        # As with uv, its range does not count: there is one version of it.
        return msgspec.structs.replace(
            one, need=msgspec.structs.replace(one.need, range=""), clauses=(), source=written, place=place
        )

    def _of_url(self, one: PyRequirement, path: Path) -> PyRequirement:
        """Return a requirement as it comes from its own address; as it is where it has none."""
        if not one.url:
            return one
        where = f"{self._files.form(path)}: {shown(one.where)}"
        written, place = self._landing.direct(one.need.name, Direct.of_url(one.url, where))
        return msgspec.structs.replace(one, source=written, place=place)

    def _twice(self, one: PyRequirement, source: Source) -> UnsupportedError:
        return UnsupportedError(
            f"{source.form}: {shown(one.where)} has an address, and {source.where} is for {one.need.name} too", path=source.where,
            found=one.url.rpartition("@")[2][:80], expected="one of them", suggestions=["write the name and its range alone into the requirement"],
        )  # fmt: skip

    def _refuse_undeclared(self, name: str, listed: Sequence[Source], path: Path) -> None:
        other = next((one.kind for one in listed if one.kind != "workspace"), "" if listed else "nothing")
        if other:
            raise InvalidConfigError(
                f"{self._files.form(path)}: {name} is a member of the workspace, and tool.uv.sources does not say so", path=f"tool.uv.sources.{name}",
                found=other, expected="{ workspace = true }", suggestions=[f"add {name} = {{ workspace = true }}"],
            )  # fmt: skip


def _conflict(own: str, source: Source) -> str:
    """Return what uv.lock says of a source that is for one extra or group alone."""
    key = next((one for one in ("extra", "group") if source.name(one)), "")
    return f", conflict = {{ package = {toml_text(own)}, {key} = {toml_text(source.name(key))} }}" if key else ""
