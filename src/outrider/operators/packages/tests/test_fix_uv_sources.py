"""Vulnerable versions in the uv.lock of a project that has a package from several indexes are replaced."""

import asyncio
from pathlib import Path

import pytest

from outrider.operators.packages.fixing.fixes import FixParams
from outrider.operators.packages.operations import fix, lock
from outrider.operators.packages.operations.lock import LockParams
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_audit import HIGH, context, imported
from outrider.operators.packages.tests.uv_projects import project, uv
from outrider.operators.packages.tests.uv_sources import TWO, index_tables
from outrider.operators.packages.tests.uv_workspaces import manifest, write


async def test_fixes(index: PythonIndex, cpu: PythonIndex, cu: PythonIndex, place: Path) -> None:
    path = await vulnerable(place, index, cpu, cu)
    [left] = (await fix.run(FixParams(path=str(path.parent)), context(place))).files[0].unfixed
    assert [(one.name, one.before, one.after) for one in left.remedies] == [("torch", "<2", ">=2.2")]
    cpu.add("torch", "1.7", "base")
    result = await fix.run(FixParams(path=str(path.parent)), context(place, later=1000))
    assert result.unfixed == 0
    assert f'version = "1.7"\nsource = {{ registry = "{cpu.url}" }}' in path.read_text()
    assert f'version = "1.5"\nsource = {{ registry = "{cu.url}" }}' in path.read_text()
    assert 'name = "base"\nversion = "1.0"' in path.read_text()


async def test_a_range_of_several_sources_is_widened_once(
    index: PythonIndex, cpu: PythonIndex, cu: PythonIndex, place: Path
) -> None:
    path = await vulnerable(place, index, cpu, cu)
    result = await fix.run(FixParams(path=str(path.parent), manifest=True), context(place))
    assert result.unfixed == 0
    assert '"torch>=2.2"' in (path.parent / "pyproject.toml").read_text()
    assert path.read_text().count('specifier = ">=2.2", index = ') == 2
    assert [f'name = "torch"\nversion = "{one}"' in path.read_text() for one in ("2.2", "2.5")] == [True, True]


async def test_what_lies_here_on_some_machines(
    index: PythonIndex, cpu: PythonIndex, cu: PythonIndex, place: Path
) -> None:
    path = await vulnerable(place, index, cpu, cu)
    more = "[tool.uv.sources]\ntorch = { path = 'lib', marker = \"sys_platform == 'linux'\" }\n"
    write(path.parent, {"lib": manifest("torch", ["base"], version="1.0")})
    for version in ("1.0", "1.5"):
        index.add("torch", version)
    project(path.parent, ["torch==1.0"], more=more)
    await lock.run(LockParams(ecosystem="pypi", file=str(path)), context(place))
    project(path.parent, ["torch<2"], more=more)
    await lock.run(LockParams(ecosystem="pypi", file=str(path), keep=True), context(place))
    await fix.run(FixParams(path=str(path.parent)), context(place))
    assert 'name = "torch", version = "1.5", source = { registry = ' in path.read_text()
    assert 'name = "torch", version = "1.0", source = { directory = "lib" }' in path.read_text()


@pytest.mark.real
async def test_uv_would_do_the_same(index: PythonIndex, cpu: PythonIndex, cu: PythonIndex, place: Path) -> None:
    path = await vulnerable(place, index, cpu, cu)
    cpu.add("torch", "1.7", "base")
    before = path.read_text()
    await fix.run(FixParams(path=str(path.parent)), context(place, later=1000))
    ours = path.read_text()
    assert ours != before
    checked = await asyncio.to_thread(uv, path.parent, index.url, "lock", "--check")
    assert (checked.returncode, path.read_text()) == (0, ours), checked.stderr
    path.write_text(before)
    again = await asyncio.to_thread(uv, path.parent, index.url, "lock", "--upgrade-package", "torch")
    assert (again.returncode, path.read_text()) == (0, ours), again.stderr


async def vulnerable(place: Path, index: PythonIndex, cpu: PythonIndex, cu: PythonIndex) -> Path:
    """Lock old versions, as if nothing newer had been there, and return the lock."""
    for one, versions in ((cpu, ("1.0", "2.2")), (cu, ("1.0", "1.5", "2.5"))):
        for version in versions:
            one.add("torch", version, "base")
    for version in ("1.0", "2.0"):
        index.add("base", version)
    more = TWO + index_tables({"cpu": cpu.url, "cu": cu.url})
    path = project(place / "shop", ["torch==1.0", "base==1.0"], more=more)
    await lock.run(LockParams(ecosystem="pypi", file=str(path)), context(place))
    project(place / "shop", ["torch<2", "base"], more=more)
    await lock.run(LockParams(ecosystem="pypi", file=str(path), keep=True), context(place))
    events = ("introduced", "0"), ("fixed", "1.5")
    await imported(place, record("X-1", affected(ecosystem_range(*events), name="torch"), severity=[HIGH]))
    return path
