"""Vulnerable packages of composer.lock are replaced, and Composer takes the lock as it is."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.core.errors import NotFoundError, UnsupportedError
from outrider.operators.packages.fixing.fixes import FixParams
from outrider.operators.packages.operations import fix, lock
from outrider.operators.packages.operations.fix import FixResult
from outrider.operators.packages.operations.lock import LockParams
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.composer_native import NativeComposer, needs_composer
from outrider.operators.packages.tests.composer_projects import describe, project, variables_of
from outrider.operators.packages.tests.composer_registry import DEFAULT, ComposerRegistry, fake_programs
from outrider.operators.packages.tests.composer_worlds import world
from outrider.operators.packages.tests.test_audit import HIGH, context, imported
from outrider.operators.packages.tests.test_updating import drafted
from outrider.operators.packages.tests.world import variables


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[ComposerRegistry]:
    async with ComposerRegistry() as made:
        path = f"{fake_programs(tmp_path / 'bin')}{os.pathsep}/usr/bin{os.pathsep}/bin"
        with variables({**variables_of(tmp_path), "PATH": path}):
            yield made


def bad(identity: str, name: str, *events: tuple[str, str]) -> dict[str, Any]:
    return record(identity, affected(ecosystem_range(*events), name=name, ecosystem="Packagist"), severity=[HIGH])


async def locked(folder: Path, registry: ComposerRegistry, **fields: Any) -> Path:
    """Lock a project with what there is now; of what comes later nothing is known yet."""
    shop = folder / "shop"
    shop.mkdir()
    repositories = [{"type": "composer", "url": registry.url}, {DEFAULT: False}]
    made = {"repositories": repositories, "config": {"secure-http": False}, **fields}
    (shop / "composer.json").write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=4))
    await lock.run(LockParams(ecosystem="composer", file=str(shop / "composer.lock")), context(folder))
    shutil.rmtree(folder / "cache")
    return shop / "composer.lock"


async def fixed(folder: Path, **params: Any) -> FixResult:
    return await fix.run(FixParams(path=str(folder / "shop"), **params), context(folder))


def versions(path: Path) -> dict[str, str]:
    document = msgspec.json.decode(path.read_bytes())
    return {one["name"]: one["version"] for one in document["packages"] + document["packages-dev"]}


def old(registry: ComposerRegistry) -> None:
    registry.add("acme/web 1.0.0", "acme/core ^1")
    registry.add("acme/core 1.0.0")
    registry.add("acme/other v0.3.0")


def new(registry: ComposerRegistry) -> None:
    registry.add("acme/web 1.1.0", "acme/core ^1")
    registry.add("acme/web 2.0.0", "acme/core ^2")
    for version in ("v1.1.0", "v1.1.1", "v1.2.0", "2.0.0"):
        registry.add(f"acme/core {version}")
    registry.add("acme/other v0.3.1")


async def test_the_lock_alone_changes_where_the_constraints_allow_it(
    tmp_path: Path, registry: ComposerRegistry
) -> None:
    old(registry)
    path = await locked(tmp_path, registry, require={"acme/web": "^1"}, **{"require-dev": {"acme/other": "^0.3"}})
    new(registry)
    await imported(tmp_path, bad("X-1", "acme/core", ("introduced", "0"), ("fixed", "1.1.1")))
    # What newer Composers write otherwise stays as it is.
    before = path.read_text().replace('"platform": []', '"platform": {}').replace('"2.3.0"', '"2.6.0"')
    path.write_text(before)
    manifest = path.with_name("composer.json").read_text()
    result = await fixed(tmp_path, manifest=True)
    wanted = before.replace("core 1.0.0", "core v1.1.1").replace("acme-core-1.0.0", "acme-core-v1.1.1")
    head, name, rest = wanted.partition('"name": "acme/core",\n            "version": "')
    assert path.read_text() == f"{head}{name}v1.1.1{rest.removeprefix('1.0.0')}"
    [change] = result.files[0].changes
    assert (change.name, change.before, change.after, change.why) == ("acme/core", "1.0.0", "v1.1.1", "X-1")
    assert (path.with_name("composer.json").read_text(), result.written) == (manifest, [str(path)])
    assert (await fixed(tmp_path)).written == []


async def test_a_constraint_that_blocks(tmp_path: Path, registry: ComposerRegistry) -> None:
    old(registry)
    path = await locked(tmp_path, registry, require={"php": ">=8", "acme/other": "^0.3", "acme/web": "^1"})
    new(registry)
    registry.add("acme/web 2.1.0", "acme/core ^2")
    registry.add("acme/web 3.0.0", "acme/core ^2")
    await imported(tmp_path, bad("X-1", "acme/core", ("introduced", "0"), ("fixed", "2.0.0")))
    manifest = path.with_name("composer.json")
    before = manifest.read_text()
    result = await fixed(tmp_path)
    [left] = result.files[0].unfixed
    assert (left.name, left.version, result.fixed) == ("acme/core", "1.0.0", 0)
    assert any("acme/web" in one for one in left.reasons)
    assert [(one.name, one.before, one.after) for one in left.remedies] == [("acme/web", "^1", "^2.0.0")]
    assert manifest.read_text() == before
    result = await fixed(tmp_path, manifest=True)
    assert manifest.read_text() == before.replace('"^1"', '"^2.0.0"')
    assert versions(path) == {"acme/core": "2.0.0", "acme/other": "v0.3.0", "acme/web": "2.0.0"}
    assert (result.unfixed, set(result.written)) == (0, {str(path), str(manifest)})


async def test_what_a_version_now_says_of_others_counts(tmp_path: Path, registry: ComposerRegistry) -> None:
    old(registry)
    registry.add("acme/site dev-main", "acme/other *")
    path = await locked(tmp_path, registry, require={"acme/web": "^1", "acme/site": "@dev"})
    new(registry)
    registry.packages["acme/site"][0] |= {"require": {"acme/core": "*"}, "description": "a site"}
    registry.packages["acme/web"][0]["description"] = "a web"
    await imported(tmp_path, bad("X-1", "acme/core", ("introduced", "0"), ("fixed", "1.1.1")))
    await fixed(tmp_path)
    entries = {one["name"]: one for one in msgspec.json.decode(path.read_bytes())["packages"]}
    assert entries.keys() == {"acme/core", "acme/site", "acme/web"}
    assert entries["acme/site"]["require"] == {"acme/core": "*"}
    assert "description" not in entries["acme/web"]


async def test_newer_versions_are_proposed(tmp_path: Path, registry: ComposerRegistry) -> None:
    old(registry)
    path = await locked(tmp_path, registry, require={"acme/web": "^1"}, **{"require-dev": {"acme/other": "^0.3"}})
    new(registry)
    draft = await drafted(tmp_path, packages=["composer:acme/web"], ranges="raise", up_to="major")
    assert '"acme/web": "^2.0.0"' in draft.texts["composer.json"]
    path.write_text(draft.texts["composer.lock"])
    assert versions(path) == {"acme/core": "2.0.0", "acme/other": "v0.3.0", "acme/web": "2.0.0"}


async def test_what_is_not_read(tmp_path: Path, registry: ComposerRegistry) -> None:
    old(registry)
    path = await locked(tmp_path, registry, require={"acme/web": "^1"})
    await imported(tmp_path, bad("X-1", "acme/core", ("introduced", "0")))
    asked = len(registry.requests)
    path.with_name("composer.json").write_text('{"require": {"acme/web": "self.version"}}')
    with pytest.raises(UnsupportedError, match=r"self\.version") as caught:
        await fixed(tmp_path)
    assert caught.value.path == "require.acme/web"
    path.with_name("composer.json").unlink()
    with pytest.raises(NotFoundError):
        await fixed(tmp_path)
    assert len(registry.requests) == asked


# What is older within each line of versions that are compatible.
OLD = ("introduced", "0"), ("fixed", "1.1.0"), ("introduced", "2.0.0-dev"), ("fixed", "2.1.0")


async def both(seed: int, top: Path, folder: Path, native: NativeComposer) -> tuple[int, int]:
    """Fix a lock that Composer has written, and let Composer judge what comes out; return how many versions are fixed and are not."""
    drawn, shop = world(seed), top / "native"
    async with AsyncExitStack() as stack:
        registries = [await stack.enter_async_context(ComposerRegistry(layout)) for layout in drawn.layouts]
        drawn.fill(registries)
        describe(seed, registries)
        made = await asyncio.to_thread(native.project, *drawn.repositories(registries), **drawn.fields)
        made |= project(seed, drawn, registries)
        # Composer 2.5 takes what the project itself provides for missing, when it looks at a lock.
        made = {key: value for key, value in made.items() if key not in ("provide", "replace")}
        if await asyncio.to_thread(native.written, made, COMPOSER_PREFER_LOWEST="1") is None:
            return 0, 0
        names = {name for one in registries for name in one.packages}
        await imported(folder, *(bad(f"X-{name}", name, *OLD) for name in sorted(names)))
        before = versions(shop / "composer.lock")
        result = await fix.run(FixParams(path=str(shop / "composer.lock")), context(folder))
        text = (shop / "composer.lock").read_text()
        await asyncio.to_thread(judged, native, shop, before, COMPOSER_PREFER_LOWEST="1")
        assert without_flags((shop / "composer.lock").read_text()) == without_flags(text), seed
        return result.fixed, result.unfixed


def without_flags(text: str) -> str:
    """Return a lock without stability flags, of which Composer takes some from what it is told to choose."""
    return re.sub(r'"stability-flags": (\[\]|\{[^}]*\})', "", text)


def judged(native: NativeComposer, shop: Path, before: dict[str, str], **more: str) -> None:
    """Have Composer look at a lock: it is of its composer.json, and can be installed; and what has changed would be chosen again.

    Args:
        native: Composer.
        shop: The folder of the project.
        before: Versions as they were.
        more: Variables.
    """
    checked = native.run(shop, "validate", "--check-lock", "--no-check-publish")
    assert "lock file" not in checked.stdout + checked.stderr, checked.stderr
    tried = native.run(shop, "install", "--dry-run")
    assert tried.returncode == 0, tried.stderr
    assert "not up to date" not in tried.stderr
    changed = {
        name: version for name, version in versions(shop / "composer.lock").items() if before.get(name) != version
    }
    # Where another package comes in, Composer would take back what is vulnerable, of which it knows nothing here.
    if changed and changed.keys() <= before.keys():
        wanted = [f"--with={name}:{version}" for name, version in changed.items()]
        again = native.run(shop, "update", "--no-install", "--no-audit", *changed, *wanted, **more)
        assert again.returncode == 0, again.stderr


async def all_of(seeds: range, folder: Path) -> tuple[int, int]:
    """Return how many versions of drawn projects are fixed, and how many are not."""
    native, program, fixed_ones, unfixed = NativeComposer(folder), folder / "program", 0, 0
    for seed in seeds:
        own = folder / str(seed)
        kept = own / "cache" / "outrider" / "packages" / "composer" / "program"
        kept.parent.mkdir(parents=True)
        if program.exists():
            shutil.copy(program, kept)
        with variables(variables_of(own)):
            one, other = await both(seed, folder, own, native)
        if kept.exists():
            shutil.copy(kept, program)
        shutil.rmtree(own)
        fixed_ones, unfixed = fixed_ones + one, unfixed + other
    return fixed_ones, unfixed


@pytest.mark.real
@pytest.mark.timeout(300)
@needs_composer
async def test_composer_has_nothing_to_change(tmp_path: Path) -> None:
    fixed_ones, unfixed = await all_of(range(16), tmp_path)
    assert fixed_ones > 3
    assert unfixed > 1


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(1800)
@needs_composer
async def test_composer_has_nothing_to_change_at_length(tmp_path: Path) -> None:
    fixed_ones, unfixed = await all_of(range(1000, 1300), tmp_path)
    assert fixed_ones > 40
    assert unfixed > 20


@pytest.mark.real
@pytest.mark.timeout(120)
@needs_composer
async def test_composer_takes_a_changed_constraint(tmp_path: Path) -> None:
    native, shop = NativeComposer(tmp_path), tmp_path / "native"
    async with ComposerRegistry() as registry:
        old(registry)
        place = {"type": "composer", "url": registry.url}
        fields = {"require": {"acme/web": "^1"}, "require-dev": {"acme/other": "*"}}
        made = await asyncio.to_thread(native.project, place, **fields)
        assert await asyncio.to_thread(native.written, made) is not None
        new(registry)
        with variables(variables_of(tmp_path)):
            await imported(tmp_path, bad("X-1", "acme/core", ("introduced", "0"), ("fixed", "2.0.0")))
            before = versions(shop / "composer.lock")
            result = await fix.run(FixParams(path=str(shop), manifest=True), context(tmp_path))
        assert (result.fixed, len(result.written)) == (1, 2)
        assert versions(shop / "composer.lock") == {**before, "acme/core": "2.0.0", "acme/web": "2.0.0"}
        text = (shop / "composer.lock").read_text()
        await asyncio.to_thread(judged, native, shop, before)
        assert (shop / "composer.lock").read_text() == text
