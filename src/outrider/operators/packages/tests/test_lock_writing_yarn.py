"""yarn.lock as it is written: to the byte that of Yarn 1 and of Yarn 4, and taken by them with the network cut."""

import json
import os
import shutil
import tarfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as settings_of
from hypothesis import strategies as st

from outrider.core.errors import (
    DeniedError,
    ExecutionFailedError,
    InvalidConfigError,
    NotFoundError,
    UnsupportedError,
)
from outrider.operators.packages.locks.writing import yarn_berry, yarn_classic
from outrider.operators.packages.locks.yarn import entries_of
from outrider.operators.packages.operations import lock
from outrider.operators.packages.operations.lock import LockParams, LockResult
from outrider.operators.packages.resolving.outcomes import ResolvedPackage
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.test_lock_writing_npm import project, registry, settings
from outrider.operators.packages.tests.world import variables
from outrider.operators.packages.tests.yarn_clients import needs_node, set_up_yarn_4, yarn_1, yarn_4
from outrider.operators.packages.tests.yarn_workspaces import DRAWS, Draw
from outrider.operators.packages.yarn.zips import checksum_of

__all__ = ["registry"]

Native = Callable[[Path, NpmRegistry], Awaitable[CompletedProcess[str]]]


async def locked(folder: Path, **params: Any) -> LockResult:
    return await lock.run(
        LockParams(ecosystem="npm", file=str(folder / "shop" / "yarn.lock"), **params), context(folder)
    )


async def with_yarn_1(folder: Path, registry: NpmRegistry) -> CompletedProcess[str]:
    return await yarn_1(folder, "install")


async def with_yarn_4(folder: Path, registry: NpmRegistry) -> CompletedProcess[str]:
    set_up_yarn_4(folder, registry)
    shutil.copy(folder / ".yarnrc.yml", folder.parent / "shop")
    return await yarn_4(folder, "install", "--mode", "update-lockfile")


def is_by_chance(warnings: list[str]) -> bool:
    """Return whether what Yarn 1 writes hangs on what it downloads last, as it does with some resolutions."""
    return any("downloads last" in one for one in warnings)


async def compared(folder: Path, native: Native, seeds: range, draw: Draw) -> tuple[int, int]:
    """Return how many locks are the same to the byte, and of how many manifests neither finds a solution."""
    same = neither = 0
    client = "yarn1" if native is with_yarn_1 else "yarn4"
    for seed in seeds:
        place = folder / str(seed)
        place.mkdir()
        async with NpmRegistry() as registry:
            with variables(settings(place, registry)):
                fields = draw(Random(seed), registry, place, client)
                path = project(place, **fields).with_name("yarn.lock")
                shutil.copytree(place / "shop", place / "native")
                ended = await native(place / "native", registry)
                try:
                    result = await locked(place)
                except (InvalidConfigError, NotFoundError, UnsupportedError):
                    assert ended.returncode != 0, seed
                    neither += 1
                    continue
                if client == "yarn1" and ended.returncode != 0 and "[2/4]" in ended.stdout:
                    continue  # it has chosen versions, and does not come to an end with putting them into folders
                assert ended.returncode == 0, (seed, ended.stdout, ended.stderr)
                is_same = path.read_text() == (place / "native" / "yarn.lock").read_text()
                assert is_same or is_by_chance(result.warnings), seed
                same += is_same
        shutil.rmtree(place)
    return same, neither


@pytest.mark.real
@pytest.mark.timeout(600)
@needs_node
@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("native", [with_yarn_1, with_yarn_4])
async def test_it_is_to_the_byte_what_yarn_writes(tmp_path: Path, native: Native, draw: Draw) -> None:
    same, _ = await compared(tmp_path, native, range(5), draw)
    assert same > 1


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(3000)
@needs_node
@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("native", [with_yarn_1, with_yarn_4])
async def test_it_is_to_the_byte_what_yarn_writes_at_length(tmp_path: Path, native: Native, draw: Draw) -> None:
    same, neither = await compared(tmp_path, native, range(5, 100), draw)
    assert same > 30
    assert neither > 2


