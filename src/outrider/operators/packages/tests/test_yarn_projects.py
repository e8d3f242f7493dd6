"""Projects of both Yarns with workspaces and with resolutions; that their locks are those of Yarn to the byte, its own file says."""

from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError, UnsupportedError
from outrider.operators.packages.locks.yarn import entries_of
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_lock_writing_npm import members, project, registry
from outrider.operators.packages.tests.test_lock_writing_yarn import locked
from outrider.operators.packages.yarn.resolutions import BerryResolutions, ClassicResolutions

__all__ = ["registry"]

CLASSIC, BERRY = "yarn@1.22.22", "yarn@4.18.1"
BOTH = pytest.mark.parametrize("program", [CLASSIC, BERRY])


def filled(registry: NpmRegistry) -> None:
    for spec, needs in (
        ("web@1.0.0", "core@^1 kit@^1"), ("core@1.0.0", ""), ("core@1.5.0", ""), ("core@2.0.0", ""), ("kit@1.0.0", "core"), ("kit@2.0.0", ""),
    ):  # fmt: skip
        registry.add(spec, needs)


def workspace(folder: Path, program: str, manifests: dict[str, Any], **fields: Any) -> Path:
    """Have a project with members, and return its lock, which is not there yet."""
    members(folder, manifests)
    said = {"private": True, "workspaces": ["packages/*"], "packageManager": program, **fields}
    return project(folder, **said).with_name("yarn.lock")


def versions(path: Path) -> dict[str, str]:
    """Return what each key of a lock stands for."""
    return {
        key: str(entry.get("resolution", entry.get("version"))) for key, entry in entries_of(path.read_text()).items() if key != "__metadata"
    }  # fmt: skip


APP: dict[str, Any] = {
    "name": "app",
    "version": "1.0.0",
    "dependencies": {"web": "1", "kit": "^1"},
    "devDependencies": {"core": "*"},
}
KIT: dict[str, Any] = {
    "name": "kit",
    "version": "1.2.0",
    "bin": "./kit.js",
    "peerDependencies": {"core": "workspace:^", "app": "next"},
}


async def test_a_workspace_of_yarn_1(registry: NpmRegistry, tmp_path: Path) -> None:
    filled(registry)
    old = {"name": "old", "version": "1.0.0", "dependencies": {"kit": "2"}, "resolutions": {"core": "1.0.0"}}
    manifests = {
        "packages/app": APP,
        "packages/kit": KIT,
        "packages/old": old,
        "packages/none": {"name": "none"},
        "packages/node_modules/x": APP,
    }
    path = workspace(
        tmp_path, CLASSIC, manifests, workspaces={"packages": ["packages/*", "!packages/old"], "nohoist": ["**"]}
    )
    result = await locked(tmp_path)
    # The member kit is what web needs too.
    assert versions(path) == {"core@*": "2.0.0", "core@^1": "1.5.0", "kit@2": "2.0.0", "web@1": "1.0.0"}
    assert [one.partition(":")[0] for one in result.warnings] == [
        "packages/none/package.json",
        "packages/old/package.json",
    ]


async def test_a_workspace_of_yarn_4(registry: NpmRegistry, tmp_path: Path) -> None:
    filled(registry)
    deep = {"dependencies": {"kit": "workspace:packages/kit", "root": "workspace:*", "core": "2"}}
    manifests = {
        "packages/app": {**APP, "workspaces": ["in*"]},
        "packages/app/inner": deep,
        "packages/kit": KIT,
        "packages/old/deeper": APP,
    }
    path = workspace(
        tmp_path, BERRY, manifests, name="root", workspaces=["packages/**", "!packages/old", "!packages/app/i*"]
    )
    await locked(tmp_path)
    assert versions(path) == {
        "app@workspace:packages/app": "app@workspace:packages/app", "core@npm:*": "core@npm:2.0.0", "core@npm:2": "core@npm:2.0.0",
        "core@npm:^1": "core@npm:1.5.0", "inner-b6d95d@workspace:packages/app/inner": "inner-b6d95d@workspace:packages/app/inner",
        "kit@npm:^1": "kit@workspace:packages/kit", "kit@workspace:packages/kit": "kit@workspace:packages/kit",
        "root@workspace:*": "root@workspace:.", "root@workspace:.": "root@workspace:.", "web@npm:1": "web@npm:1.0.0",
    }  # fmt: skip
    assert """
"kit@npm:^1, kit@workspace:packages/kit":
  version: 0.0.0-use.local
  resolution: "kit@workspace:packages/kit"
  peerDependencies:
    app: "*"
    core: "workspace:^"
  bin:
    kit: ./kit.js
  languageName: unknown
  linkType: soft
""" in path.read_text()
    (path.parent / ".yarnrc.yml").write_text("enableTransparentWorkspaces: false\n")
    await locked(tmp_path)
    assert versions(path)["kit@npm:^1"] == "kit@npm:1.0.0"


