"""Vulnerable packages of bun.lock are replaced, and bun takes the lock as it is."""

import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.fixing.fixes import FixParams
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.operations import fix
from outrider.operators.packages.operations.fix import FixResult
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import context, imported
from outrider.operators.packages.tests.test_fix_npm import bad
from outrider.operators.packages.tests.test_lock_writing_bun import LOCK, bun, locked, registry, settings
from outrider.operators.packages.tests.test_lock_writing_npm import NAMES, drawn, project
from outrider.operators.packages.tests.world import variables

__all__ = ["registry"]


async def fixed(folder: Path, **params: Any) -> FixResult:
    return await fix.run(FixParams(path=str(folder / "shop" / LOCK), **params), context(folder))


def packages(path: Path) -> list[str]:
    return sorted(f"{one.name}@{one.version}" for one in read_lock(LOCK, path.read_text()).packages)


async def started(registry: NpmRegistry, folder: Path, **fields: Any) -> Path:
    """Have a project with a lock of the oldest versions."""
    registry.add("web@1.0.0", "core@^1 !side@^1", deprecated="old")
    registry.add("core@1.0.0", bin="core.js")
    for spec in ("other@1.0.0", "side@1.0.0"):
        registry.add(spec)
    path = project(folder, **(fields or {"dependencies": {"web": "^1"}, "devDependencies": {"other": "^1"}}))
    await locked(folder)
    for spec, needs in (("web@2.0.0", "core@^2"), ("core@1.1.0", ""), ("core@1.2.0", "more@1"), ("core@2.0.0", "")):
        registry.add(spec, needs)
    for spec in ("other@1.5.0", "more@1.0.0", "side@1.5.0"):
        registry.add(spec)
    registry.documents["web"]["versions"]["1.0.0"]["bin"] = "elsewhere.js"
    shutil.rmtree(folder / "cache")
    return path.with_name(LOCK)


async def test_the_lock_alone_changes_where_the_ranges_allow_it(registry: NpmRegistry, tmp_path: Path) -> None:
    path = await started(registry, tmp_path)
    lines = path.read_text().splitlines()
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    result = await fixed(tmp_path)
    changed = [new for old, new in zip(lines, path.read_text().splitlines(), strict=True) if old != new]
    assert [one.split('"')[3] for one in changed] == ["core@1.1.0"]
    assert packages(path) == ["core@1.1.0", "other@1.0.0", "side@1.0.0", "web@1.0.0"]
    assert "elsewhere" not in path.read_text()
    [change] = result.files[0].changes
    assert (change.name, change.before, change.after, change.why) == ("core", "1.0.0", "1.1.0", "X-1")
    assert (await fixed(tmp_path)).written == []


async def test_no_other_vulnerability_comes_in(registry: NpmRegistry, tmp_path: Path) -> None:
    path = await started(registry, tmp_path)
    await imported(
        tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.2.0")), bad("X-2", "more", ("introduced", "0"))
    )
    before = path.read_text()
    result = await fixed(tmp_path)
    assert (path.read_text(), result.fixed, result.unfixed) == (before, 0, 1)
    assert any("more" in one for one in result.files[0].unfixed[0].reasons)


async def test_a_range_that_blocks(registry: NpmRegistry, tmp_path: Path) -> None:
    path = await started(registry, tmp_path)
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0.0")))
    result = await fixed(tmp_path)
    [left] = result.files[0].unfixed
    assert [(one.name, one.before, one.after) for one in left.remedies] == [("web", "^1", "^2.0.0")]
    result = await fixed(tmp_path, manifest=True)
    assert json.loads((path.parent / "package.json").read_text())["dependencies"] == {"web": "^2.0.0"}
    assert packages(path) == ["core@2.0.0", "other@1.0.0", "web@2.0.0"]
    assert '"web": "^2.0.0",' in path.read_text()
    assert (result.fixed, result.unfixed, len(result.written)) == (1, 0, 2)


async def test_a_peer_that_nobody_asks_for(registry: NpmRegistry, tmp_path: Path) -> None:
    path = await started(registry, tmp_path)
    await imported(tmp_path, bad("X-1", "side", ("introduced", "0"), ("fixed", "1.5.0")))
    await fixed(tmp_path)
    assert '"side": ["side@1.5.0"' in path.read_text()


