"""pnpm-lock.yaml of workspaces: members, catalogs and overrides, to the byte as pnpm writes it, and fixed."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError, NotFoundError, UnsupportedError
from outrider.operators.packages.manifests import yaml_editing
from outrider.operators.packages.npm.pnpm.overrides import Overrides
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.pnpm_workspaces import drawn_workspace, write
from outrider.operators.packages.tests.test_audit import imported
from outrider.operators.packages.tests.test_fix_npm import bad
from outrider.operators.packages.tests.test_fix_pnpm import PNPM
from outrider.operators.packages.tests.test_lock_writing_npm import NAMES
from outrider.operators.packages.tests.test_lock_writing_pnpm import (
    LOCK,
    compared,
    locked,
    pnpm,
    registry,
    settings,
)
from outrider.operators.packages.tests.world import variables

__all__ = ["registry"]

CATALOGS = """packages:
  - packages/*   # all of them
  - '!packages/none'
catalog:
  core: ^1   # of all members
catalogs:
  old: {side: "^1"}
"""


def workspace(folder: Path, text: str = CATALOGS, **manifests: dict[str, Any]) -> Path:
    """Have a project `shop` with members in `packages`, and return its lock, which is not there yet."""
    places = {
        "" if name == "shop" else f"packages/{name}": {"name": name, "version": "1.0.0", **one}
        for name, one in manifests.items()
    }
    write(folder / "shop", {"": {"name": "shop"}, **places}, {})
    (folder / "shop" / "pnpm-workspace.yaml").write_text(text)
    return folder / "shop" / LOCK


def fill(registry: NpmRegistry) -> None:
    """Have versions 1 and 2 of some packages."""
    for version in ("1.0.0", "2.0.0"):
        registry.add(f"web@{version}", "core@* !kit@*")
        for name in ("core", "side"):
            registry.add(f"{name}@{version}")


async def test_what_a_file_says(registry: NpmRegistry, tmp_path: Path) -> None:
    fill(registry)
    path = workspace(
        tmp_path,
        shop={"dependencies": {"web": "^1"}, "pnpm": {"overrides": {"web>core": "catalog:"}}},
        kit={"devDependencies": {"core": "catalog:"}, "peerDependencies": {"side": "catalog:old"}},
        app={"dependencies": {"kit": "workspace:^", "web": "^2"}},
        none={"dependencies": {"core": "^9"}},
    )
    (path.parent / "packages" / "empty").mkdir()
    registry.add("kit@1.0.0")
    await locked(tmp_path)
    text = path.read_text()
    head = text[text.index("settings:") : text.index("packages:\n\n")]
    assert (
        head
        == """settings:
  autoInstallPeers: true
  excludeLinksFromLockfile: false

catalogs:
  default:
    core:
      specifier: ^1
      version: 1.0.0
  old:
    side:
      specifier: ^1
      version: 1.0.0

overrides:
  web>core: ^1

importers:

  .:
    dependencies:
      web:
        specifier: ^1
        version: 1.0.0(kit@1.0.0)

  packages/app:
    dependencies:
      kit:
        specifier: workspace:^
        version: link:../kit
      web:
        specifier: ^2
        version: 2.0.0(kit@packages+kit)

  packages/kit:
    dependencies:
      side:
        specifier: catalog:old
        version: 1.0.0
    devDependencies:
      core:
        specifier: 'catalog:'
        version: 1.0.0

"""
    )
    assert text.endswith("""  web@2.0.0(kit@packages+kit):
    dependencies:
      core: 1.0.0
      kit: link:packages/kit
""")


OVERRIDES = [
    ({"core": "2"}, {"core": "2", "side": "^1"}),
    ({"core@^2": "2"}, {"core": "^1", "side": "^1"}),
    ({"core@>=1.5": "2"}, {"core": "2", "side": "^1"}),
    ({"web>core": "2"}, {"core": "2", "side": "^1"}),
    ({"web@^2>core": "2"}, {"core": "^1", "side": "^1"}),
    ({"web@1>core@1": "2", "core": "3"}, {"core": "2", "side": "^1"}),
    ({"core": "-"}, {"side": "^1"}),
    # The last one of those that meet comes first.
    ({"core": "2", "core@^1": "3"}, {"core": "3", "side": "^1"}),
    ({"core@^1": "3", "core": "2"}, {"core": "2", "side": "^1"}),
    ({"core@1.0": "2", "core@1.1": "3", "core@1.2": "4"}, {"core": "2", "side": "^1"}),
]


@pytest.mark.parametrize(("overrides", "expected"), OVERRIDES)
def test_overrides(overrides: dict[str, str], expected: dict[str, str]) -> None:
    manifest = {"name": "web", "version": "1.0.0", "dependencies": {"core": "^1", "side": "^1"}}
    assert Overrides(overrides).applied(manifest)["dependencies"] == expected


def test_overrides_of_peers() -> None:
    manifest = {"name": "web", "peerDependencies": {"core": "^1", "side": "^1", "far": "1"}}
    found = Overrides({"core": "2", "side": "npm:other@1", "far": "-"}).applied(manifest)
    assert (found["peerDependencies"], found["dependencies"]) == (
        {"core": "2", "side": "^1"},
        {"side": "npm:other@1"},
    )


@pytest.mark.parametrize(
    ("member", "text", "expected"),
    [
        ({"dependencies": {"core": "catalog:new"}}, CATALOGS, (InvalidConfigError, "packages/kit/package.json: dependencies.core")),
        ({"dependencies": {"core": "catalog:"}}, CATALOGS.replace("^1   #", "workspace:* #"), (InvalidConfigError, "catalogs.default.core")),
        ({"dependencies": {"core": "workspace:*"}}, CATALOGS, (NotFoundError, "core")),
        ({"dependencies": {"core": "link:../core"}}, CATALOGS, (UnsupportedError, "core")),
        ({"dependencies": {"core": "file:core.tgz"}}, CATALOGS, (UnsupportedError, "dependencies.core")),
        ({"dependencies": ["core"]}, CATALOGS, (InvalidConfigError, "dependencies")),
        ({"peerDependencies": {"core": "latest"}}, CATALOGS, (InvalidConfigError, "peerDependencies.core")),
        ({"version": 1}, CATALOGS, (InvalidConfigError, "version")),
        ({}, "packages: {a: b}", (InvalidConfigError, "packages")),
        ({}, "catalog: [core]", (InvalidConfigError, "catalog")),
        ({}, "catalogs: {old: [core]}", (InvalidConfigError, "old")),
        ({}, "catalog: {core: '1'}\ncatalogs: {default: {core: '1'}}", (InvalidConfigError, "catalogs.default")),
        ({}, "overrides: {'**/core': '1'}", (InvalidConfigError, "overrides")),
        ({}, "overrides: {core: $side}", (InvalidConfigError, "overrides.core")),
        ({}, "overrides: {core: 'catalog:'}", (InvalidConfigError, "overrides.core")),
        ({}, "packages: [a", (InvalidConfigError, "")),
    ],
)  # fmt: skip
async def test_what_cannot_be_read(
    registry: NpmRegistry, tmp_path: Path, member: dict[str, Any], text: str, expected: tuple[type[Exception], str]
) -> None:
    workspace(tmp_path, text, shop={}, kit=member)
    with pytest.raises(expected[0]) as caught:
        await locked(tmp_path)
    assert str(getattr(caught.value, "path", None) or "") == expected[1]


