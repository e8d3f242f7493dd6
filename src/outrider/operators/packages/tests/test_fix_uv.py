"""Vulnerable versions of uv.lock are replaced, and uv takes the lock as it is."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import NotFoundError, UnsupportedError
from outrider.operators.packages.fixing.fixes import FixParams
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.manifests.toml_editing import edited
from outrider.operators.packages.operations import fix, lock
from outrider.operators.packages.operations.fix import FixResult
from outrider.operators.packages.operations.lock import LockParams
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_audit import HIGH, context, imported
from outrider.operators.packages.tests.uv_projects import project, uv


def bad(identity: str, name: str, *events: tuple[str, str]) -> dict[str, Any]:
    return record(identity, affected(ecosystem_range(*events), name=name), severity=[HIGH])


def added(index: PythonIndex) -> None:
    for version in ("1.0", "2.0"):
        index.add("web", version, f"core[fast]<{version[0]}.5; sys_platform != 'win32'")
    for version in ("1.0", "1.1", "1.2", "2.0", "2.1"):
        index.add("core", version, "late>=1; extra == 'fast'", extras=["fast"])
    for version in ("1.0", "1.1"):
        index.add("late", version)


async def begun(place: Path, index: PythonIndex, *dependencies: str, pinned: str = "core==1.0") -> Path:
    """Lock old versions, as if nothing newer had been there, and return the lock."""
    added(index)
    path = project(place / "shop", [*dependencies, pinned, "late==1.0"])
    await lock.run(LockParams(ecosystem="pypi", file=str(path)), context(place))
    project(place / "shop", dependencies)
    await lock.run(LockParams(ecosystem="pypi", file=str(path), keep=True), context(place))
    return path


def versions(path: Path) -> dict[str, str]:
    return {one.name: one.version for one in read_lock("uv.lock", path.read_text()).packages}


async def fixed(place: Path, **params: Any) -> FixResult:
    return await fix.run(FixParams(path=str(place / "shop"), **params), context(place))


async def test_the_lock_alone_changes_where_the_ranges_allow_it(index: PythonIndex, place: Path) -> None:
    path = await begun(place, index, "web>=1,<2")
    assert versions(path) == {"core": "1.0", "late": "1.0", "web": "1.0"}
    before = path.read_text()
    await imported(place, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1")))
    result = await fixed(place, manifest=True)
    [change] = result.files[0].changes
    assert (change.name, change.before, change.after, change.why) == ("core", "1.0", "1.1", "X-1")
    assert result.written == [str(path)]
    # All else stays to the letter: the versions, and what stands around them.
    after = path.read_text()
    assert after.split("[[package]]")[2:] == before.split("[[package]]")[2:]
    assert (await fixed(place)).written == []


async def test_a_range_that_blocks(index: PythonIndex, place: Path) -> None:
    path = await begun(place, index, "web[nothing] >=1,<2 ; sys_platform != 'win32'")
    manifest = path.parent / "pyproject.toml"
    await imported(place, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0")))
    before = manifest.read_text()
    result = await fixed(place)
    [left] = result.files[0].unfixed
    assert (left.name, result.fixed, manifest.read_text()) == ("core", 0, before)
    assert [(one.name, one.before, one.after) for one in left.remedies] == [("web", "<2,>=1", ">=2.0")]
    result = await fixed(place, manifest=True)
    assert manifest.read_text() == before.replace(" >=1,<2 ;", ">=2.0 ;")
    assert result.unfixed == 0
    assert versions(path) == {"core": "2.0", "late": "1.0", "web": "2.0"}
    assert 'specifier = ">=2.0" }' in path.read_text()


REFUSED = [
    ('[options]\nresolution-mode = "lowest"\n', "options"),
    ('[[package]]\nname = "own"\nversion = "2.0"\nsource = { git = "x" }\n', "package.own.source"),
]


@pytest.mark.parametrize(("more", "path"), REFUSED)
async def test_what_is_not_changed(more: str, path: str, index: PythonIndex, place: Path) -> None:
    await imported(place, bad("X-1", "core", ("introduced", "0")))
    file = project(place / "shop", ["core"])
    core = '[[package]]\nname = "core"\nversion = "1.0"\nsource = { registry = "x" }\n'
    file.write_text(f"version = 1\n{more}{core}")
    with pytest.raises(UnsupportedError) as caught:
        await fixed(place)
    assert caught.value.path == path
    (place / "shop" / "pyproject.toml").unlink()
    with pytest.raises(NotFoundError):
        await fixed(place)
    assert index.requests == []


async def test_several_versions_of_one_package(index: PythonIndex, place: Path) -> None:
    for version, python in (
        ("1.0", ">=3.9"),
        ("1.1", ">=3.9"),
        ("2.0", ">=3.12"),
        ("2.1", ">=3.12"),
        ("3.0", ">=3.13"),
    ):
        index.add("web", version, python=python)
    path = project(place / "shop", ["web<3", "web<2.1", "web!=1.1"])
    await lock.run(LockParams(ecosystem="pypi", file=str(path)), context(place))
    assert "resolution-markers = [\n    \"python_full_version < '3.12'\",\n]" in path.read_text()
    project(place / "shop", ["web"])
    kept = await lock.run(LockParams(ecosystem="pypi", file=str(path), keep=True), context(place))
    assert [(one.before, one.after) for one in kept.changes] == []
    await imported(place, bad("X-1", "web", ("introduced", "0"), ("fixed", "1.1")))
    result = await fixed(place)
    assert [(one.before, one.after) for one in result.files[0].changes] == [("1.0", "1.1")]
    assert sorted(one.version for one in read_lock("uv.lock", path.read_text()).packages) == ["1.1", "2.0"]


def test_a_text_within_an_array() -> None:
    text = 'a = ["x", "x", "y"] # "x"\n[b]\nc = [["x"]]\n'
    assert edited("a TOML file", text, [("a", 1)], "z") == text.replace('"x", "x"', '"x", "z"')
    assert edited("a TOML file", text, [("b", "c", 0, 0)], "z") == text.replace('[["x"]]', '[["z"]]')
    with pytest.raises(UnsupportedError, match=r"a\.3"):
        edited("a TOML file", text, [("a", 3)], "z")


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_uv_would_do_the_same(index: PythonIndex, place: Path) -> None:
    path = await begun(place, index, "web>=1,<2")
    before = path.read_text()
    checked = await asyncio.to_thread(uv, path.parent, index.url, "lock", "--check")
    assert checked.returncode == 0, checked.stderr
    await imported(place, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.2")))
    await fixed(place)
    ours = path.read_text()
    checked = await asyncio.to_thread(uv, path.parent, index.url, "lock", "--check", "--offline")
    assert (checked.returncode, path.read_text()) == (0, ours), checked.stderr
    path.write_text(before)
    again = await asyncio.to_thread(uv, path.parent, index.url, "lock", "--upgrade-package", "core==1.2")
    assert (again.returncode, path.read_text()) == (0, ours), again.stderr
