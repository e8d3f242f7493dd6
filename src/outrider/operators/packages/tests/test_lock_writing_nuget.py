"""packages.lock.json as it is written: to the byte that of NuGet, and taken by it as it is."""

import difflib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from outrider.core.errors import (
    ConflictError,
    InvalidConfigError,
    NotFoundError,
    OutriderError,
    UnavailableError,
    UnsupportedError,
)
from outrider.operators.packages.locks.nuget_lock import read
from outrider.operators.packages.operations import lock
from outrider.operators.packages.operations.lock import LockParams, LockResult
from outrider.operators.packages.tests.nuget_feed import NugetFeed, Version, only_source
from outrider.operators.packages.tests.nuget_locks import as_older, restore
from outrider.operators.packages.tests.nuget_oracle import nuget_program
from outrider.operators.packages.tests.nuget_projects import draw_projects, project_text
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.test_nuget_oracle import FAULTS, fill

LOCK = "packages.lock.json"
needs_nuget = pytest.mark.skipif(nuget_program() is None, reason="Mono or nuget.exe is not installed")


@pytest.fixture
async def feed(tmp_path: Path) -> AsyncIterator[NugetFeed]:
    async with only_source(tmp_path) as made:
        made.add("NETStandard.Library@2.0.3", "Microsoft.NETCore.Platforms@1.1.0")
        made.add("Microsoft.NETCore.Platforms@1.1.0")
        made.add("Acme.Web@1.0.0", "beta@1.0.0", "Gamma@[1.0.0, 3.0.0)")
        made.add("Acme.Web@2.0.0", "beta@1.0.0")
        for version in ("1.0.0", "1.2.0", "1.3.0-rc.1", "2.0.0"):
            made.add(f"beta@{version}")
        made.add("Gamma@1.0.0", "Delta@1.0.0")
        made.add("Gamma@2.0.0")
        made.add("Delta@1.0.0")
        yield made


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


async def locked(folder: Path, **params: Any) -> LockResult:
    return await lock.run(LockParams(ecosystem="nuget", file=str(folder / LOCK), **params), context(folder))


def entries(folder: Path, framework: str = "net8.0") -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((folder / LOCK).read_text())["dependencies"][framework]
    return found


async def test_a_project_and_what_it_needs(feed: NugetFeed, tmp_path: Path) -> None:
    write(tmp_path / "Lib" / "Lib.csproj", project_text("netstandard2.0", {"Gamma": "[1.0.0,3.0)"}))
    write(
        tmp_path / "App" / "App.csproj",
        project_text("net8.0;netstandard2.0", {"acme.web": "1.0", "Beta": "1.*"}, "..\\Lib\\Lib.csproj"),
    )
    result = await locked(tmp_path / "App")
    assert (result.form, result.packages, result.warnings) == (LOCK, 6, [])
    text = (tmp_path / "App" / LOCK).read_text()
    assert list(json.loads(text)["dependencies"]) == [".NETStandard,Version=v2.0", "net8.0"]
    hashes = {
        name: entry.pop("contentHash") for name, entry in entries(tmp_path / "App").items() if "contentHash" in entry
    }
    assert all(len(one) == 88 for one in hashes.values())
    shown = {
        name: {key: value for key, value in entry.items() if key != "contentHash"}
        for name, entry in entries(tmp_path / "App").items()
    }
    assert shown == {
        "Acme.Web": {"type": "Direct", "requested": "[1.0.0, )", "resolved": "1.0.0", "dependencies": {"Gamma": "[1.0.0, 3.0.0)", "beta": "1.0.0"}},
        "beta": {"type": "Direct", "requested": "[1.*, )", "resolved": "1.2.0"},
        "Delta": {"type": "Transitive", "resolved": "1.0.0"},
        "Gamma": {"type": "Transitive", "resolved": "1.0.0", "dependencies": {"Delta": "1.0.0"}},
        "lib": {"type": "Project", "dependencies": {"Gamma": "[1.0.0, 3.0.0)"}},
    }  # fmt: skip


