"""NuGet itself: the restore of nuget.exe, which runs with Mono, for many projects at once."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from outrider.operators.packages.tests.nuget_feed import config
from outrider.ports.process.command import run

_CHECKOUT = Path(__file__).resolve().parents[5]
# What the .NET SDK sets. nuget.exe takes needs from there in its older form alone, and then as the SDK does in the newer one.
_FALLBACKS = ("net461", "net462", "net47", "net471", "net472", "net48", "net481")


class Project(NamedTuple):
    """What is asked for.

    Attributes:
        needs: Ranges by the names of packages.
        framework: The target.
    """

    needs: Mapping[str, str]
    framework: str = "net5.0"


class Restored(NamedTuple):
    """What NuGet says.

    Attributes:
        packages: Versions by the names of packages, in small letters.
        codes: Of errors and warnings.
    """

    packages: dict[str, str]
    codes: frozenset[str]


def nuget_program() -> list[str] | None:
    """Return how NuGet is started; None where it is not installed."""
    mono = shutil.which("mono")
    program = next((_CHECKOUT / ".cache" / "node" / "node_modules" / "nuget-exe").glob("nuget-*.exe"), None)
    return [mono, str(program)] if mono is not None and program is not None else None


async def restored(projects: Sequence[Project], url: str, folder: Path, *, timeout: float = 300.0) -> list[Restored]:
    """Restore projects.

    Args:
        projects: What each needs.
        url: Of the only source.
        folder: For whatever NuGet writes.
        timeout: Seconds.
    """
    program = nuget_program()
    assert program is not None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "NuGet.Config").write_text(config(f"test={url}").replace("<packageSources>", "<packageSources><clear />"))
    specs = {str(folder / f"p{number}.csproj"): _spec(one, number, url, folder) for number, one in enumerate(projects)}
    graph = {"format": 1, "restore": {path: {} for path in specs}, "projects": specs}
    (folder / "all.dg").write_bytes(msgspec.json.encode(graph))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "NUGET_PACKAGES": str(folder / "packages"),
        "LANG": "C.UTF-8",
    }
    command = [*program, "restore", str(folder / "all.dg"), "-NonInteractive", "-Verbosity", "quiet"]
    ended = await run(command, timeout=timeout, env=environment, cwd=folder)
    return [_read(folder / f"obj{number}" / "project.assets.json", ended.stderr) for number in range(len(projects))]


def _spec(project: Project, number: int, url: str, folder: Path) -> dict[str, Any]:
    path, framework = str(folder / f"p{number}.csproj"), project.framework
    takes_more = framework.startswith(("netcoreapp2", "netcoreapp3", "netstandard2", "net5."))
    dependencies = {name: {"target": "Package", "version": text} for name, text in project.needs.items()}
    return {
        "version": "1.0.0",
        "restore": {
            "projectUniqueName": path,
            "projectName": f"p{number}",
            "projectPath": path,
            "packagesPath": str(folder / "packages"),
            "outputPath": str(folder / f"obj{number}"),
            "projectStyle": "PackageReference",
            "originalTargetFrameworks": [framework],
            "configFilePaths": [str(folder / "NuGet.Config")],
            "sources": {url: {}},
            "frameworks": {framework: {"projectReferences": {}}},
        },
        "frameworks": {
            framework: {
                "dependencies": dependencies,
                **({"imports": list(_FALLBACKS), "warn": True} if takes_more else {}),
            }
        },
    }


def _read(path: Path, said: bytes) -> Restored:
    assert path.is_file(), said[-2000:]
    assets = msgspec.json.decode(path.read_bytes())
    (target,) = assets["targets"].values()
    packages = dict(one.lower().split("/") for one in target)
    return Restored(packages, frozenset(one["code"] for one in assets.get("logs", ())))
