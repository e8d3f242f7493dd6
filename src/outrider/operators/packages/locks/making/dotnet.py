"""What a project of .NET asks for, for each of its frameworks, and the lock that an answer comes to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.nuget_lock import FORM, NAMED_VERSION, REMEDY
from outrider.operators.packages.locks.writing.nuget_lock import Target, written
from outrider.operators.packages.manifests.dotnet_project import (
    DotnetProject,
    Needed,
    Projects,
    TargetProject,
)
from outrider.operators.packages.manifests.dotnet_references import Reference
from outrider.operators.packages.manifests.dotnet_sdk import added
from outrider.operators.packages.nuget.details import NugetDetails, NugetTarget, for_frameworks
from outrider.operators.packages.nuget.frameworks import CORE, NO_VERSION, full_name
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question

_WINDOWS_VERSION = (7, 0, 0, 0)
# Locks had it before it had its name: `PackagesLockFileTarget` in NuGet.ProjectModel.
_NAMES = {"net5.0": ".NETCoreApp,Version=v5.0"}
_SORTED_AS = {name: sorted_as for sorted_as, name in _NAMES.items()}


class _Asked(NamedTuple):
    """What is asked for one framework.

    Attributes:
        target: The project for that framework.
        name: Of the framework, as a lock has it.
        wishes: What the project asks for, by name in small letters, with what the SDK adds.
        needed: The projects that it needs.
        details: What of these counts for an answer.
    """

    target: TargetProject
    name: str
    wishes: dict[str, Reference]
    needed: Needed
    details: NugetTarget


class LockedProject:
    """A project and its lock.

    Args:
        path: The file of the project.
        lock: The text of the lock that is there; None where there is none. Packages of the SDK keep their versions.
        projects: Reads projects.

    Attributes:
        project: The project.
        texts: Of all files that it leads to, those of other projects too.
        notes: What whoever reads the lock should know.

    Raises:
        InvalidConfigError: A file cannot be read, or says what cannot be.
        NotFoundError: A project is not there that it needs.
        UnsupportedError: What it needs cannot be told without building it.
    """

    def __init__(self, path: Path, lock: str | None, projects: Projects) -> None:
        self.project = projects.project(path)
        document = read_json(FORM, lock or "{}")
        _refuse_newer(document.get("version"))
        before = document.get("dependencies")
        said = {one.written: {*one.runtimes} for one in self.project.targets}
        self._asked = [_asked(projects, self.project, one, before) for one in self.project.targets]
        kept = {
            f"{one.name}/{kind}" for one in self._asked for kind in {*one.target.runtimes} - said[one.target.written]
        }
        self.notes = [
            f"{name} is kept from the lock, for which the project itself does not ask" for name in sorted(kept)
        ]
        others = [other for one in self._asked for other, _ in one.needed.values()]
        self.texts = {file: text for one in (self.project, *others) for file, text in one.texts.items()}

    @property
    def wishes(self) -> dict[Reference, list[str]]:
        """What it asks for, each with the frameworks for which it does."""
        found: dict[Reference, list[str]] = {}
        for one in self._asked:
            for reference in one.wishes.values():
                # Whether others need it too is another question, and may be answered otherwise for each framework.
                asked = msgspec.structs.replace(reference, is_private=False)
                found.setdefault(asked, []).append(one.target.written)
        return found

    def asked(self, question: Question) -> Question:
        """Return a question for all frameworks, with all that a lock file has."""
        return msgspec.structs.replace(
            question, packages=[for_frameworks(frameworks, f"{one.name}@{one.range}") for one, frameworks in self.wishes.items()],
            details=NugetDetails(targets=[one.details for one in self._asked]), files=True, folder=self.project.path.parent,
        )  # fmt: skip

    def text(self, answer: Resolved) -> str:
        """Return the lock that an answer comes to.

        Raises:
            UnsupportedError: It has what is another one on each kind of machine.
        """
        # Those that are called otherwise in locks stand where they would under their names.
        ordered = sorted(self._asked, key=lambda one: _SORTED_AS.get(one.name, one.name))
        return written([self._target(one, answer) for one in ordered], is_central=self.project.is_central)

    def _target(self, asked: _Asked, answer: Resolved) -> Target:
        target = asked.target
        packages = [one for one in answer.packages if one.place == target.written]
        native = next((one.name for one in packages if one.entry["runtimes"]), "") if target.runtimes else ""
        if native:
            raise UnsupportedError(
                f"{self.project.path}: {native} needs other packages on each kind of machine, which is not resolved here", path="RuntimeIdentifiers",
                found=", ".join(target.runtimes), expected="no RuntimeIdentifier, or packages whose runtime.json names no others",
                suggestions=[REMEDY],
            )  # fmt: skip
        requested, central = ({key: one.range for key, one in some.items()} for some in (asked.wishes, target.central))
        shown = dict(_shown(other, asked) for other, _ in asked.needed.values())
        return Target(asked.name, packages, requested, central, shown, target.runtimes)


def _refuse_newer(version: Any) -> None:
    if isinstance(version, int) and version >= NAMED_VERSION:
        raise UnsupportedError(
            f"{FORM}: it is of version {version}, whose frameworks have names that the project gives them", path="version", found=str(version),
            expected="1 or 2", suggestions=[REMEDY],
        )  # fmt: skip


def wishes_of(
    project: DotnetProject, target: TargetProject, entries: Mapping[str, Any] | None, *, for_others: bool = False
) -> dict[str, Reference]:
    """Return what a project asks for itself, by name in small letters, with what the SDK adds; parameters and errors are those of `added`."""
    return {**added(project, target, entries, for_others=for_others), **target.references}


def _asked(projects: Projects, project: DotnetProject, target: TargetProject, before: Any) -> _Asked:
    name, needed = _name_of(project, target), projects.needed(project, target)
    entries = before.get(name) if isinstance(before, dict) else None
    locked = entries if isinstance(entries, dict) else None
    wishes = wishes_of(project, target, locked)
    # Those of a command line, of this machine or of Windows are known from the lock alone.
    known = (
        {key.partition("/")[2] for key in before if key.startswith(f"{name}/")} if isinstance(before, dict) else set()
    )
    if known > {*target.runtimes}:
        target.runtimes = sorted(known)
    elif locked is None and project.targets == [target]:
        _refuse_own_machine(project, target)
    return _Asked(target, name, wishes, needed, _details(target, wishes, needed, locked or {}))


def _refuse_own_machine(project: DotnetProject, target: TargetProject) -> None:
    """Refuse what is for the machine that restores it: Microsoft.NET.RuntimeIdentifierInference.targets of the SDK."""
    names = ("UseCurrentRuntimeIdentifier", "SelfContained", "OutputType", "IsTestProject")
    asked, contained, output, test = (target.properties(name).lower() for name in names)
    # A project of the web that does not say what it is comes to a program.
    output = output or ("exe" if target.properties("UsingMicrosoftNETSdkWeb") == "true" else "")
    is_contained = contained == "true" and output in ("exe", "winexe") and test != "true"
    is_of_machine = asked == "true" if asked else is_contained
    if target.framework.name == CORE and not target.properties("RuntimeIdentifier") and is_of_machine:
        raise UnsupportedError(
            f"{project.path}: SelfContained without a RuntimeIdentifier is for the machine that restores it", path="RuntimeIdentifier",
            found="none", expected="one, or a lock that tells", suggestions=["write a RuntimeIdentifier", REMEDY],
        )  # fmt: skip


def _details(
    target: TargetProject, wishes: Mapping[str, Reference], needed: Needed, locked: Mapping[str, Any]
) -> NugetTarget:
    by_path = {other.path: other.name for other, _ in needed.values()}
    projects: dict[str, list[tuple[str, str]]] = {}
    private: dict[str, list[tuple[str, str]]] = {}
    for other, there in needed.values():
        asked = wishes_of(other, there, _locked_of(other, locked), for_others=True)
        needs = [(one.is_private, one.name, one.range) for one in asked.values()]
        # Private ones were not followed, and may be any.
        needs += [(hidden, by_path.get(path, path.stem), "") for path, hidden in there.projects.items()]
        projects[other.name] = [(name, text) for hidden, name, text in needs if not hidden]
        private[other.name] = [(name, text) for hidden, name, text in needs if hidden]
    pinned = {key: one.range for key, one in target.central.items() if key not in wishes} if target.pins else {}
    return NugetTarget(
        framework=target.written, projects=projects, private=private, needed=[by_path[path] for path in target.projects], pinned=pinned
    )  # fmt: skip


def _locked_of(project: DotnetProject, locked: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the lock of who needs a project has of that, in the form of its own."""
    entry = next((one for name, one in locked.items() if name.lower() == project.name.lower()), None)
    needs = entry.get("dependencies", {}) if isinstance(entry, dict) and entry.get("type") == "Project" else None
    return (
        {name: {"type": "Direct", "requested": text} for name, text in needs.items()}
        if isinstance(needs, dict)
        else None
    )


def _shown(project: DotnetProject, asked: _Asked) -> tuple[str, list[tuple[str, str]]]:
    """Return what a lock calls a project, and what it needs, with the versions of projects."""
    # One that is called as its file is has small letters.
    name = project.name.lower() if project.name == project.path.stem else project.name
    needs = asked.details.projects[project.name]
    return name, [(other, text or asked.needed[other.lower()][0].version) for other, text in needs]


def _name_of(project: DotnetProject, target: TargetProject) -> str:
    """Return the name of a framework as a lock has it."""
    framework = target.framework
    if framework.platform and framework.platform_version == NO_VERSION:
        if framework.platform != "windows":
            raise UnsupportedError(
                f"{project.path}: {target.written} has no version of its platform, which follows from the SDK then", path="TargetFramework",
                found=target.written, expected="such as net8.0-android34.0", suggestions=["write the version of the platform"],
            )  # fmt: skip
        framework = framework._replace(platform_version=_WINDOWS_VERSION)
    name = full_name(framework)
    return _NAMES.get(name, name)
