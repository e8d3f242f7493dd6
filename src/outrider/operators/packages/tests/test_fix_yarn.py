"""Vulnerable packages of yarn.lock are replaced, and both Yarns take the lock as it is."""

import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from subprocess import CompletedProcess
from typing import Any

import pytest

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.yarn import entries_of
from outrider.operators.packages.operations import lock
from outrider.operators.packages.operations.fix import FixResult
from outrider.operators.packages.operations.lock import LockParams
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import context, imported
from outrider.operators.packages.tests.test_fix_npm import bad, fixed
from outrider.operators.packages.tests.test_lock_writing_npm import NAMES, members, project, registry, settings
from outrider.operators.packages.tests.test_lock_writing_yarn import is_by_chance, locked
from outrider.operators.packages.tests.test_yarn_patches import PATCH, effects, program_of
from outrider.operators.packages.tests.world import variables
from outrider.operators.packages.tests.yarn_clients import needs_node, set_up_yarn_4, yarn_1, yarn_4
from outrider.operators.packages.tests.yarn_workspaces import DRAWS, Draw
from outrider.operators.packages.yarn.patch_files import hash_of

__all__ = ["registry"]

BOTH = pytest.mark.parametrize("program", ["yarn@1.22.22", "yarn@4.18.1"])
Native = Callable[[Path], Awaitable[CompletedProcess[str]]]


def packages(path: Path) -> dict[str, str]:
    """Return the version of each key, without the protocol that Yarn 4 writes."""
    entries = entries_of(path.read_text())
    return {
        key.replace("@npm:", "@"): str(entry["version"])
        for key, entry in entries.items()
        if "@workspace:" not in key and key != "__metadata"
    }


async def started(registry: NpmRegistry, folder: Path, program: str, **fields: Any) -> Path:
    """Have a project with a lock of the oldest versions."""
    registry.add("web@1.0.0", "core@^1")
    registry.add("core@1.0.0")
    registry.add("other@1.0.0")
    wanted = fields or {"dependencies": {"web": "^1"}, "devDependencies": {"other": "^1"}}
    path = project(folder, packageManager=program, **wanted).with_name("yarn.lock")
    await locked(folder)
    for spec, needs in (("web@2.0.0", "core@^2"), ("core@1.1.0", ""), ("core@1.2.0", "more@1"), ("core@2.0.0", "")):
        registry.add(spec, needs)
    registry.add("other@1.5.0")
    registry.add("more@1.0.0")
    shutil.rmtree(folder / "cache")
    return path


@BOTH
async def test_the_lock_alone_changes_where_the_ranges_allow_it(
    registry: NpmRegistry, tmp_path: Path, program: str
) -> None:
    path = await started(registry, tmp_path, program)
    lines = path.read_text().splitlines()
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    result = await fixed(tmp_path)
    after = path.read_text().splitlines()
    assert len(after) == len(lines)
    changed = [new.split()[0].strip(":") for old, new in zip(lines, after, strict=True) if old != new]
    own = ["resolved", "integrity"] if "@1." in program else ["resolution", "checksum"]
    assert changed == ["version", *own]
    assert packages(path) == {"core@^1": "1.1.0", "other@^1": "1.0.0", "web@^1": "1.0.0"}
    [change] = result.files[0].changes
    assert (change.name, change.before, change.after, change.why) == ("core", "1.0.0", "1.1.0", "X-1")
    assert result.written == [str(path)]
    assert (await fixed(tmp_path)).written == []


@BOTH
async def test_a_range_that_blocks(registry: NpmRegistry, tmp_path: Path, program: str) -> None:
    path = await started(registry, tmp_path, program)
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0.0")))
    manifest = path.with_name("package.json")
    before = manifest.read_text()
    [left] = (await fixed(tmp_path)).files[0].unfixed
    assert any("which web needs" in one for one in left.reasons)
    assert [(one.name, one.before, one.after) for one in left.remedies] == [("web", "^1", "^2.0.0")]
    result = await fixed(tmp_path, manifest=True)
    assert manifest.read_text() == before.replace('"web": "^1"', '"web": "^2.0.0"')
    assert packages(path) == {"core@^2": "2.0.0", "other@^1": "1.0.0", "web@^2.0.0": "2.0.0"}
    assert (result.fixed, result.unfixed, len(result.written)) == (1, 0, 2)


@BOTH
async def test_what_needs_it_does_not_stay_in_the_way(registry: NpmRegistry, tmp_path: Path, program: str) -> None:
    path = await started(registry, tmp_path, program)
    registry.add("web@1.1.0", "core@^2")
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0.0")))
    assert (await fixed(tmp_path)).fixed == 1
    assert packages(path) == {"core@^2": "2.0.0", "other@^1": "1.0.0", "web@^1": "1.1.0"}


