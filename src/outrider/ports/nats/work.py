"""A work queue: each message is handled until it is done, by one consumer at a time of all that share the queue.

A message belongs to its consumer as long as that says so (`in_progress`); after its silence another one gets it. What fails
for good, or too often, becomes a dead letter, with the reason beside it. Acknowledgements of JetStream are not fenced: a
consumer that was thought dead may finish too, so handlers must tolerate the same message twice.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from nats.aio.msg import Msg
from nats.js import JetStreamContext, api

from outrider.core.errors import ExecutionFailedError, OutriderError
from outrider.ports.nats.connection import ANSWER_SECONDS, FAULTS, Connection, translate
from outrider.ports.nats.publication import Message, publish
from outrider.ports.telemetry import logger

FETCH_SECONDS = 5.0
LONGEST_PAUSE = 60.0
SHOWN = 500
# Headers of a dead letter: what it was, and why nobody wanted it.
SUBJECT, REASON, DELIVERIES = "outrider-subject", "outrider-reason", "outrider-deliveries"
_log = logger(__name__)


class WorkQueue(msgspec.Struct, kw_only=True, frozen=True):
    """A durable consumer of a stream with retention `workqueue`.

    Attributes:
        subject: Which messages of the stream.
        dead_stream: Where dead letters go.
        dead_subject: Their subject in it.
        deliveries: How often a message is tried.
        patience: Seconds of silence after which another consumer gets it.
        concurrency: How many messages are handled at once.
    """

    stream: str
    consumer: str
    subject: str
    dead_stream: str
    dead_subject: str
    deliveries: int = 5
    patience: float = 30.0
    concurrency: int = 1


class Delivery(msgspec.Struct, kw_only=True, frozen=True):
    """A message as its handler gets it; `number` counts the deliveries, beginning with 1."""

    subject: str
    data: bytes
    headers: Mapping[str, str]
    sequence: int
    number: int


Handler = Callable[[Delivery], Awaitable[None]]


class Worker:
    """Handles the messages of a queue until it is cancelled.

    Args:
        connection: Where the queue is.
        queue: The queue; its streams are there already.
        handle: Called for each message; an OutriderError that is retryable has it come again after a growing pause, any
            other one makes it a dead letter at once.
    """

    def __init__(self, connection: Connection, queue: WorkQueue, handle: Handler) -> None:
        self._connection = connection
        self._queue = queue
        self._handle = handle
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Take messages, as many at once as may be handled at once.

        Raises:
            OutriderError: The server refuses the consumer.
        """
        subscription = await self._subscribe()
        async with asyncio.TaskGroup() as tasks:
            while True:
                while (free := self._queue.concurrency - len(self._running)) <= 0:
                    await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                for message in await self._fetch(subscription, free):
                    task = tasks.create_task(self._work(message))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)

    async def _subscribe(self) -> JetStreamContext.PullSubscription:
        config = api.ConsumerConfig(
            durable_name=self._queue.consumer,
            filter_subject=self._queue.subject,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=self._queue.patience,
            max_deliver=-1,  # counted here: what JetStream has given up stays in the stream, and nobody knows
        )
        try:
            await self._connection.jetstream.add_consumer(self._queue.stream, config)
            return await self._connection.jetstream.pull_subscribe_bind(self._queue.consumer, self._queue.stream)
        except FAULTS as error:
            raise translate(error, self._connection.name) from error

    async def _fetch(self, subscription: JetStreamContext.PullSubscription, wanted: int) -> list[Msg]:
        try:
            return await subscription.fetch(wanted, timeout=FETCH_SECONDS)
        except TimeoutError:
            return []
        except FAULTS as error:
            raise translate(error, self._connection.name) from error

    async def _work(self, message: Msg) -> None:
        delivery = Delivery(
            subject=message.subject, data=message.data, headers=message.headers or {},
            sequence=message.metadata.sequence.stream, number=message.metadata.num_delivered,
        )  # fmt: skip
        problem = await self._handled(message, delivery)
        try:
            await self._settle(message, delivery, problem)
        except (*FAULTS, OutriderError) as error:
            # Whether it counts as done, the server will show by delivering it again or not.
            _log.warning("queue %s: message %d: %s", self._queue.stream, delivery.sequence, error)

    async def _handled(self, message: Msg, delivery: Delivery) -> OutriderError | None:
        """Return what went wrong."""
        if delivery.number > self._queue.deliveries:  # it may be what ended those who tried
            return ExecutionFailedError(f"nobody came to an end with it in {self._queue.deliveries} deliveries")
        keeping = asyncio.get_running_loop().create_task(self._keep(message))
        try:
            await self._handle(delivery)
        except OutriderError as error:
            return error
        finally:
            keeping.cancel()
            await asyncio.wait({keeping})
        return None

    async def _keep(self, message: Msg) -> None:
        """Say again and again that somebody is at work."""
        while True:
            await asyncio.sleep(self._queue.patience / 3)
            with contextlib.suppress(*FAULTS):
                await message.in_progress()

    async def _settle(self, message: Msg, delivery: Delivery, problem: OutriderError | None) -> None:
        if problem is not None and problem.retryable and delivery.number < self._queue.deliveries:
            _log.info("queue %s: message %d comes again: %s", self._queue.stream, delivery.sequence, problem.message)
            await message.nak(delay=min(2.0 ** (delivery.number - 1), LONGEST_PAUSE))
            return
        if problem is not None:
            await self._bury(delivery, problem.message)
        await message.ack_sync(ANSWER_SECONDS)

    async def _bury(self, delivery: Delivery, reason: str) -> None:
        """Keep a message as a dead letter."""
        _log.warning("queue %s: message %d is a dead letter: %s", self._queue.stream, delivery.sequence, reason)
        kept = {name: value for name, value in delivery.headers.items() if not name.lower().startswith("nats-")}
        noted = {SUBJECT: delivery.subject, REASON: _one_line(reason), DELIVERIES: str(delivery.number)}
        letter = Message(
            subject=self._queue.dead_subject, data=delivery.data, headers={**kept, **noted},
            # A stream that was made anew counts from 1 again.
            id=f"{self._queue.stream}-{delivery.sequence}-{hashlib.sha256(delivery.data).hexdigest()[:16]}",
        )  # fmt: skip
        (refused,) = await publish(self._connection, self._queue.dead_stream, [letter])
        if refused:
            _log.error("queue %s: message %d is lost: %s", self._queue.stream, delivery.sequence, refused)


def _one_line(text: str) -> str:
    """Return a text as the value of a header may be: nats-py reads ASCII only."""
    return " ".join(text.split())[:SHOWN].encode("ascii", "backslashreplace").decode()
