"""Messages into streams, many at once; each is stored before it counts."""

import asyncio
import json
from collections.abc import Mapping, Sequence

import msgspec
from nats.aio.msg import Msg

from outrider.core.errors import DeadlineExceededError, UnavailableError
from outrider.ports.nats.connection import FAULTS, Connection, translate

STORE_SECONDS = 30.0
MESSAGE_ID, EXPECTED_STREAM = "Nats-Msg-Id", "Nats-Expected-Stream"
_NOBODY_LISTENS = "503"
# What a message costs beside subject, headers and data.
_ENVELOPE = 256


class Message(msgspec.Struct, kw_only=True, frozen=True):
    """What is to be stored.

    Attributes:
        id: A repetition with the same one is not stored again within ten minutes.
    """

    subject: str
    data: bytes
    id: str
    headers: Mapping[str, str] = {}


async def publish(connection: Connection, stream: str, messages: Sequence[Message]) -> list[str]:
    """Store messages in a stream, in their order.

    Returns:
        For each: empty, or why the server will never take it.

    Raises:
        OutriderError: Some may not be stored; all can be published again.
    """
    refused = [_refusal(message, connection) for message in messages]
    wanted = [message for message, reason in zip(messages, refused, strict=True) if not reason]
    if wanted:
        await _store(connection, stream, wanted)
    return refused


async def _store(connection: Connection, stream: str, messages: Sequence[Message]) -> None:
    # nats-py's own publish_async waits for ever where the answer is an error.
    answers = _Answers(len(messages))
    try:
        inbox = connection.client.new_inbox()
        subscription = await connection.client.subscribe(f"{inbox}.*", cb=answers.take)
        for number, message in enumerate(messages):
            headers = {**message.headers, MESSAGE_ID: message.id, EXPECTED_STREAM: stream}
            await connection.client.publish(message.subject, message.data, reply=f"{inbox}.{number}", headers=headers)
    except FAULTS as error:
        raise translate(error, connection.name) from error
    waiting = {asyncio.ensure_future(one) for one in (answers.complete.wait(), connection.until_lost())}
    try:
        done, _ = await asyncio.wait(waiting, timeout=STORE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            await one
    finally:
        for one in waiting:
            one.cancel()
        await asyncio.wait(waiting)
    if not answers.complete.is_set():
        raise DeadlineExceededError(
            f"queue {connection.name}: stream {stream} has not stored {len(messages)} messages within {STORE_SECONDS:g} s",
            suggestions=["is its disk full or slow? look at the server's log"],
        )  # fmt: skip
    await subscription.unsubscribe()
    if answers.fault:
        raise UnavailableError(
            f"queue {connection.name}: stream {stream} refuses messages: {answers.fault}", found=answers.fault,
            suggestions=["look at the stream's limits, and at the space on the server's disk"], retry_after=1.0,
        )  # fmt: skip


class _Answers:
    """What the stream says to a batch.

    Args:
        expected: How many answers there will be.

    Attributes:
        complete: Set when each has its answer, or one is a refusal.
        fault: The first refusal.
    """

    def __init__(self, expected: int) -> None:
        self._left = expected
        self.complete = asyncio.Event()
        self.fault = ""

    async def take(self, message: Msg) -> None:
        """Called with each answer."""
        self._left -= 1
        self.fault = self.fault or _fault(message)
        if self.fault or self._left == 0:
            self.complete.set()


def _fault(message: Msg) -> str:
    if not message.data:
        nobody = (message.headers or {}).get("Status") == _NOBODY_LISTENS
        return "no stream has this subject" if nobody else "an empty answer"
    try:
        error = json.loads(message.data).get("error")
    except (ValueError, AttributeError):
        return "an answer that is none"
    return str(error.get("description", error)) if isinstance(error, dict) else ""


def _refusal(message: Message, connection: Connection) -> str:
    size = len(message.data) + sum(len(name) + len(value) + 4 for name, value in message.headers.items()) + _ENVELOPE
    return f"{size} bytes; the server takes {connection.max_payload}" if size > connection.max_payload else ""