@BOTH
async def test_a_member_that_comes_later(registry: NpmRegistry, tmp_path: Path, program: str) -> None:
    """Yarn 4 leaves what the lock has for a range, and Yarn 1 takes the member."""
    filled(registry)
    app = {"name": "app", "version": "1.0.0", "dependencies": {"kit": "^1"}}
    path = workspace(tmp_path, program, {"packages/app": app})
    await locked(tmp_path)
    workspace(tmp_path, program, {"packages/kit": {"name": "kit", "version": "1.0.0"}})
    await locked(tmp_path, keep=True)
    assert ("core" in path.read_text()) == (program == BERRY)
    await locked(tmp_path)
    assert "core" not in path.read_text()


async def test_resolutions_of_yarn_1(registry: NpmRegistry, tmp_path: Path) -> None:
    filled(registry)
    resolutions = {"web/core": "1.0.0", "**/kit": "2.0.0", "core/": "1.0.0", "tool": "latest", "unused": "npm:core@^1"}
    wanted = {"dependencies": {"web": "1"}, "devDependencies": {"core": "2", "kit": "^1"}}
    path = project(tmp_path, **wanted, packageManager=CLASSIC, resolutions=resolutions).with_name("yarn.lock")
    result = await locked(tmp_path)
    assert versions(path) == {
        "core@1.0.0": "1.0.0", "core@2": "2.0.0", "core@^1": "1.0.0", "core@*": "2.0.0", "kit@2.0.0": "2.0.0", "kit@^1": "1.0.0",
        "unused@npm:core@^1": "1.5.0", "web@1": "1.0.0",
    }  # fmt: skip
    ignored, odd, other, by_chance = result.warnings
    assert ["core/" in ignored, "tool be latest" in odd, "kit@2.0.0" in other] == [True] * 3
    assert "kit@^1 is asked for both" in by_chance


async def test_resolutions_with_which_yarn_1_fails(registry: NpmRegistry, tmp_path: Path) -> None:
    for spec, needs in (
        ("core@1.0.0", ""),
        ("core@1.5.0", ""),
        ("a@1.0.0", "core@^1"),
        ("b@1.0.0", "core@>=1"),
        ("c@1.0.0", "core@^1"),
    ):
        registry.add(spec, needs)
    project(tmp_path, dependencies={"a": "1", "b": "1", "c": "1"}, resolutions={"c/core": "1.0.0"})
    with pytest.raises(UnsupportedError, match=r"core 1\.5\.0 is asked for as core@>=1 too, and Yarn 1 itself fails"):
        await locked(tmp_path)


async def test_resolutions_of_yarn_4(registry: NpmRegistry, tmp_path: Path) -> None:
    filled(registry)
    registry.add("other@1.0.0", "core@^1 kit@^1")
    resolutions = {
        "web@npm:1.0.0/core": "1.0.0",
        "other@2.0.0/core": "2.0.0",
        "kit@^1": "npm:core@2",
        "**/web": "2",
        "a/b/c": "1",
    }
    wanted = {"dependencies": {"web": "1", "other": "1"}}
    path = project(tmp_path, **wanted, packageManager=BERRY, resolutions=resolutions).with_name("yarn.lock")
    result = await locked(tmp_path)
    assert versions(path) == {
        "core@npm:1.0.0": "core@npm:1.0.0", "core@npm:^1": "core@npm:1.5.0", "kit@npm:core@2": "core@npm:2.0.0", "other@npm:1": "other@npm:1.0.0",
        "shop@workspace:.": "shop@workspace:.", "web@npm:1": "web@npm:1.0.0",
    }  # fmt: skip
    assert ["**/web" in result.warnings[0], "a/b/c" in result.warnings[1]] == [True, True]