async def test_each_need_keeps_its_version(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("low@1.0.0", "core@^1")
    registry.add("high@1.0.0", "core@1.1.0")
    for spec in ("core@1.0.0", "bad@1.0.0"):
        registry.add(spec)
    lock_path = project(tmp_path, dependencies={"low": "1", "bad": "1"}).with_name(LOCK)
    await locked(tmp_path)
    registry.add("core@1.1.0")
    registry.add("bad@1.1.0")
    shutil.rmtree(tmp_path / "cache")
    project(tmp_path, dependencies={"low": "1", "bad": "1", "high": "1"})
    await locked(tmp_path, keep=True)
    await imported(tmp_path, bad("X-1", "bad", ("introduced", "0"), ("fixed", "1.1.0")))
    await fixed(tmp_path)
    assert packages(lock_path) == ["bad@1.1.0", "core@1.0.0", "core@1.1.0", "high@1.0.0", "low@1.0.0"]


async def test_what_may_be_left_out_is_not_left_out_for_that(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("site@1.0.0", "?core@^1")
    path = await started(registry, tmp_path, dependencies={"site": "^1"}, optionalDependencies={"other": "^1"})
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0")), bad("X-2", "other", ("introduced", "0")))
    before = path.read_text()
    result = await fixed(tmp_path)
    assert (path.read_text(), result.unfixed) == (before, 2)
    assert [one.reasons[0] for one in result.files[0].unfixed] == [
        "site needs core where it can be had, and no version of it may be used.",
        "the manifest needs other where it can be had, and no version of it may be used.",
    ]


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ('"lockfileVersion": 2', '"lockfileVersion": 3', "lockfileVersion"),
        ('"configVersion": 1', '"configVersion": 2', "configVersion"),
        ('"packages": {', '"catalog": {"core": "1"}, "packages": {', "catalog"),
        ('"workspaces": {', '"workspaces": {"a": {},', "workspaces"),
        ('"core": ["core@1.0.0"', '"core": ["core@https://files.test/core"', "packages.core"),
    ],
)
async def test_what_is_not_changed(registry: NpmRegistry, tmp_path: Path, old: str, new: str, path: str) -> None:
    lock = await started(registry, tmp_path)
    text = lock.read_text()
    assert old in text
    lock.write_text(text.replace(old, new, 1))
    await imported(tmp_path, bad("X-1", "side", ("introduced", "0"), ("fixed", "1.1.0")))
    with pytest.raises(UnsupportedError) as caught:
        await fixed(tmp_path)
    assert caught.value.path == path


@pytest.mark.parametrize("text", ['"packages": [', '"packages": {"x": [],', '"workspaces": [], "w": {'])
async def test_what_cannot_be_read(registry: NpmRegistry, tmp_path: Path, text: str) -> None:
    lock = await started(registry, tmp_path)
    key = text.partition(":")[0]
    lock.write_text(lock.read_text().replace(f"{key}: {{", text, 1))
    await imported(tmp_path, bad("X-1", "side", ("introduced", "0"), ("fixed", "1.1.0")))
    with pytest.raises(InvalidConfigError):
        await fixed(tmp_path)


async def test_what_the_lock_has_stays(registry: NpmRegistry, tmp_path: Path) -> None:
    names = ["web", "other"]
    fields = {"dependencies": {"web": "^1", "other": "1"}, "trustedDependencies": names[:1]}
    path = await started(registry, tmp_path, **fields)
    project(tmp_path, **{**fields, "trustedDependencies": names})
    # An older one, with names in the order that bun had for them.
    text = (
        path.read_text()
        .replace('"lockfileVersion": 2', '"lockfileVersion": 1')
        .replace('    "web",\n', '    "web",\n    "other",\n')
    )
    path.write_text(text)
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    assert (await fixed(tmp_path)).fixed == 1
    changed = [new for old, new in zip(text.splitlines(), path.read_text().splitlines(), strict=True) if old != new]
    assert [one.split('"')[1] for one in changed] == ["core"]


async def both(folder: Path, random: Random, draw: Any) -> tuple[int, int]:
    """Fix a lock, and let bun judge what comes out: as it is, and by choosing again; return how many versions are fixed and are not."""
    async with NpmRegistry() as registry:
        with variables(settings(folder, registry)):
            path = project(folder, **draw(random, registry)).with_name(LOCK)
            before = await bun(path.parent, "install", "--lockfile-only")
            if before.returncode != 0 or not path.exists():
                return 0, 0
            events = ("introduced", "1.10.0"), ("fixed", "2.0.0"), ("introduced", "2.0.1"), ("fixed", "3.0.0")
            await imported(folder, *(bad(f"X-{name}", name, *events) for name in NAMES))
            result = await fixed(folder)
            text = path.read_text()
            for more in (("--lockfile-only",), ("--frozen-lockfile",)):
                again = await bun(path.parent, "install", *more)
                assert (again.returncode, path.read_text()) == (0, text), again.stderr
            return result.fixed, result.unfixed


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_bun_has_nothing_to_change(tmp_path: Path) -> None:
    fixed, unfixed = 0, 0
    for seed in (1, 2, 5, 8, 10):
        (tmp_path / str(seed)).mkdir()
        one, other = await both(tmp_path / str(seed), Random(seed), drawn)
        fixed, unfixed = fixed + one, unfixed + other
    assert fixed > 8
    assert unfixed > 1
