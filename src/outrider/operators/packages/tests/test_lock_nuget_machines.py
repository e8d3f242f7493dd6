"""What packages.lock.json has for each kind of machine."""

import difflib
import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.tests.nuget_feed import NugetFeed, Version, only_source
from outrider.operators.packages.tests.nuget_files import NugetFile
from outrider.operators.packages.tests.nuget_locks import as_older, restore
from outrider.operators.packages.tests.nuget_projects import project_text
from outrider.operators.packages.tests.test_lock_writing_nuget import LOCK, locked, needs_nuget, write


@pytest.fixture
async def feed(tmp_path: Path) -> AsyncIterator[NugetFeed]:
    async with only_source(tmp_path) as made:
        made.add("beta@1.0.0")
        yield made


@pytest.mark.parametrize(
    ("said", "before", "kept"),
    [("", "win7-x86", "win7-x86"), ("linux-x64", "linux-x64;win-x64", "win-x64"), ("linux-x64", "win-x64", ""), ("linux-x64", "", "")],
)  # fmt: skip
async def test_kinds_of_machines_that_are_known_from_the_lock(
    said: str, before: str, kept: str, feed: NugetFeed, tmp_path: Path
) -> None:
    """Of a command line, or of Windows, where the SDK adds one to programs of .NET Framework."""
    runtimes = f"<RuntimeIdentifiers>{said}</RuntimeIdentifiers>"
    write(tmp_path / "App.csproj", project_text("net8.0", {"Beta": "1.0.0"}, properties=runtimes))
    sections = ["net8.0", *(f"net8.0/{one}" for one in before.split(";") if one)]
    (tmp_path / LOCK).write_text(json.dumps({"version": 1, "dependencies": {one: {} for one in sections}}))
    told = f"net8.0/{kept} is kept from the lock, for which the project itself does not ask"
    assert (await locked(tmp_path)).warnings == ([told] if kept else [])
    expected = ["net8.0", *(f"net8.0/{one}" for one in (said, kept) if one)]
    assert list(json.loads((tmp_path / LOCK).read_text())["dependencies"]) == expected


async def test_kinds_of_machines(feed: NugetFeed, tmp_path: Path) -> None:
    runtimes = "<RuntimeIdentifiers>win-x64;linux-x64</RuntimeIdentifiers>"
    write(tmp_path / "App.csproj", project_text("net8.0", {"Beta": "1.0.0"}, properties=runtimes))
    await locked(tmp_path)
    frameworks = json.loads((tmp_path / LOCK).read_text())["dependencies"]
    assert [(name, list(them)) for name, them in frameworks.items()] == [
        ("net8.0", ["beta"]),
        ("net8.0/linux-x64", []),
        ("net8.0/win-x64", []),
    ]
    feed.packages["native"] = [RuntimeVersion("Native", "1.0.0", {}, {})]
    write(tmp_path / "App.csproj", project_text("net8.0", {"Native": "1.0.0"}, properties=runtimes))
    with pytest.raises(UnsupportedError, match="native needs other packages on each kind of machine"):
        await locked(tmp_path)
    (tmp_path / LOCK).unlink()
    write(tmp_path / "App.csproj", project_text("net8.0", {"Native": "1.0.0"}))
    await locked(tmp_path)


@pytest.mark.parametrize(
    ("properties", "is_refused"),
    [
        ("<OutputType>Exe</OutputType><SelfContained>true</SelfContained>", True),
        ("<OutputType>Exe</OutputType><SelfContained>true</SelfContained><RuntimeIdentifiers>win-x64</RuntimeIdentifiers>", True),
        ("<OutputType>Exe</OutputType><SelfContained>true</SelfContained><RuntimeIdentifier>win-x64</RuntimeIdentifier>", False),
        ("<SelfContained>true</SelfContained>", False),
        ("<UseCurrentRuntimeIdentifier>true</UseCurrentRuntimeIdentifier>", True),
    ],
)  # fmt: skip
async def test_what_is_for_the_machine_that_restores_it(
    properties: str, is_refused: bool, feed: NugetFeed, tmp_path: Path
) -> None:
    write(tmp_path / "App.csproj", project_text("net8.0", {"Beta": "1.0.0"}, properties=properties))
    if is_refused:
        with pytest.raises(UnsupportedError, match="is for the machine that restores it"):
            await locked(tmp_path)
        lock: dict[str, dict[str, Any]] = {"net8.0": {}, "net8.0/win-x64": {}}
        (tmp_path / LOCK).write_text(json.dumps({"version": 1, "dependencies": lock}))
    await locked(tmp_path)