async def test_what_is_fetched_is_kept(feed: NugetFeed, tmp_path: Path) -> None:
    write(tmp_path / "App.csproj", project_text("net8.0", {"Acme.Web": "1.0.0"}))
    with pytest.raises(UnavailableError, match="nothing is kept of"):
        await locked(tmp_path, offline=True)
    await locked(tmp_path)
    text = (tmp_path / LOCK).read_text()
    (tmp_path / LOCK).unlink()
    feed.requests.clear()
    await locked(tmp_path, offline=True)
    assert ((tmp_path / LOCK).read_text(), feed.paths()) == (text, [])
    assert sum(path.endswith(".nupkg") for path in feed.paths()) == 0


async def test_what_floats_stays_where_that_is_asked_for(feed: NugetFeed, tmp_path: Path) -> None:
    write(tmp_path / "App.csproj", project_text("net8.0", {"Beta": "1.*"}))
    await locked(tmp_path)
    feed.add("beta@1.9.0")
    feed.requests.clear()
    (tmp_path / "cache" / "outrider" / "packages").rename(tmp_path / "forgotten")
    await locked(tmp_path, keep=True)
    assert entries(tmp_path)["beta"]["resolved"] == "1.2.0"
    result = await locked(tmp_path)
    assert [(one.name, one.before, one.after) for one in result.changes] == [("beta", "1.2.0", "1.9.0")]


async def test_versions_in_one_place(feed: NugetFeed, tmp_path: Path) -> None:
    central = (
        "<Project><PropertyGroup><ManagePackageVersionsCentrally>true</ManagePackageVersionsCentrally>{}</PropertyGroup><ItemGroup>"
        '<PackageVersion Include="Acme.Web" Version="1.0.0" /><PackageVersion Include="Gamma" Version="2.0.0" />'
        '<PackageVersion Include="Other" Version="1.0.0" /></ItemGroup></Project>'
    )
    write(tmp_path / "Directory.Packages.props", central.format(""))
    write(tmp_path / "App.csproj", project_text("net8.0", {}, items='<PackageReference Include="Acme.Web" />'))
    await locked(tmp_path)
    assert json.loads((tmp_path / LOCK).read_text())["version"] == 2
    found = {
        name: (entry["type"], entry.get("requested"), entry["resolved"]) for name, entry in entries(tmp_path).items()
    }
    assert found == {
        "Acme.Web": ("Direct", "[1.0.0, )", "1.0.0"),
        "beta": ("Transitive", None, "1.0.0"),
        "Delta": ("Transitive", None, "1.0.0"),
        "Gamma": ("CentralTransitive", "[2.0.0, )", "1.0.0"),
    }
    pinned = "<CentralPackageTransitivePinningEnabled>true</CentralPackageTransitivePinningEnabled>"
    write(tmp_path / "Directory.Packages.props", central.format(pinned))
    await locked(tmp_path)
    assert {name: entry["resolved"] for name, entry in entries(tmp_path).items()} == {
        "Acme.Web": "1.0.0",
        "beta": "1.0.0",
        "Gamma": "2.0.0",
    }


async def test_packages_of_the_sdk_stay_as_it_has_written_them(feed: NugetFeed, tmp_path: Path) -> None:
    feed.add("FSharp.Core@8.0.400")
    feed.add("FSharp.Core@9.0.0")
    write(tmp_path / "App.fsproj", project_text("net8.0", {"Beta": "1.0.0"}))
    with pytest.raises(UnsupportedError, match=r"the SDK adds FSharp\.Core in a version of its own"):
        await locked(tmp_path)
    written = {
        "FSharp.Core": {"type": "Direct", "requested": "[8.0.400, )", "resolved": "8.0.400", "contentHash": "AA=="}
    }
    write(tmp_path / LOCK, json.dumps({"version": 1, "dependencies": {"net8.0": written}}))
    await locked(tmp_path)
    assert {name: entry["resolved"] for name, entry in entries(tmp_path).items()} == {
        "beta": "1.0.0",
        "FSharp.Core": "8.0.400",
    }


