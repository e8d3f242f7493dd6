"""Vulnerable versions of poetry.lock are replaced, and Poetry takes the lock as it is."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import NotFoundError, UnsupportedError
from outrider.operators.packages.fixing.fixes import FixParams
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.operations import fix, lock
from outrider.operators.packages.operations.fix import FixResult
from outrider.operators.packages.operations.lock import LockParams
from outrider.operators.packages.tests.poetry_projects import poetry, project
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_audit import context, imported
from outrider.operators.packages.tests.test_fix_uv import added, bad

HEAD = '[project]\nname = "shop"\nversion = "1.0"\nrequires-python = ">=3.11"\n'
OWN = (
    '[tool.poetry]\nname = "shop"\nversion = "1.0"\ndescription = ""\nauthors = ["A <a@b.test>"]\n'
    '[tool.poetry.dependencies]\npython = "^3.11"\n'
)


async def begun(place: Path, index: PythonIndex, text: str, pins: str) -> Path:
    """Lock old versions, as if nothing newer had been there, and return the lock."""
    added(index)
    path = project(place / "shop", f"{text}{pins}")
    await lock.run(LockParams(ecosystem="pypi", file=str(path)), context(place))
    project(place / "shop", text)
    await lock.run(LockParams(ecosystem="pypi", file=str(path), keep=True), context(place))
    return path


async def owned(place: Path, index: PythonIndex, web: str) -> Path:
    return await begun(place, index, f"{OWN}web = {web} # as it is\n", 'core = "1.0"\nlate = "1.0"\n')


def versions(path: Path) -> dict[str, str]:
    return {one.name: one.version for one in read_lock("poetry.lock", path.read_text()).packages}


async def fixed(place: Path, **params: Any) -> FixResult:
    return await fix.run(FixParams(path=str(place / "shop"), **params), context(place))


async def test_the_lock_alone_changes_where_the_ranges_allow_it(index: PythonIndex, place: Path) -> None:
    path = await owned(place, index, '"^1"')
    assert versions(path) == {"core": "1.0", "late": "1.0", "web": "1.0"}
    before = path.read_text().splitlines()
    await imported(place, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1")))
    result = await fixed(place, manifest=True)
    [change] = result.files[0].changes
    assert (change.name, change.before, change.after, change.why) == ("core", "1.0", "1.1", "X-1")
    assert result.written == [str(path)]
    after = path.read_text().splitlines()
    # The version and its one file.
    assert len(before) == len(after)
    assert len([one for one, other in zip(before, after, strict=True) if one != other]) == 2


@pytest.mark.parametrize(
    ("web", "range_", "wanted"),
    [
        ('"~1.0"', "~1.0", '">=2.0"'),
        ('{ version = "^1", python = "^3.11" }', "^1", '{ version = ">=2.0", python = "^3.11" }'),
    ],
)
async def test_the_manifest_changes_where_nothing_else_will_do(
    web: str, range_: str, wanted: str, index: PythonIndex, place: Path
) -> None:
    path = await owned(place, index, web)
    manifest = path.parent / "pyproject.toml"
    await imported(place, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0")))
    before = manifest.read_text()
    result = await fixed(place)
    [left] = result.files[0].unfixed
    assert (left.name, result.fixed, manifest.read_text()) == ("core", 0, before)
    assert [(one.name, one.before, one.after) for one in left.remedies] == [("web", range_, ">=2.0")]
    result = await fixed(place, manifest=True)
    assert manifest.read_text() == before.replace(web, wanted)
    assert (result.unfixed, versions(path)) == (0, {"core": "2.0", "late": "1.0", "web": "2.0"})


async def test_a_requirement_of_the_standard_form(index: PythonIndex, place: Path) -> None:
    needs = "[project.optional-dependencies]\nall = [\n  \"web[nothing] >=1,<2 ; sys_platform != 'win32'\",\n]\n"
    path = await begun(place, index, f"{HEAD}{needs}", '[dependency-groups]\npins = ["core==1.0", "late==1.0"]\n')
    manifest = path.parent / "pyproject.toml"
    before = manifest.read_text()
    await imported(place, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0")))
    result = await fixed(place, manifest=True)
    assert result.unfixed == 0
    assert manifest.read_text() == before.replace(" >=1,<2 ;", ">=2.0 ;")


async def test_what_is_not_changed(index: PythonIndex, place: Path) -> None:
    await imported(place, bad("X-1", "core", ("introduced", "0")))
    file = project(place / "shop", f'{HEAD}dependencies = ["core"]\n')
    core = '[[package]]\nname = "core"\nversion = "1.0"\n'
    file.write_text(
        f'{core}[[package]]\nname = "own"\nversion = "2.0"\n[package.source]\ntype = "git"\nurl = "x"\n[metadata]\n'
    )
    with pytest.raises(UnsupportedError) as caught:
        await fixed(place)
    assert caught.value.path == "package.own.source"
    (place / "shop" / "pyproject.toml").unlink()
    with pytest.raises(NotFoundError):
        await fixed(place)
    assert index.requests == []


async def test_several_versions_of_one_package(index: PythonIndex, place: Path) -> None:
    for version in ("1.0", "1.1", "2.0", "2.1"):
        index.add("web", version)
    both = '[ {{ version = "<{}", python = "<3.12" }}, {{ version = "^2{}", python = ">=3.12" }} ]\n'
    path = project(place / "shop", f"{OWN}web = {both.format('1.1', ',<2.1')}")
    await lock.run(LockParams(ecosystem="pypi", file=str(path)), context(place))
    project(place / "shop", f"{OWN}web = {both.format('2', '')}")
    kept = await lock.run(LockParams(ecosystem="pypi", file=str(path), keep=True), context(place))
    assert kept.changes == []
    await imported(place, bad("X-1", "web", ("introduced", "0"), ("fixed", "1.1")))
    result = await fixed(place)
    assert [(one.before, one.after) for one in result.files[0].changes] == [("1.0", "1.1")]
    assert sorted(one.version for one in read_lock("poetry.lock", path.read_text()).packages) == ["1.1", "2.0"]


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_poetry_leaves_it_as_it_is(index: PythonIndex, place: Path) -> None:
    path = await owned(place, index, '"^1"')
    await imported(place, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.2")))
    await fixed(place)
    ours = path.read_text()
    for arguments in (("check", "--lock"), ("lock",)):
        done = await asyncio.to_thread(poetry, path.parent, index.root, *arguments)
        assert (done.returncode, path.read_text()) == (0, ours), done.stdout + done.stderr
