"""Patches of a project of Yarn 4 stand in its lock as Yarn has them there."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError, UnsupportedError
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.locks.yarn import entries_of
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import imported
from outrider.operators.packages.tests.test_fix_npm import bad, fixed
from outrider.operators.packages.tests.test_fix_yarn import counted
from outrider.operators.packages.tests.test_fix_yarn import with_yarn_4 as fixed_with_yarn_4
from outrider.operators.packages.tests.test_lock_writing_npm import members, project, registry, settings
from outrider.operators.packages.tests.test_lock_writing_yarn import compared, locked, odd_members, with_yarn_4
from outrider.operators.packages.tests.test_updating import drafted
from outrider.operators.packages.tests.test_yarn_patches import PATCH, effects, program_of
from outrider.operators.packages.tests.world import variables
from outrider.operators.packages.tests.yarn_clients import needs_node, set_up_yarn_4, yarn_4
from outrider.operators.packages.tests.yarn_patching import diff_of, drawn_with_patches
from outrider.operators.packages.yarn.patch_files import hash_of, read_patch
from outrider.operators.packages.yarn.programs import NEWEST

__all__ = ["registry"]

PLACE = ".yarn/patches/core.patch"
ASKED = f"patch:core@npm%3A1.0.0#~/{PLACE}"
FILE = "one\ntwo\nthree\n"
CHANGE = diff_of("index.js", FILE, "one\n2\nthree\n")


# Of that package with a file less, one changed, and one made, as Yarn 4.18.1 writes it.
CHECKSUM = (
    "10c0/f41e3e1210d5defbd1e9644952ae2ccefcb47148033713473a08dd620e9068c4"
    "ab0724519eddeb9bd9d93c9bf8fe28a514fdebfba3a1c3f52f38ee903db58831"
)


def patched(folder: Path, text: str = CHANGE, **fields: Any) -> Path:
    """Have a project with a patch, and return its lock, which is not there yet."""
    path = project(folder, packageManager=f"yarn@{NEWEST}", **(fields or {"dependencies": {"core": ASKED}}))
    place = path.parent / PLACE
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(text.encode())
    return path.with_name("yarn.lock")


def filled(registry: NpmRegistry, *versions: str) -> None:
    for version in versions or ("1.0.0",):
        registry.add(f"core@{version}", "more@1", files={"z.js": b"z", "index.js": FILE.encode(), "lib/a.js": b"a\n"})
    registry.add("more@1.0.0")
    registry.add("web@1.0.0", "core@^1")


def resolutions(path: Path) -> dict[str, str]:
    """Return what each key of a lock stands for, without the project."""
    entries = entries_of(path.read_text()).items()
    return {key: str(one["resolution"]) for key, one in entries if "resolution" in one and "@workspace:" not in key}


async def test_what_stands_in_the_lock(registry: NpmRegistry, tmp_path: Path) -> None:
    """To the byte as Yarn 4.18.1 writes it."""
    filled(registry)
    text = CHANGE + diff_of("lib/made/new.js", None, "new\n", mode="100755") + diff_of("z.js", "z", None)
    path = patched(tmp_path, text)
    await locked(tmp_path)
    block = re.search(r'\n"core@patch:[^\n]*:\n.*?\n\n', path.read_text(), re.DOTALL)
    assert block is not None
    assert (
        block[0]
        == f"""
"core@patch:core@npm%3A1.0.0#~/{PLACE}":
  version: 1.0.0
  resolution: "core@patch:core@npm%3A1.0.0#~/{PLACE}::version=1.0.0&hash=c0648c"
  dependencies:
    more: "npm:1"
  checksum: {CHECKSUM}
  languageName: node
  linkType: hard

