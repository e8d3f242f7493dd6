"""Makes packages.lock.json from the project beside it, and from those that this needs."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import ConflictError, NotFoundError, UnsupportedError
from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.making.manifests import beside, folder_of
from outrider.operators.packages.locks.making.results import Made, resolved
from outrider.operators.packages.locks.nuget_lock import FORM
from outrider.operators.packages.locks.writing.files import read_text, text_or_none
from outrider.operators.packages.locks.writing.nuget_lock import Target, written
from outrider.operators.packages.manifests.dotnet_project import (
    SUFFIXES,
    DotnetProject,
    Needed,
    Projects,
    Reference,
    TargetProject,
)
from outrider.operators.packages.manifests.dotnet_sdk import added
from outrider.operators.packages.nuget.details import NugetDetails
from outrider.operators.packages.nuget.frameworks import NO_VERSION, full_name
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question

FORMS = ((r"packages(\..+)?\.lock\.json", FORM),)
USUAL_NAME = FORM
_WINDOWS_VERSION = (7, 0, 0, 0)


async def make(form: str, path: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    del form
    projects = Projects(question.environment, read_text)
    project = projects.project(beside(path, project_name(path), question))
    old = text_or_none(path)
    return await locked(projects, project, question, old or "{}", path)


async def locked(projects: Projects, project: DotnetProject, question: Question, old: str, path: Path) -> Made:
    """Return the lock of a project, with the same packages of the SDK as the old one.

    Raises:
        UnsupportedError: What it needs cannot be told without building it.
        ConflictError: What is asked for cannot be had at once.
        OutriderError: What a source says.
    """
    targets, notes = [], dict[str, None]()
    before = read_json(FORM, old).get("dependencies")
    for one in project.targets:
        name, needed = name_of(project, one), projects.needed(project, one)
        entries = before.get(name) if isinstance(before, dict) else None
        wishes = wishes_of(project, one, entries if isinstance(entries, dict) else {})
        details = details_of(one, wishes, needed)
        answer = await resolved("nuget", asked_of(one, wishes, details, path, question))
        _refuse_runtimes(path, one, answer)
        notes |= dict.fromkeys(answer.notes)
        requested, central = ({key: each.range for key, each in some.items()} for some in (wishes, one.central))
        shown = dict(_shown(other, details, needed) for other, _ in needed.values())
        targets.append(Target(name, answer.packages, requested, central, shown, one.runtimes))
    return Made(written(targets, is_central=project.is_central), list(notes))


def project_name(path: Path) -> str:
    """Return the name of the project file that a lock is of.

    Raises:
        NotFoundError: There is none beside it.
        ConflictError: There are several.
    """
    folder = folder_of(path)
    names = sorted(one.name for one in folder.iterdir() if one.suffix in SUFFIXES) if folder.is_dir() else []
    said = re.fullmatch(r"packages\.(.+)\.lock\.json", path.name)
    if said is not None:
        names = [one for one in names if Path(one).stem.replace(" ", "_") == said[1]]
    if not names:
        raise NotFoundError(
            f"{path}: there is no project beside it", path="file", found="none", expected=f"a file such as app{SUFFIXES[0]}",
            suggestions=["name a file beside a project: --file FOLDER/packages.lock.json"],
        )  # fmt: skip
    if len(names) > 1:
        raise ConflictError(
            f"{path}: there are several projects beside it", path="file", found=", ".join(names), expected="one",
            suggestions=[f"--file {path.parent / f'packages.{Path(names[0]).stem}.lock.json'}"],
        )  # fmt: skip
    return names[0]


def name_of(project: DotnetProject, target: TargetProject) -> str:
    """Return the name of a framework as a lock has it.

    Raises:
        UnsupportedError: It is for a platform in a version that is not told.
    """
    framework = target.framework
    if framework.platform and framework.platform_version == NO_VERSION:
        if framework.platform != "windows":
            raise UnsupportedError(
                f"{project.path}: {target.written} has no version of its platform, which follows from the SDK then", path="TargetFramework",
                found=target.written, expected="such as net8.0-android34.0", suggestions=["write the version of the platform"],
            )  # fmt: skip
        framework = framework._replace(platform_version=_WINDOWS_VERSION)
    return full_name(framework)


def wishes_of(project: DotnetProject, target: TargetProject, entries: Mapping[str, Any]) -> dict[str, Reference]:
    """Return what a project asks for itself, by name in small letters, with what the SDK adds; errors are those of `added`."""
    return {**added(project, target, entries), **target.references}


def _shown(project: DotnetProject, details: NugetDetails, needed: Needed) -> tuple[str, list[tuple[str, str]]]:
    """Return what a lock calls a project, and what it needs, with the versions of projects."""
    # One that is called as its file is has small letters.
    name = project.name.lower() if project.name == project.path.stem else project.name
    return name, [(other, text or needed[other.lower()][0].version) for other, text in details.projects[project.name]]


def details_of(target: TargetProject, wishes: Mapping[str, Reference], needed: Needed) -> NugetDetails:
    """Return what else is to be known of a project for one framework.

    Args:
        target: The project for that framework.
        wishes: What it asks for itself, by name in small letters.
        needed: The projects that it needs.

    Raises:
        UnsupportedError: What one of them needs cannot be told without building it.
    """
    by_path = {other.path: other.name for other, _ in needed.values()}
    projects: dict[str, list[tuple[str, str]]] = {}
    private: dict[str, list[tuple[str, str]]] = {}
    for other, there in needed.values():
        needs = [(one.is_private, one.name, one.range) for one in wishes_of(other, there, {}).values()]
        # Private ones were not followed, and may be any.
        needs += [(hidden, by_path.get(path, path.stem), "") for path, hidden in there.projects.items()]
        projects[other.name] = [(name, text) for hidden, name, text in needs if not hidden]
        private[other.name] = [(name, text) for hidden, name, text in needs if hidden]
    pinned = {key: one.range for key, one in target.central.items() if key not in wishes} if target.pins else {}
    return NugetDetails(
        projects=projects, private=private, needed=[by_path[path] for path in target.projects], pinned=pinned
    )


def asked_of(
    target: TargetProject, wishes: Mapping[str, Reference], details: NugetDetails, path: Path, question: Question
) -> Question:
    """Return what to ask for one framework, with all that a lock file has."""
    packages = [f"{one.name}@{one.range}" for one in wishes.values()]
    return msgspec.structs.replace(
        question, packages=packages, target=target.written, details=details, files=True, folder=folder_of(path)
    )


def _refuse_runtimes(path: Path, target: TargetProject, answer: Resolved) -> None:
    """Refuse what needs other packages on each kind of machine, where the project is for some of these."""
    found = next((one.name for one in answer.packages if one.entry["runtimes"]), "") if target.runtimes else ""
    if found:
        raise UnsupportedError(
            f"{path}: {found} needs other packages on each kind of machine, which is not resolved here", path="RuntimeIdentifiers",
            found=", ".join(target.runtimes), expected="no RuntimeIdentifier, or packages without a runtime.json",
            suggestions=["use NuGet itself: dotnet restore --use-lock-file"],
        )  # fmt: skip
