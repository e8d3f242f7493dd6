"""Stores of shared amounts, on real servers."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from outrider.core.codec import to_builtins
from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.sidecar_settings import BudgetSettings, LlmSettings, SharedSettings
from outrider.ports.clock import SystemClock
from outrider.ports.secrets import Resolver
from outrider.sidecar.llm.building import build_shares
from outrider.sidecar.llm.shares import nats_bucket, postgresql, redis
from outrider.sidecar.llm.shares.counter import Counter, Window
from outrider.sidecar.llm.shares.opening import open_shares
from tests.servers.nats import NatsServer
from tests.servers.own import OwnServer
from tests.servers.postgresql import PostgresqlServer
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
Opened = Callable[[], Awaitable[Counter]]
# Beyond what JSON and 32 bits hold as numbers.
MUCH = 5_000_000_000_000_000


class Store:
    """A server, and what opens a counter on it."""

    def __init__(self, server: OwnServer, url: str, module: Any) -> None:
        self.server, self.url, self._module = server, url, module

    async def open(self) -> Counter:
        counter: Counter = await self._module.open_counter(self.url, None)
        return counter


@pytest.fixture(scope="module", params=["postgresql", "redis", "nats"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "redis":
        with RedisServer() as server:
            yield Store(server, f"redis://127.0.0.1:{server.port}/0", redis)
    elif request.param == "nats":
        with NatsServer(jetstream=True) as nats:
            yield Store(nats, nats.url, nats_bucket)
    else:
        with PostgresqlServer() as database:
            yield Store(database, database.address(database.create()), postgresql)


@pytest.fixture
async def counters(store: Store) -> AsyncIterator[list[Counter]]:
    made = [await store.open() for _ in range(3)]
    yield made
    for counter in made:
        await counter.close()


def window(name: str, limit: int = 100, amount: str = "budget", agent: str = "a", lasts: float = 3600.0) -> Window:
    return Window(
        agent=agent, amount=amount, name=f"{name}-{time.monotonic_ns()}", limit=limit, expires=time.time() + lasts
    )


async def test_all_together_hold_no_more_than_there_is(counters: list[Counter]) -> None:
    shared = window("w", MUCH)
    step = MUCH // 50

    async def greedy(counter: Counter, name: str) -> int:
        held = 0
        while (drawn := await counter.draw(shared, name, has=held, wants=held + step)) > held:
            held = drawn
        return held

    held = await asyncio.gather(*(greedy(counter, str(number)) for number, counter in enumerate(counters)))
    assert sum(held) == MUCH
    assert all(one > 0 for one in held)


async def test_windows_amounts_and_agents_are_apart(counters: list[Counter]) -> None:
    counter = counters[0]
    for one in (window("w"), window("w"), window("w", amount="tokens"), window("w", agent="it's/an {agent}.*")):
        try:
            assert await counter.draw(one, "x", has=0, wants=100) == 100
        except OutriderError:
            assert one.agent != "a"


async def test_what_a_sidecar_holds_already_counts(counters: list[Counter]) -> None:
    shared = window("w")
    assert await counters[0].draw(shared, "one", has=150, wants=0) == 150, "it was spent, whatever the limit says"
    assert await counters[1].draw(shared, "two", has=0, wants=10) == 0
    await counters[0].settle(shared, "one", 40)
    assert await counters[1].draw(shared, "two", has=0, wants=100) == 60
    assert await counters[0].draw(shared, "one", has=0, wants=0) == 40


async def test_a_server_that_is_down_says_so_and_is_used_again(store: Store) -> None:
    counter = await store.open()
    shared = window("w")
    assert await counter.draw(shared, "one", has=0, wants=10) == 10
    store.server.stop()
    with pytest.raises(OutriderError):
        async with asyncio.timeout(20):
            await counter.draw(shared, "one", has=10, wants=20)
    store.server.start()
    for _ in range(50):
        try:
            drawn = await counter.draw(shared, "one", has=10, wants=20)
            break
        except OutriderError:
            await asyncio.sleep(0.1)
    assert drawn == 20
    await counter.close()


@pytest.mark.parametrize(
    "url",
    ["mysql://x", "redis://:x@host:port", "nats://", "nats://host:port", "nats://[::1", "nats://u:p@ss@:1", "postgresql://", "x",
     "redis://:p@ss@host:port", "postgresql://u:p@ss@host"],
)  # fmt: skip
async def test_addresses_that_are_none(tmp_path: Path, url: str) -> None:
    async def draw() -> None:
        shares = await open_shares(SharedSettings(url=url), "a", tmp_path, Resolver({}), SystemClock())
        await shares._counter.draw(window("w"), "one", has=0, wants=1)

    with pytest.raises(InvalidConfigError) as refused:
        await draw()
    assert "ss@" not in str(to_builtins(refused.value.body()))


async def test_who_shares_nothing_and_what_cannot_be_shared(tmp_path: Path) -> None:
    shared = SharedSettings(url="redis://127.0.0.1:1/0")
    offline = LlmSettings(shared=shared, offline=tmp_path / "script.yaml")
    assert await build_shares(offline, "a", tmp_path, Resolver({}), SystemClock()) is None
    large = LlmSettings(shared=shared, budget=BudgetSettings(amount=2**53 + 1, per="day"))
    with pytest.raises(InvalidConfigError, match="too large to be shared"):
        await build_shares(large, "a", tmp_path, Resolver({}), SystemClock())