"""
    )


async def test_who_asks_says_where_a_path_starts(registry: NpmRegistry, tmp_path: Path) -> None:
    filled(registry)
    app = {"name": "app", "dependencies": {"core": "patch:core@^1#../../.yarn/patches/core.patch", "web": "1"}}
    members(tmp_path, {"packages/app": app})
    replaced = {"core@npm:^1": f"patch:core@npm%3A1.0.0#./{PLACE}"}
    path = patched(tmp_path, private=True, workspaces=["packages/*"], resolutions=replaced)
    await locked(tmp_path)
    patch = hash_of(read_patch(CHANGE))
    inside, root = "locator=app%40workspace%3Apackages%2Fapp", "locator=shop%40workspace%3A."
    assert resolutions(path) == {
        "core@npm:1.0.0": "core@npm:1.0.0", "core@npm:^1": "core@npm:1.0.0", "more@npm:1": "more@npm:1.0.0", "web@npm:1": "web@npm:1.0.0",
        f"core@patch:core@^1#../../{PLACE}::{inside}": f"core@patch:core@npm%3A1.0.0#../../{PLACE}::version=1.0.0&hash={patch}&{inside}",
        f"core@patch:core@npm%3A1.0.0#./{PLACE}::{root}": f"core@patch:core@npm%3A1.0.0#./{PLACE}::version=1.0.0&hash={patch}&{root}",
    }  # fmt: skip


async def test_one_that_may_not_fit_is_passed_over(registry: NpmRegistry, tmp_path: Path) -> None:
    """It is in the hash all the same; what comes out is what comes out of none."""
    filled(registry)
    path = patched(tmp_path, dependencies={"core": f"patch:core@npm%3A1.0.0#optional!~/{PLACE}"})
    sums = []
    for text in (CHANGE.replace("two", "zwei"), diff_of("gone.js", "a\n", "b\n"), CHANGE):
        (path.parent / PLACE).write_text(text)
        await locked(tmp_path)
        [entry] = [one for key, one in entries_of(path.read_text()).items() if "patch:" in key]
        assert entry["resolution"].endswith(f"&hash={hash_of(read_patch(text))}")
        sums.append(entry["checksum"])
    assert [sums.count(one) for one in sums] == [2, 2, 1]


Case = tuple[str, str, type[OutriderError], str]
REFUSED: list[Case] = [
    (CHANGE.replace("two", "zwei"), ASKED, UnsupportedError, r"cannot be applied to core 1\.0\.0: its hunk 1 of index\.js fits nowhere"),
    (diff_of("gone.js", "a\n", "b\n"), ASKED, UnsupportedError, "it changes gone.js, which is not there"),
    (diff_of("gone.js", "a\n", None), ASKED, UnsupportedError, "it removes gone.js, and there is no such file"),
    (diff_of("gone/a.js", "a\n", None), ASKED, UnsupportedError, "it removes gone/a.js, whose folder is not there"),
    (diff_of("lib", "a\n", "b\n"), ASKED, UnsupportedError, "it changes lib, which is a folder"),
    (diff_of("z.js/a", "a\n", "b\n"), ASKED, UnsupportedError, "above which there is a file"),
    (diff_of("z.js/a", None, "b\n"), ASKED, UnsupportedError, "where something else is"),
    (diff_of("lib", None, "b\n"), ASKED, UnsupportedError, "where something else is"),
    (CHANGE + diff_of("index.js", None, "new\n"), ASKED, UnsupportedError, "it changes index.js more than once"),
    (CHANGE.replace("index 0", "old mode 100755\nnew mode 100644\nindex 0"), ASKED, UnsupportedError, "its mode counted too"),
    ("diff --git a/a b/b\nrename from z.js\nrename to y.js\n", ASKED, UnsupportedError, "it renames z.js, which Yarn cannot"),
    (CHANGE.replace("index 0", "semver exclusivity >=1.0.0-rc.1\nindex 0"), ASKED, UnsupportedError, "has a prerelease"),
    ("", ASKED, InvalidConfigError, "it changes nothing"),
    (CHANGE.replace("-1,3", "-1,4"), ASKED, InvalidConfigError, "a hunk has 3 lines of before"),
    (CHANGE.replace("index 0", "new file mode 100600\nindex 0"), ASKED, InvalidConfigError, "the mode 100600"),
    ("diff --git one two\n", ASKED, InvalidConfigError, "it has the line diff --git one two"),
    (CHANGE, ASKED.replace("core.patch", "none.patch"), NotFoundError, "none.patch of core is not there"),
    (CHANGE, "patch:core@npm%3A1.0.0#~/../core.patch", UnsupportedError, r"a patch is not read from ~/\.\./core\.patch"),
    (CHANGE, "patch:core@npm%3A1.0.0#/core.patch", UnsupportedError, "a patch is not read from /core.patch"),
    (CHANGE, "patch:core@npm%3A1.0.0#builtin<compat/none>", UnsupportedError, "Yarn has no patch compat/none of its own"),
    (CHANGE, "patch:core@npm%3A1.0.0", UnsupportedError, "elsewhere than a registry"),
    (CHANGE, f"patch:core@npm%zz1.0.0#~/{PLACE}", UnsupportedError, "elsewhere than a registry"),
    (CHANGE, f"patch:core@file%3A../core#~/{PLACE}", UnsupportedError, "elsewhere than a registry"),
    (CHANGE, f"patch:app@workspace%3A*#~/{PLACE}", UnsupportedError, "elsewhere than a registry"),
    (CHANGE, f"patch:app@npm%3A*#~/{PLACE}", UnsupportedError, "which is to be patched, is in the workspace"),
    (CHANGE, f"patch:core@npm%3A^7#~/{PLACE}", NotFoundError, "there is none"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_refused(registry: NpmRegistry, tmp_path: Path, case: Case) -> None:
    text, asked, kind, message = case
    filled(registry)
    registry.add("app@1.0.0")
    members(tmp_path, {"packages/app": {"name": "app", "version": "1.0.0"}})
    path = patched(tmp_path, text, dependencies={"core": asked}, private=True, workspaces=["packages/*"])
    with pytest.raises(kind) as caught:
        await locked(tmp_path)
    assert re.search(message, f"{caught.value.message} {caught.value.found}"), (
        caught.value.message,
        caught.value.found,
    )
    assert caught.value.suggestions
    assert not path.exists()


async def test_links_within_a_package_are_not_followed(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("core@1.0.0", members=odd_members())
    patched(tmp_path, diff_of("made/link", "a\n", "b\n"))
    with pytest.raises(UnsupportedError, match="it goes through made/link, which is a link"):
        await locked(tmp_path)


async def test_a_patch_may_change_while_versions_stay(registry: NpmRegistry, tmp_path: Path) -> None:
    filled(registry)
    path = patched(tmp_path, dependencies={"core": f"patch:core@^1#~/{PLACE}"})
    await locked(tmp_path)
    before = path.read_text()
    registry.add("core@1.5.0")
    shutil.rmtree(tmp_path / "cache")
    await locked(tmp_path, keep=True)
    assert path.read_text() == before
    text = CHANGE.replace("+2", "+zwei")
    (path.parent / PLACE).write_text(text)
    await locked(tmp_path, keep=True)
    changed = [
        (old, new) for old, new in zip(before.splitlines(), path.read_text().splitlines(), strict=True) if old != new
    ]
    assert [old.split()[0] for old, _ in changed] == ["resolution:", "checksum:"]
    assert f"hash={hash_of(read_patch(text))}" in changed[0][1]


async def test_a_patch_of_what_is_locked(registry: NpmRegistry, tmp_path: Path) -> None:
    """It is of the version that is locked, not of the newest one."""
    filled(registry)
    path = patched(tmp_path, dependencies={"web": "1", "core": "^1"})
    await locked(tmp_path)
    registry.add("core@1.5.0")
    registry.documents["core"]["versions"]["1.0.0"]["dependencies"] = {"gone": "1"}
    shutil.rmtree(tmp_path / "cache")
    asked = patched(tmp_path, dependencies={"web": "1", "core": f"patch:core@npm%3A^1#~/{PLACE}"})
    await locked(tmp_path, keep=True)
    [entry] = [one for key, one in entries_of(asked.read_text()).items() if "patch:" in key]
    assert (entry["version"], entry["dependencies"]) == ("1.0.0", {"more": "npm:1"})
    assert entry["checksum"] != entries_of(path.read_text())["core@npm:^1"]["checksum"]


async def test_other_packages_by_names_that_yarn_patches(registry: NpmRegistry, tmp_path: Path) -> None:
    filled(registry)
    registry.add("@yarnpkg/cli-dist@4.18.1", files={"bin/yarn.js": program_of()})
    path = patched(tmp_path, dependencies={"typescript": "npm:core@^1", "resolve": f"patch:core@^1#~/{PLACE}"})
    await locked(tmp_path)
    none, own, patch = "3bafbf", "#optional!builtin<compat/{}>::version=1.0.0&hash=", hash_of(read_patch(CHANGE))
    assert effects(PATCH, "1.0.0") == []
    found = resolutions(path)
    assert found["typescript@npm:core@^1"] == "core@npm:1.0.0"
    key = "typescript@patch:typescript@npm%3Acore@^1#optional!builtin<compat/typescript>"
    assert found[key] == f"typescript@patch:core@npm%3A1.0.0{own.format('typescript')}{none}"
    inner = f"resolve@patch:core@npm%3A1.0.0#~/{PLACE}::version=1.0.0&hash={patch}"
    assert found[f"resolve@patch:core@^1#~/{PLACE}"] == inner
    quoted = inner.replace("%", "%25").replace(":", "%3A").replace("#", "%23")
    [outer] = [one for key, one in found.items() if one.startswith("resolve@") and "builtin" in key]
    assert outer == f"resolve@{'patch:' + quoted}{own.format('resolve')}{none}"
    # All of them are core, whatever they are called.
    names = {one.name for one in read_lock(path.as_posix(), path.read_text()).packages}
    assert names == {"core", "more"}


async def test_a_fix_keeps_the_patch(registry: NpmRegistry, tmp_path: Path) -> None:
    filled(registry)
    path = patched(tmp_path)
    await locked(tmp_path)
    filled(registry, "1.1.0")
    shutil.rmtree(tmp_path / "cache")
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    [left] = (await fixed(tmp_path)).files[0].unfixed
    wider = ASKED.replace("1.0.0", "1.1.0")
    assert [(one.name, one.before, one.after) for one in left.remedies] == [("core", ASKED, wider)]
    result = await fixed(tmp_path, manifest=True)
    assert (result.fixed, result.unfixed) == (1, 0)
    assert json.loads(path.with_name("package.json").read_text())["dependencies"] == {"core": wider}
    assert f"core@{wider}::version=1.1.0&hash={hash_of(read_patch(CHANGE))}" in resolutions(path).values()
    assert result.files[0].warnings == [f"core: its patch is used for 1.1.0 now, and was for 1.0.0: ~/{PLACE}"]


async def test_a_fix_of_what_is_patched_in_a_range(registry: NpmRegistry, tmp_path: Path) -> None:
    filled(registry)
    path = patched(tmp_path, dependencies={"core": f"patch:core@npm%3A^1#~/{PLACE}"})
    await locked(tmp_path)
    before = path.read_text()
    registry.add("core@1.1.0", files={"index.js": b"other\n"})
    shutil.rmtree(tmp_path / "cache")
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "1.1.0")))
    [left] = (await fixed(tmp_path)).files[0].unfixed
    assert f"~/{PLACE}: this patch cannot be applied to core 1.1.0: its hunk 1 of index.js fits nowhere" in left.reasons
    assert path.read_text() == before
    filled(registry, "1.2.0")
    shutil.rmtree(tmp_path / "cache")
    await imported(tmp_path, bad("X-2", "core", ("introduced", "0"), ("fixed", "1.2.0")))
    result = await fixed(tmp_path)
    assert result.fixed == 1
    assert result.files[0].warnings == [f"core: its patch is used for 1.2.0 now, and was for 1.0.0: ~/{PLACE}"]


async def test_an_update_raises_what_is_patched_where_the_patch_fits(registry: NpmRegistry, tmp_path: Path) -> None:
    filled(registry)
    path = patched(tmp_path)
    await locked(tmp_path)
    registry.add("core@1.2.0", files={"index.js": b"other\n"})
    shutil.rmtree(tmp_path / "cache")
    assert (await drafted(tmp_path, ranges="raise")).texts == {}
    filled(registry, "1.3.0")
    shutil.rmtree(tmp_path / "cache")
    draft = await drafted(tmp_path, ranges="raise")
    wider = ASKED.replace("1.0.0", "1.3.0")
    assert json.loads(draft.texts["package.json"])["dependencies"] == {"core": wider}
    path.write_text(draft.texts["yarn.lock"])
    assert f"core@{wider}::version=1.3.0&hash={hash_of(read_patch(CHANGE))}" in resolutions(path).values()
    [told] = draft.told
    assert told.warnings == [f"core: its patch is used for 1.3.0 now, and was for 1.0.0: ~/{PLACE}"]


async def test_a_fix_after_which_a_patch_is_not_used(registry: NpmRegistry, tmp_path: Path) -> None:
    """What asks for it now asks in another range, for which the resolution is not."""
    filled(registry)
    path = patched(tmp_path, dependencies={"web": "^1"}, resolutions={"core@npm:^1": ASKED})
    await locked(tmp_path)
    registry.add("web@1.1.0", "core@^2")
    registry.add("core@2.0.0")
    shutil.rmtree(tmp_path / "cache")
    await imported(tmp_path, bad("X-1", "core", ("introduced", "0"), ("fixed", "2.0.0")))
    result = await fixed(tmp_path)
    assert result.fixed == 1
    assert result.files[0].warnings == [f"core: its patch is not used any more: ~/{PLACE}"]
    assert "patch:" not in path.read_text()


@pytest.mark.real
@pytest.mark.timeout(600)
@needs_node
async def test_patches_are_those_of_yarn(tmp_path: Path) -> None:
    same, neither = await compared(tmp_path, with_yarn_4, range(12), drawn_with_patches)
    assert same > 3
    assert neither > 1


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(3000)
@needs_node
async def test_patches_are_those_of_yarn_at_length(tmp_path: Path) -> None:
    same, neither = await compared(tmp_path, with_yarn_4, range(12, 200), drawn_with_patches)
    assert same > 60
    assert neither > 30


@pytest.mark.real
@pytest.mark.timeout(600)
@needs_node
async def test_yarn_has_nothing_to_change_after_a_fix(tmp_path: Path) -> None:
    fixed, _ = await counted(tmp_path, fixed_with_yarn_4, range(10), drawn_with_patches)
    assert fixed > 2


@pytest.mark.real
@pytest.mark.timeout(300)
@needs_node
@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
async def test_what_yarn_writes_itself(tmp_path: Path) -> None:
    """`yarn patch` and `yarn patch-commit -s`, once of a package that the project needs, and once of one below, and a patch of a patch."""
    async with NpmRegistry() as registry:
        with variables(settings(tmp_path, registry)):
            filled(registry)
            path = project(tmp_path, dependencies={"web": "^1", "core": "^1", "more": "1"}, private=True).with_name(
                "yarn.lock"
            )
            set_up_yarn_4(path.parent, registry)
            for name, options in (("core", ()), ("more", ()), ("core", ("--update",))):
                ended = await yarn_4(path.parent, "install")
                assert ended.returncode == 0, ended.stdout
                told = json.loads((await yarn_4(path.parent, "patch", "--json", *options, name)).stdout.splitlines()[0])
                place = Path(told["path"])
                (place / "package.json").write_text(
                    json.dumps({"name": name, "version": "7.0.0", "dependencies": {"web": "1"}})
                )
                (place / "new \u00e9.js").write_text("\n".join(["new", *options]))
                ended = await yarn_4(path.parent, "patch-commit", "-s", str(place))
                assert ended.returncode == 0, ended.stdout
            assert (await yarn_4(path.parent, "install")).returncode == 0
            theirs = path.read_text()
            assert theirs.count("hash=") > 3
            for keep in (True, False):
                await locked(tmp_path, keep=keep)
                assert path.read_text() == theirs