def odd_members() -> list[tarfile.TarInfo]:
    """Return members of a tarball that are no plain files."""
    made = []
    for name, kind in (
        ("package/made/", tarfile.DIRTYPE),
        ("package/made/link", tarfile.SYMTYPE),
        ("package/hard", tarfile.LNKTYPE),
        ("package/pipe", tarfile.FIFOTYPE),
        ("../out", tarfile.REGTYPE),
        ("package/run.sh", tarfile.REGTYPE),
        (f"./package/{'long/' * 40}name", tarfile.REGTYPE),
        ("package/run.sh", tarfile.AREGTYPE),
    ):
        member = tarfile.TarInfo(name)
        member.type, member.mode = kind, 0o755
        member.linkname = "../run.sh" if member.issym() or member.islnk() else ""
        made.append(member)
    return made


def filled(registry: NpmRegistry) -> dict[str, Any]:
    """Fill a registry, and return what a project asks for."""
    files = {"bin/cli.js": b"#!/usr/bin/env node\n", "li\u00e9/a.txt": b"", "deep/er/b.json": {"b": 1}}
    registry.add("web@1.0.0", "core@^1 ?tools@1 !peer@1", bin="bin/cli.js", files=files)
    registry.add("@acme/native@1.0.0", os=["aix"], cpu=["ppc", "ppc64"])
    for spec in ("core@1.0.0", "core@2.0.0", "tools@1.0.0", "peer@1.0.0"):
        registry.add(spec)
    wanted = {"web": "^1", "core": "latest", "mine": "npm:core@1"}
    return {
        "dependencies": wanted,
        "devDependencies": {"peer": "*"},
        "optionalDependencies": {"@acme/native": "^1"},
    }


def special(registry: NpmRegistry, wanted: dict[str, Any]) -> dict[str, Any]:
    """Have more packages that Yarn 4 takes in a way of its own, and return what a project asks for."""
    registry.add("core@2.1.0", members=odd_members())
    registry.add("fsevents@2.3.3", os=["darwin"], scripts={"install": "node-gyp rebuild"})
    registry.add("node-gyp@10.0.0")
    registry.add("elm-webpack-loader@8.0.0")  # to which Yarn adds temp
    registry.add("temp@0.9.4")
    registry.add("elsewhere@1.0.0")
    dist = registry.documents["elsewhere"]["versions"]["1.0.0"]["dist"]
    registry.serve("/files/elsewhere (1).tgz", dist["tarball"])
    dist["tarball"] = "/files/elsewhere%20(1).tgz"
    more = {"elm-webpack-loader": "*", "elsewhere": "npm:^1"}
    return {
        **wanted,
        "dependencies": {**wanted["dependencies"], **more},
        "optionalDependencies": {**wanted["optionalDependencies"], "fsevents": "~2.3.2"},
    }


@pytest.mark.real
@pytest.mark.timeout(120)
@needs_node
async def test_yarn_1_takes_it_without_a_network(tmp_path: Path) -> None:
    async with NpmRegistry() as registry:
        with variables(settings(tmp_path, registry)):
            path = project(tmp_path, **filled(registry)).with_name("yarn.lock")
            result = await locked(tmp_path)
            assert (result.packages, result.form) == (6, "yarn.lock")
            before = path.read_bytes()
            ended = await yarn_1(path.parent, "install", "--frozen-lockfile")
            assert ended.returncode == 0, ended.stderr
            shutil.rmtree(path.parent / "node_modules")
    ended = await yarn_1(path.parent, "install", "--frozen-lockfile", "--offline")
    assert ended.returncode == 0, ended.stderr
    assert path.read_bytes() == before
    modules = path.parent / "node_modules"
    assert json.loads((modules / "core" / "package.json").read_text())["version"] == "2.0.0"


