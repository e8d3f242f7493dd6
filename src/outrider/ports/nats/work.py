"""A work queue: each message is handled until it is done, by one consumer at a time of all that share the queue.

A message belongs to its consumer as long as that says so (`in_progress`); after its silence another one gets it. What fails
for good, or too often, becomes a dead letter, with the reason beside it. Acknowledgements of JetStream are not fenced: a
consumer that was thought dead may finish too, so handlers must tolerate the same message twice.
"""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from nats.aio.msg import Msg
from nats.js import api

from outrider.core.errors import ExecutionFailedError, OutriderError, UnavailableError
from outrider.ports.nats.connection import ANSWER_SECONDS, FAULTS, Connection, translate
from outrider.ports.nats.publication import Message, headers_size, publish
from outrider.ports.nats.pulling import Puller
from outrider.ports.telemetry import logger

LONGEST_PAUSE = 60.0
SHOWN = 500
# Headers of a dead letter: what it was, and why nobody wanted it.
SUBJECT, REASON, DELIVERIES = "outrider-subject", "outrider-reason", "outrider-deliveries"
# How long it was, where it was too long to be kept whole beside that.
CUT = "outrider-cut"
# What headers begin with that the sender of a message did not set.
ADDED = ("nats-", "outrider-")
MOST_HEADERS = 16 * 1024
_NAME = re.compile(r"[A-Za-z0-9_-]+")
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
    """A message as its handler gets it.

    Attributes:
        sequence: Its number in the stream.
        stored: When it came there, in RFC 3339.
        number: Counts the deliveries, beginning with 1.
    """

    subject: str
    data: bytes
    headers: Mapping[str, str]
    sequence: int
    stored: str
    number: int


Handler = Callable[[Delivery], Awaitable[None]]


class Worker:
    """Handles the messages of a queue until it is cancelled.

    Args:
        connection: Where the queue is.
        queue: The queue; its streams are there already.
        handle: Called for each message; an OutriderError that is retryable has it come again after a growing pause, any
            other one makes it a dead letter at once.
        well: Called whenever the consumer has answered.
    """

    def __init__(
        self, connection: Connection, queue: WorkQueue, handle: Handler, well: Callable[[], None] = lambda: None
    ) -> None:
        self._connection = connection
        self._queue = queue
        self._handle = handle
        self._well = well
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Take messages, as many at once as may be handled at once.

        Raises:
            OutriderError: The server refuses the consumer, or a dead letter cannot be kept.
        """
        await self._make_consumer()
        puller = Puller(self._connection, self._queue.stream, self._queue.consumer)
        await puller.open()
        try:
            await self._take(puller)
        finally:
            await puller.close()

    async def _take(self, puller: Puller) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._ask(puller)
                message = await puller.next()
                self._well()
                if message is not None:
                    task = tasks.create_task(self._work(message))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)

    async def _ask(self, puller: Puller) -> None:
        """Ask for as many messages as there is somebody free for, in not too small numbers."""
        while (free := self._queue.concurrency - len(self._running) - puller.asked) <= self._queue.concurrency // 2:
            if puller.asked:
                return
            if free > 0:
                break
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        await puller.ask(free)

    async def _make_consumer(self) -> None:
        config = api.ConsumerConfig(
            durable_name=self._queue.consumer,
            filter_subject=self._queue.subject,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=self._queue.patience,
            max_deliver=-1,  # counted here: what JetStream has given up stays in the stream, and nobody knows
        )
        try:
            await self._connection.jetstream.add_consumer(self._queue.stream, config)
        except FAULTS as error:
            raise translate(error, self._connection.name) from error

    async def _work(self, message: Msg) -> None:
        delivery = Delivery(
            subject=message.subject, data=message.data, headers=message.headers or {},
            sequence=message.metadata.sequence.stream, stored=message.metadata.timestamp.isoformat(),
            number=message.metadata.num_delivered,
        )  # fmt: skip
        problem = await self._handled(message, delivery)
        if problem is not None and not self._comes_again(delivery, problem):
            # Where it cannot be kept the message stays, and who holds the connection looks after the streams.
            await self._bury(delivery, problem.message)
        try:
            await self._settle(message, delivery, problem)
        except FAULTS as error:
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
        except Exception as error:  # noqa: BLE001 - a task runner: what one message does must not end the others
            _log.exception("queue %s: message %d", self._queue.stream, delivery.sequence)
            return ExecutionFailedError(f"a fault of Outrider, which its log tells of: {type(error).__name__}")
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
        if problem is not None and self._comes_again(delivery, problem):
            _log.info("queue %s: message %d comes again: %s", self._queue.stream, delivery.sequence, problem.message)
            await message.nak(delay=min(2.0 ** (delivery.number - 1), LONGEST_PAUSE))
            return
        await message.ack_sync(ANSWER_SECONDS)

    def _comes_again(self, delivery: Delivery, problem: OutriderError) -> bool:
        return problem.retryable and delivery.number < self._queue.deliveries

    async def _bury(self, delivery: Delivery, reason: str) -> None:
        """Keep a message as a dead letter.

        Raises:
            OutriderError: It cannot be kept.
        """
        headers = _kept(delivery.headers) | {
            SUBJECT: delivery.subject, REASON: _one_line(reason)[:SHOWN], DELIVERIES: str(delivery.number),
        }  # fmt: skip
        data = delivery.data
        if len(data) + headers_size(headers) > self._connection.max_payload:
            headers[CUT] = str(len(data))
            data = data[: max(0, self._connection.max_payload - headers_size(headers))]
        # The time tells a stream that was made anew, and counts from 1 again, from the one before.
        letter = Message(
            subject=self._queue.dead_subject, data=data, headers=headers,
            id=f"{self._queue.stream}-{delivery.sequence}-{delivery.stored}",
        )  # fmt: skip
        (refused,) = await publish(self._connection, self._queue.dead_stream, [letter])
        if refused:
            raise UnavailableError(f"queue {self._queue.stream}: message {delivery.sequence} cannot be kept: {refused}")
        _log.warning("queue %s: message %d is a dead letter: %s", self._queue.stream, delivery.sequence, reason)


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that a message can be stored with again."""
    sized, kept = 0, {}
    for name, value in headers.items():
        if _NAME.fullmatch(name) and not name.lower().startswith(ADDED):
            kept[name] = _one_line(str(value))
            sized += len(name) + len(kept[name])
            if sized > MOST_HEADERS:
                return {}
    return kept


def _one_line(text: str) -> str:
    """Return a text as the value of a header may be: nats-py reads ASCII only."""
    plain = " ".join(text.split()).encode("ascii", "backslashreplace").decode()
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in plain)
