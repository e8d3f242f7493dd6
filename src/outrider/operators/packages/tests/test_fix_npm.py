"""Vulnerable packages of package-lock.json are replaced, and npm takes the lock as it is."""

import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

import pytest

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.fixing.fixes import FixParams
from outrider.operators.packages.locks.writing.files import write_text
from outrider.operators.packages.operations import fix
from outrider.operators.packages.operations.fix import FixResult
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import HIGH, context, imported
from outrider.operators.packages.tests.test_lock_writing_npm import (
    NAMES,
    Draw,
    drawn_project,
    locked,
    members,
    needs_npm,
    npm,
    project,
    registry,
    settings,
)
from outrider.operators.packages.tests.test_npm_projects import DRAWS as PROJECTS
from outrider.operators.packages.tests.world import variables

__all__ = ["registry"]

DRAWS = (drawn_project, *PROJECTS)


def bad(identity: str, name: str, *events: tuple[str, str]) -> dict[str, Any]:
    return record(
        identity, affected(ecosystem_range(*events, kind="SEMVER"), name=name, ecosystem="npm"), severity=[HIGH]
    )


async def fixed(folder: Path, **params: Any) -> FixResult:
    return await fix.run(FixParams(path=str(folder / "shop"), **params), context(folder))


def packages(path: Path) -> dict[str, str]:
    found = json.loads(path.read_text())["packages"]
    return {place.removeprefix("node_modules/"): entry["version"] for place, entry in found.items() if place}


async def started(registry: NpmRegistry, folder: Path, **fields: Any) -> Path:
    """Have a project with a lock of the oldest versions."""
    registry.add("web@1.0.0", "core@^1")
    registry.add("core@1.0.0")
    registry.add("other@1.0.0")
    path = project(folder, **(fields or {"dependencies": {"web": "^1"}, "devDependencies": {"other": "^1"}}))
    await locked(folder)
    for spec, needs in (("web@2.0.0", "core@^2"), ("core@1.1.0", ""), ("core@1.2.0", "more@1"), ("core@2.0.0", "")):
        registry.add(spec, needs)
    registry.add("other@1.5.0")
    registry.add("more@1.0.0")
    shutil.rmtree(folder / "cache")
    return path


async def test_the_lock_alone_changes_where_the_ranges_allow_it(registry: NpmRegistry, tmp_path: Path) -> None:
    path = await started(registry, tmp_path)
    lines = path.read_text().replace('"dev": true', '"dev": true,\n      "license": "kept"').splitlines()
    path.write_text("\n".join([*lines, ""]))
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    result = await fixed(tmp_path)
    after = path.read_text().splitlines()
    assert len(after) == len(lines)
    changed = [new.strip().partition(":")[0] for old, new in zip(lines, after, strict=True) if old != new]
    assert changed == ['"version"', '"resolved"', '"integrity"']
    assert packages(path) == {"core": "1.1.0", "other": "1.0.0", "web": "1.0.0"}
    [change] = result.files[0].changes
    assert (change.name, change.before, change.after, change.why, change.direct) == (
        "core",
        "1.0.0",
        "1.1.0",
        "X-1",
        False,
    )
    assert result.written == [str(path)]
    assert (await fixed(tmp_path)).written == []


async def test_no_other_vulnerability_comes_in(registry: NpmRegistry, tmp_path: Path) -> None:
    path = await started(registry, tmp_path)
    # What is fixed needs something that is vulnerable itself.
    await imported(
        tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.2.0")), bad("X-2", "more", ("introduced", "0"))
    )
    before = path.read_text()
    result = await fixed(tmp_path)
    assert (path.read_text(), result.fixed, result.unfixed) == (before, 0, 1)
    [left] = result.files[0].unfixed
    assert (left.name, left.vulnerabilities) == ("core", ["X-1"])
    assert any("more" in one and "X-2" in one for one in left.reasons)


