"""A real server with JetStream, and connections to it as the product makes them."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from outrider.ports.nats.address import NatsAddress
from outrider.ports.nats.connection import Connection
from outrider.ports.nats.publication import Message, publish
from outrider.ports.nats.streams import StreamSpec, ensure_stream, stream_state
from outrider.ports.nats.work import Delivery, Worker, WorkQueue
from tests.servers.nats import NatsServer

WAIT = 20.0
TASKS = WorkQueue(
    stream="TASKS", consumer="workers", subject="tasks", dead_stream="DEAD", dead_subject="dead", patience=1.0
)


def address(server: NatsServer) -> NatsAddress:
    return NatsAddress(servers=[server.url])


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + WAIT
    while not await check():
        assert time.monotonic() < deadline, "it never held"
        await asyncio.sleep(0.01)


async def make_streams(connection: Connection) -> None:
    """Make the work queue TASKS and the stream of its dead letters."""
    for spec in (
        StreamSpec(name="TASKS", subjects=["tasks"], retention="workqueue", max_bytes=10**7),
        StreamSpec(name="DEAD", subjects=["dead"], retention="limits", max_bytes=10**7),
    ):
        await ensure_stream(connection, spec)


async def put(connection: Connection, *texts: str) -> None:
    """Put tasks into the queue."""
    messages = [Message(subject="tasks", data=text.encode(), id=f"{text}-{time.monotonic_ns()}") for text in texts]
    assert not any(await publish(connection, "TASKS", messages))


async def left(connection: Connection, stream: str = "TASKS") -> int:
    return (await stream_state(connection, stream)).messages


class Seen:
    """A handler that remembers what it was given."""

    def __init__(self, act: Callable[[Delivery], Awaitable[None]] | None = None) -> None:
        self._act = act
        self.deliveries: list[Delivery] = []
        self.times: list[float] = []

    async def __call__(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        self.times.append(time.monotonic())
        if self._act is not None:
            await self._act(delivery)

    @property
    def texts(self) -> list[str]:
        return [delivery.data.decode() for delivery in self.deliveries]


class Working:
    """A worker that runs for the block."""

    def __init__(self, connection: Connection, handle: Seen, queue: WorkQueue = TASKS) -> None:
        self._worker = Worker(connection, queue, handle)

    async def __aenter__(self) -> "asyncio.Task[None]":
        self._task = asyncio.create_task(self._worker.run())
        return self._task

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})
