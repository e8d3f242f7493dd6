"""A project of .NET as NuGet's restore sees it: for each of its frameworks the packages and projects that it needs.

https://learn.microsoft.com/nuget/consume-packages/package-references-in-project-files.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.nuget_lock import REMEDY
from outrider.operators.packages.manifests.dotnet_implied import Implied, implied
from outrider.operators.packages.manifests.dotnet_references import (
    Reference,
    is_private,
    reference_of,
    references_of,
    refuse_floating,
)
from outrider.operators.packages.manifests.msbuild.evaluation import Evaluation
from outrider.operators.packages.manifests.msbuild.functions import slashes
from outrider.operators.packages.manifests.msbuild.projects import (
    GLOBAL,
    PROJECT,
    REFERENCE,
    VERSION,
    evaluated,
    framework_of,
)
from outrider.operators.packages.nuget.compatibility import nearest
from outrider.operators.packages.nuget.frameworks import Framework, read_framework

SUFFIXES = (".csproj", ".fsproj", ".vbproj")
_USUAL_VERSION = "1.0.0"
_MOST_PROJECTS = 500


class TargetProject(msgspec.Struct):
    """A project as it is for one framework.

    Attributes:
        written: The framework, as the project writes it.
        references: Packages, by name in small letters.
        central: Ranges that stand in one place for all projects, likewise.
        pins: Whether these count for what others need too.
        projects: Projects that it needs: their files, and whether whoever needs this one does not need those.
        runtimes: Kinds of machines that it is for.
        properties: Gives a property.
        implied: Packages that the SDK adds to these.
    """

    written: str
    references: dict[str, Reference]
    central: dict[str, Reference]
    pins: bool
    projects: dict[Path, bool]
    runtimes: list[str]
    properties: Callable[[str], str]
    implied: list[Implied]

    @property
    def framework(self) -> Framework:
        """The framework."""
        return read_framework(self.written)


class DotnetProject(msgspec.Struct):
    """A project.

    Attributes:
        path: Its file.
        name: As restore calls it.
        properties: Gives a property, as it is for no framework in particular.
        targets: For each of its frameworks.
        is_central: Whether ranges stand in one place for all projects.
        texts: Of all files that it is made of.
    """

    path: Path
    name: str
    properties: Callable[[str], str]
    targets: list[TargetProject]
    is_central: bool
    texts: dict[Path, str]

    @property
    def version(self) -> str:
        """The version of it.

        Raises:
            UnsupportedError: A build alone can tell.
        """
        suffix, prefix = self.properties("VersionSuffix"), self.properties("VersionPrefix") or _USUAL_VERSION
        said = self.properties("PackageVersion") or self.properties("Version")
        return said or (f"{prefix}-{suffix}" if suffix else prefix)


# Projects by name in small letters, each for the framework that goes with who needs it.
Needed = Mapping[str, tuple[DotnetProject, TargetProject]]


class Projects:
    """Reads projects, each once.

    Args:
        read: Returns the text of a file.
    """

    def __init__(self, read: Callable[[Path], str]) -> None:
        self._read = read
        self._known: dict[Path, DotnetProject] = {}

    def project(self, path: Path) -> DotnetProject:
        """Return a project.

        Raises:
            NotFoundError: It is not there.
            InvalidConfigError: It cannot be read, or says what cannot be.
            UnsupportedError: What it needs cannot be told without building it.
        """
        path = Path(os.path.normpath(path.absolute()))
        if path not in self._known:
            if len(self._known) > _MOST_PROJECTS:
                raise InvalidConfigError(
                    f"{path}: it leads to too many projects", path=str(path), found=f"more than {_MOST_PROJECTS}", expected="fewer",
                    suggestions=["lock another project"],
                )  # fmt: skip
            self._known[path] = self._read_project(path)
        return self._known[path]

    def needed(self, project: DotnetProject, target: TargetProject) -> Needed:
        """Return the projects that a project needs, with what these need in turn.

        Raises:
            InvalidConfigError: One has no framework that goes with it, or two have one name.
            OutriderError: One cannot be read.
        """
        found: dict[str, tuple[DotnetProject, TargetProject]] = {}
        paths_of = {project.name.lower(): project.path}
        waiting = [(project, target, list(target.projects))]
        while waiting:
            above, at, paths = waiting.pop()
            for path in paths:
                other = self.project(path)
                _refuse_same_name(project, other, paths_of.setdefault(other.name.lower(), other.path))
                if other.name.lower() not in found:
                    there = _nearest(above, at, other)
                    found[other.name.lower()] = (other, there)
                    waiting.append((other, there, [one for one, is_hidden in there.projects.items() if not is_hidden]))
        return found

    def _read_project(self, path: Path) -> DotnetProject:
        first = evaluated(path, "", self._read)
        several = [one.strip() for one in first.property("TargetFrameworks").split(";") if one.strip()]
        # Restore takes these even where a TargetFramework is said besides: `MSBuildProjectFrameworkUtility` in NuGet.Commands.
        frameworks = list(dict.fromkeys(several)) or [""]
        found = [first if not one else evaluated(path, one, self._read) for one in frameworks]
        texts = {file: text for one in (first, *found) for file, text in one.texts.items()}
        return DotnetProject(
            path, _name(first, path), first.property, [_target(path, one, _runtimes(first)) for one in found], _is_central(first), texts,
        )  # fmt: skip


def _refuse_same_name(project: DotnetProject, other: DotnetProject, path: Path) -> None:
    if other.path != path:
        raise InvalidConfigError(
            f"{project.path}: it needs two projects that are called {other.name}, which NuGet calls ambiguous", path=str(project.path),
            found=f"{path}, {other.path}", expected="one of each name", suggestions=["give one of them a PackageId of its own"],
        )  # fmt: skip


def _nearest(above: DotnetProject, at: TargetProject, other: DotnetProject) -> TargetProject:
    frameworks = {one.framework: one for one in other.targets}
    found = nearest(at.framework, list(frameworks))
    if found is None:
        raise InvalidConfigError(
            f"{above.path}: {other.path.name} is for none that goes with {at.written} (NU1201)", path=str(above.path),
            found=", ".join(one.written for one in other.targets), expected=f"a framework that {at.written} can use",
            suggestions=[f"add one to the TargetFrameworks of {other.path.name}"],
        )  # fmt: skip
    return frameworks[found]


def _target(path: Path, found: Evaluation, runtimes: list[str]) -> TargetProject:
    written = framework_of(found)
    if not written:
        raise InvalidConfigError(
            f"{path}: it has no TargetFramework", path="TargetFramework", found="none", expected="such as net8.0",
            suggestions=["say it in a PropertyGroup of the project"],
        )  # fmt: skip
    is_central = _is_central(found)
    by_sdk = list(implied(path, read_framework(written), found.property))
    found.begin(REFERENCE, [one.name for one in by_sdk if one.is_early])
    central: dict[str, Reference] = {}
    for item in found.items(VERSION) if is_central else ():
        # Of several the first counts, which is a warning of restore (NU1506).
        central.setdefault(item.name.lower(), reference_of(path, item))
    if not _is_true(found, "CentralPackageFloatingVersionsEnabled"):
        refuse_floating(path, central)
    references, left = references_of(path, found.items(REFERENCE), by_sdk, central if is_central else None)
    for item in found.items(GLOBAL) if is_central else ():
        one = reference_of(path, item)
        references[one.name.lower()] = msgspec.structs.replace(one, is_private=True)
    return TargetProject(
        written, references, central, is_central and _is_true(found, "CentralPackageTransitivePinningEnabled"), _projects(path, found),
        list(runtimes), found.property, left,
    )  # fmt: skip


def _projects(path: Path, found: Evaluation) -> dict[Path, bool]:
    projects = {}
    for item in found.items(PROJECT):
        if item.metadata.get("referenceoutputassembly", "").lower() != "false":
            file = Path(os.path.normpath(path.parent / slashes(item.name)))
            if file.suffix.lower() not in SUFFIXES or {"*", "?"} & {*item.name}:
                raise UnsupportedError(
                    f"{path}: it needs {item.name}, which is no project that is read", path=PROJECT, found=item.name,
                    expected=f"a project: {', '.join(SUFFIXES)}", suggestions=[REMEDY],
                )  # fmt: skip
            projects[file] = is_private(item)
    return projects


def _name(found: Evaluation, path: Path) -> str:
    return found.property("PackageId") or found.property("AssemblyName") or path.stem


def _is_central(found: Evaluation) -> bool:
    # It takes the file too, as in NuGet.targets.
    return _is_true(found, "ManagePackageVersionsCentrally") and _is_true(found, "CentralPackageVersionsFileImported")


def _runtimes(found: Evaluation) -> list[str]:
    """Return kinds of machines: restore takes those of the project as it is for no framework in particular, for all of them."""
    names = ("RuntimeIdentifiers", "RuntimeIdentifier")
    return sorted({one.strip() for name in names for one in found.property(name).split(";") if one.strip()})


def _is_true(found: Evaluation, name: str) -> bool:
    return found.property(name).lower() == "true"