class RuntimeVersion(Version):
    """A version with a runtime.json."""

    def file(self) -> bytes:
        """Return it as a file."""
        told = b'{"runtimes": {"win": {"native": {"native.win": "1.0.0"}}}}'
        return NugetFile(self.name, self.version, files={"runtime.json": told}).packed()


class MachineVersion(Version, kw_only=True):
    """A version that has files for one kind of machine besides those for all.

    Attributes:
        places: Of these.
    """

    places: list[str]

    def file(self) -> bytes:
        """Return it as a file."""
        made = io.BytesIO(super().file())
        with zipfile.ZipFile(made, "a") as archive:
            for place in self.places:
                archive.writestr(zipfile.ZipInfo(place), "")
        return made.getvalue()


def of_machines(feed: NugetFeed) -> str:
    """Add packages that have other files on each kind of machine, and some that do not, and return a project that asks for all."""
    places = {
        "M.Native": "runtimes/win/native/a.dll", "M.Nested": "runtimes/linux-x64/native/deep/a.so", "M.Lib": "runtimes/unix/lib/netstandard1.0/a.dll",
        "M.Newer": "runtimes/win/lib/net6.0/a.dll", "M.Older": "runtimes/win/lib/net45/a.dll", "M.None": "runtimes/readme.txt",
        "M.Assets": "runtimes/win/nativeassets/netstandard1.0/a.dll", "M.Documents": "runtimes/win/lib/netstandard1.0/a.xml",
        "M.Empty": "runtimes/win/lib/netstandard1.0/_._", "M.Strange": "runtimes/unheard/lib/netstandard1.0/a.dll",
        "M.Other": "runtimes/win/other/a.dll", "M.Words": "runtimes/win/lib/netstandard1.0/de/a.resources.dll",
    }  # fmt: skip
    for name, place in places.items():
        feed.packages[name.lower()] = [MachineVersion(name, "1.0.0", {}, {}, places=[place])]
    feed.packages["above"] = [Version("Above", "1.0.0", {"": [("M.Native", "1.0.0"), ("M.Lib", "1.0.0")]}, {})]
    asked = {name: "1.0.0" for name in ("Above", *places) if name not in ("M.Native", "M.Lib")}
    runtimes = "<RuntimeIdentifiers>win-x64;linux-x64</RuntimeIdentifiers>"
    return project_text("netcoreapp3.1;net48", asked, properties=runtimes)


async def test_what_has_other_files_on_each_kind_of_machine_is_told_for_each(feed: NugetFeed, tmp_path: Path) -> None:
    write(tmp_path / "App.csproj", of_machines(feed))
    await locked(tmp_path)
    frameworks = json.loads((tmp_path / LOCK).read_text())["dependencies"]
    names = ["M.Assets", "M.Empty", "M.Nested", "M.Strange", "M.Words", "M.Lib", "M.Native"]
    assert list(frameworks[".NETCoreApp,Version=v3.1/win-x64"]) == names
    assert frameworks[".NETCoreApp,Version=v3.1/linux-x64"] == frameworks[".NETCoreApp,Version=v3.1/win-x64"]
    assert "M.Older" in frameworks[".NETFramework,Version=v4.8/win-x64"]


@pytest.mark.real
@needs_nuget
async def test_nuget_tells_the_same_for_each_kind_of_machine(feed: NugetFeed, tmp_path: Path) -> None:
    path = write(tmp_path / "App" / "App.csproj", of_machines(feed))
    said = await restore([path], feed.url, tmp_path / "native")
    assert (path.parent / LOCK).is_file(), said
    theirs = (path.parent / LOCK).read_text()
    (path.parent / LOCK).unlink()
    await locked(path.parent)
    ours = as_older((path.parent / LOCK).read_text())
    assert ours == theirs, "\n".join(difflib.unified_diff(theirs.split("\n"), ours.split("\n")))
