"""Vulnerable versions of Pipfile.lock are replaced, and Pipenv takes the lock as it is."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError, NotFoundError, UnsupportedError
from outrider.operators.packages.fixing.fixes import FixParams
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.operations import fix, lock
from outrider.operators.packages.operations.fix import FixResult
from outrider.operators.packages.operations.lock import LockParams
from outrider.operators.packages.tests.pipenv_projects import pipenv, project
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_audit import context, imported
from outrider.operators.packages.tests.test_fix_uv import added, bad


async def begun(place: Path, index: PythonIndex, text: str) -> Path:
    """Lock old versions, as if nothing newer had been there, and return the lock."""
    added(index)
    path = project(place / "shop", f'{text}core = "==1.0"\nlate = "==1.0"\n')
    await lock.run(LockParams(ecosystem="pypi", file=str(path)), context(place))
    project(place / "shop", text)
    await lock.run(LockParams(ecosystem="pypi", file=str(path), keep=True), context(place))
    return path


def versions(path: Path) -> dict[str, str]:
    return {one.name: one.version for one in read_lock("Pipfile.lock", path.read_text()).packages}


async def fixed(place: Path, **params: Any) -> FixResult:
    return await fix.run(FixParams(path=str(place / "shop"), **params), context(place))


async def test_the_lock_alone_changes_where_the_ranges_allow_it(index: PythonIndex, place: Path) -> None:
    path = await begun(place, index, '[dev-packages]\nlate = "*"\n[packages]\nweb = "<2"\n')
    assert versions(path) == {"core": "1.0", "late": "1.0", "web": "1.0"}
    before = path.read_text().splitlines()
    await imported(place, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1")))
    result = await fixed(place, manifest=True)
    [change] = result.files[0].changes
    assert (change.name, change.before, change.after, change.why, change.direct) == ("core", "1.0", "1.1", "X-1", False)
    assert result.written == [str(path)]
    after = path.read_text().splitlines()
    # The version and its one file.
    assert len(before) == len(after)
    assert len([one for one, other in zip(before, after, strict=True) if one != other]) == 2


@pytest.mark.parametrize(
    ("web", "range_", "wanted"),
    [
        ('"1.0"', "==1.0", '">=2.0"'),
        ('{version = "~=1.0", markers = "sys_platform != \'win32\'"}', "~=1.0", '{version = ">=2.0", markers = "sys_platform != \'win32\'"}'),
    ],
)  # fmt: skip
async def test_the_manifest_changes_where_nothing_else_will_do(
    web: str, range_: str, wanted: str, index: PythonIndex, place: Path
) -> None:
    path = await begun(place, index, f"[packages]\nweb = {web} # as it is\n")
    manifest = path.parent / "Pipfile"
    await imported(place, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0")))
    before = manifest.read_text()
    result = await fixed(place)
    [left] = result.files[0].unfixed
    assert (left.name, result.fixed, manifest.read_text()) == ("core", 0, before)
    assert [(one.name, one.before, one.after) for one in left.remedies] == [("web", range_, ">=2.0")]
    result = await fixed(place, manifest=True)
    assert manifest.read_text() == before.replace(web, wanted)
    assert (result.unfixed, versions(path)) == (0, {"core": "2.0", "late": "1.0", "web": "2.0"})
    again = await lock.run(LockParams(ecosystem="pypi", file=str(path), keep=True), context(place))
    assert again.changes == []


async def test_all_categories_change(index: PythonIndex, place: Path) -> None:
    for version in ("1.0", "1.1", "2.0"):
        index.add("web", version)
    text = '[packages]\nweb = "{0}"\n[docs]\nweb = "{0}"\n[pipenv]\nuse_default_constraints = false\n'
    path = project(place / "shop", text.format("==1.0"))
    await lock.run(LockParams(ecosystem="pypi", file=str(path)), context(place))
    project(place / "shop", text.format("<2"))
    await imported(place, bad("X-1", "web", ("introduced", "0"), ("fixed", "1.1")))
    await fixed(place)
    found = json.loads(path.read_text())
    assert [found[one]["web"]["version"] for one in ("default", "docs")] == ["==1.1", "==1.1"]
    assert found["develop"] == {}


async def test_what_is_not_changed(index: PythonIndex, place: Path) -> None:
    await imported(place, bad("X-1", "core", ("introduced", "0")))
    file = project(place / "shop", '[packages]\ncore = "*"\n')
    entries: dict[str, Any] = {"core": {"version": "==1.0"}, "own": {"git": "https://files.test", "ref": "x"}}
    file.write_text(json.dumps({"_meta": {}, "default": entries}))
    with pytest.raises(UnsupportedError) as caught:
        await fixed(place)
    assert caught.value.path == "default.own.git"
    (place / "shop" / "Pipfile").write_text("[packages")
    with pytest.raises(InvalidConfigError, match="Pipfile"):
        await fixed(place)
    (place / "shop" / "Pipfile").unlink()
    with pytest.raises(NotFoundError):
        await fixed(place)
    assert index.requests == []


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_pipenv_takes_it(index: PythonIndex, place: Path) -> None:
    path = await begun(place, index, '[packages]\nweb = "<2"\n')
    await imported(place, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.2")))
    await fixed(place)
    ours = path.read_text()
    for arguments in (("verify",), ("install", "--deploy"), ("sync",)):
        done = await asyncio.to_thread(pipenv, path.parent, index.url, *arguments)
        assert (done.returncode, path.read_text()) == (0, ours), done.stdout + done.stderr