async def test_a_member_in_another_form_is_refused(registry: NpmRegistry, tmp_path: Path) -> None:
    path = workspace(tmp_path, shop={})
    (path.parent / "packages" / "kit").mkdir(parents=True)
    (path.parent / "packages" / "kit" / "package.yaml").write_text("name: kit\n")
    with pytest.raises(UnsupportedError, match=r"packages/kit/package\.yaml"):
        await locked(tmp_path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: {b: ^1} # ^1", "a: {b: ^2.0.0} # ^1"),
        ("x: ^1\na:\n  b: '^1'  # c\n", "x: ^1\na:\n  b: '^2.0.0'  # c\n"),
        ('a:\n  "b": "^1"\n', 'a:\n  "b": "^2.0.0"\n'),
    ],
)
def test_a_catalog_is_changed_in_place(before: str, after: str) -> None:
    assert yaml_editing.edited("pnpm-workspace.yaml", before, ["a", "b"], "^1", "^2.0.0") == after


def test_a_catalog_that_is_written_in_an_odd_way() -> None:
    with pytest.raises(UnsupportedError):
        yaml_editing.edited("pnpm-workspace.yaml", 'a: {b: "\\x5e1"}', ["a", "b"], "^1", "^2.0.0")


async def test_the_manifest_of_the_member_that_asks_is_changed(registry: NpmRegistry, tmp_path: Path) -> None:
    fill(registry)
    path = workspace(tmp_path, shop={}, app={"dependencies": {"side": "^1"}}, kit={"dependencies": {"side": "*"}})
    await locked(tmp_path)
    await imported(tmp_path, bad("X-1", "side", ("introduced", "0"), ("fixed", "2.0.0")))
    result = await PNPM.fixed(tmp_path, manifest=True)
    assert [Path(one).relative_to(path.parent).as_posix() for one in result.written] == [
        "packages/app/package.json",
        LOCK,
    ]
    manifest = json.loads((path.parent / "packages" / "app" / "package.json").read_text())
    assert manifest["dependencies"] == {"side": "^2.0.0"}
    assert path.read_text().count("version: 2.0.0") == 2