async def test_packages_of_the_sdk_in_projects_that_it_needs(feed: NugetFeed, tmp_path: Path) -> None:
    """What is private there counts for nobody else; what is not is known from the lock of who needs it."""
    feed.packages["fsharp.core"] = [Version("FSharp.Core", "8.0.400", {}, {})]
    write(tmp_path / "App.csproj", project_text("net8.0", {}, "Aot/Aot.csproj"))
    write(
        tmp_path / "Aot" / "Aot.csproj",
        project_text("net8.0", {"Beta": "1.0.0"}, properties="<IsAotCompatible>true</IsAotCompatible>"),
    )
    await locked(tmp_path)
    assert [(name, one["type"]) for name, one in entries(tmp_path).items()] == [
        ("beta", "Transitive"),
        ("aot", "Project"),
    ]
    write(tmp_path / "App.csproj", project_text("net8.0", {}, "Fs/Fs.fsproj"))
    write(tmp_path / "Fs" / "Fs.fsproj", project_text("net8.0", {}))
    with pytest.raises(UnsupportedError, match=r"Fs\.fsproj: the SDK adds FSharp\.Core in a version of its own"):
        await locked(tmp_path)
    project = {"type": "Project", "dependencies": {"FSharp.Core": "[8.0.400, )"}}
    (tmp_path / LOCK).write_text(json.dumps({"version": 1, "dependencies": {"net8.0": {"fs": project}}}))
    await locked(tmp_path)
    assert entries(tmp_path)["fs"] == project


@pytest.mark.parametrize(
    ("framework", "expected"),
    [
        ("net8.0-windows", "net8.0-windows7.0"),
        ("net8.0-windows10.0.19041.0", "net8.0-windows10.0.19041"),
        ("net6.0", "net6.0"),
        ("net5.0", ".NETCoreApp,Version=v5.0"),
        ("net5.0-windows", "net5.0-windows7.0"),
        ("netcoreapp3.1", ".NETCoreApp,Version=v3.1"),
        ("net472", ".NETFramework,Version=v4.7.2"),
        ("netstandard2.1", ".NETStandard,Version=v2.1"),
    ],
)
async def test_names_of_frameworks(framework: str, expected: str, feed: NugetFeed, tmp_path: Path) -> None:
    write(tmp_path / "App.csproj", project_text(framework, {"Beta": "1.0.0"}))
    await locked(tmp_path)
    assert list(json.loads((tmp_path / LOCK).read_text())["dependencies"]) == [expected]


async def test_the_order_of_frameworks(feed: NugetFeed, tmp_path: Path) -> None:
    """One that is called otherwise stands where it would under its name."""
    write(tmp_path / "App.csproj", project_text("net7.0;netcoreapp3.0;net5.0;netstandard2.1;net10.0", {}))
    await locked(tmp_path)
    expected = [
        ".NETCoreApp,Version=v3.0",
        ".NETStandard,Version=v2.1",
        "net10.0",
        ".NETCoreApp,Version=v5.0",
        "net7.0",
    ]
    assert list(json.loads((tmp_path / LOCK).read_text())["dependencies"]) == expected


async def test_a_lock_of_a_newer_form_is_read_and_not_written(feed: NugetFeed, tmp_path: Path) -> None:
    write(tmp_path / "App.csproj", project_text("net8.0", {"Beta": "1.0.0"}))
    entry = {"type": "Direct", "requested": "[1.0.0, )", "resolved": "1.0.0"}
    text = json.dumps({"version": 3, "mine": {"framework": "net8.0", "dependencies": {"Beta": entry}}})
    assert [(one.name, one.version) for one in read(text).packages] == [("beta", "1.0.0")]
    (tmp_path / LOCK).write_text(text)
    with pytest.raises(UnsupportedError, match="it is of version 3"):
        await locked(tmp_path)
    assert (tmp_path / LOCK).read_text() == text


