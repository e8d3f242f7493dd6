"""Locks of NuGet itself: nuget.exe restores projects as they were read, and writes packages.lock.json."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.operators.packages.locks.making.dotnet import wishes_of
from outrider.operators.packages.manifests.dotnet_project import DotnetProject, Projects, TargetProject
from outrider.operators.packages.nuget.range_texts import needed_text
from outrider.operators.packages.tests.nuget_feed import config
from outrider.operators.packages.tests.nuget_oracle import nuget_program
from outrider.ports.process.command import run


async def restore(
    paths: Sequence[Path], url: str, folder: Path, *, is_locked: bool = False, timeout: float = 300.0
) -> str:
    """Have NuGet restore projects with locks, and return what it says of what is wrong.

    Args:
        paths: The projects.
        url: Of the only source.
        folder: For whatever NuGet writes.
        is_locked: Whether it is to take the locks as they are, or else to refuse them.
        timeout: Seconds.
    """
    program = nuget_program()
    assert program is not None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "NuGet.Config").write_text(config(f"test={url}").replace("<packageSources>", "<packageSources><clear />"))
    projects = Projects(Path.read_text)
    found: dict[str, dict[str, Any]] = {}
    for path in paths:
        project = projects.project(path)
        needed = [other for target in project.targets for other, _ in projects.needed(project, target).values()]
        for one in (project, *needed):
            found[str(one.path)] = _spec(one, url, folder, is_locked=is_locked and one.path == project.path)
    graph = {"format": 1, "restore": {str(path): {} for path in paths}, "projects": found}
    (folder / "all.dg").write_bytes(msgspec.json.encode(graph))
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "NUGET_PACKAGES": str(folder / "packages"), "LANG": "C.UTF-8"}  # fmt: skip
    command = [*program, "restore", str(folder / "all.dg"), "-NonInteractive", "-Verbosity", "quiet"]
    ended = await run(command, timeout=timeout, env=environment, cwd=folder)
    return (ended.stdout + ended.stderr).decode()


def _spec(project: DotnetProject, url: str, folder: Path, *, is_locked: bool) -> dict[str, Any]:
    path, written = str(project.path), [one.written for one in project.targets]
    return {
        "version": project.version,
        "restore": {
            "projectUniqueName": path,
            "projectName": project.name,
            "projectPath": path,
            "packagesPath": str(folder / "packages"),
            "outputPath": str(project.path.parent / "obj"),
            "projectStyle": "PackageReference",
            "originalTargetFrameworks": written,
            "configFilePaths": [str(folder / "NuGet.Config")],
            "sources": {url: {}},
            "restoreLockProperties": {"restorePackagesWithLockFile": "true", **({"restoreLockedMode": True} if is_locked else {})},
            "centralPackageVersionsManagementEnabled": project.is_central,
            **({"crossTargeting": True} if len(written) > 1 else {}),
            "frameworks": {
                one.written: {"targetAlias": one.written, "projectReferences": _projects(one.projects)} for one in project.targets
            },
        },
        "frameworks": {one.written: _framework(project, one) for one in project.targets},
        "runtimes": {one: {"#import": []} for target in project.targets for one in target.runtimes},
    }  # fmt: skip


def _projects(projects: Mapping[Path, bool]) -> dict[str, dict[str, str]]:
    return {
        str(path): {"projectPath": str(path), **({"privateAssets": "All"} if is_private else {})}
        for path, is_private in projects.items()
    }


def _framework(project: DotnetProject, target: TargetProject) -> dict[str, Any]:
    dependencies = {
        one.name: {
            "target": "Package", "version": one.range, **({"suppressParent": "All"} if one.is_private else {}),
            **({"versionCentrallyManaged": True} if project.is_central else {}),
        }
        for one in wishes_of(project, target, {}).values()
    }  # fmt: skip
    central = {one.name: one.range for one in target.central.values()}
    return {"targetAlias": target.written, "dependencies": dependencies, **({"centralPackageVersions": central} if central else {})}  # fmt: skip


def as_older(text: str) -> str:
    """Return a lock as nuget.exe 5.8 writes it: with the needs of projects like those of packages."""
    document = msgspec.json.decode(text)
    for entries in document["dependencies"].values():
        for entry in entries.values():
            if entry["type"] == "Project" and "dependencies" in entry:
                entry["dependencies"] = {other: _older(wanted) for other, wanted in entry["dependencies"].items()}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _older(wanted: str) -> str:
    """Return a need of a project; what floats in its prereleases alone begins with none of them, unlike in what packages need."""
    floats_alone = "*" not in wanted.partition("-")[0]
    return needed_text(wanted).removesuffix("-0") if floats_alone else needed_text(wanted)
