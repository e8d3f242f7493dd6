"""uv.lock as it is written: to the byte as uv writes it, and as uv takes it."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError, OutriderError, UnsupportedError
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.operations import lock
from outrider.operators.packages.operations.lock import LockParams
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.uv_projects import drawn, fill, project, uv
from outrider.operators.packages.tests.uv_workspaces import DrawnWorkspace, fill_others, manifest, write
from outrider.operators.packages.tests.wheels import sha256
from outrider.operators.packages.tests.world import settings, variables


async def locked(path: Path, **more: Any) -> lock.LockResult:
    return await lock.run(LockParams(ecosystem="pypi", file=str(path), **more), context(path.parent.parent))


async def test_the_whole_file(index: PythonIndex, place: Path) -> None:
    time = "2026-01-02T03:04:05.120000Z"
    core = index.add("core", "1.4", "slow; extra == 'fast' and sys_platform != 'win32'", extras=["fast"], uploaded=time)
    index.add("core", "1.4", tag="cp27-cp27m-win32")
    index.add_source("core", "1.4")
    slow = index.add("slow", "3", tag="cp311-cp311-manylinux_2_17_x86_64")
    index.add("slow", "3", tag="cp311-cp311-win_amd64")
    path = project(place / "shop", ["Core[fast]<2,>=1"], groups={"dev": ["slow; python_version < '3.12'"], "none": []})
    result = await locked(path)
    assert (result.form, result.packages, result.warnings) == ("uv.lock", 2, [])
    source = f'source = {{ registry = "{index.url}" }}'
    files = f"{index.root}/files"
    assert (
        path.read_text()
        == f"""version = 1
revision = 5
requires-python = ">=3.11"

[[package]]
name = "core"
version = "1.4"
{source}
sdist = {{ url = "{files}/core-1.4.tar.gz", hash = "sha256:{sha256(b"nothing")}" }}
wheels = [
    {{ url = "{files}/{core.name}", hash = "sha256:{sha256(core.packed())}", upload-time = "2026-01-02T03:04:05.12Z" }},
]

[package.optional-dependencies]
fast = [
    {{ name = "slow", marker = "sys_platform != 'win32'" }},
]

[[package]]
name = "shop"
version = "1.0"
source = {{ virtual = "." }}
dependencies = [
    {{ name = "core", extra = ["fast"] }},
]

[package.dev-dependencies]
dev = [
    {{ name = "slow", marker = "python_full_version < '3.12'" }},
]

[package.metadata]
requires-dist = [{{ name = "core", extras = ["fast"], specifier = ">=1,<2" }}]

[package.metadata.requires-dev]
dev = [{{ name = "slow", marker = "python_full_version < '3.12'" }}]
none = []

