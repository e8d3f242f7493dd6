"""What a uv.lock is the lock of: a project by itself, or a workspace, and what these need in folders."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from outrider.operators.packages.manifests.py_requirements import PyRequirement
from outrider.operators.packages.manifests.pyproject import PyProject
from outrider.operators.packages.manifests.uv_direct import Direct
from outrider.operators.packages.pypi.details import PackageIndex
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.trees import possible


class Archive(msgspec.Struct, kw_only=True, frozen=True):
    """A file that a project comes in.

    Attributes:
        wheel: Its name, of a wheel; empty of a source distribution.
        entry: What uv.lock says of it.
    """

    wheel: str
    entry: str


class Fetched(msgspec.Struct, kw_only=True, frozen=True):
    """A project that was fetched, or read out of a file.

    Attributes:
        project: What it says, with where its needs come from.
        source: Whence it is, as uv.lock writes it: with the commit, where it is of a repository.
        archive: The file that it came in; None of a repository.
        directs: What it needs from repositories, addresses and files, as uv.lock writes it and by that.
        addresses: Of indexes as it writes them, by what is asked.
    """

    project: PyProject
    source: str
    archive: Archive | None = None
    directs: Mapping[str, Direct] = {}
    addresses: Mapping[str, str] = {}


class LocalProject(msgspec.Struct, kw_only=True, frozen=True):
    """A project that lies here, or was fetched.

    Attributes:
        path: Of its manifest; of what was fetched, what its source is.
        project: What that says, with where its needs come from.
        source: What it is and where it lies, as uv.lock writes it, such as `virtual = "."`.
        is_member: Whether it is locked with all its extras and groups, and not just where something needs it.
        place: Where it lies, as what needs it says; empty where that is the source.
        archive: The file that it came in; None where it came in none.
        url: The address by which others may ask for it; empty where there is none.
    """

    path: Path
    project: PyProject
    source: str
    is_member: bool
    place: str = ""
    archive: Archive | None = None
    url: str = ""


class Asked(NamedTuple):
    """A requirement with the manifest that it stands in, and whether its range may change."""

    path: Path
    one: PyRequirement
    is_own: bool


class UvWorkspace(msgspec.Struct, kw_only=True, frozen=True):
    """All of it.

    Attributes:
        texts: Of the manifests, that beside the lock first.
        projects: The members by name, then what lies in other folders.
        groups: Of a root that is no project itself.
        has_project: Whether the root is one.
        pythons: On which all members run.
        constraints: Further ranges of what is needed.
        overrides: What counts in place of all that is said of a name.
        environments: Markers of the machines that are meant alone; None where all are.
        required: Markers of those for which there must be wheels.
        addresses: Of indexes as they are written, by what is asked.
        unfetched: What is needed and was not fetched yet.
    """

    texts: dict[Path, str]
    projects: list[LocalProject]
    groups: dict[str, list[PyRequirement]]
    has_project: bool
    pythons: str
    constraints: list[PyRequirement]
    overrides: list[PyRequirement]
    environments: list[str] | None
    required: list[str]
    addresses: dict[str, str]
    unfetched: list[Direct]

    @property
    def members(self) -> list[LocalProject]:
        """Those that are locked by themselves."""
        return [one for one in self.projects if one.is_member]

    def asked(self) -> list[Asked]:
        """Return all requirements, each once, on whatever machines and from wherever it is needed."""
        return list({(one.path, one.one.where, one.one.need): one for one in self._every()}.values())

    def indexes(self) -> list[PackageIndex]:
        """Return the indexes that alone are asked for single packages, each once."""
        overridden = {one.need.name for one in self.overrides}
        asked: dict[str, set[str]] = {}
        for _, one, _ in self._every():
            asked.setdefault(one.need.name, set()).update(one.need.extras)
        said = [
            each
            for one in self.projects
            for each in one.project.every()
            if each.need.name not in overridden
            and (one.is_member or not each.extra or each.extra in asked.get(one.project.name, ()))
        ]
        said += [one for group in self.groups.values() for one in group if one.need.name not in overridden]
        # A constraint without a range is passed over.
        said += [*(one for one in self.constraints if one.need.range), *self.overrides]
        found = (
            PackageIndex(name=one.need.name, url=one.index, place=one.place, marker=one.told.marker)
            for one in said
            if (one.index or one.place) and possible(marker_tree(one.told.marker), (one.extra,) if one.extra else ())
        )
        return list(dict.fromkeys(found))

    def lists(self) -> list[tuple[Path, list[PyRequirement]]]:
        """Return what is asked for by list, with the manifest that has it: first what the root does, where it is no project."""
        root = next(iter(self.texts))
        found = [(one.path, some) for one in self.members for some in one.project.lists()]
        return [(root, [one for group in self.groups.values() for one in group]), *found]

    def _every(self) -> Iterator[Asked]:
        for one in self.projects:
            for each in one.project.every() if one.is_member else one.project.requirements:
                yield Asked(one.path, each, one.is_member)
        root = next(iter(self.texts))
        yield from (Asked(root, one, True) for group in self.groups.values() for one in group)
