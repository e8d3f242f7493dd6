"""Overrides of bun, for all packages and within one: its bun.lock is to the byte that of bun."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import imported
from outrider.operators.packages.tests.test_bun_catalogs import fill
from outrider.operators.packages.tests.test_bun_workspaces import PATTERNS
from outrider.operators.packages.tests.test_bun_workspaces import native as native_workspace
from outrider.operators.packages.tests.test_fix_bun import BUN
from outrider.operators.packages.tests.test_fix_npm import bad
from outrider.operators.packages.tests.test_lock_writing_bun import (
    LOCK,
    bun,
    compared,
    drawn_without_bundles,
    locked,
    registry,
)
from outrider.operators.packages.tests.test_lock_writing_npm import drawn, members, project

__all__ = ["registry"]

# Of those that are drawn harder, what bun writes otherwise; why is not known.
OTHERWISE = {7, 16, 19, 24, 42, 61, 62, 73, 80, 88}
_RANGES = ("1", "2", "^1", "^2", ">=1", ">=1 <2", "<2", "1.x || ^2", "~1.1.0", "*", "1.1.0")
_VALUES = ("1.1.0", "2.0.1", "^1", "^2", "*", ">=1", "latest")


def drawn_overrides(random: Random, registry: NpmRegistry, *, harder: bool = False) -> dict[str, Any]:
    """Fill a registry, and return a project with overrides of each form."""
    asked = (drawn_without_bundles if harder else drawn)(random, registry)
    for name in list(registry.documents):
        for version in sorted({"1.1.0", "2.0.1"} - registry.documents[name]["versions"].keys()):
            registry.add(f"{name}@{version}")
    names, field = sorted(registry.documents), random.choice(("overrides", "overrides", "resolutions"))
    references = sorted({f"${name}" for kind in asked.values() for name in kind})
    found: dict[str, Any] = {}
    for _ in range(random.randint(1, 6)):
        parent, target = (_selector(random, name) for name in random.sample([*names, "shop"], 2))
        values = [*_VALUES, f"npm:{random.choice(names)}@^1", *references]
        value, own = random.choice(values), random.choice(values)
        if field == "overrides":
            nested = {target: value, **({".": own} if random.random() < 0.3 else {})}
            found |= random.choice(({target: value}, {f"{parent}>{target}": value}, {parent: nested}))
        else:
            steps = [f"{random.choice(('', '**/'))}{one}" for one in (parent, target)]
            found |= random.choice(({steps[1]: value}, {"/".join(steps): value}))
    return {**asked, field: found}


def _selector(random: Random, name: str) -> str:
    return random.choice((name, f"{name}@{random.choice(_RANGES)}"))


def drawn_overrides_harder(random: Random, registry: NpmRegistry) -> dict[str, Any]:
    return drawn_overrides(random, registry, harder=True)


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_it_is_to_the_byte_what_bun_writes_of_overrides(tmp_path: Path) -> None:
    (tmp_path / "harder").mkdir()
    same, _ = await compared(tmp_path, range(10), drawn_overrides)
    harder, _ = await compared(tmp_path / "harder", set(range(8)) - OTHERWISE, drawn_overrides_harder)
    assert (same, harder) == (10, 7)


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(3000)
async def test_it_is_to_the_byte_what_bun_writes_of_overrides_at_length(tmp_path: Path) -> None:
    (tmp_path / "harder").mkdir()
    same, _ = await compared(tmp_path, range(10, 200), drawn_overrides)
    harder, _ = await compared(tmp_path / "harder", set(range(8, 100)) - OTHERWISE, drawn_overrides_harder)
    assert (same > 180, harder > 80) == (True, True)


WEB = {"dependencies": {"web": "1"}}
ALIAS = {"dependencies": {"core": "npm:side@^1", "web": "1"}}
# Which of several rules counts, and for whom.
READ: list[dict[str, Any]] = [
    {**WEB, "overrides": {"core": "2.0.0", "core@1": "1.0.0", "web": {"core": "1.1.0", "core@1": "2.0.0"}, "web@1>core": "1.0.0"}},
    {**WEB, "overrides": {"a-b": "1", "a@1": "1", "a": {"z": "1", "y@>=2": "2", "y-x": "1", "y": "2", "@a/b": "1", ".": "1"}, "Z": "1", "//": "x"}},
    {**WEB, "overrides": {"core@1": "1.0.0", "core@^1": "1.1.0"}},
    {**WEB, "overrides": {"web@1": {".": "1.0.0", "core": "$web", "// why": "x"}, "shop@0": {"web": "9"}, "shop": {"web": "1.0.0"}}},
    {"dependencies": {"core": "", "web": "1"}, "overrides": {"core@2": "1.0.0", "core@1": "$core"}},
    {"dependencies": {"core": " ^1 "}, "devDependencies": {"core": "^2", "web": "1"}, "overrides": {"web>core": "$core"}},
    {**ALIAS, "overrides": {"web": {"core": "1.0.0"}}},
    {**ALIAS, "overrides": {"web@2": {"core": "1.0.0"}, "core@2": "1.0.0"}},
    {"dependencies": {"peer": "1", "web": "1"}, "overrides": {"peer": {"core": "^1"}, "web": {"side": "1.0.0"}}},
    {**WEB, "resolutions": {"**/web/**/side": "1.0.0", "side@npm:^1": "2.0.0", "web@npm:1.0.0/core": "1.0.0", "@acme/x/@acme/y": "1"}},
]  # fmt: skip


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_what_bun_reads_of_overrides(tmp_path: Path) -> None:
    fields = iter(READ)

    def draw(_: Random, registry: NpmRegistry) -> dict[str, Any]:
        fill(registry)
        return next(fields)

    assert await compared(tmp_path, range(len(READ)), draw) == (len(READ), 0)


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_members_are_those_within_which_overrides_hold(registry: NpmRegistry, tmp_path: Path) -> None:
    fill(registry)
    overrides = {"b": {"core": "1.0.0"}, "b@1": {"side": "1.0.0"}, "c@*": {"core": "2.0.0"}, "other": "$web"}
    path = project(tmp_path, workspaces=PATTERNS, overrides=overrides).with_name(LOCK)
    needs = {"core": "*", "side": "*", "web": "1"}
    members(tmp_path, {"packages/b": {"name": "b", "version": "1.2.0", "dependencies": needs}, "packages/c": {"name": "c", "dependencies": {"core": "^1"}}})  # fmt: skip
    await locked(tmp_path)
    assert path.read_text() == await native_workspace(tmp_path)


async def test_what_a_file_says_of_overrides(registry: NpmRegistry, tmp_path: Path) -> None:
    fill(registry)
    overrides = {"web": {"core": "1.0.0", ".": "^1"}, "core@1": "2.0.0", "side": "$web"}
    path = project(tmp_path, dependencies={"web": "1", "core": "^1"}, overrides=overrides).with_name(LOCK)
    await locked(tmp_path)
    lines = [line.partition(', "http')[0] for line in path.read_text().splitlines()]
    assert lines[1] == '  "lockfileVersion": 3,'
    assert (
        lines[lines.index('  "overrides": {') :]
        == """  "overrides": {
    "core@1": {
      ".": "2.0.0",
    },
    "side": "1",
    "web": {
      ".": "^1",
      "core": "1.0.0",
    },
  },
  "packages": {
    "core": ["core@2.0.0"

    "side": ["side@1.5.0"

    "web": ["web@1.0.0"

    "web/core": ["core@1.0.0"
  }
}""".splitlines()
    )


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"overrides": {"web": {"core": {"side": "1"}}}}, "overrides.web.core"),
        ({"overrides": {"web>core>side": "1"}}, "overrides.web>core>side"),
        ({"overrides": {"web": {"core>side": "1"}}}, "overrides.web.core>side"),
        ({"overrides": {"web>": "1"}}, "overrides.web>"),
        ({"overrides": {"core@": "1"}}, "overrides.core@"),
        ({"overrides": {"core@next": "1"}}, "overrides.core@next"),
        ({"overrides": {"@acme": "1"}}, "overrides.@acme"),
        ({"overrides": {"": "1"}}, "overrides."),
        ({"overrides": {"core": "$none"}}, "overrides.core"),
        ({"overrides": {"core": "-"}}, "overrides.core"),
        ({"overrides": {"core": " "}}, "overrides.core"),
        ({"overrides": {"web": {"core": "patch:core@1#x"}}}, "overrides.web.core"),
        ({"overrides": {"web": {".": "file:x"}}}, "overrides.web.."),
        ({"resolutions": {"top/web/core": "1"}}, "resolutions.top/web/core"),
        ({"resolutions": {"web/**": "1"}}, "resolutions.web/**"),
        ({"resolutions": {"web//core": "1"}}, "resolutions.web//core"),
        ({"resolutions": {"web": {"core": "1"}}}, "resolutions.web"),
    ],
)
async def test_what_bun_passes_over_is_refused(
    registry: NpmRegistry, tmp_path: Path, fields: dict[str, Any], path: str
) -> None:
    fill(registry)
    project(tmp_path, **WEB, **fields)
    with pytest.raises(UnsupportedError) as caught:
        await locked(tmp_path)
    assert caught.value.path == path


async def test_what_overrides_refer_to_is_not_changed(registry: NpmRegistry, tmp_path: Path) -> None:
    fill(registry)
    fields = {"dependencies": {"core": "^1", "web": "1"}, "overrides": {"web": {"core": "$core"}}}
    project(tmp_path, **fields)
    await locked(tmp_path)
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0.0")))
    assert (await BUN.fixed(tmp_path, manifest=True)).unfixed == 1


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_bun_takes_a_lock_with_overrides_that_was_fixed(registry: NpmRegistry, tmp_path: Path) -> None:
    fill(registry)
    overrides = {"web": {"core": "2.0.0"}, "side@*": "1.0.0"}
    path = project(tmp_path, dependencies={"core": "1.0.0", "web": "1"}, overrides=overrides).with_name(LOCK)
    await locked(tmp_path)
    project(tmp_path, dependencies={"core": "^1", "web": "1"}, overrides=overrides)
    await locked(tmp_path, keep=True)
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    result = await BUN.fixed(tmp_path, manifest=True)
    before = path.read_text()
    assert (result.unfixed, before.count('"core@'), '"lockfileVersion": 3' in before) == (0, 2, True)
    ended = await bun(path.parent, "install", "--frozen-lockfile")
    assert (ended.returncode, path.read_text()) == (0, before), ended.stderr