[[package]]
name = "slow"
version = "3"
{source}
wheels = [
    {{ url = "{files}/{slow.name}", hash = "sha256:{sha256(slow.packed())}" }},
    {{ url = "{files}/slow-3-cp311-cp311-win_amd64.whl", hash = "sha256:{wheel_hash(index, "slow-3-cp311-cp311-win_amd64.whl")}" }},
]
"""
    )


def wheel_hash(index: PythonIndex, name: str) -> str:
    return next(
        sha256(content) for files in index._files.values() for file, (_, content) in files.items() if file == name
    )


async def test_kinds_of_machines_are_told_apart(index: PythonIndex, place: Path) -> None:
    index.add("web", "1.0", "old; python_version < '3.12'", "new; python_version >= '3.12'", python=">=3.8")
    index.add("web", "2.0", "core<2; sys_platform == 'win32'", "core>=2; sys_platform != 'win32'", python=">=3.13")
    for name in ("old", "new"):
        index.add(name, "1.0")
    index.add("core", "1.0")
    index.add("core", "2.0")
    path = project(place / "shop", ["web"])
    result = await locked(path)
    found = [(one.name, one.version) for one in read_lock("uv.lock", path.read_text()).packages]
    assert found == [("core", "1.0"), ("core", "2.0"), ("new", "1.0"), ("old", "1.0"), ("web", "1.0"), ("web", "2.0")]
    assert result.warnings == []
    assert path.read_text().splitlines()[3:9] == [
        "resolution-markers = [",
        "    \"python_full_version >= '3.13' and sys_platform == 'win32'\",",
        "    \"python_full_version >= '3.13' and sys_platform != 'win32'\",",
        "    \"python_full_version == '3.12.*'\",",
        "    \"python_full_version < '3.12'\",",
        "]",
    ]


async def test_what_has_no_wheels_is_passed_over(index: PythonIndex, place: Path) -> None:
    index.add("web", "1.0")
    index.add("web", "2.0", "sources")
    index.add_source("sources", "1.0")
    path = project(place / "shop", ["web"])
    result = await locked(path)
    assert [(one.name, one.version) for one in read_lock("uv.lock", path.read_text()).packages] == [("web", "1.0")]
    assert result.warnings == ["no version of sources has a wheel, and what needs it was passed over"]
    project(place / "shop", ["web>=2"])
    with pytest.raises(ConflictError, match="sources"):
        await locked(path)


async def test_what_is_there_may_be_kept(index: PythonIndex, place: Path) -> None:
    index.add("web", "1.0")
    path = project(place / "shop", ["web"])
    await locked(path)
    index.add("web", "2.0")
    clock = context(place, later=1000)
    kept = await lock.run(LockParams(ecosystem="pypi", file=str(path), keep=True), clock)
    assert kept.changes == []
    changed = await lock.run(LockParams(ecosystem="pypi", file=str(path)), clock)
    assert [(one.before, one.after) for one in changed.changes] == [("1.0", "2.0")]


REFUSED = [
    ("[tool.uv.sources]\nweb = { git = 'x' }", "tool.uv.sources.web"),
    ("[tool.uv.sources]\nweb = { git = 'https://files.test/web', lfs = true }", "tool.uv.sources.web.lfs"),
    ("[tool.uv.sources]\nweb = { index = 'a', marker = \"extra == 'x'\" }", "tool.uv.sources.web.marker"),
    ("[tool.uv.sources]\nweb = { path = '/' }", "tool.uv.sources.web.path"),
    ("[tool.uv.workspace]\nmembers = ['../a']", "tool.uv.workspace.members"),
    ("[tool.uv]\nconstraint-dependencies = ['web[a]<2']", "tool.uv.constraint-dependencies.0"),
    ("[tool.uv]\nexclude-dependencies = ['web']", "tool.uv.exclude-dependencies"),
    ("[tool.uv]\nconflicts = [[{ extra = 'a' }, { extra = 'b' }]]", "tool.uv.conflicts"),
    ("[[tool.uv.index]]\nname = 'own'\nurl = 'http://files.test'\nformat = 'flat'", "tool.uv.index"),
]


@pytest.mark.parametrize(("more", "key"), REFUSED)
async def test_settings_that_are_not_heeded(more: str, key: str, index: PythonIndex, place: Path) -> None:
    path = project(place / "shop", ["web"], more=more)
    with pytest.raises(UnsupportedError, match=key):
        await locked(path)
    assert (index.requests, path.exists()) == ([], False)


async def test_what_around_a_project_is_not_heeded(index: PythonIndex, place: Path) -> None:
    path = project(place / "all" / "shop", ["web"])
    with variables({"UV_RESOLUTION": "lowest"}), pytest.raises(UnsupportedError, match="UV_RESOLUTION"):
        await locked(path)
    (path.parent / "uv.toml").write_text("prerelease = 'allow'\n")
    with pytest.raises(UnsupportedError, match=r"uv\.toml: prerelease"):
        await locked(path)
    for name in ("UV_FROZEN", "UV_LOCKED"):
        with variables({name: "1"}), pytest.raises(UnsupportedError, match=name):
            await locked(path)
    for wanted in (">=99", "0.12.1"):
        (path.parent / "uv.toml").write_text(f"required-version = '{wanted}'\n")
        with pytest.raises(UnsupportedError, match=f"required-version is {wanted}") as caught:
            await locked(path)
        assert caught.value.suggestions == ["use uv itself: uv lock"]
    (path.parent / "uv.toml").write_text("required-version = '~=x'\n")
    with pytest.raises(InvalidConfigError, match="required-version cannot be read"):
        await locked(path)
    (path.parent / "uv.toml").write_text("link-mode = 'copy'\nrequired-version = '>=0.5'\n")
    above = place / "all" / "pyproject.toml"
    above.write_text("[tool.uv.workspace]\nmembers = ['sh*']\n")
    with pytest.raises(UnsupportedError, match="member of the workspace"):
        await locked(path)
    above.write_text("[tool.uv.workspace]\nmembers = ['sh*']\nexclude = ['shop']\n")
    index.add("web", "1.0")
    await locked(path)


async def test_what_cannot_be_locked(place: Path) -> None:
    (place / "shop").mkdir()
    path = place / "shop" / "uv.lock"
    with pytest.raises(NotFoundError, match=r"pyproject\.toml"):
        await locked(path)
    project(place / "shop", ["web"])
    with pytest.raises(InvalidConfigError, match="says what is asked for"):
        await locked(path, packages=["web"])


def counted(path: Path, ours: OutriderError | None, theirs: str | None, checked: int) -> str:
    if ours is not None or theirs is None:
        return "refused" if ours is not None and theirs is None else "different"
    if path.read_text() == theirs:
        return "equal"
    return "accepted" if checked == 0 else "different"


async def compared(path: Path, index: str) -> str:
    """Lock a project with uv and with ours, and return how the two compare."""
    done = await asyncio.to_thread(uv, path.parent, index, "lock")
    theirs = path.read_text() if done.returncode == 0 else None
    path.unlink(missing_ok=True)
    error, checked = None, 1
    try:
        await locked(path)
    except OutriderError as caught:
        error = caught
    if error is None and path.read_text() != theirs:
        before = path.read_text()
        checked = (await asyncio.to_thread(uv, path.parent, index, "lock", "--check", "--offline")).returncode
        assert path.read_text() == before
    return counted(path, error, theirs, checked)


async def many_workspaces(place: Path, index: PythonIndex, seeds: range) -> Counter[str]:
    found: Counter[str] = Counter()
    async with PythonIndex() as other:
        names = fill(Random(seeds[0]), index)
        fill_others(Random(seeds[0]), index, other)
        for seed in seeds:
            path = write(place / f"w{seed}" / "shop", DrawnWorkspace(Random(seed), names, other.url).files())
            found[await compared(path, index.url)] += 1
    return found


async def many(place: Path, index: PythonIndex, seeds: range) -> Counter[str]:
    names = fill(Random(seeds[0]), index)
    found: Counter[str] = Counter()
    for seed in seeds:
        path = drawn(Random(seed), names, place / f"p{seed}")
        found[await compared(path, index.url)] += 1
    return found


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_uv_writes_the_same(index: PythonIndex, place: Path) -> None:
    found = await many(place, index, range(40))
    assert found["different"] == 0
    assert found["equal"] >= 39, found


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(1000, 1300, 50))
async def test_uv_writes_the_same_at_length(seed: int, index: PythonIndex, place: Path) -> None:
    found = await many(place, index, range(seed, seed + 50))
    assert found["different"] == 0
    assert found["accepted"] <= 4, found
    assert found["equal"] >= 30, found


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_uv_writes_the_same_of_workspaces(index: PythonIndex, place: Path) -> None:
    found = await many_workspaces(place, index, range(100, 130))
    assert found["different"] == found["accepted"] == 0, found
    assert found["equal"] >= 20, found


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(0, 300, 50))
async def test_uv_writes_the_same_of_workspaces_at_length(seed: int, index: PythonIndex, place: Path) -> None:
    found = await many_workspaces(place, index, range(seed, seed + 50))
    assert found["different"] == 0, found
    assert found["accepted"] <= 4, found
    assert found["equal"] >= 30, found


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_uv_installs_it_without_a_network(index: PythonIndex, place: Path) -> None:
    for version in ("1.0", "2.0"):
        index.add("web", version, "core[fast]>=1", "never; sys_platform == 'win32'")
        index.add("core", version, "late; extra == 'fast'", extras=["fast"])
        index.add("late", version)
        index.add("never", version)
    path = project(place / "shop", ["web<2"], groups={"dev": ["late<2"]})
    await locked(path)
    before = path.read_bytes()
    first = await asyncio.to_thread(uv, path.parent, index.url, "sync", "--locked")
    assert first.returncode == 0, first.stderr
    asked = len(index.requests)
    again = await asyncio.to_thread(uv, path.parent, index.url, "sync", "--locked", "--offline", "--reinstall")
    assert again.returncode == 0, again.stderr
    installed = {one.name for one in (path.parent / ".venv").rglob("*.dist-info")}
    assert installed == {"web-1.0.dist-info", "core-2.0.dist-info", "late-1.0.dist-info"}
    assert (path.read_bytes(), len(index.requests)) == (before, asked)


WELL_KNOWN: list[tuple[str, list[str], dict[str, list[str]]]] = [
    (">=3.11", ["requests", "flask"], {"dev": ["pytest", "ruff"]}),
    (">=3.9", ["uvicorn[standard]; sys_platform != 'win32'", "keyring"], {}),
    (">=3.10", ["pandas", "matplotlib"], {}),
    (">=3.11,<3.14", ["black", "mypy"], {}),
    ("==3.11.*", ["kubernetes", "paramiko"], {}),
]


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_uv_takes_it_for_the_index_of_everybody(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    own = {name: value for name, value in settings("", tmp_path).items() if name != "PIP_INDEX_URL"}
    found: Counter[str] = Counter()
    with variables(own):
        for number, (pythons, dependencies, groups) in enumerate(WELL_KNOWN):
            path = project(tmp_path / str(number), dependencies, groups=groups, pythons=pythons)
            found[await compared(path, "")] += 1
    assert found["equal"] + found["accepted"] == len(WELL_KNOWN), json.dumps(found)


WORKSPACE = "[tool.uv.workspace]\nmembers = ['packages/*']\n[tool.uv.sources]\n"
WELL_KNOWN_WORKSPACES: list[dict[str, str]] = [
    {
        ".": manifest("root", ["api"], groups={"dev": ["pytest", "mypy"]}, more=f"{WORKSPACE}api = {{ workspace = true }}\n"),
        "packages/api": manifest("api", ["flask", "sqlalchemy>=2"], extras={"async": ["uvicorn[standard]", "httpx[http2]"]}),
        "packages/worker": manifest("worker", ["celery[redis]", "requests"], pythons=">=3.11,<4"),
    },
    {
        ".": manifest("", groups={"lint": ["ruff", "black"]}, more=f"[tool.uv]\nconstraint-dependencies = ['numpy<2.3', 'click<8.2']\noverride-dependencies = ['pytz>=2024']\nenvironments = [\"sys_platform == 'linux'\", \"sys_platform == 'darwin'\"]\n{WORKSPACE}"),
        "packages/numbers": manifest("numbers-x", ["pandas<3", "matplotlib"]),
    },
    {
        ".": manifest("shop", ["tool", "keyring; sys_platform != 'linux'"], more="[tool.uv]\ndev-dependencies = ['tox']\n[tool.uv.sources]\ntool = { path = 'tool', editable = true }\n"),
        "tool": manifest("tool", ["rich", "typer", "paramiko; sys_platform == 'win32'"]),
    },
]  # fmt: skip


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_uv_takes_workspaces_for_the_index_of_everybody(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    own = {name: value for name, value in settings("", tmp_path).items() if name != "PIP_INDEX_URL"}
    found: Counter[str] = Counter()
    with variables(own):
        for number, files in enumerate(WELL_KNOWN_WORKSPACES):
            found[await compared(write(tmp_path / str(number) / "ws", files), "")] += 1
    assert found["equal"] + found["accepted"] == len(WELL_KNOWN_WORKSPACES), json.dumps(found)
