"""Vulnerable versions of pylock.toml are replaced, and nothing else of the file; pip and uv take it."""

import asyncio
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.pylock import Pylock

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.fixing.fixes import FixParams
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.operations import fix, lock
from outrider.operators.packages.operations.fix import FixResult
from outrider.operators.packages.operations.lock import LockParams
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_audit import context, imported
from outrider.operators.packages.tests.test_fix_uv_workspaces import bad
from outrider.operators.packages.tests.uv_projects import project, uv
from outrider.operators.packages.tests.world import settings, variables
from tests.peers.environments import PROGRAMS, install

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def programs() -> tuple[str, str]:
    # They come from the index of everybody: settings of a test must not count yet.
    return str(install("pip", PROGRAMS["pip"]) / "pip"), str(install("uv", PROGRAMS["uv"]) / "uv")


@pytest.fixture
def place(index: PythonIndex, tmp_path: Path) -> Any:
    (tmp_path / "home").mkdir()
    (tmp_path / "shop").mkdir()
    with variables(settings(index.url, tmp_path)):
        yield tmp_path


def added(index: PythonIndex) -> None:
    for version, needs in (("1.0", ["core<1.5", "old"]), ("1.1", ["core<2", "new"]), ("2.0", ["core>=2"])):
        index.add("web", version, *needs)
    for version in ("1.0", "1.2", "2.0"):
        index.add("core", version)
        index.add_source("core", version)
    for name in ("old", "new", "other"):
        index.add(name, "1.0")


async def locked(place: Path, *packages: str) -> Path:
    path = place / "shop" / "pylock.toml"
    await lock.run(LockParams(ecosystem="pypi", file=str(path), packages=list(packages)), context(place))
    return path


async def fixed(place: Path, **params: Any) -> FixResult:
    return await fix.run(FixParams(path=str(place / "shop"), **params), context(place))


def versions(path: Path) -> dict[str, str]:
    # The specification's own reader takes it.
    Pylock.from_dict(tomllib.loads(path.read_text()))
    return {one.name: one.version for one in read_lock(path.name, path.read_text()).packages}


async def test_only_packages_that_change_are_written(index: PythonIndex, place: Path) -> None:
    added(index)
    path = await locked(place, "web==1.0", "core==1.0", "other")
    before = path.read_text().replace('created-by = "outrider"', 'created-by = "somebody" # by hand')
    path.write_text(f"{before}\n[tool.own]\nkey = [\n    1,\n]\n")
    await imported(place, bad("core", "1.2"))
    result = await fixed(place)
    [change] = result.files[0].changes
    assert (change.name, change.before, change.after, change.why) == ("core", "1.0", "1.2", "X-core")
    after = path.read_text()
    head, core, *others = before.split("[[packages]]")
    assert after.split("[[packages]]")[0] == head
    assert after.endswith("[[packages]]".join(["", *others]) + "\n[tool.own]\nkey = [\n    1,\n]\n")
    assert core.replace("1.0", "1.2").split("sdist")[0] in after
    assert versions(path) == {"core": "1.2", "old": "1.0", "other": "1.0", "web": "1.0"}
    assert (await fixed(place)).written == []


async def test_what_comes_in_is_added_in_its_place(index: PythonIndex, place: Path) -> None:
    added(index)
    path = await locked(place, "web==1.0", "other")
    await imported(place, bad("web", "1.1"))
    await fixed(place)
    # Without a manifest nobody knows that what web has needed before is not meant by itself.
    assert list(versions(path)) == ["core", "new", "old", "other", "web"]
    assert 'dependencies = [{ name = "core" }, { name = "new" }]' in path.read_text()