@pytest.mark.real
@pytest.mark.timeout(120)
@needs_node
async def test_yarn_4_takes_it_without_a_network(tmp_path: Path) -> None:
    async with NpmRegistry() as registry:
        with variables(settings(tmp_path, registry)):
            path = project(tmp_path, **special(registry, filled(registry))).with_name("yarn.lock")
            set_up_yarn_4(path.parent, registry)
            await locked(tmp_path)
            before = path.read_bytes()
            ended = await yarn_4(path.parent, "install", "--immutable")
            assert ended.returncode == 0, ended.stdout
            shutil.rmtree(path.parent / "node_modules")
    with (path.parent / ".yarnrc.yml").open("a") as rc:
        rc.write("enableNetwork: false\n")
    ended = await yarn_4(path.parent, "install", "--immutable", "--immutable-cache")
    assert ended.returncode == 0, ended.stdout
    assert path.read_bytes() == before
    assert (path.parent / "node_modules" / "web" / "li\u00e9" / "a.txt").exists()


async def test_addresses_are_those_of_yarn_1(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("web@1.0.0")
    path = project(tmp_path, dependencies={"web": "1"}).with_name("yarn.lock")
    for folder in ("bin", "lib"):
        (tmp_path / "yarn" / folder).mkdir(parents=True)
    program = tmp_path / "yarn" / "bin" / "yarn"
    program.touch(0o755)
    host = registry.url.removeprefix("http://").replace(".", r"\.")
    code = f"var YARN_REGISTRY = 'https://yarn.test';\nvar NPM_REGISTRY_RE = /https?:\\/\\/{host}/g;\n"
    (tmp_path / "yarn" / "lib" / "cli.js").write_text(code)
    with variables({"PATH": f"{program.parent}:{os.environ['PATH']}"}):
        await locked(tmp_path)
    assert '"https://yarn.test/web/-/web-1.0.0.tgz#' in path.read_text()
    await locked(tmp_path)
    assert '"https://yarn.test/web/-/web-1.0.0.tgz#' in path.read_text()


async def test_which_yarn_it_is_of(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("web@1.0.0")
    path = project(tmp_path, dependencies={"web": "1"}).with_name("yarn.lock")
    await locked(tmp_path)
    assert "# yarn lockfile v1" in path.read_text()
    path.unlink()
    for program, form in (("yarn@4.9.2", 8), ("yarn@4.14.1+sha224.ab", 9), ("yarn@4.18.1", 10)):
        project(tmp_path, dependencies={"web": "1"}, packageManager=program)
        await locked(tmp_path)
        assert f"  version: {form}\n  cacheKey: 10c0\n" in path.read_text()
        path.unlink()
    project(tmp_path, dependencies={"web": "1"}, packageManager="yarn@3.8.0")
    with pytest.raises(UnsupportedError) as caught:
        await locked(tmp_path)
    assert caught.value.path == "packageManager"
    # The file that is there counts most.
    path.write_text("__metadata:\n  version: 8\n  cacheKey: 10c0\n")
    await locked(tmp_path)
    assert "  version: 8\n" in path.read_text()
    path.write_text("__metadata:\n  version: 6\n")
    with pytest.raises(UnsupportedError) as caught:
        await locked(tmp_path)
    assert caught.value.path == "__metadata.version"


@pytest.mark.parametrize("program", ["yarn@1.22.22", "yarn@4.18.1"])
async def test_what_is_there_stays(registry: NpmRegistry, tmp_path: Path, program: str) -> None:
    registry.add("web@1.0.0", "core@^1")
    registry.add("core@1.0.0")
    wanted = {"dependencies": {"web": "^1", "core": "*"}, "packageManager": program}
    path = project(tmp_path, **wanted).with_name("yarn.lock")
    await locked(tmp_path)
    before = path.read_text()
    registry.add("web@1.1.0", "core@^2")
    registry.add("core@2.0.0")
    shutil.rmtree(tmp_path / "cache")
    assert [one.name for one in (await locked(tmp_path, keep=True)).changes] == []
    assert path.read_text() == before
    assert [(one.name, one.after) for one in (await locked(tmp_path)).changes] == [("core", "2.0.0"), ("web", "1.1.0")]


@pytest.mark.parametrize("program", ["yarn@1.22.22", "yarn@4.18.1"])
async def test_a_policy_counts(registry: NpmRegistry, tmp_path: Path, program: str) -> None:
    for spec in ("web@1.0.0", "web@1.1.0", "web@2.0.0"):
        registry.add(spec)
    path = project(tmp_path, dependencies={"web": "*"}, packageManager=program).with_name("yarn.lock")
    policy = tmp_path / "policy.yaml"
    denied = {"deny": ["npm:web@>=1.1"]}
    kind = {
        "apiVersion": "outrider.dev/v1alpha1",
        "kind": "PackagePolicy",
        "metadata": {"name": "shop"},
        "spec": denied,
    }
    policy.write_text(yaml.safe_dump(kind))
    await locked(tmp_path, policy=str(policy))
    versions = {str(entry.get("version")) for entry in entries_of(path.read_text()).values()}
    assert "1.0.0" in versions
    assert versions.isdisjoint({"1.1.0", "2.0.0"})
    project(tmp_path, dependencies={"web": "^2"}, packageManager=program)
    with pytest.raises(DeniedError):
        await locked(tmp_path, policy=str(policy))


@pytest.mark.parametrize(
    ("fields", "rc", "path"),
    [
        ({"private": True, "workspaces": ["../a"]}, "", "workspaces"), ({"resolutions": {"a": "file:../a"}}, "", "resolutions.a"),
        ({"dependencies": {"a": "git://files.test/a"}}, "", "dependencies.a"), ({"dependencies": {"a": "workspace:*"}}, "", "dependencies.a"),
        ({}, "compressionLevel: mixed\n", "compressionLevel"),
        ({"resolutions": {"a": "patch:a@1"}}, "nodeLinker: pnp\n", "resolutions.a"), ({"dependencies": {"a": "portal:../a"}}, "nodeLinker: pnp\n", "dependencies.a"),
        ({"dependencies": {"a": "catalog:"}}, "nodeLinker: pnp\n", "dependencies.a"), ({}, "enableConstraintsChecks: true\n", "enableConstraintsChecks"),
    ],
)  # fmt: skip
async def test_what_is_not_read(
    registry: NpmRegistry, tmp_path: Path, fields: dict[str, Any], rc: str, path: str
) -> None:
    project(tmp_path, **fields)
    if rc:
        (tmp_path / "shop" / ".yarnrc.yml").write_text(rc)
    with pytest.raises(UnsupportedError) as caught:
        await locked(tmp_path)
    assert caught.value.path == path


EXTENDED = """packageExtensions:
  "web@^1.0.0":
    dependencies:
      added: ^1
      core: "*"
    peerDependencies:
      peer: "*"
  "web@<3":
    dependencies:
      added: ^2
      more: 1
  "web@>=2":
    dependencies:
      never: "*"
  "core@<1.1.0":
    dependencies:
      rare: latest
"""


def extended(registry: NpmRegistry, folder: Path) -> Path:
    """Have a project whose settings add to what packages need, and return its lock."""
    for spec, needs in (
        ("web@1.0.0", "core@^1.1.0-0"),
        ("core@1.1.0-rc.1", ""),
        ("more@1.0.0", ""),
        ("rare@1.0.0", ""),
    ):
        registry.add(spec, needs)
    for version in ("1.0.0", "2.0.0"):
        registry.add(f"added@{version}")
    return project(folder, dependencies={"web": "1"}, packageManager="yarn@4.18.1").with_name("yarn.lock")


async def test_what_settings_of_yarn_4_add(registry: NpmRegistry, tmp_path: Path) -> None:
    path = extended(registry, tmp_path)
    path.with_name(".yarnrc.yml").write_text(EXTENDED)
    await locked(tmp_path)
    keys = {key for key in entries_of(path.read_text()) if key != "__metadata"}
    assert keys == {
        "added@npm:^1",
        "core@npm:^1.1.0-0",
        "more@npm:1",
        "rare@npm:latest",
        "shop@workspace:.",
        "web@npm:1",
    }
    for said in ("a@*: {needs: {}}", "a@*: 1", "a@nope nope: {}", "a@*: {dependencies: {b: []}}", "'': {}"):
        path.with_name(".yarnrc.yml").write_text(f"packageExtensions:\n  {said}\n")
        with pytest.raises(InvalidConfigError, match="is not what Yarn reads"):
            await locked(tmp_path)
    path.with_name(".yarnrc.yml").write_text("packageExtensions: 1\n")
    with pytest.raises(InvalidConfigError, match="is not what Yarn reads"):
        await locked(tmp_path)


@pytest.mark.real
@needs_node
async def test_yarn_4_adds_the_same(tmp_path: Path) -> None:
    async with NpmRegistry() as registry:
        with variables(settings(tmp_path, registry)):
            path = extended(registry, tmp_path)
            set_up_yarn_4(path.parent, registry)
            with path.with_name(".yarnrc.yml").open("a") as rc:
                rc.write(EXTENDED)
            shutil.copytree(path.parent, tmp_path / "native")
            await locked(tmp_path)
            ended = await yarn_4(tmp_path / "native", "install", "--mode", "update-lockfile")
            assert ended.returncode == 0, ended.stdout
            assert path.read_text() == (tmp_path / "native" / "yarn.lock").read_text()


async def test_what_comes_from_elsewhere(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("web@1.0.0", "core@git://files.test/core")
    project(tmp_path, dependencies={"web": "1"})
    with pytest.raises(UnsupportedError, match=r"core@git://files\.test/core, which web needs"):
        await locked(tmp_path)


async def test_registries_of_yarn_4_are_in_its_settings(tmp_path: Path) -> None:
    async with NpmRegistry(token="let-me-in") as registry:
        registry.add("web@1.0.0")
        nowhere = {
            **settings(tmp_path, registry),
            "npm_config_registry": "http://127.0.0.1:9",
            "SHOP_TOKEN": "let-me-in",
        }
        with variables(nowhere):
            path = project(tmp_path, dependencies={"web": "1"}).with_name("yarn.lock")
            rc = f"npmRegistryServer: '{registry.url}'\nnpmRegistries:\n  '{registry.url}':\n    npmAuthToken: '${{SHOP_TOKEN-}}'\n"
            path.with_name(".yarnrc.yml").write_text(rc)
            assert (await locked(tmp_path)).packages == 1


@pytest.mark.parametrize("content", [b"", b"no tarball", b"\x1f\x8b\x08\x00"])
def test_a_tarball_that_is_none(content: bytes) -> None:
    with pytest.raises(ExecutionFailedError, match="cannot be read"):
        checksum_of("web", "1.0.0", content)


async def test_an_empty_lock_is_written_over(registry: NpmRegistry, tmp_path: Path) -> None:
    project(tmp_path).with_name("yarn.lock").write_text("\n")
    await locked(tmp_path)
    assert "yarn lockfile v1" in (tmp_path / "shop" / "yarn.lock").read_text()


@pytest.mark.parametrize("text", ["__metadata: [", "  version 1\n", 'a@1:\n  "version\n'])
async def test_a_lock_that_is_none(registry: NpmRegistry, tmp_path: Path, text: str) -> None:
    project(tmp_path).with_name("yarn.lock").write_text(text)
    with pytest.raises(InvalidConfigError) as caught:
        await locked(tmp_path, keep=True)
    assert caught.value.suggestions == ["lock without --keep: all of it is new then"]
    result = await locked(tmp_path)
    assert result.warnings[0].endswith(": all of it is new")
    assert "yarn lockfile v1" in (tmp_path / "shop" / "yarn.lock").read_text()


RANGE_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.just(" "), max_size=12).map(
    str.strip
)
NEEDED = st.dictionaries(st.sampled_from(["core", "@acme/x", "version", "true-case", "1st", "Name.js"]), RANGE_TEXTS)


@given(RANGE_TEXTS.filter(lambda text: ", " not in text), NEEDED)
@settings_of(max_examples=15)
def test_what_is_written_is_read_again(text: str, needed: dict[str, str]) -> None:
    entry = {"version": "1.0.0", **({"dependencies": needed} if needed else {})}
    one = ResolvedPackage(name="web", version="1.0.0", entry=entry, ranges=[f"web@{text}"])
    assert entries_of(yarn_classic.written([one])) == {f"web@{text}": entry}
    linked = {**entry, "linkType": "hard"}
    two = ResolvedPackage(name="web", version="1.0.0", entry=linked, ranges=[f"web@{text}"])
    assert entries_of(yarn_berry.written([two]))[f"web@{text}"] == linked
