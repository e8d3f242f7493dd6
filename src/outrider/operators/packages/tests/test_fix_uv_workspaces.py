"""Vulnerable versions in the uv.lock of a workspace are replaced, and uv takes it as it is."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.fixing.fixes import FixParams, find_fix
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.operations import fix, lock
from outrider.operators.packages.operations.fix import FixResult
from outrider.operators.packages.operations.lock import LockParams
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.test_audit import HIGH, context, imported
from outrider.operators.packages.tests.uv_projects import uv
from outrider.operators.packages.tests.uv_workspaces import manifest, write
from outrider.operators.packages.tests.world import settings, variables

ENVIRONMENTS = "[tool.uv]\nconstraint-dependencies = ['late<3']\nenvironments = [\"sys_platform != 'win32'\"]\n"
ROOT = f"{ENVIRONMENTS}[tool.uv.workspace]\nmembers = ['packages/*']\n[tool.uv.sources]\napi = {{ workspace = true }}\nlib = {{ path = 'lib' }}\n"


@pytest.fixture
def place(index: PythonIndex, tmp_path: Path) -> Any:
    (tmp_path / "home").mkdir()
    for version in ("1.0", "2.0", "3.0"):
        index.add("web", version, f"core=={version}", "late; sys_platform == 'linux'")
    for version in ("1.0", "1.5", "2.0", "3.0"):
        index.add("core", version)
        index.add("late", version)
    with variables(settings(index.url, tmp_path)):
        yield tmp_path


def bad(name: str, fixed: str) -> dict[str, Any]:
    events = (("introduced", "0"), ("fixed", fixed))
    return record(f"X-{name}", affected(ecosystem_range(*events), name=name), severity=[HIGH])


def files(web: str, core: str, late: str = "late") -> dict[str, str]:
    return {
        ".": manifest("root", ["api", "lib"], more=ROOT),
        "packages/api": manifest("api", [web], groups={"dev": [late]}),
        "packages/app": manifest("app", [f"{core} ; sys_platform != 'win32'"]),
        "lib": manifest("lib", ["late<2.5"]),
    }


async def begun(place: Path, web: str, core: str) -> Path:
    """Lock old versions, as if nothing newer had been there, and return the lock."""
    path = write(place / "shop", files("web==1.0", "core", "late==1.0"))
    await lock.run(LockParams(ecosystem="pypi", file=str(path)), context(place))
    write(place / "shop", files(web, core))
    await lock.run(LockParams(ecosystem="pypi", file=str(path), keep=True), context(place))
    return path


def versions(path: Path) -> dict[str, str]:
    return {one.name: one.version for one in read_lock("uv.lock", path.read_text()).packages if not one.source}


async def fixed(place: Path, **params: Any) -> FixResult:
    return await fix.run(FixParams(path=str(place / "shop"), **params), context(place))


async def test_the_lock_alone_changes_where_the_ranges_allow_it(place: Path) -> None:
    path = await begun(place, "web", "core")
    assert versions(path) == {"core": "1.0", "late": "1.0", "web": "1.0"}
    before = path.read_text()
    await imported(place, bad("late", "1.5"))
    result = await fixed(place)
    assert result.written == [str(path)]
    assert versions(path) == {"core": "1.0", "late": "1.5", "web": "1.0"}
    assert path.read_text().split("[[package]]")[0] == before.split("[[package]]")[0]


async def test_the_manifest_of_the_member_that_asks_changes(place: Path) -> None:
    path = await begun(place, "web<2", "core")
    member = path.parent / "packages" / "api" / "pyproject.toml"
    before = {one: one.read_text() for one in path.parent.rglob("pyproject.toml")}
    await imported(place, bad("web", "2.0"))
    [left] = (await fixed(place)).files[0].unfixed
    assert [(one.file, one.name, one.before, one.after) for one in left.remedies] == [
        (str(member), "web", "<2", ">=2.0")
    ]
    result = await fixed(place, manifest=True)
    assert sorted(result.written) == sorted([str(member), str(path)])
    assert versions(path) == {"core": "2.0", "late": "1.0", "web": "2.0"}
    for one, text in before.items():
        assert one.read_text() == (text.replace("web<2", "web>=2.0") if one == member else text)
    assert 'requires-dist = [{ name = "web", specifier = ">=2.0" }]' in path.read_text()


async def test_several_members_that_block_together(place: Path) -> None:
    path = await begun(place, "core<1.5", "core<1.2")
    await imported(place, bad("core", "1.5"))
    [left] = (await fixed(place)).files[0].unfixed
    assert left.remedies == []
    names = [Path(one.file).parent.name for one in left.together]
    assert names == ["api", "app"]
    assert (await fixed(place, manifest=True)).unfixed == 0
    assert versions(path)["core"] == "1.5"


async def test_what_is_not_the_workspaces_own_is_not_changed(place: Path) -> None:
    path = await begun(place, "web", "core")
    await imported(place, bad("late", "1.5"))
    manifest_of_lib = path.parent / "lib" / "pyproject.toml"
    manifest_of_lib.write_text(before := manifest("lib", ["late<1.5"]))
    result = await fixed(place, manifest=True)
    [left] = result.files[0].unfixed
    assert (left.name, left.remedies, left.together) == ("late", [], [])
    assert any("lib 1.0 needs late," in one for one in left.reasons), left.reasons
    assert manifest_of_lib.read_text() == before


REFUSED = [
    ('[manifest]\nbuild-constraints = [{ name = "a" }]\n', "manifest.build-constraints"),
    ('[manifest]\nmembers = ["x"]\n[[package]]\nname = "x"\nversion = "1"\nsource = { directory = "x" }\n', "package.x.source"),
    ("conflicts = [[1]]\n", "conflicts"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "path"), REFUSED)
async def test_what_is_not_changed(more: str, path: str, place: Path) -> None:
    file = write(place / "shop", files("web", "core"))
    core = '[[package]]\nname = "core"\nversion = "1.0"\nsource = { registry = "x" }\n'
    file.write_text(f"version = 1\n{more}{core}")
    await imported(place, bad("core", "1.5"))
    with pytest.raises(UnsupportedError) as caught:
        await fixed(place)
    assert caught.value.path == path


async def test_a_repository_may_not_lead_out_of_itself(place: Path) -> None:
    path = await begun(place, "web", "core")
    (place / "lib").mkdir()
    (path.parent / "lib" / "pyproject.toml").rename(place / "lib" / "pyproject.toml")
    root = path.parent / "pyproject.toml"
    root.write_text(root.read_text().replace("'lib'", "'../lib'"))
    path.write_text(path.read_text().replace('"lib"', '"lib"'))
    await imported(place, bad("late", "1.5"))
    with pytest.raises(UnsupportedError, match="outside of the repository"):
        await find_fix(FixParams(path=str(path)), context(place), path.parent)


@pytest.mark.real
@pytest.mark.timeout(200)
async def test_uv_would_do_the_same(index: PythonIndex, place: Path) -> None:
    path = await begun(place, "web<3", "core")
    before = path.read_text()
    await imported(place, bad("web", "2.0"), bad("late", "1.5"))
    assert (await fixed(place)).unfixed == 0
    ours = path.read_text()
    for arguments in (("lock", "--check"), ("sync", "--locked", "--dry-run", "--all-packages")):
        checked = await asyncio.to_thread(uv, path.parent, index.url, *arguments)
        assert (checked.returncode, path.read_text()) == (0, ours), checked.stderr
    path.write_text(before)
    wanted = ("--upgrade-package", "web==2.0", "--upgrade-package", "late==1.5", "--upgrade-package", "core==2.0")
    again = await asyncio.to_thread(uv, path.parent, index.url, "lock", *wanted)
    assert (again.returncode, path.read_text()) == (0, ours), again.stderr
    # What was widened is taken too.
    await imported(place, bad("web", "3.0"))
    assert (await fixed(place, manifest=True)).unfixed == 0
    checked = await asyncio.to_thread(uv, path.parent, index.url, "lock", "--check")
    assert checked.returncode == 0, checked.stderr