async def test_a_range_that_blocks(registry: NpmRegistry, tmp_path: Path) -> None:
    path = await started(registry, tmp_path)
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0.0")))
    manifest = path.parent / "package.json"
    manifest.write_text(
        '{"name": "shop", "version": "0.3.0",\n\n "devDependencies": {"other": "^1"},\n "dependencies": {"web":"^1"}}'
    )
    before = manifest.read_text()
    result = await fixed(tmp_path)
    [left] = result.files[0].unfixed
    assert any("which web needs" in one for one in left.reasons)
    assert [(one.name, one.before, one.after) for one in left.remedies] == [("web", "^1", "^2.0.0")]
    assert manifest.read_text() == before
    result = await fixed(tmp_path, manifest=True)
    assert manifest.read_text() == before.replace('"web":"^1"', '"web":"^2.0.0"')
    assert packages(path) == {"core": "2.0.0", "other": "1.0.0", "web": "2.0.0"}
    assert json.loads(path.read_text())["packages"][""]["dependencies"] == {"web": "^2.0.0"}
    assert (result.fixed, result.unfixed, len(result.written)) == (1, 0, 2)


async def test_nobody_comes_to_another_version_that_is_vulnerable(registry: NpmRegistry, tmp_path: Path) -> None:
    for spec, needs in (
        ("core@0.0.8", ""),
        ("core@0.0.10", ""),
        ("core@1.1.3", ""),
        ("web@1.0.0", "core@~0.0.1"),
        ("site@0.5.1", "core@0.0.8"),
    ):
        registry.add(spec, needs)
    path = project(tmp_path, dependencies={"core": "~1.1.0", "web": "1.0.0", "site": "0.5.1"})
    await locked(tmp_path)
    assert sorted(packages(path).values()) == ["0.0.10", "0.0.8", "0.5.1", "1.0.0", "1.1.3"]
    for spec, needs in (
        ("core@1.2.6", ""),
        ("site@0.5.6", "core@^1.2.6"),
        ("site@1.0.0", "core@0.0.8"),
        ("site@3.0.1", ""),
    ):
        registry.add(spec, needs)
    shutil.rmtree(tmp_path / "cache")
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.2.6")))
    stays, goes, _ = (await fixed(tmp_path)).files[0].unfixed
    assert (stays.version, stays.remedies) == ("0.0.10", [])
    assert stays.reasons == ["web would have core 0.0.8, which is vulnerable too."]
    assert [(one.name, one.after) for one in goes.remedies] == [("site", "^0.5.6")]
    result = await fixed(tmp_path, manifest=True)
    assert [one.version for one in result.files[0].fixed] == ["0.0.8", "1.1.3"]
    assert [one.version for one in result.files[0].unfixed] == ["0.0.10"]
    assert sorted(packages(path).values()) == ["0.0.10", "0.5.6", "1.0.0", "1.2.6"]


@pytest.mark.parametrize("latest", ["1", "2"])
async def test_a_range_changes_as_little_as_will_do(registry: NpmRegistry, tmp_path: Path, latest: str) -> None:
    path = await started(registry, tmp_path)
    registry.add("web@1.9.0", "core@^2", deprecated="broken")
    needed = {"2.0.0": "1", "2.1.0": "1", "2.2.0": "2", "2.3.0": "2", "3.0.0": "1", "4.0.0": latest}
    for version, core in needed.items():
        registry.add(f"web@{version}", f"core@^{core}")
    (path.parent / "package.json").write_text('{"name": "shop", "dependencies": {"web": "1.0.0"}}')
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0.0")))
    result = await fixed(tmp_path, manifest=True)
    assert [(one.before, one.after) for one in result.files[0].manifest] == [("1.0.0", "^2.2.0")]
    assert packages(path) == {"core": "2.0.0", "web": "2.2.0"}