async def test_the_manifest_beside_it_says_what_is_asked_for(index: PythonIndex, place: Path) -> None:
    added(index)
    path = await locked(place, "web==1.0", "other")
    manifest = path.parent / "pyproject.toml"
    project(path.parent, ["web<2 ; python_version > '3'", "never; sys_platform == 'none'"], groups={"dev": ["absent"]})
    before = manifest.read_text()
    await imported(place, bad("web", "1.1"))
    await fixed(place)
    # What nothing needs any more goes, what nobody ever needed stays.
    assert versions(path) == {"core": "1.2", "new": "1.0", "other": "1.0", "web": "1.1"}
    await imported(place, bad("web", "2.0"))
    result = await fixed(place)
    assert [(one.name, one.before, one.after) for one in result.files[0].unfixed[0].remedies] == [
        ("web", "<2", ">=2.0")
    ]
    assert result.files[0].unfixed[0].remedies[0].file == str(manifest)
    result = await fixed(place, manifest=True)
    assert (result.unfixed, versions(path)) == (0, {"core": "2.0", "other": "1.0", "web": "2.0"})
    assert manifest.read_text() == before.replace("web<2 ;", "web>=2.0 ;")


async def test_a_manifest_of_something_else(index: PythonIndex, place: Path) -> None:
    added(index)
    path = await locked(place, "core==1.0")
    await imported(place, bad("core", "2.0"))
    for text in ("[tool.ruff]\n", '[project]\nname = "a"\nversion = "1"\ndependencies = ["web<1"]\n'):
        (path.parent / "pyproject.toml").write_text(text)
        assert (await fixed(place)).files[0].warnings == []
    assert versions(path) == {"core": "2.0"}
    path = await locked(place, "core==1.0")
    (path.parent / "pyproject.toml").write_text('[project]\nname = "a"\nversion = "1"\ndynamic = ["dependencies"]\n')
    [warning] = (await fixed(place)).files[0].warnings
    assert "project.dynamic" in warning
    (path.parent / "pyproject.toml").write_text("[project\n")
    path = await locked(place, "core==1.0")
    with pytest.raises(InvalidConfigError, match=r"pyproject\.toml"):
        await fixed(place)


async def test_what_is_for_others_stays(index: PythonIndex, place: Path) -> None:
    added(index)
    entry = '[[packages]]\nname = "core"\nversion = "{}"\nmarker = "{}"\nindex = "{}"\nwheels = []\n\n'
    path = place / "shop" / "pylock.toml"
    here = entry.format("1.0", "'dev' in dependency_groups and sys_platform != 'win32'", index.url)
    there = entry.format("1.0", "sys_platform == 'win32'", index.url)
    head = 'lock-version = "1.0"\ndependency-groups = ["dev"]\ncreated-by = "uv"\nrequires-python = ">=3.12"\r\n\r\n'
    path.write_bytes((head + there + here).encode())
    await imported(place, bad("core", "1.2"))
    result = await fixed(place)
    assert [one.version for one in read_lock("pylock.toml", path.read_text()).packages] == ["1.0", "1.2"]
    assert path.read_bytes().decode().startswith(head + there)
    # What it says of the machines and of its index stays.
    assert "marker = \"'dev' in dependency_groups and sys_platform != 'win32'\"\n" in path.read_text()
    assert result.files[0].warnings == ["core 1.0 is for another machine or Python, and was left as it is"]
    assert [one.version for one in result.files[0].unfixed] == ["1.0"]


CORE = '[[packages]]\nname = "core"\nversion = "1.0"\n'
REFUSED = [
    (f"environments = [\"sys_platform == 'none'\"]\n{CORE}", "environments", UnsupportedError),
    (f'requires-python = ">=4"\n{CORE}', "requires-python", UnsupportedError),
    (f'environments = ["?"]\n{CORE}', "environments", InvalidConfigError),
    (f"environments = 1\n{CORE}", "environments", InvalidConfigError),
    (f'requires-python = "x"\n{CORE}', "requires-python", InvalidConfigError),
    (f"requires-python = 1\n{CORE}", "requires-python", InvalidConfigError),
    (f"extras = 1\n{CORE}marker = \"os_name == 'posix'\"\n", "extras", InvalidConfigError),
    (f"{CORE}marker = 1\n", "packages.core.marker", InvalidConfigError),
    (f'{CORE}index = "http://other.test/simple"\n', "packages.core.index", UnsupportedError),
    ('packages = [{ name = "core", version = "1.0" }]\n', "packages", UnsupportedError),
    (f'{CORE}[[packages]]\nname = "web"\nversion = "1.0"\ndependencies = [{{ name = "core", version = "1.0" }}]\n', "packages.web.dependencies", UnsupportedError),
]  # fmt: skip


