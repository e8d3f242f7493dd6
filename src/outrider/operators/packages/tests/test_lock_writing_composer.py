"""composer.lock as it is written: to the byte that of Composer, and taken by it with the network cut."""

import asyncio
import io
import shutil
import zipfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.core.errors import ConflictError, NotFoundError
from outrider.core.http.messages import Response
from outrider.operators.packages.operations import lock
from outrider.operators.packages.operations.lock import LockParams, LockResult
from outrider.operators.packages.tests.composer_native import NativeComposer, needs_composer
from outrider.operators.packages.tests.composer_projects import describe, project, variables_of
from outrider.operators.packages.tests.composer_registry import ComposerRegistry
from outrider.operators.packages.tests.composer_worlds import world
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.world import variables

pytestmark = [pytest.mark.real, needs_composer, pytest.mark.timeout(900)]


async def locked(folder: Path, made: dict[str, Any], **params: Any) -> LockResult:
    """Lock a project in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "composer.json").write_bytes(msgspec.json.encode(made))
    path = str(folder / "composer.lock")
    return await lock.run(LockParams(ecosystem="composer", file=path, **params), context(folder))


async def compared(seed: int, folder: Path, native: NativeComposer) -> str:
    """Return how the locks of a project compare: the same, neither has one, or what is wrong."""
    drawn = world(seed)
    async with AsyncExitStack() as stack:
        registries = [await stack.enter_async_context(ComposerRegistry(layout)) for layout in drawn.layouts]
        drawn.fill(registries)
        describe(seed, registries)
        made = await asyncio.to_thread(native.project, *drawn.repositories(registries), **drawn.fields)
        made |= project(seed, drawn, registries)
        theirs = await asyncio.to_thread(native.written, made)
        try:
            await locked(folder / "shop", made)
        except (ConflictError, NotFoundError):
            return "neither" if theirs is None else "none here"
        ours = (folder / "shop" / "composer.lock").read_text()
        return "same" if ours == theirs else "none there" if theirs is None else "different"


async def counted(folder: Path, seeds: range) -> Counter[str]:
    """Return how the locks of drawn projects compare."""
    native, program, counts = NativeComposer(folder), folder / "program", Counter[str]()
    for seed in seeds:
        # Ports come again, and what was kept of one would be taken for what is at it now. The programs stay the same.
        own = folder / str(seed)
        kept = own / "cache" / "outrider" / "packages" / "composer" / "program"
        kept.parent.mkdir(parents=True)
        if program.exists():
            shutil.copy(program, kept)
        with variables(variables_of(own)):
            found = await compared(seed, own, native)
        assert found in ("same", "neither"), f"{seed}: {found}"
        counts[found] += 1
        shutil.copy(kept, program)
        shutil.rmtree(own)
    return counts


async def test_it_is_to_the_byte_what_composer_writes(tmp_path: Path) -> None:
    assert (await counted(tmp_path, range(20)))["same"] > 4


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_it_is_to_the_byte_what_composer_writes_at_length(tmp_path: Path) -> None:
    counts = await counted(tmp_path, range(1000, 1600))
    assert counts["same"] > 180
    assert counts["neither"] > 50


@pytest.fixture
async def registry() -> AsyncIterator[ComposerRegistry]:
    async with ComposerRegistry() as made:
        yield made


def archived(files: dict[str, bytes]) -> bytes:
    """Return an archive."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def filled(registry: ComposerRegistry) -> None:
    """Have packages, one of them with an archive that can be fetched."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    archive = f"{registry.url}/files/web.zip"
    registry.answers["/files/web.zip"] = lambda _: Response(
        200, body=archived({"composer.json": b"{}", "a.php": b"<?php"})
    )
    registry.add(
        "Acme/Web 1.0.0", "Acme/Core ^1", dist={"type": "zip", "url": archive, "reference": commit, "shasum": ""}
    )
    github = {"type": "zip", "url": f"https://api.github.com/repos/acme/core/zipball/{commit}", "reference": commit}
    source = {"type": "git", "url": "https://files.test/core.git", "reference": commit}
    registry.branch("acme/core dev-master", "1.x-dev", dist=github, source=source, **{"default-branch": True})
    registry.add("acme/core 1.0.0", type="metapackage")
    registry.add("acme/tests 2.0.0-beta2", type="metapackage")
    registry.add("acme/loop 1.0.0", "acme/shop ^1")


# Fields of composer.json beside the repositories, and what composer.lock must have.
PROJECTS: list[tuple[dict[str, Any], str]] = [
    ({"require": {"acme/core": "dev-master#abcdef as 1.5.0", "acme/web": "*"}}, '"alias_normalized": "1.5.0.0"'),
    ({"require": {"acme/core": "dev-master#abc123"}}, '"reference": "abc123"'),
    ({"require": {"acme/own": "^1"}, "config": {"platform": {"PHP": "8.1.0"}, "secure-http": False}}, '"PHP": "8.1.0"'),
    (
        {"require": {"php": ">=7", "acme/web": "1.*"}, "minimum-stability": "rc", "prefer-stable": True},
        '"minimum-stability": "RC"',
    ),
    ({"require-dev": {"acme/tests": "^2.0@BETA", "ext-json": "*"}}, '"acme/tests": 10'),
    ({"require": {"acme/tests": "2.0.0-beta2"}, "replace": {"acme/core": "1.1"}, "version": "1.0"}, '"acme/tests": 10'),
    (
        {"require": {"acme/web": "1.0.0"}, "extra": {"é/": [1.0, {}, "\u2028"]}, "name": "acme/shop"},
        '"transport-options": {',
    ),
    ({"require": {}}, '"packages": []'),
    ({"require": {"acme/loop": "*"}, "name": "acme/shop", "version": "1.5"}, '"acme/shop": "^1"'),
]


async def test_what_a_project_may_say(tmp_path: Path, registry: ComposerRegistry) -> None:
    native = NativeComposer(tmp_path)
    filled(registry)
    own = {
        "name": "acme/own",
        "version": "1.0",
        "license": "MIT",
        "dist": {"type": "tar", "url": "https://files.test/own.tar"},
    }
    options = {"http": {"header": ["x-own: 1"]}}
    places = [{"type": "composer", "url": registry.url, "options": options}, {"type": "package", "package": own}]
    for fields, expected in PROJECTS:
        made = await asyncio.to_thread(native.project, *places, **fields)
        theirs = await asyncio.to_thread(native.written, made)
        with variables(variables_of(tmp_path)):
            await locked(tmp_path / "shop", made)
        text = (tmp_path / "shop" / "composer.lock").read_text()
        assert text == theirs, fields
        assert expected in text


async def test_composer_installs_from_it_without_a_network(tmp_path: Path, registry: ComposerRegistry) -> None:
    filled(registry)
    native, shop = NativeComposer(tmp_path), tmp_path / "shop"
    place = {"type": "composer", "url": registry.url}
    made = await asyncio.to_thread(
        native.project, place, require={"acme/web": "^1"}, **{"require-dev": {"acme/tests": "@dev"}}
    )
    with variables(variables_of(tmp_path)):
        result = await locked(shop, made)
    assert [(one.name, one.after) for one in result.changes] == [
        ("acme/core", "1.0.0"), ("acme/tests", "2.0.0-beta2"), ("acme/web", "1.0.0"),
    ]  # fmt: skip
    before = (shop / "composer.lock").read_bytes()
    checked = await asyncio.to_thread(native.run, shop, "validate", "--check-lock", "--no-check-publish")
    assert "lock file" not in checked.stdout + checked.stderr
    kept = {"COMPOSER_CACHE_DIR": str(tmp_path / "composer-cache")}
    for cut in ({}, {"COMPOSER_DISABLE_NETWORK": "1"}):
        ended = await asyncio.to_thread(native.run, shop, "install", **kept, **cut)
        assert ended.returncode == 0, ended.stderr
        assert "not up to date" not in ended.stderr
        assert (shop / "vendor" / "Acme" / "Web" / "a.php").read_bytes() == b"<?php"
        shutil.rmtree(shop / "vendor")
    assert (shop / "composer.lock").read_bytes() == before


async def test_versions_that_are_there_are_kept(tmp_path: Path, registry: ComposerRegistry) -> None:
    native, shop = NativeComposer(tmp_path), tmp_path / "shop"
    registry.add("acme/web 1.0.0", "acme/core *")
    registry.add("acme/core 1.0.0")
    place = {"type": "composer", "url": registry.url}
    made = await asyncio.to_thread(native.project, place, require={"acme/web": "*"})
    with variables(variables_of(tmp_path)):
        await locked(shop, made)
        registry.add("acme/web 1.1.0", "acme/core *")
        registry.add("acme/core 2.0.0")
        registry.add("acme/other 1.0.0", "acme/core ^2")
        shutil.rmtree(tmp_path / "cache" / "outrider")
        before = (shop / "composer.lock").read_text()
        assert (await locked(shop, made, keep=True)).changes == []
        assert (shop / "composer.lock").read_text() == before
        result = await locked(shop, made | {"require": {"acme/web": "*", "acme/other": "*"}}, keep=True)
    assert [(one.name, one.before, one.after) for one in result.changes] == [
        ("acme/core", "1.0.0", "2.0.0"), ("acme/other", "", "1.0.0"),
    ]  # fmt: skip


async def test_what_development_brings_and_others_need_too(tmp_path: Path, registry: ComposerRegistry) -> None:
    native = NativeComposer(tmp_path)
    registry.add("acme/web 1.0.0", "acme/virtual *")
    for name in ("tests", "tools"):
        registry.add(f"acme/{name} 1.0.0", "+acme/virtual 1.0")
    fields = {"require": {"acme/web": "*"}, "require-dev": {"acme/tools": "*", "acme/tests": "*"}}
    made = await asyncio.to_thread(native.project, {"type": "composer", "url": registry.url}, **fields)
    theirs = await asyncio.to_thread(native.written, made)
    with variables(variables_of(tmp_path)):
        await locked(tmp_path / "shop", made)
    text = (tmp_path / "shop" / "composer.lock").read_bytes()
    assert text.decode() == theirs
    document = msgspec.json.decode(text)
    assert len(document["packages"]) == 2
    assert len(document["packages-dev"]) == 1