Malformed = tuple[str, dict[str, Any], type[OutriderError], str]
MALFORMED: list[Malformed] = [
    (CLASSIC, {"private": False}, InvalidConfigError, "private projects alone"),
    (BERRY, {"name": "app"}, InvalidConfigError, "two members of the workspace are called app"),
    (BERRY, {"dependencies": {"app": "workspace:^2"}}, NotFoundError, r"needs workspace:\^2, and no such package"),
    (BERRY, {"dependencies": {"app": "workspace:app"}}, NotFoundError, "no such package"),
    (CLASSIC, {"dependencies": {"app": "workspace:*"}}, UnsupportedError, "elsewhere than a registry"),
    (BERRY, {"workspaces": "packages/*"}, InvalidConfigError, "workspaces cannot be read"),
    (CLASSIC, {"workspaces": [1]}, InvalidConfigError, "workspaces cannot be read"),
    (BERRY, {"workspaces": ["packages/@(app|b)"]}, UnsupportedError, "a pattern that is not read"),
    (BERRY, {"workspaces": ["packages/{1..3}"]}, UnsupportedError, "a pattern that is not read"),
    (BERRY, {"workspaces": ["link"]}, UnsupportedError, "that is a link"),
    (CLASSIC, {"workspaces": ["{a,b}" * 20]}, InvalidConfigError, "stands for too many"),
    (BERRY, {"name": "typescript"}, UnsupportedError, "Yarn patches"),
    (CLASSIC, {"resolutions": ["a"]}, InvalidConfigError, "resolutions cannot be read"),
    (BERRY, {"resolutions": {"a": 1}}, InvalidConfigError, "resolutions cannot be read"),
]  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED)
async def test_what_is_malformed(registry: NpmRegistry, tmp_path: Path, case: Malformed) -> None:
    program, fields, kind, message = case
    workspace(tmp_path, program, {"packages/app": {"name": "app", "version": "1.0.0"}}, **fields)
    (tmp_path / "shop" / "link").symlink_to("packages/app")
    with pytest.raises(kind, match=message):
        await locked(tmp_path)


@pytest.mark.parametrize(
    "content", ["[", "{}", '{"name": "app", "version": 1}', '{"name": 1, "version": "1.0.0", "dependencies": []}']
)
@BOTH
async def test_a_member_that_is_malformed(registry: NpmRegistry, tmp_path: Path, program: str, content: str) -> None:
    path = workspace(tmp_path, program, {"packages/app": {}})
    (path.parent / "packages" / "app" / "package.json").write_text(content)
    if content[0] == "[" or content[-2] == "]" or ("1}" in content and program == CLASSIC):
        with pytest.raises(InvalidConfigError, match=r"packages/app/package\.json"):
            await locked(tmp_path)
    else:
        await locked(tmp_path)


def test_which_resolutions_of_yarn_1_count() -> None:
    found = ClassicResolutions(
        {"a/**/b": "1.0.0", "b": "2.0.0", "@x/c": "^1", "x/{c,d}/e": "*", "**/@x/f": "", "g/?": "1.0.0"}
    )
    assert found.of("b", "^1", ("a", "c", "d")) == found.of("b", "^1", ("a",)) == "b@1.0.0"
    assert found.of("b", "^1", ("c",)) == "b@2.0.0"
    assert (found.of("@x/c", "1", ("a",)), found.of("e", "1", ("x", "d")), found.of("e", "1", ("x", "y"))) == (
        "@x/c@^1",
        "e@*",
        "",
    )
    assert (found.of("@x/f", "1", ()), found.of("f", "1", ("g",))) == ("@x/f@", "")
    assert found.notes == ["package.json: resolutions has b@2.0.0, where b@^1 is asked for, which does not allow it."]


def test_which_resolutions_of_yarn_4_count() -> None:
    found = BerryResolutions({"@x/a@npm:1.0.0/b": "1", "a@workspace:a/b": "2", "b@^1": "3", "@x/c": "workspace:c"})
    assert found.of(("@x/a", "npm:1.0.0"), "b", "npm:^2") == "npm:1"
    assert [found.of(("a", "npm:1.0.0"), "b", text) for text in ("npm:^1", "npm:^2")] == ["npm:3", "npm:^2"]
    assert found.of(("z", ""), "@x/c", "npm:^1") == "workspace:c"
    # There is no slash in what stands behind a name.
    assert len(BerryResolutions({"a@workspace:packages/a/b": "2"}).notes) == 1