async def test_what_cannot_be_locked(feed: NugetFeed, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no project beside it"):
        await locked(tmp_path)
    write(tmp_path / "App.csproj", project_text("net8.0-android", {}))
    with pytest.raises(InvalidConfigError, match="says what is asked for"):
        await locked(tmp_path, packages=["Beta"])
    with pytest.raises(UnsupportedError, match=r"net8\.0-android has no version of its platform"):
        await locked(tmp_path)
    write(
        tmp_path / "Other.csproj", project_text("net8.0", {"Beta": "2.0.0", "Acme.Web": "[1.0.0]", "Gamma": "[3.0.0]"})
    )
    with pytest.raises(ConflictError, match="there are several projects beside it") as several:
        await locked(tmp_path)
    assert several.value.suggestions == [f"--file {tmp_path}/packages.App.lock.json"]
    with pytest.raises(ConflictError, match="of which there is no version that fits"):
        await lock.run(
            LockParams(ecosystem="nuget", file=str(tmp_path / "packages.Other.lock.json")), context(tmp_path)
        )
    assert not list(tmp_path.glob("*.lock.json"))


async def test_a_file_that_is_no_package(feed: NugetFeed, tmp_path: Path) -> None:
    feed.packages["broken"] = [BrokenVersion("Broken", "1.0.0", {}, {})]
    write(tmp_path / "App.csproj", project_text("net8.0", {"Broken": "1.0.0"}))
    with pytest.raises(OutriderError, match=r"nuget broken 1\.0\.0: its file cannot be read"):
        await locked(tmp_path)
    assert not (tmp_path / LOCK).exists()


class BrokenVersion(Version):
    """A version whose file is cut off."""

    def file(self) -> bytes:
        """Return it as a file."""
        return super().file()[:-30]


@pytest.mark.real
@needs_nuget
async def test_nuget_takes_it_as_it_is(feed: NugetFeed, tmp_path: Path) -> None:
    write(tmp_path / "Lib" / "Lib.csproj", project_text("netstandard2.0", {"Gamma": "[1.0.0,3.0)"}))
    app = write(
        tmp_path / "App" / "App.csproj",
        project_text("netcoreapp3.1", {"Acme.Web": "1.0.0", "Beta": "1.*"}, "../Lib/Lib.csproj"),
    )
    await locked(tmp_path / "App")
    text = (tmp_path / "App" / LOCK).read_text()
    feed.add("beta@1.9.0")
    said = await restore([app], feed.url, tmp_path / "native", is_locked=True)
    assert (tmp_path / "App" / "obj" / "project.assets.json").is_file(), said
    assert "Beta/1.2.0".lower() in (tmp_path / "App" / "obj" / "project.assets.json").read_text().lower()
    assert (tmp_path / "App" / LOCK).read_text() == text
    write(app, app.read_text().replace('"Acme.Web" Version="1.0.0"', '"Acme.Web" Version="2.0.0"'))
    assert "NU1004" in await restore([app], feed.url, tmp_path / "again", is_locked=True)


@pytest.mark.real
@needs_nuget
@pytest.mark.parametrize("count", [120, pytest.param(2_000, marks=pytest.mark.long)])
@pytest.mark.timeout(1_800)
async def test_nuget_writes_the_same(count: int, feed: NugetFeed, tmp_path: Path) -> None:
    """nuget.exe 5.8 ends as a whole over some that it cannot do, so it gets few at once; those that are there for both are compared."""
    compared = 0
    for start in range(0, count, 10):
        folder = tmp_path / str(start)
        paths = []
        for number in range(start, start + 10):
            packages, path = draw_projects(Random(f"{count} {number}"), f"s{number}.", folder / str(number))
            fill(feed, packages)
            paths.append(path)
        await restore(paths, feed.url, folder / "native")
        for path in paths:
            theirs = native(path)
            if theirs is not None:
                (path.parent / LOCK).unlink()
                await locked(path.parent)
                ours = without_projects(as_older((path.parent / LOCK).read_text()))
                assert ours == theirs, "\n".join(difflib.unified_diff(theirs.split("\n"), ours.split("\n"), str(path)))
                compared += 1
    assert compared > count * 0.4


def native(path: Path) -> str | None:
    """Return the lock that NuGet has written; None where something was wrong."""
    assets = path.parent / "obj" / "project.assets.json"
    told = {one["code"] for one in json.loads(assets.read_text()).get("logs", ())} if assets.is_file() else set(FAULTS)
    if told & {*FAULTS, "NU1109"}:
        return None
    return without_projects((path.parent / LOCK).read_text())


def without_projects(text: str) -> str:
    """Return a lock without what projects need, where versions stand in one place: of these nuget.exe 5.8 tells some that they do not need."""
    document = json.loads(text)
    if document["version"] == 1:
        return text
    for framework in document["dependencies"].values():
        for entry in framework.values():
            if entry["type"] == "Project":
                entry.pop("dependencies", None)
    return json.dumps(document, indent=2)
