"""Projects of npm with overrides, and with workspaces: their locks are to the byte those of npm."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import ConflictError, InvalidConfigError, UnsupportedError
from outrider.operators.packages.npm.overrides import read_rules
from outrider.operators.packages.npm.packages import Need
from outrider.operators.packages.npm.records import PROD
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_lock_writing_npm import (
    NAMES,
    RANGES,
    VERSIONS,
    Draw,
    compared,
    described,
    drawn,
    drawn_project,
    locked,
    members,
    needs_npm,
    project,
    registry,
)
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

__all__ = ["registry"]


def drawn_needs(random: Random, registry: NpmRegistry) -> dict[str, Any]:
    """Return what a project asks for; only what a registry has."""
    found: dict[str, Any] = {}
    for kind in ("dependencies", "devDependencies", "optionalDependencies"):
        names = random.sample(NAMES, random.randint(0, 2))
        found[kind] = {name: random.choice(_ranges(name, registry)) for name in names}
    return found


def _ranges(name: str, registry: NpmRegistry) -> list[str]:
    table = VersionTable(scheme_of("npm"), registry.documents[name]["versions"])
    return [text for text in RANGES if table.mask(text)]


def drawn_overrides(random: Random, registry: NpmRegistry, asked: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """Return overrides: of what others need, and of what the project needs itself."""
    direct = {name: text for kind in asked.values() for name, text in kind.items()}
    found: dict[str, Any] = {}
    for name in random.sample(NAMES, random.randint(1, 3)):
        is_direct = name in direct and depth == 0
        key = f"{name}{random.choice(('', '', '', '@^1', '@>=1.1', '@2', '@1.0.0')) if not is_direct else ''}"
        there = [*registry.documents[name]["versions"]]
        value = random.choice((*RANGES, *there, *there, "latest", "", *(f"${one}" for one in direct)))
        if is_direct and random.random() < 0.95:
            value = random.choice((f"${name}", direct[name]))
        found[key] = value
        if depth < 2 and random.random() < 0.5:
            found[key] = drawn_overrides(random, registry, asked, depth + 1)
            if is_direct or random.random() < 0.4:
                found[key]["."] = value
    return found


def drawn_workspace(random: Random, registry: NpmRegistry, folder: Path) -> Path:
    """Fill a registry, have a project with members, and return its lock."""
    drawn(random, registry)
    asked = drawn_needs(random, registry)
    folders = random.sample(
        ("packages/app", "packages/lib", "packages/@acme/kit", "tools/cli", "packages/lib/deep"), random.randint(1, 4)
    )
    names = {place: random.choice((place.rpartition("/")[2], f"@acme/{place.rpartition('/')[2]}")) for place in folders}
    for place, name in names.items():
        if random.random() < 0.3:
            registry.add(f"{name}@{random.choice(VERSIONS)}", random.choice(("", "alpha", "delta@*")))
        document = {
            "name": name,
            "version": random.choice(VERSIONS),
            "private": True,
            **described(random),
            **drawn_needs(random, registry),
        }
        others = [one for one in names.values() if one != name]
        for other in random.sample(others, min(len(others), random.randint(0, 2))):
            kind = random.choice(("dependencies", "dependencies", "devDependencies", "peerDependencies"))
            document.setdefault(kind, {})[other] = random.choice(("*", "*", "*", "^1", ">=1.1"))
        for field in random.sample(("name", "version", "none", "none"), 1):
            if field != "name" or name == place.rpartition("/")[2]:
                document.pop(field, None)
        members(folder, {place: document})
    patterns = [*{"packages/lib/deep": 0, **dict.fromkeys(("packages/*", "packages/@acme/*", "tools/*"))}]
    said = random.choice((folders, patterns, {"packages": patterns}))
    fields = {**asked, **({"peerDependencies": {"beta": "*"}} if random.random() < 0.3 else {})}
    if random.random() < 0.3:
        fields["overrides"] = drawn_overrides(random, registry, asked)
    return project(folder, **fields, workspaces=said)


def drawn_with_overrides(random: Random, registry: NpmRegistry, folder: Path) -> Path:
    """Fill a registry, have a project with overrides, and return its lock."""
    asked = drawn(random, registry)
    return project(folder, **asked, overrides=drawn_overrides(random, registry, asked))


def drawn_in_version_2(random: Random, registry: NpmRegistry, folder: Path) -> Path:
    """Likewise with members or without, for the version of the lock that npm 6 reads too; its projects have no overrides."""
    path = random.choice((drawn_project, drawn_workspace))(random, registry, folder)
    manifest = path.with_name("package.json")
    fields = {key: value for key, value in json.loads(manifest.read_text()).items() if key != "overrides"}
    manifest.write_text(json.dumps(fields))
    path.with_name(".npmrc").write_text("lockfile-version=2\n")
    return path


def drawn_without_addresses(random: Random, registry: NpmRegistry, folder: Path) -> Path:
    """Likewise, for locks that do not tell where packages are."""
    path = random.choice((drawn_project, drawn_workspace))(random, registry, folder)
    path.with_name(".npmrc").write_text("omit-lockfile-registry-resolved=true\n")
    return path


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("install-strategy=nested", "install-strategy"), ("legacy-peer-deps=true", "legacy-peer-deps"), ("prefer-dedupe=true", "prefer-dedupe"),
        ("before=2020-01-01", "before"), ("package-lock=false", "package-lock"), ("tag=next", "tag"), ("force=true", "force"),
    ],
)  # fmt: skip
async def test_settings_that_are_not_heeded(registry: NpmRegistry, tmp_path: Path, said: str, key: str) -> None:
    file = project(tmp_path, dependencies={}).with_name(".npmrc")
    file.write_text(f"{said}\n")
    with pytest.raises(UnsupportedError) as caught:
        await locked(tmp_path)
    assert (caught.value.path, str(file) in caught.value.message) == (key, True)
    file.write_text("install-strategy=hoisted\nomit=dev\nsave-prefix=~\nlegacy-peer-deps=false\n")
    await locked(tmp_path)


VERSION_2 = [
    ({"overrides": {"core": "1.0.0"}, "dependencies": {"web": "1"}}, "overrides"),
    ({"optionalDependencies": {"core": "9"}}, "optionalDependencies.core"),
    ({"dependencies": {"web": "1"}}, "packages.node_modules/web.core"),
]


@pytest.mark.parametrize(("fields", "path"), VERSION_2)
async def test_what_version_2_cannot_say(
    registry: NpmRegistry, tmp_path: Path, fields: dict[str, Any], path: str
) -> None:
    registry.add("web@1.0.0", "?core@^9")
    registry.add("core@1.0.0")
    lock = project(tmp_path, **fields)
    lock.write_text('{"lockfileVersion": 2}')
    with pytest.raises(UnsupportedError) as caught:
        await locked(tmp_path)
    assert (caught.value.path, lock.read_text()) == (path, '{"lockfileVersion": 2}')


DRAWS = (drawn_with_overrides, drawn_workspace, drawn_in_version_2, drawn_without_addresses)


@pytest.mark.real
@pytest.mark.timeout(300)
@needs_npm
@pytest.mark.parametrize("draw", DRAWS)
async def test_it_is_to_the_byte_what_npm_writes(tmp_path: Path, draw: Draw) -> None:
    same, _ = await compared(tmp_path, range(8), draw)
    assert same > 2


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(3000)
@needs_npm
@pytest.mark.parametrize("draw", DRAWS)
async def test_it_is_to_the_byte_what_npm_writes_at_length(tmp_path: Path, draw: Draw) -> None:
    same, neither = await compared(tmp_path, range(8, 150), draw)
    assert same > 70
    assert neither > 2


def places(path: Path) -> dict[str, Any]:
    """Return the versions of a lock by their place, and of links to where they lead."""
    packages = json.loads(path.read_text())["packages"]
    return {place: entry.get("version") or entry.get("resolved") for place, entry in packages.items() if place}


async def test_overrides(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("web@1.0.0", "core@^1 deep@^1 tool@^1")
    registry.add("other@1.0.0", "core@^1 deep@^2 tool@^1")
    for spec in ("core@1.0.0", "core@1.5.0", "core@2.0.0", "deep@1.0.0", "deep@2.0.0", "tool@1.0.0", "tool@1.1.0"):
        registry.add(spec)
    overrides = {"core": "$core", "web": {"tool": "1.0.0"}, "deep@^1": "2.0.0"}
    path = project(tmp_path, dependencies={"web": "1", "other": "1", "core": "^2"}, overrides=overrides)
    await locked(tmp_path)
    assert places(path) == {
        "node_modules/core": "2.0.0", "node_modules/deep": "2.0.0", "node_modules/other": "1.0.0", "node_modules/tool": "1.1.0",
        "node_modules/web": "1.0.0", "node_modules/web/node_modules/tool": "1.0.0",
    }  # fmt: skip


async def test_an_override_of_what_the_project_itself_asks_for(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("core@1.0.0")
    project(tmp_path, dependencies={"core": "^1"}, overrides={"core": "1.0.0"})
    with pytest.raises(ConflictError, match=r"You ask for core@\^1, and overrides have it be 1.0.0"):
        await locked(tmp_path)


async def test_a_workspace(registry: NpmRegistry, tmp_path: Path) -> None:
    for spec, needs in (("core@1.0.0", ""), ("core@2.0.0", "base"), ("base@1.0.0", ""), ("kit@3.0.0", "")):
        registry.add(spec, needs)
    app = {
        "name": "app",
        "version": "1.0.0",
        "license": "MIT",
        "dependencies": {"kit": "^1"},
        "devDependencies": {"core": "^2"},
    }
    members(
        tmp_path,
        {
            "packages/app": app, "packages/@acme/kit": {"name": "kit", "version": "1.0.0", "peerDependencies": {"core": "1"}},
            "packages/old": {"dependencies": {"kit": "^3"}}, "packages/no": {"name": "no"}, "packages/node_modules/x": {"name": "x"},
        },
    )  # fmt: skip
    (tmp_path / "shop" / "packages" / "empty").mkdir()
    workspaces = {"packages": ["./packages/{app,old,n*}", "packages/@acme/*", "!packages/no"]}
    path = project(tmp_path, workspaces=workspaces)
    await locked(tmp_path)
    assert places(path) == {
        "node_modules/app": "packages/app", "node_modules/base": "1.0.0", "node_modules/core": "1.0.0", "node_modules/kit": "packages/@acme/kit",
        "node_modules/old": "packages/old", "packages/@acme/kit": "1.0.0", "packages/app": "1.0.0", "packages/app/node_modules/core": "2.0.0",
        "packages/old/node_modules/kit": "3.0.0", "packages/old": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("workspaces", "message"),
    [("packages/*", "workspaces cannot be read"), (["../*"], "finds no folder below"), (["packages/*"], "two members"), (["{a,b}" * 20], "stands for too many")],
)  # fmt: skip
async def test_workspaces_that_are_malformed(
    registry: NpmRegistry, tmp_path: Path, workspaces: Any, message: str
) -> None:
    members(tmp_path, {"packages/a": {"name": "same"}, "packages/b": {"name": "same"}})
    project(tmp_path, workspaces=workspaces)
    with pytest.raises((InvalidConfigError, UnsupportedError), match=message):
        await locked(tmp_path)


@pytest.mark.parametrize(
    "overrides", [{"a": 1}, ["a"], {"a": {".": {}}}, {"a@latest": "1"}, {"": "1"}, {"./a": "1"}, {"a": {"b": None}}]
)
def test_overrides_that_are_malformed(overrides: Any) -> None:
    with pytest.raises(InvalidConfigError, match="overrides"):
        read_rules(overrides)


TEXTS = st.text(alphabet="ab@^1.*$/ ", max_size=6)


@given(st.dictionaries(TEXTS, st.recursive(TEXTS, lambda inner: st.dictionaries(TEXTS | st.just("."), inner, max_size=3)), max_size=3))  # fmt: skip
def test_overrides_are_read_or_refused(overrides: dict[str, Any]) -> None:
    try:
        rules = read_rules(overrides)
    except InvalidConfigError:
        return
    assert (rules is None) == (not overrides)
    need = Need("a", "a", "a", "^1", PROD)
    found = rules.of(need) if rules is not None else None
    assert found is rules or (found is not None and found.name == "a" and found.beside(found) is found)