@pytest.mark.parametrize(("text", "path", "kind"), REFUSED)
async def test_what_is_not_changed(
    text: str, path: str, kind: type[Exception], index: PythonIndex, place: Path
) -> None:
    added(index)
    file = place / "shop" / "pylock.toml"
    file.write_text(f'lock-version = "1.0"\ncreated-by = "x"\n{text}')
    before = file.read_text()
    await imported(place, bad("core", "1.2"))
    with pytest.raises(kind) as caught:
        await fixed(place)
    assert getattr(caught.value, "path", "") == path
    assert file.read_text() == before


async def test_another_python(index: PythonIndex, place: Path) -> None:
    added(index)
    path = place / "shop" / "pylock.toml"
    text = f'lock-version = "1.0"\nenvironments = ["python_version == \'3.13\'"]\ncreated-by = "x"\n{CORE}'
    path.write_text(text)
    await imported(place, bad("core", "1.2"))
    with pytest.raises(UnsupportedError, match="other machines or Pythons"):
        await fixed(place, python="3.12")
    await fixed(place)
    assert versions(path) == {"core": "1.2"}


def taken(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_pip_and_uv_take_what_others_have_written(
    programs: tuple[str, str], index: PythonIndex, place: Path
) -> None:
    added(index)
    path = place / "shop" / "pylock.toml"
    pip = [programs[0], "--isolated"]
    asked = path.parent / "asked.in"
    asked.write_text("web==1.0\ncore==1.0\n")
    compiled = ["pip", "compile", "asked.in", "--format", "pylock.toml", "--output-file", "pylock.toml"]
    done = await asyncio.to_thread(uv, path.parent, index.url, *compiled)
    assert done.returncode == 0, done.stderr
    of_uv = path.read_text()
    locked_by_pip = [*pip, "lock", "--quiet", "-r", str(asked), "-o", str(path), "--index-url", index.url]
    await asyncio.to_thread(taken, locked_by_pip)
    of_pip = path.read_text()
    asked.unlink()
    await imported(place, bad("core", "1.2"), bad("web", "1.1"))
    for number, text in enumerate((of_uv, of_pip)):
        path.write_text(text)
        result = await fixed(place, python=HERE)
        assert result.unfixed == 0
        assert versions(path) == {"core": "1.2", "new": "1.0", "old": "1.0", "web": "1.1"}
        target = place / f"target{number}"
        await asyncio.to_thread(
            taken, [*pip, "install", "--quiet", "--target", str(target), "--no-deps", "-r", str(path)]
        )
        assert {one.name.rpartition(".")[0] for one in target.glob("*.dist-info")} == {
            "core-1.2", "new-1.0", "old-1.0", "web-1.1",
        }  # fmt: skip
        await asyncio.to_thread(taken, [sys.executable, "-m", "venv", "--without-pip", str(place / f"venv{number}")])
        synced = [
            programs[1],
            "pip",
            "sync",
            str(path),
            "--preview",
            "--quiet",
            "--no-config",
            "--cache-dir",
            str(place / "uv"),
        ]
        await asyncio.to_thread(taken, [*synced, "--python", str(place / f"venv{number}")])
        assert len(list((place / f"venv{number}").rglob("*.dist-info"))) == 4