async def test_one_that_was_broken_off_is_made_whole_by_the_next(
    registry: NpmRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await started(registry, tmp_path)
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0.0")))
    (path.parent / "package.json").write_text(
        '{"name": "shop", "devDependencies": {"other": "^1"}, "dependencies": {"web": "^1"}}'
    )
    written: list[Path] = []

    def broken_off(place: Path, text: str) -> None:
        if written:
            raise ChildProcessError  # as good as killed
        write_text(place, text)
        written.append(place)

    with monkeypatch.context() as patched:
        patched.setattr(fix, "write_text", broken_off)
        with pytest.raises(ChildProcessError):
            await fixed(tmp_path, manifest=True)
    assert [one.name for one in written] == ["package.json"]
    result = await fixed(tmp_path)
    assert (result.fixed, result.unfixed) == (1, 0)
    assert packages(path) == {"core": "2.0.0", "other": "1.0.0", "web": "2.0.0"}


async def test_what_may_be_left_out_is_not_left_out_for_that(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("site@1.0.0", "?core@^1")
    path = await started(registry, tmp_path, dependencies={"site": "^1"}, optionalDependencies={"other": "^1"})
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0")), bad("X-2", "other", ("introduced", "0")))
    before = path.read_text()
    result = await fixed(tmp_path)
    assert (path.read_text(), result.unfixed) == (before, 2)
    core, other = (one.reasons[0] for one in result.files[0].unfixed)
    assert core == "site needs core where it can be had, and no version of it may be used."
    assert other.startswith("npm other@^1: policy admits none")


async def test_what_needs_it_does_not_stay_in_the_way(registry: NpmRegistry, tmp_path: Path) -> None:
    path = await started(registry, tmp_path)
    registry.add("web@1.1.0", "core@^2")
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0.0")))
    result = await fixed(tmp_path)
    assert (result.fixed, packages(path)) == (1, {"core": "2.0.0", "other": "1.0.0", "web": "1.1.0"})


async def test_one_that_goes_by_another_name(registry: NpmRegistry, tmp_path: Path) -> None:
    path = await started(registry, tmp_path, dependencies={"mine": "npm:core@^1"})
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0.0")))
    result = await fixed(tmp_path, manifest=True)
    assert result.unfixed == 0
    assert json.loads((path.parent / "package.json").read_text())["dependencies"] == {"mine": "npm:core@^2.0.0"}
    assert packages(path) == {"mine": "2.0.0"}


async def test_a_range_of_a_member_that_blocks(registry: NpmRegistry, tmp_path: Path) -> None:
    members(
        tmp_path,
        {"packages/app": {"name": "app", "dependencies": {"core": "^1"}}, "packages/kit": {"name": "kit", "version": "1.0.0", "peerDependencies": {"app": "*"}}},
    )  # fmt: skip
    path = await started(registry, tmp_path, workspaces=["packages/*"], devDependencies={"kit": "*", "other": "^1"})
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0.0")))
    [left] = (await fixed(tmp_path)).files[0].unfixed
    app = path.parent / "packages" / "app" / "package.json"
    assert [(one.file, one.name, one.before, one.after) for one in left.remedies] == [
        (str(app), "core", "^1", "^2.0.0")
    ]
    result = await fixed(tmp_path, manifest=True)
    assert result.written == [str(app), str(path)]
    assert json.loads(app.read_text())["dependencies"] == {"core": "^2.0.0"}
    entries = json.loads(path.read_text())["packages"]
    assert entries["packages/app"]["dependencies"] == {"core": "^2.0.0"}
    assert (entries["node_modules/core"]["version"], entries["node_modules/other"]["version"]) == ("2.0.0", "1.0.0")


async def test_ranges_of_several_members_that_block(registry: NpmRegistry, tmp_path: Path) -> None:
    wanted = {"app": "^1", "kit": "1.x", "any": ">=1"}
    members(
        tmp_path, {f"packages/{name}": {"name": name, "dependencies": {"core": text}} for name, text in wanted.items()}
    )
    path = await started(registry, tmp_path, workspaces=["packages/*"])
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0.0")))
    result = await fixed(tmp_path, manifest=True)
    assert [(Path(one.file).parent.name, one.after) for one in result.files[0].manifest] == [
        ("app", "^2.0.0"),
        ("kit", "^2.0.0"),
    ]
    assert (result.unfixed, json.loads(path.read_text())["packages"]["node_modules/core"]["version"]) == (0, "2.0.0")


async def test_an_override_that_blocks(registry: NpmRegistry, tmp_path: Path) -> None:
    path = await started(registry, tmp_path, dependencies={"web": "^1"}, overrides={"core": "1.0.0"})
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    before = path.read_text()
    result = await fixed(tmp_path, manifest=True)
    assert (path.read_text(), result.unfixed) == (before, 1)
    assert "core@1.0.0" in result.files[0].unfixed[0].reasons[0]


REFUSED = [
    ({"lockfileVersion": 1}, "lockfileVersion"),
    ({"lockfileVersion": "2"}, "lockfileVersion"),
    ({"packages": {"node_modules/web": {"resolved": "../web", "link": True}}}, "packages.node_modules/web"),
    (
        {"packages": {"node_modules/web": {"resolved": "git+ssh://files.test/web.git", "version": "1.0.0"}}},
        "packages.node_modules/web",
    ),
]


@pytest.mark.parametrize(("change", "path"), REFUSED)
async def test_what_is_not_changed(registry: NpmRegistry, tmp_path: Path, change: dict[str, Any], path: str) -> None:
    lock = await started(registry, tmp_path)
    document = json.loads(lock.read_text())
    entries = {**document["packages"], **change.get("packages", {})}
    lock.write_text(json.dumps({**document, **change, "packages": entries}))
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    with pytest.raises(UnsupportedError) as caught:
        await fixed(tmp_path)
    assert caught.value.path == path


async def both(folder: Path, random: Random, draw: Draw) -> tuple[int, int]:
    """Fix a lock, and let npm judge what comes out; return how many versions are fixed and are not."""
    async with NpmRegistry() as registry:
        with variables(settings(folder, registry)):
            path = draw(random, registry, folder)
            before = await npm(path.parent, "install", "--package-lock-only", "--ignore-scripts")
            if before.returncode != 0 or not path.exists():
                return 0, 0
            events = ("introduced", "1.10.0"), ("fixed", "2.0.0"), ("introduced", "2.0.1"), ("fixed", "3.0.0")
            await imported(folder, *(bad(f"X-{name}", name, *events) for name in NAMES))
            try:
                result = await fixed(folder)
            except UnsupportedError as error:
                if error.found != "lockfileVersion 2":
                    raise
                return 0, 0
            text = path.read_text()
            again = await npm(path.parent, "install", "--package-lock-only", "--ignore-scripts")
            assert (again.returncode, path.read_text()) == (0, text), again.stderr
            return result.fixed, result.unfixed


@pytest.mark.real
@pytest.mark.timeout(300)
@needs_npm
@pytest.mark.parametrize("draw", DRAWS)
async def test_npm_has_nothing_to_change(tmp_path: Path, draw: Draw) -> None:
    fixed, unfixed = await judged(tmp_path, range(12), draw)
    assert fixed > 2
    assert unfixed > 0


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(3000)
@needs_npm
@pytest.mark.parametrize("draw", DRAWS)
async def test_npm_has_nothing_to_change_at_length(tmp_path: Path, draw: Draw) -> None:
    fixed, unfixed = await judged(tmp_path, range(12, 100), draw)
    assert fixed > 50
    assert unfixed > 20


async def judged(folder: Path, seeds: range, draw: Draw) -> tuple[int, int]:
    fixed, unfixed = 0, 0
    for seed in seeds:
        (folder / str(seed)).mkdir()
        one, other = await both(folder / str(seed), Random(seed), draw)
        fixed, unfixed = fixed + one, unfixed + other
        shutil.rmtree(folder / str(seed))
    return fixed, unfixed
