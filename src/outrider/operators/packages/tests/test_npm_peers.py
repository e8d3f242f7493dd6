"""Peers of npm packages: they come along, stand beside what needs them, and may clash."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outrider.core.errors import OutriderError, UnsupportedError
from outrider.operators.packages.tests.npm_registry import NpmAsking, NpmRegistry


@pytest.fixture
async def registry() -> AsyncIterator[NpmRegistry]:
    async with NpmRegistry() as made:
        yield made


@pytest.fixture
def ask(registry: NpmRegistry, tmp_path: Path) -> NpmAsking:
    return NpmAsking(tmp_path, registry.url)


async def test_peers_come_along(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("plugin@1.0.0", "!core@^1")
    registry.add("core@1.5.0", "!base@*")
    registry.add("core@2.0.0")
    registry.add("base@1.0.0")
    assert await ask.tree("plugin") == ["base@1.0.0", "core@1.5.0", "plugin@1.0.0"]


async def test_a_set_of_peers_is_nested_as_a_whole(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("app@1.0.0", "old@1 core@2")
    registry.add("old@1.0.0", "plugin@1")
    registry.add("plugin@1.0.0", "!core@1")
    registry.add("core@1.0.0")
    registry.add("core@2.0.0")
    assert await ask.tree("app") == ["app@1.0.0", "core@2.0.0", "old@1.0.0", "old/core@1.0.0", "old/plugin@1.0.0"]


async def test_optional_peers_are_heeded_and_not_brought(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("a@1.0.0", "!?c@1")
    registry.add("b@1.0.0", "c@*")
    registry.add("c@1.0.0")
    registry.add("c@2.0.0")
    assert await ask.tree("a") == ["a@1.0.0"]
    # npm puts c 2 at the top for b, finds that a does not go with it, and puts c 1 there.
    assert await ask.tree("a", "b") == ["a@1.0.0", "b@1.0.0", "c@1.0.0"]


async def test_peers_that_clash_are_told(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("react@17.0.0")
    registry.add("react@18.0.0")
    registry.add("dom@18.0.0", "!react@^18")
    answer = await ask.impossible("react@17", "dom@18")
    assert answer.reasons == [
        "You ask for dom@18, for which dom 18.0.0 is taken.",
        "dom 18.0.0 needs react@^18 beside it.",
        "You ask for react@17, for which react 17.0.0 is taken.",
        "These cannot all hold at once.",
    ]
    assert answer.remedies == ["allow react 18.0.0: you ask for react@17"]


async def test_a_version_between_that_would_do_is_told(registry: NpmRegistry, ask: NpmAsking) -> None:
    for major in ("17", "18", "19"):
        registry.add(f"react@{major}.0.0")
        registry.add(f"dom@{major}.0.0", f"!react@^{major}")
        registry.add(f"dom@{major}.1.0", f"!react@^{major}")
    answer = await ask.impossible("react@18", "dom@17")
    assert answer.remedies == ["allow react 17.0.0: you ask for react@18", "allow dom 18.1.0: you ask for dom@17"]


async def test_what_is_in_the_way_of_peers_moves_down(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("app@1.0.0", "core@2 plugin@1")
    registry.add("plugin@1.0.0", "!core@1")
    registry.add("core@1.0.0")
    registry.add("core@2.0.0")
    assert await ask.tree("app") == ["app@1.0.0", "app/core@2.0.0", "core@1.0.0", "plugin@1.0.0"]


async def test_peers_of_peers_in_a_circle(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("a@1.0.0", "!b@1")
    registry.add("b@1.0.0", "!a@1")
    assert await ask.tree("a") == ["a@1.0.0", "b@1.0.0"]


async def test_peers_without_end(registry: NpmRegistry, ask: NpmAsking) -> None:
    for number in range(150):
        registry.add(f"p{number}@1.0.0", f"!p{number + 1}@1")
    with pytest.raises(OutriderError, match="without end"):
        await ask.answer("p0")


async def test_a_long_row_of_peers(registry: NpmRegistry, ask: NpmAsking) -> None:
    for number in range(95):
        registry.add(f"p{number}@1.0.0", f"!p{number + 1}@1" if number < 94 else "")
    assert len(await ask.tree("p0")) == 95


async def test_peers_that_all_need_one_another(registry: NpmRegistry, ask: NpmAsking) -> None:
    for name, count in (("few", 6), ("many", 12)):
        for number in range(count):
            others = " ".join(f"!{name}{other}@1" for other in range(count) if other != number)
            registry.add(f"{name}{number}@1.0.0", others)
    assert len(await ask.tree("few0")) == 6
    with pytest.raises(UnsupportedError, match="in too many ways"):
        await ask.answer("many0")


async def test_packages_that_drive_one_another_away(registry: NpmRegistry, ask: NpmAsking) -> None:
    """npm itself does not end here."""
    registry.add("a@1.0.0", "b@1")
    registry.add("b@1.0.0", "!c@2")
    registry.add("c@1.0.0")
    registry.add("c@2.0.0", "!d@*")
    registry.add("d@1.0.0", "!c@1")
    with pytest.raises(UnsupportedError, match="npm d: what it needs is driven away by others again and again"):
        await ask.answer("a")


async def test_who_brings_what_clashes_is_told(registry: NpmRegistry, ask: NpmAsking) -> None:
    registry.add("core@1.0.0")
    registry.add("core@2.0.0")
    registry.add("plugin@1.0.0", "!kit@1")
    registry.add("kit@1.0.0", "!core@1")
    answer = await ask.impossible("plugin", "core@2")
    assert answer.reasons[:3] == [
        "You ask for plugin, for which plugin 1.0.0 is taken.",
        "plugin 1.0.0 needs kit@1, for which kit 1.0.0 is taken.",
        "kit 1.0.0 needs core@1 beside it.",
    ]
    assert answer.remedies == ["allow core 1.0.0: you ask for core@2"]
