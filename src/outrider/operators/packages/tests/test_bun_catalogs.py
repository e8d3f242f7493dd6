"""Catalogs of bun: its bun.lock is to the byte that of bun, and fixes change what is taken from them where it stands."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import imported
from outrider.operators.packages.tests.test_bun_workspaces import PATTERNS, native
from outrider.operators.packages.tests.test_fix_bun import BUN
from outrider.operators.packages.tests.test_fix_npm import bad
from outrider.operators.packages.tests.test_lock_writing_bun import LOCK, bun, locked, registry
from outrider.operators.packages.tests.test_lock_writing_npm import members, project

__all__ = ["registry"]

CORE = {"core": "catalog:"}
WEB = {"dependencies": {"web": "1"}}


def inside(catalog: Any = None, **catalogs: Any) -> dict[str, Any]:
    """Return what has catalogs within `workspaces`."""
    found = {"catalog": catalog, "catalogs": catalogs}
    return {"workspaces": {"packages": PATTERNS, **{key: value for key, value in found.items() if value}}}


def fill(registry: NpmRegistry) -> None:
    for spec in ("core@1.0.0", "core@1.1.0", "core@2.0.0", "side@1.0.0", "side@1.5.0", "side@2.0.0", "other@1.0.0"):
        registry.add(spec)
    for spec, needs in (("web@1.0.0", "core@^1 !side@*"), ("peer@1.0.0", "!core@^2"), ("old@1.0.0", "core@1.0.0")):
        registry.add(spec, needs)
    registry.tag("core", "next", "1.0.0")


def started(registry: NpmRegistry, folder: Path, fields: dict[str, Any], member: dict[str, Any]) -> Path:
    """Have a project with a member, and return the path of its lock, which is not there yet."""
    fill(registry)
    path = project(folder, **{"workspaces": PATTERNS, **fields}).with_name(LOCK)
    members(folder, {"packages/a": {"name": "a", "version": "1.0.0", **member}})
    return path


# What is used and what is not, in which order, and where catalogs count.
READ: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (inside({"side": "^1", "core": " ^1 "}, z={}, b={"other": "1", "core": "2"}), {"dependencies": CORE}),
    ({**inside({"core": "^1"}), "catalog": {"core": "^2", "side": "1"}, "catalogs": {"x": {"core": "2"}}}, {"dependencies": CORE}),
    ({"catalog": {"core": "2"}, "catalogs": {"x": {"side": "1"}}}, {"dependencies": CORE, "devDependencies": {"side": "catalog: x "}}),
    ({"workspaces": [], "catalog": {"core": "2"}, "dependencies": CORE}, {}),
    ({"workspaces": {"catalog": {"core": "2"}}, "dependencies": {"core": "catalog:default"}}, {}),
    (inside(default={"core": "1.0.0"}), {"dependencies": CORE}),
    (inside({"core": "2"}, default={"side": "1"}), {"dependencies": {"core": "catalog:default", "side": "catalog:"}}),
    (inside({"core": "^1", "side": "^1", "other": "*"}), {"peerDependencies": CORE, "optionalDependencies": {"side": "catalog:"}}),
    ({**inside({"core": "^1"}), "dependencies": {"core": "2"}}, {"peerDependencies": CORE, "peerDependenciesMeta": {"core": {"optional": True}}}),
    ({**inside({"core": "^1"}), "dependencies": {"core": "2"}}, {"peerDependencies": CORE, "devDependencies": {"core": "1"}}),
    (inside({"core": "2"}, x={"core": "1"}), {"dependencies": CORE, "devDependencies": {"core": "catalog:x"}}),
    (inside({"core": "next"}), {"dependencies": CORE}),
    (inside({"core": ""}), {"dependencies": CORE}),
    (inside({"core": "npm:side@1"}), {"dependencies": CORE}),
    ({**inside({"a": "workspace:*"}), "dependencies": {"a": "catalog:"}}, {}),
    ({**inside({"a": "^1"}), "dependencies": {"a": "catalog:"}}, {}),
    (inside({"mine": "npm:a@1"}), {"dependencies": {"mine": "catalog:"}}),
    ({**inside({"side": "^2"}), "dependencies": {"side": "catalog:"}}, {"name": "side", "dependencies": {"core": "1"}}),
    ({**inside({"core": "1.1.0"}), **WEB, "overrides": CORE}, {}),
    ({**inside(x={"core": "npm:other@1"}), **WEB, "resolutions": {"**/core": "catalog:x"}}, {}),
    ({**inside({"core": "^1"}), "overrides": {"core": "1.0.0"}}, {"dependencies": CORE}),
    ({**inside({"mine": "npm:core@1"}), "overrides": {"core": "1.0.0"}}, {"dependencies": {"mine": "catalog:"}}),
    ({**inside({"mine": "npm:core@1"}), "overrides": {"mine": "npm:core@2"}}, {"dependencies": {"mine": "catalog:"}}),
    (inside({"core": "^1"}), {"catalog": {"core": "2"}, "workspaces": {"catalog": {"core": "2"}}, "dependencies": CORE}),
    (inside({"core": "file:./x", "side": "git://files.test/x", "other": "catalog:x", "A b": "^^1 ||| 2"}), {"dependencies": {"core": "1"}}),
    (inside(**{'x"y\\é': {"core": "1"}}), {"dependencies": {"core": 'catalog:x"y\\é'}}),
]  # fmt: skip
# What goes by the name of another package, and meets others.
ALIASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    *((inside({"core": f"npm:side@{alias}"}), {"dependencies": {"core": text}}) for alias, text in (
        ("^1", "*"), ("^1", "1.0.0"), ("^1", "^2"), ("*", "^2"), ("1.0.0 || 2.0.0", "^2"), ("~1.0.0", "~1.1.0"), ("^1", ""), ("1.x", "latest"),
    )),
    (inside({"core": "npm:side@^1"}), {"dependencies": {"old": "1"}}),
    (inside({"core": "npm:side@1.0.0"}), {"dependencies": {"old": "1", "mine": "npm:core@1"}}),
    (inside({"core": "npm:side@^1"}), {"dependencies": {"old": "1", "side": "1.0.0"}}),
    (inside({"core": "npm:side@^1"}), {"dependencies": {"peer": "1"}}),
    (inside({"core": "npm:side@^1"}), {"peerDependencies": {"core": "^2"}}),
    ({**inside({"core": "npm:side@1"}), "dependencies": {"core": "^1"}}, {}),
    ({**inside({"core": "npm:side@1"}), **WEB, "overrides": {"core": "2"}}, {}),
    (inside({"core": "npm:core@1.0.0"}), WEB),
    ({**inside({"core": "npm:side@1.0.0"}), "dependencies": {"core": "npm:other@1"}}, WEB),
    (inside({"core": "npm:side@1.0.0"}, x={"core": "npm:other@1"}), WEB),
    ({**inside({"core": "npm:side@1.0.0"}), **WEB}, {"dependencies": {"core": "npm:other@1"}}),
    (WEB, {"optionalDependencies": {"core": "npm:side@1.0.0"}, "dependencies": {"core": "npm:other@1"}}),
    ({"dependencies": {"core": "1.0.0", "mine": "npm:core@*"}}, {}),
    ({}, {"dependencies": {"peer": "1", "core": "npm:side@1.0.0"}}),
    ({"dependencies": {"core": "npm:core@1"}, "overrides": {"core": "1.0.0"}}, {}),
    ({"dependencies": {"mine": "npm:core@latest"}, "overrides": {"core": "1.0.0"}}, {}),
]  # fmt: skip


@pytest.mark.real
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("fields", "member"), [*READ, *ALIASES])
async def test_it_is_to_the_byte_what_bun_writes_of_catalogs(
    registry: NpmRegistry, tmp_path: Path, fields: dict[str, Any], member: dict[str, Any]
) -> None:
    path = started(registry, tmp_path, fields, member)
    theirs = await native(tmp_path)
    await locked(tmp_path)
    assert path.read_text() == theirs


# With what is wrong; bun writes none of these.
WRONG: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (inside({"side": "1"}), {"dependencies": CORE}, "packages/a/package.json: dependencies.core"),
    ({**inside({"core": "1"}), "devDependencies": {"core": "catalog:x"}}, {}, "package.json: devDependencies.core"),
    ({**inside(x={"side": "1"}), "catalog": {"core": "1"}, "dependencies": CORE}, {}, "package.json: dependencies.core"),
    (inside(**{" y ": {"core": "1"}}), {"dependencies": {"core": "catalog: y "}}, "packages/a/package.json: dependencies.core"),
    ({}, {"workspaces": {"catalog": {"core": "1"}}, "dependencies": CORE}, "packages/a/package.json: dependencies.core"),
    (inside({"core": "1"}, default={"core": "2"}), {}, "catalogs.default.core"),
    (inside({"core": "catalog:x"}, x={"core": "1"}), {"dependencies": CORE}, "catalogs.default.core"),
    (inside({"core": 1}), {"dependencies": CORE}, "catalog"),
    ({**inside({"core": "1"}), "overrides": {"side": "catalog:"}}, {"dependencies": {"side": "1"}}, "overrides.side"),
]  # fmt: skip


@pytest.mark.real
@pytest.mark.parametrize(("fields", "member"), [case[:2] for case in WRONG])
async def test_bun_writes_nothing_of_them_either(
    registry: NpmRegistry, tmp_path: Path, fields: dict[str, Any], member: dict[str, Any]
) -> None:
    started(registry, tmp_path, fields, member)
    assert await native(tmp_path) is None


@pytest.mark.parametrize(("fields", "member", "path"), WRONG)
async def test_what_no_catalog_has(
    registry: NpmRegistry, tmp_path: Path, fields: dict[str, Any], member: dict[str, Any], path: str
) -> None:
    started(registry, tmp_path, fields, member)
    with pytest.raises(InvalidConfigError) as caught:
        await locked(tmp_path)
    assert caught.value.path == path


async def test_catalogs_without_workspaces(registry: NpmRegistry, tmp_path: Path) -> None:
    fill(registry)
    path = project(tmp_path, catalog={"core": "1"}, dependencies={"side": "1"})
    await locked(tmp_path)
    assert "catalog" not in path.with_name(LOCK).read_text()
    project(tmp_path, catalog={"core": "1"}, dependencies=CORE)
    with pytest.raises(InvalidConfigError) as caught:
        await locked(tmp_path)
    assert caught.value.suggestions == ['add it to "catalog" within "workspaces" of package.json']


@pytest.mark.parametrize(
    ("fields", "member", "path"),
    [
        ({"catalogs": {"": {"core": "1"}}}, {}, "catalogs"),
        (inside({"core": "file:x"}), {"dependencies": CORE}, "dependencies.core"),
        (inside({"core": "1"}), {"dependencies": {"core": " catalog:"}}, "dependencies.core"),
    ],
)
async def test_what_is_not_heeded_of_catalogs(
    registry: NpmRegistry, tmp_path: Path, fields: dict[str, Any], member: dict[str, Any], path: str
) -> None:
    started(registry, tmp_path, fields, member)
    with pytest.raises(UnsupportedError) as caught:
        await locked(tmp_path)
    assert caught.value.path == path


@pytest.mark.parametrize("catalogs", [{"catalog": ["core"]}, {"catalogs": ["core"]}, {"catalogs": {"x": ["core"]}}])
async def test_catalogs_that_cannot_be_read(registry: NpmRegistry, tmp_path: Path, catalogs: dict[str, Any]) -> None:
    started(registry, tmp_path, catalogs, WEB)
    with pytest.raises(InvalidConfigError):
        await locked(tmp_path)


async def test_what_a_file_says_of_catalogs(registry: NpmRegistry, tmp_path: Path) -> None:
    fields = {**inside({"side": "1", "core": "^1"}, z={}, b={"core": "2"}), "overrides": {"other": "1"}}
    path = started(registry, tmp_path, fields, {"dependencies": CORE, "devDependencies": {"side": "catalog:"}})
    await locked(tmp_path)
    lines = [line.partition(', "http')[0] for line in path.read_text().splitlines()]
    assert lines[lines.index('    "packages/a": {') :] == """    "packages/a": {
      "name": "a",
      "version": "1.0.0",
      "dependencies": {
        "core": "catalog:",
      },
      "devDependencies": {
        "side": "catalog:",
      },
    },
  },
  "overrides": {
    "other": "1",
  },
  "catalog": {
    "core": "^1",
    "side": "1",
  },
  "catalogs": {
    "b": {
      "core": "2",
    },
    "z": {
    },
  },
  "packages": {
    "a": ["a@workspace:packages/a"],

    "core": ["core@1.1.0"

    "side": ["side@1.5.0"
  }
}""".splitlines()  # fmt: skip


async def test_an_alias_elsewhere_meets_what_goes_by_its_name(registry: NpmRegistry, tmp_path: Path) -> None:
    path = started(registry, tmp_path, inside({"core": "npm:side@^1"}), {"dependencies": {"core": ">=1", "web": "1"}})
    await locked(tmp_path)
    assert '"core": ["side@1.5.0"' in path.read_text()
    assert '"core@' not in path.read_text()


FIXED = (
    ("catalog", "", {"catalog": {"core": "^1"}}),
    ("catalogs.x", "x", {"catalogs": {"x": {"core": "^1"}}}),
    ("catalogs.default", "", {"catalogs": {"default": {"core": "^1"}}}),
)


@pytest.mark.parametrize("is_inside", [False, True])
@pytest.mark.parametrize(("where", "catalog", "catalogs"), FIXED)
async def test_the_entry_of_the_catalog_that_is_used_changes(
    registry: NpmRegistry, tmp_path: Path, where: str, catalog: str, catalogs: dict[str, Any], *, is_inside: bool
) -> None:
    member = {"dependencies": {"core": f"catalog:{catalog}"}, "peerDependencies": {"core": "*"}}
    path = started(registry, tmp_path, inside({"core": "^1"}), member)
    others = {"side": "^1", "mine": "npm:core@^1"}
    fields = {"workspaces": {"packages": PATTERNS, **catalogs}} if is_inside else {"workspaces": PATTERNS, **catalogs}
    text = json.dumps({"name": "shop", "config": others, **fields}, indent="\t").replace('": "', '"  :"')
    path.with_name("package.json").write_text(text)
    await locked(tmp_path)
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0.0")))
    [left] = (await BUN.fixed(tmp_path)).files[0].unfixed
    assert [(one.name, one.before, one.after) for one in left.remedies] == [("core", "^1", "^2.0.0")]
    result = await BUN.fixed(tmp_path, manifest=True)
    assert (result.fixed, result.unfixed, len(result.written)) == (1, 0, 2)
    assert path.with_name("package.json").read_text() == text.replace('"core"  :"^1"', '"core"  :"^2.0.0"')
    assert BUN.packages(path) == ["core@2.0.0"]
    assert '"core": "^2.0.0",' in path.read_text()
    assert f'"core": "catalog:{catalog}",' in path.read_text()


@pytest.mark.parametrize("fields", [{**WEB, "overrides": CORE}, {"dependencies": {"a": "catalog:"}}])
async def test_what_overrides_and_members_take_from_catalogs_is_not_changed(
    registry: NpmRegistry, tmp_path: Path, fields: dict[str, Any]
) -> None:
    path = started(registry, tmp_path, {**inside({"core": "^1", "a": "^1"}), **fields}, WEB)
    await locked(tmp_path)
    before = path.with_name("package.json").read_text()
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0.0")))
    result = await BUN.fixed(tmp_path, manifest=True)
    assert (result.unfixed, path.with_name("package.json").read_text()) == (1, before)


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_bun_takes_a_catalog_that_was_fixed(registry: NpmRegistry, tmp_path: Path) -> None:
    path = started(registry, tmp_path, inside({"core": "^1"}, x={"side": "^1"}), {"dependencies": CORE})
    members(tmp_path, {"packages/b": {"name": "b", "dependencies": {"core": "1.0.0", "side": "catalog:x"}}})
    await locked(tmp_path)
    events = ("introduced", "0"), ("fixed", "2.0.0")
    await imported(tmp_path, bad("X-1", "core", *events), bad("X-2", "side", *events))
    assert (await BUN.fixed(tmp_path, manifest=True)).unfixed == 0
    shutil.rmtree(tmp_path / "native", ignore_errors=True)
    assert path.read_text() == await native(tmp_path)
    before = path.read_text()
    ended = await bun(path.parent, "install", "--frozen-lockfile")
    assert (ended.returncode, path.read_text()) == (0, before), ended.stderr
