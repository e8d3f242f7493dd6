"""Messages into streams, many at once; each is stored before it counts."""

import asyncio
import contextlib
import hashlib
import json
import re
from collections.abc import Mapping, Sequence

import msgspec
from nats.aio.msg import Msg

from outrider.core.errors import DeadlineExceededError, UnavailableError
from outrider.ports.nats.connection import FAULTS, Connection, translate

STORE_SECONDS = 30.0
MESSAGE_ID, EXPECTED_STREAM = "Nats-Msg-Id", "Nats-Expected-Stream"
_NOBODY_LISTENS = "503"
# "message size exceeds maximum allowed": the stream's own bound.
_TOO_LONG = 10054
_PLAIN = re.compile(r"[\x21-\x7e]{1,64}")
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
    refused = {number: reason for number, one in enumerate(messages) if (reason := _refusal(one, connection))}
    wanted = {number: one for number, one in enumerate(messages) if number not in refused}
    if wanted:
        refused |= await _store(connection, stream, wanted)
    return [refused.get(number, "") for number in range(len(messages))]


async def _store(connection: Connection, stream: str, messages: Mapping[int, Message]) -> dict[int, str]:
    """Store messages, and return why the stream will never take some of them, by number."""
    # nats-py's own publish_async waits for ever where the answer is an error.
    answers = _Answers(len(messages))
    try:
        inbox = connection.client.new_inbox()
        subscription = await connection.client.subscribe(f"{inbox}.*", cb=answers.take)
        for number, message in messages.items():
            headers = {**message.headers, MESSAGE_ID: _message_id(message.id), EXPECTED_STREAM: stream}
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
    with contextlib.suppress(*FAULTS):  # the connection may have ended since
        await subscription.unsubscribe()
    if answers.fault:
        raise UnavailableError(
            f"queue {connection.name}: stream {stream} refuses messages: {answers.fault}", found=answers.fault,
            suggestions=["look at the stream's limits, and at the space on the server's disk"], retry_after=1.0,
        )  # fmt: skip
    return answers.refused


class _Answers:
    """What the stream says to a batch.

    Args:
        expected: How many answers there will be.

    Attributes:
        complete: Set when each has its answer, or one cannot be stored now.
        fault: Why not.
        refused: What can never be stored, by number.
    """

    def __init__(self, expected: int) -> None:
        self._left = expected
        self.complete = asyncio.Event()
        self.fault = ""
        self.refused: dict[int, str] = {}

    async def take(self, message: Msg) -> None:
        """Called with each answer."""
        self._left -= 1
        code, fault = _fault(message)
        if code == _TOO_LONG:
            self.refused[int(message.subject.rpartition(".")[2])] = fault
        else:
            self.fault = self.fault or fault
        if self.fault or self._left == 0:
            self.complete.set()


def _fault(message: Msg) -> tuple[int, str]:
    """Return code and words of a refusal; no words where it is none."""
    if not message.data:
        nobody = (message.headers or {}).get("Status") == _NOBODY_LISTENS
        return 0, "no stream has this subject" if nobody else "an empty answer"
    try:
        error = json.loads(message.data).get("error")
    except (ValueError, AttributeError):
        return 0, "an answer that is none"
    return (error.get("err_code", 0), str(error.get("description", error))) if isinstance(error, dict) else (0, "")


def _message_id(text: str) -> str:
    """Return an id as the header shows it: where that would change it, and make two alike, a digest stands for it."""
    return text if _PLAIN.fullmatch(text) else hashlib.sha256(text.encode()).hexdigest()


def headers_size(headers: Mapping[str, str]) -> int:
    """Return what headers and everything else beside the data of a message take, in bytes."""
    return sum(len(name) + len(value) + 4 for name, value in headers.items()) + _ENVELOPE


def _refusal(message: Message, connection: Connection) -> str:
    size = len(message.data) + headers_size(message.headers)
    return f"{size} bytes; the server takes {connection.max_payload}" if size > connection.max_payload else ""