async def test_the_catalog_is_changed_that_is_used(registry: NpmRegistry, tmp_path: Path) -> None:
    fill(registry)
    members: dict[str, Any] = {
        "app": {"dependencies": {"core": "catalog:"}},
        "kit": {"dependencies": {"core": "catalog:", "side": "catalog:old"}},
    }
    path = workspace(tmp_path, shop={}, **members)
    await locked(tmp_path)
    events = ("introduced", "0"), ("fixed", "2.0.0")
    await imported(tmp_path, bad("X-1", "core", *events), bad("X-2", "side", *events))
    [left] = [one for one in (await PNPM.fixed(tmp_path)).files[0].unfixed if one.name == "core"]
    assert [(Path(one.file).name, one.name, one.before, one.after) for one in left.remedies] == [
        ("pnpm-workspace.yaml", "core", "^1", "^2.0.0")
    ]
    result = await PNPM.fixed(tmp_path, manifest=True)
    assert (result.fixed, result.unfixed, len(result.written)) == (2, 0, 2)
    changed = CATALOGS.replace("core: ^1", "core: ^2.0.0").replace('"^1"', '"^2.0.0"')
    assert (path.parent / "pnpm-workspace.yaml").read_text() == changed
    assert path.read_text().count("version: 2.0.0") == 5


@pytest.mark.parametrize(("text", "asked"), [("^1", "*"), ("^1", "^1"), ("$core", "*"), ("$side", "^1")])
async def test_what_an_override_says_is_not_changed(
    registry: NpmRegistry, tmp_path: Path, text: str, asked: str
) -> None:
    fill(registry)
    path = workspace(tmp_path, f"overrides: {{side: {text}}}", shop={"dependencies": {"side": asked, "core": "^1"}})
    await locked(tmp_path)
    before = path.read_text()
    await imported(tmp_path, bad("X-1", "side", ("introduced", "0"), ("fixed", "2.0.0")))
    result = await PNPM.fixed(tmp_path, manifest=True)
    assert (result.unfixed, result.files[0].unfixed[0].remedies, path.read_text()) == (1, [], before)


def workspace_in(random: Random, registry: NpmRegistry, folder: Path) -> None:
    drawn_workspace(random, registry, folder / "shop")


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_it_is_to_the_byte_what_pnpm_writes(tmp_path: Path) -> None:
    same, _ = await compared(tmp_path, range(1000, 1004), workspace_in)
    assert same > 3


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(3000)
async def test_it_is_to_the_byte_what_pnpm_writes_at_length(tmp_path: Path) -> None:
    same, _ = await compared(tmp_path, range(1014, 1060), workspace_in)
    assert same > 40


async def judged(folder: Path, seed: int) -> tuple[int, int]:
    """Fix a workspace, and let pnpm judge what comes out: as it is, by choosing again, and by an installation; return how many versions are fixed and are not."""
    async with NpmRegistry() as registry:
        with variables(settings(folder, registry)):
            path = folder / "shop" / LOCK
            drawn_workspace(Random(seed), registry, path.parent, settled=True)
            command = ("install", "--lockfile-only", "--no-frozen-lockfile")
            assert (await pnpm(path.parent, *command)).returncode == 0
            events = ("introduced", "1.10.0"), ("fixed", "2.0.0"), ("introduced", "2.0.1"), ("fixed", "3.0.0")
            await imported(folder, *(bad(f"X-{name}", name, *events) for name in NAMES))
            result = await PNPM.fixed(folder, manifest=True)
            text = path.read_text()
            for more in (command, (*command, "--no-prefer-frozen-lockfile"), ("install", "--frozen-lockfile")):
                again = await pnpm(path.parent, *more)
                assert (again.returncode, path.read_text()) == (0, text), again.stdout
            return result.fixed, result.unfixed


@pytest.mark.real
@pytest.mark.timeout(300)
async def test_pnpm_has_nothing_to_change(tmp_path: Path) -> None:
    found = []
    for seed in (200, 201):
        (tmp_path / str(seed)).mkdir()
        found.append(await judged(tmp_path / str(seed), seed))
    assert sum(one for one, _ in found) > 5
