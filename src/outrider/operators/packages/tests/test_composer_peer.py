"""What Composer itself chooses, and writes into composer.lock, from repositories of tests."""

import asyncio
import shutil
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from outrider.core.errors import NotFoundError
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.tests.composer_native import NativeComposer, needs_composer
from outrider.operators.packages.tests.composer_registry import ComposerAsking, ComposerRegistry
from outrider.operators.packages.tests.composer_worlds import World, world

pytestmark = [pytest.mark.real, needs_composer, pytest.mark.timeout(900)]

Versions = dict[str, str] | None


async def both(made: World, folder: Path, native: NativeComposer) -> tuple[Versions, Versions]:
    """Return what is chosen here, and what Composer chooses; None where nothing is found."""
    async with AsyncExitStack() as stack:
        registries = [await stack.enter_async_context(ComposerRegistry(layout)) for layout in made.layouts]
        made.fill(registries)
        project = await asyncio.to_thread(native.project, *made.repositories(registries), **made.fields)
        ours = await chosen(ComposerAsking(folder, program=False, **project), made.asked)
        project["require"] = made.asked
        theirs = await asyncio.to_thread(native.updated, project)
        if theirs is None and ours is not None:
            # Of what it takes for needless Composer may leave out what it needs.
            theirs = await asyncio.to_thread(native.updated, project, optimized=False)
        return ours, theirs


async def chosen(ask: ComposerAsking, asked: dict[str, str]) -> Versions:
    """Return what is chosen; None where nothing is found."""
    try:
        answer = await ask.answer(*(f"{name}:{constraint}" for name, constraint in asked.items()))
    except NotFoundError:
        return None
    return {one.name: one.version for one in answer.packages} if isinstance(answer, Resolved) else None


async def compare(seeds: range, folder: Path) -> None:
    found = 0
    native = NativeComposer(folder)
    program = folder / "program"
    for seed in seeds:
        # Ports come again, and what was kept of one would be taken for what is at it now. The programs stay the same.
        own = folder / str(seed)
        kept = own / "cache" / "composer" / "program"
        kept.parent.mkdir(parents=True)
        if program.exists():
            shutil.copy(program, kept)
        ours, theirs = await both(world(seed), own, native)
        assert ours == theirs, f"world {seed}"
        shutil.copy(kept, program)
        shutil.rmtree(own)
        found += ours is not None
    assert len(seeds) * 0.3 < found < len(seeds) * 0.8


async def test_it_is_what_composer_chooses(tmp_path: Path) -> None:
    await compare(range(40), tmp_path)


@pytest.mark.long
async def test_it_is_what_composer_chooses_of_very_many(tmp_path: Path) -> None:
    await compare(range(1000, 2000), tmp_path)


@pytest.mark.parametrize(
    "asked",
    [
        ["acme/web"],
        ["acme/web:^1.0"],
        ["acme/web=1.*"],
        ["acme/web ~1.0"],
        ["acme/web:@beta"],
        ["acme/web:dev-main", "acme/core:dev-main as 1.9.0"],
        ["acme/web:dev-main#abcdef0", "acme/core:@dev"],
        ["ACME/Web", "acme/other:*"],
        ["php:^8", "acme/core"],
    ],
)
async def test_what_is_asked_for_as_composer_takes_it(asked: list[str], tmp_path: Path) -> None:
    native = NativeComposer(tmp_path)
    async with ComposerRegistry() as registry:
        registry.add("acme/web 1.0.0", "acme/core ^1")
        registry.add("acme/web 1.1.0-beta2", "acme/core ^1")
        registry.branch("acme/web dev-main", "2.x-dev", "acme/core ^1.9")
        registry.add("acme/core 1.0.0", "ext-json *")
        registry.branch("acme/core dev-main", "2.x-dev")
        registry.add("acme/other 3.0", "=acme/core 1.0")
        project = await asyncio.to_thread(native.project, {"type": "composer", "url": registry.url})
        answer = await ComposerAsking(tmp_path, program=False, **project).answer(*asked)
        ours = {one.name: one.version for one in answer.packages} if isinstance(answer, Resolved) else None
        theirs = await asyncio.to_thread(native.required, project, *asked)
    assert ours == theirs


async def test_packages_beside_an_address_for_others(tmp_path: Path) -> None:
    native = NativeComposer(tmp_path)
    async with ComposerRegistry() as registry:
        versions = [
            ("1.0.0", {}),
            ("1.1.0", {}),
            ("2.0.0-beta1", {}),
            ("dev-main", {"branch-alias": {"dev-main": "1.2.x-dev"}}),
        ]
        registry.more["packages"] = {
            "acme/web": [
                {"name": "acme/web", "version": version, "require": {"acme/core": "^1"}, "extra": extra, "uid": number}
                for number, (version, extra) in enumerate(versions)
            ]
        }
        registry.add("acme/web 1.9.0")
        registry.add("acme/core 1.0.0")
        for constraint in ("*", "^1.0", "^1.2@dev", "@beta"):
            project = await asyncio.to_thread(native.project, {"type": "composer", "url": registry.url})
            ours = await chosen(ComposerAsking(tmp_path, program=False, **project), {"acme/web": constraint})
            assert ours is not None
            assert ours == await asyncio.to_thread(native.updated, {**project, "require": {"acme/web": constraint}})


async def test_what_composer_leaves_out_too_early(tmp_path: Path) -> None:
    native = NativeComposer(tmp_path)
    async with ComposerRegistry() as registry:
        for version in ("1.4.0", "1.5.0", "1.6.0"):
            registry.add(f"acme/core {version}")
        registry.add("acme/web 1.0.0", "acme/core !=1.5", "acme/tools *")
        registry.add("acme/tools 1.0.0", "acme/core <=1.5")
        project = await asyncio.to_thread(native.project, {"type": "composer", "url": registry.url})
        asked = {"acme/web": "*"}
        ours = await chosen(ComposerAsking(tmp_path, program=False, **project), asked)
        project["require"] = asked
        assert ours == {"acme/core": "1.4.0", "acme/tools": "1.0.0", "acme/web": "1.0.0"}
        assert await asyncio.to_thread(native.updated, project) is None
        assert await asyncio.to_thread(native.updated, project, optimized=False) == ours
