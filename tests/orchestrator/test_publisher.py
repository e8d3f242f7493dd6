"""The outbox reaches a real queue, whatever became of its platform in between."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from outrider.core.errors import UnavailableError
from outrider.kinds.platform.queue import Queue
from outrider.orchestrator.metrics import QueueMetrics
from outrider.orchestrator.outbox import waiting
from outrider.orchestrator.publisher import Publisher
from outrider.orchestrator.queue_names import streams
from outrider.ports.nats.address import NatsAddress
from outrider.ports.nats.connection import Connection, connected
from outrider.ports.nats.streams import ensure_stream
from outrider.ports.telemetry import Metrics
from tests.orchestrator.bench import Bench
from tests.servers.nats import NatsServer

pytestmark = pytest.mark.real
PLATFORM = """
---
apiVersion: outrider.dev/v1alpha1
kind: Platform
metadata: {name: p}
spec: {queue: {url: "nats://127.0.0.1:1", %s}}
"""


@pytest.fixture
async def connection() -> AsyncIterator[Connection]:
    with NatsServer(jetstream=True) as server:
        async with connected(NatsAddress(servers=[server.url])) as made:
            yield made


@contextlib.asynccontextmanager
async def publishing(bench: Bench, connection: Connection) -> AsyncIterator[Queue]:
    world = bench.engine.world
    assert world.queue_use is not None
    queue = world.queue_use.queue
    for stream in streams(world.platform, world.queue_use):
        await ensure_stream(connection, stream)
    metrics = QueueMetrics(Metrics(enabled=False))
    task = asyncio.create_task(Publisher(bench.engine, metrics, lambda: None).run(connection, queue))
    try:
        yield queue
    finally:
        task.cancel()
        await asyncio.wait({task})


async def left(bench: Bench) -> int:
    return (await bench.store.read(lambda c: waiting(c, "default"))).messages


async def until(check: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not await check():  # noqa: ASYNC110 - it looks into a database
            await asyncio.sleep(0.01)


async def test_what_is_not_published_any_more_holds_up_nothing(bench: Bench, connection: Connection) -> None:
    await bench.declare(more=PLATFORM % "publish: [events, runs]")
    await bench.see(bench.event())
    instruction = await bench.take()
    assert instruction is not None
    await bench.finish(instruction)
    assert await left(bench) == 2
    await bench.declare(more=PLATFORM % "publish: [runs]")
    async with publishing(bench, connection):
        await until(lambda: _is(bench, 0))
    assert (await connection.jetstream.stream_info("OUTRIDER_RUNS")).state.messages == 1


async def _is(bench: Bench, count: int) -> bool:
    return await left(bench) == count


async def test_what_waited_under_another_prefix_goes_out_under_the_new_one(
    bench: Bench, connection: Connection
) -> None:
    await bench.declare(more=PLATFORM % "publish: [events]")
    await bench.see(bench.event())
    await bench.declare(more=PLATFORM % "publish: [events], prefix: new")
    async with publishing(bench, connection):
        await until(lambda: _is(bench, 0))
    message = await connection.jetstream.get_msg("NEW_EVENTS", 1)
    assert message.subject == "new.default.events.eyes.web"


async def test_a_store_that_is_away_does_not_end_it(
    bench: Bench, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.declare(more=PLATFORM % "publish: [events]")
    await bench.see(bench.event())
    write, failures = bench.engine.write, [UnavailableError("away", retry_after=0.01) for _ in range(3)]

    async def failing(body: Any, **how: Any) -> Any:
        if failures:
            raise failures.pop()
        return await write(body, **how)

    monkeypatch.setattr(bench.engine, "write", failing)
    monkeypatch.setattr(bench.clock, "sleep", asyncio.sleep)
    async with publishing(bench, connection):
        await until(lambda: _is(bench, 0))
    assert failures == []
