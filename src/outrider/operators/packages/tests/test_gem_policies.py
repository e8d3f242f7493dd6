"""Gems that a policy refuses, and what is told of one."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest

from outrider.core.errors import NotFoundError, UnavailableError
from outrider.operators.packages.gem import session
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.policies import AdmitAll, Refusal
from outrider.operators.packages.tests.gem_registry import GemAsking, GemRegistry
from outrider.operators.packages.versions.tables import VersionTable


class Refuses(AdmitAll):
    """Refuses what is younger than a time, or all of a range.

    Args:
        range_: Of each gem.
        after: In seconds since the epoch.

    Attributes:
        seen: When the versions of each gem were published.
    """

    def __init__(self, range_: str = "< 0", after: float | None = None) -> None:
        self._range, self._after = range_, after
        self.asks_for_times = after is not None
        self.seen: dict[str, list[float]] = {}

    def refusals(self, name: str, table: VersionTable, published: Sequence[float]) -> Sequence[Refusal]:
        self.seen[name] = [*published]
        young = sum(1 << bit for bit, when in enumerate(published) if self._after is not None and when > self._after)
        return [Refusal(table.mask(self._range), "are not liked"), Refusal(young, "are too young")]


@pytest.fixture
async def registry() -> AsyncIterator[GemRegistry]:
    async with GemRegistry() as registry:
        yield registry


@pytest.fixture
def ask(registry: GemRegistry, tmp_path: Path) -> GemAsking:
    return GemAsking(tmp_path, registry.url)


async def answer(ask: GemAsking, policy: Refuses, *packages: str) -> Resolved | Impossible:
    return await session.resolve(msgspec.structs.replace(ask.question(*packages), policy=policy))


def pins(found: Resolved | Impossible) -> list[str]:
    assert isinstance(found, Resolved), found
    return [one.file.removesuffix(".gem") for one in found.packages]


async def test_what_is_refused_is_not_chosen(registry: GemRegistry, ask: GemAsking) -> None:
    for version in ("1.0", "1.1", "2.0"):
        registry.add(f"web@{version}", "core")
        registry.add(f"core@{version}")
    assert pins(await answer(ask, Refuses(">= 2"), "web")) == ["core-1.1", "web-1.1"]
    assert pins(await answer(ask, Refuses(), "web")) == ["core-2.0", "web-2.0"]


async def test_what_was_refused_is_told(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0")
    registry.add("web@2.0")
    registry.add("web@2.0-x86_64-linux")
    registry.add("web@3.0")
    found = await answer(ask, Refuses(">= 2"), "web@>= 2")
    assert isinstance(found, Impossible)
    assert found.notes == ["web: 2 versions are not liked"]
    assert found.remedies == ["allow web 1.0: you ask for web >= 2"]


async def test_times_where_the_index_says_them(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0", "core", created_at="2026-01-01T00:00:00Z")
    registry.add("web@1.1", "core", created_at="2026-02-01T00:00:00Z")
    registry.add("web@1.1-x86_64-linux", "core", created_at="2026-02-03T00:00:00Z")
    registry.add("web@0.9", "core")
    registry.add("core@1.0")
    policy = Refuses(after=1_769_990_400.0)
    assert pins(await answer(ask, policy, "web")) == ["core-1.0", "web-1.1"]
    assert policy.seen == {"core": [], "web": [0.0, 1_767_225_600.0, 1_769_904_000.0, 1_770_076_800.0]}
    assert pins(await answer(ask, Refuses(), "web")) == ["core-1.0", "web-1.1-x86_64-linux"]


async def test_a_prerelease_is_no_way_around_a_policy_while_a_release_is_left(
    registry: GemRegistry, ask: GemAsking
) -> None:
    registry.add("web@1.0")
    registry.add("web@1.1")
    registry.add("web@1.2.a")
    assert pins(await answer(ask, Refuses("= 1.1"), "web")) == ["web-1.0"]
    assert pins(await answer(ask, Refuses("<= 1.1"), "web")) == ["web-1.2.a"]


async def test_what_is_told_of_a_gem(registry: GemRegistry, ask: GemAsking) -> None:
    registry.add("web@1.0", "old")
    registry.add("web@1.1", "core@~> 1.0, >= 1.0.2", "tools", "bundler@>= 1.15", ruby=">= 2.7")
    registry.add("web@1.1-x86_64-linux", "core@~> 1.0, >= 1.0.2", "tools")
    registry.add("web@1.2-java")
    registry.add("web@2.0.rc1")
    found = await ask.facts("web")
    assert (found.name, found.latest, found.needs) == ("web", "1.1", ["core@>= 1.0.2, ~> 1.0", "tools"])
    assert (found.versions, found.prereleases) == (["2.0.rc1", "1.1", "1.0"], ["2.0.rc1"])
    assert await ask.facts("web", offline=True) == found
    for name in ("nothing", "web@1", "../web", ".."):
        with pytest.raises(NotFoundError):
            await ask.facts(name)
    with pytest.raises(UnavailableError):
        await ask.facts("other", offline=True)


async def test_names_that_were_meant(registry: GemRegistry, ask: GemAsking) -> None:
    for name in ("rails", "railties", "rake", "sinatra"):
        registry.add(f"{name}@1.0")
    with pytest.raises(NotFoundError) as caught:
        await ask.answer("railz")
    assert caught.value.suggestions[0] == "did you mean 'rails'?"
    del registry.lines["rails"]
    with pytest.raises(NotFoundError) as caught:
        await ask.answer("xyz")
    assert caught.value.suggestions[0] == "check the name"