@BOTH
async def test_each_range_keeps_its_version(registry: NpmRegistry, tmp_path: Path, program: str) -> None:
    registry.add("core@1.0.0")
    path = project(tmp_path, packageManager=program, dependencies={"core": "^1.0.0"}).with_name("yarn.lock")
    await locked(tmp_path)
    for spec, needs in (("core@1.1.0", ""), ("web@1.0.0", "core@^1.1.0 deep"), ("deep@1.0.0", "")):
        registry.add(spec, needs)
    project(tmp_path, packageManager=program, dependencies={"core": "^1.0.0", "web": "1"})
    shutil.rmtree(tmp_path / "cache")
    await locked(tmp_path, keep=True)
    before = packages(path)
    assert (before["core@^1.0.0"], before["core@^1.1.0"]) == ("1.0.0", "1.1.0")
    registry.add("deep@1.0.1")
    shutil.rmtree(tmp_path / "cache")
    await imported(tmp_path, bad("X-1", "deep", ("introduced", "0"), ("fixed", "1.0.1")))
    await fixed(tmp_path)
    assert packages(path) == {**before, "deep@*": "1.0.1"}


@BOTH
async def test_a_range_of_a_member_that_blocks(registry: NpmRegistry, tmp_path: Path, program: str) -> None:
    app = {"name": "app", "version": "1.0.0", "dependencies": {"core": "^1"}}
    kit = {"name": "kit", "version": "1.0.0", "dependencies": {"app": "1.x"}, "devDependencies": {"core": ">=1"}}
    members(tmp_path, {"packages/app": app, "packages/kit": kit})
    path = await started(registry, tmp_path, program, private=True, workspaces=["packages/*"])
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0.0")))
    [left] = (await fixed(tmp_path)).files[0].unfixed
    manifest = path.parent / "packages" / "app" / "package.json"
    assert [(one.file, one.name, one.after) for one in left.remedies] == [(str(manifest), "core", "^2.0.0")]
    result = await fixed(tmp_path, manifest=True)
    assert result.written == [str(manifest), str(path)]
    assert json.loads(manifest.read_text()) == {**app, "dependencies": {"core": "^2.0.0"}}
    assert {key: one for key, one in packages(path).items() if key.startswith("core")} == {
        "core@>=1": "2.0.0", "core@^2.0.0": "2.0.0",
    }  # fmt: skip


@BOTH
async def test_a_resolution_that_blocks(registry: NpmRegistry, tmp_path: Path, program: str) -> None:
    path = await started(registry, tmp_path, program, dependencies={"web": "^1"}, resolutions={"core": "1.0.0"})
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    before = path.read_text()
    result = await fixed(tmp_path, manifest=True)
    assert (path.read_text(), result.unfixed) == (before, 1)
    assert "core@1.0.0" in result.files[0].unfixed[0].reasons[0]


async def test_ends_of_lines_and_other_addresses_stay(registry: NpmRegistry, tmp_path: Path) -> None:
    path = await started(registry, tmp_path, "yarn@1.22.22")
    text = path.read_text().replace(registry.url, "https://mirror.test").replace("\n", "\r\n")
    path.write_bytes(text.encode())
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    await fixed(tmp_path)
    after = path.read_bytes().decode()
    assert after.count("\r\n") == after.count("\n") == text.count("\n")
    assert "https://mirror.test/core/-/core-1.1.0.tgz#" in after
    assert registry.url not in after


REFUSED = [
    ("yarn@1.22.22", '\nodd@../odd:\n  version "1.0.0"\n', "odd@../odd"),
    ("yarn@4.18.1", '\n"odd@portal:../odd":\n  version: 1.0.0\n  resolution: "odd@portal:../odd"\n  linkType: soft\n', "odd@portal:../odd"),
]  # fmt: skip


@pytest.mark.parametrize(("program", "more", "path"), REFUSED)
async def test_what_is_not_changed(registry: NpmRegistry, tmp_path: Path, program: str, more: str, path: str) -> None:
    lock = await started(registry, tmp_path, program)
    lock.write_text(lock.read_text() + more)
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    with pytest.raises(UnsupportedError) as caught:
        await fixed(tmp_path)
    assert caught.value.path == path


async def test_what_is_patched(registry: NpmRegistry, tmp_path: Path) -> None:
    """The patch of a version that stays is kept; that of another one is in Yarn's program."""
    path = await started(registry, tmp_path, "yarn@4.18.1")
    registry.add("typescript@5.0.0")
    text = path.read_text().replace("    other: ", '    typescript: "npm:^5"\n    other: ')
    for key, resolution in (
        ("typescript@npm:^5", "typescript@npm:5.0.0"),
        (
            "typescript@patch:typescript@npm%3A^5#optional!builtin<compat/typescript>",
            "typescript@patch:typescript@npm%3A5.0.0#optional!builtin<compat/typescript>::version=5.0.0&hash=abcdef",
        ),
    ):
        text += f'\n"{key}":\n  version: 5.0.0\n  resolution: "{resolution}"\n  checksum: 10c0/ab\n  languageName: node\n  linkType: hard\n'
    path.write_text(text)
    wanted = {"dependencies": {"web": "^1", "typescript": "^5"}, "devDependencies": {"other": "^1"}}
    project(tmp_path, packageManager="yarn@4.18.1", **wanted)
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    assert (await fixed(tmp_path)).fixed == 1
    assert "hash=abcdef" in path.read_text()
    registry.add("typescript@5.1.0")
    shutil.rmtree(tmp_path / "cache")
    await imported(tmp_path, bad("X-2", "typescript", ("introduced", "0"), ("fixed", "5.1.0")))
    [left] = (await fixed(tmp_path)).files[0].unfixed
    assert "its own program, which has the patches, cannot be read" in left.reasons[0]
    registry.add("@yarnpkg/cli-dist@4.18.1", files={"bin/yarn.js": program_of()})
    shutil.rmtree(tmp_path / "cache")
    await imported(tmp_path, bad("X-2", "typescript", ("introduced", "0"), ("fixed", "5.1.0")))
    assert (await fixed(tmp_path)).fixed == 1
    assert f"::version=5.1.0&hash={hash_of(effects(PATCH))}" in path.read_text()
    assert "hash=abcdef" not in path.read_text()


async def with_yarn_1(folder: Path) -> CompletedProcess[str]:
    return await yarn_1(folder, "install")


async def with_yarn_4(folder: Path) -> CompletedProcess[str]:
    return await yarn_4(folder, "install", "--mode", "update-lockfile")


async def is_odd(folder: Path, path: Path) -> bool:
    """Return whether Yarn 1 itself may write another lock next time, or has taken packages of one name for one another."""
    try:
        change = await lock.plan(LockParams(ecosystem="npm", file=str(path), keep=True), context(folder))
    except UnsupportedError as error:
        return "one entry for" in error.message
    return is_by_chance(change.warnings)


async def judged(folder: Path, native: Native, random: Random, draw: Draw) -> FixResult | None:
    """Fix a lock of Yarn, and let it judge what comes out; None where it writes none."""
    async with NpmRegistry() as registry:
        with variables(settings(folder, registry)):
            fields = draw(random, registry, folder, "yarn1" if native is with_yarn_1 else "yarn4")
            path = project(folder, **fields).with_name("yarn.lock")
            if native is with_yarn_4:
                set_up_yarn_4(path.parent, registry)
            if (await native(path.parent)).returncode != 0:
                return None
            events = ("introduced", "1.10.0"), ("fixed", "2.0.0"), ("introduced", "2.0.1"), ("fixed", "3.0.0")
            await imported(folder, *(bad(f"X-{name}", name, *events) for name in NAMES))
            manifest = random.random() < 0.5
            result = await fixed(folder, manifest=manifest)
            text = path.read_text()
            if native is with_yarn_1 and "resolutions" in fields and await is_odd(folder, path):
                return None
            again = await native(path.parent)
            assert (again.returncode, path.read_text()) == (0, text), again.stderr + again.stdout
            if native is with_yarn_1:
                frozen = await yarn_1(path.parent, "install", "--frozen-lockfile")
                # With some resolutions it does not take locks of its own either.
                assert frozen.returncode == 0 or "has incorrect entry" in frozen.stderr, frozen.stderr
            else:
                frozen = await yarn_4(path.parent, "install", "--immutable", "--mode", "skip-build")
                assert frozen.returncode == 0, frozen.stdout
            return result


async def counted(folder: Path, native: Native, seeds: range, draw: Draw) -> tuple[int, int]:
    """Return how many versions are fixed and are not."""
    fixed, unfixed = 0, 0
    for seed in seeds:
        (folder / str(seed)).mkdir()
        result = await judged(folder / str(seed), native, Random(seed), draw)
        if result is not None:
            fixed, unfixed = fixed + result.fixed, unfixed + result.unfixed
        shutil.rmtree(folder / str(seed))
    return fixed, unfixed


@pytest.mark.real
@pytest.mark.timeout(300)
@needs_node
@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("native", [with_yarn_1, with_yarn_4])
async def test_yarn_has_nothing_to_change(tmp_path: Path, native: Native, draw: Draw) -> None:
    fixed, _ = await counted(tmp_path, native, range(5), draw)
    assert fixed > 1


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(3000)
@needs_node
@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("native", [with_yarn_1, with_yarn_4])
async def test_yarn_has_nothing_to_change_at_length(tmp_path: Path, native: Native, draw: Draw) -> None:
    fixed, unfixed = await counted(tmp_path, native, range(5, 60), draw)
    assert fixed > 20
    assert unfixed > 5
