"""Single messages of a stream: read, put back, removed."""

from collections.abc import Mapping

import msgspec
from nats.js import api
from nats.js.errors import APIError
from nats.js.errors import NotFoundError as NatsNotFoundError

from outrider.core.errors import NotFoundError, OutriderError
from outrider.core.timestamps import timestamp
from outrider.ports.nats.connection import FAULTS, Connection, translate

NO_MESSAGE_FOUND, SEQUENCE_NOT_FOUND = 10037, 10043


class StoredMessage(msgspec.Struct, kw_only=True, frozen=True):
    """A message as a stream holds it; `stored` is RFC 3339."""

    sequence: int
    subject: str
    data: bytes
    headers: Mapping[str, str]
    stored: str


async def read_messages(
    connection: Connection, stream: str, subject: str, *, after: int, limit: int
) -> list[StoredMessage]:
    """Return the oldest messages of a subject with higher numbers than `after`.

    Raises:
        OutriderError: There is no such stream, or the server does not answer.
    """
    found: list[StoredMessage] = []
    following = after + 1
    while len(found) < limit:
        try:
            message = await connection.jetstream.get_msg(stream, seq=following, subject=subject, next=True)
        except NatsNotFoundError:
            break
        except FAULTS as error:
            raise translate(error, connection.name) from error
        found.append(_stored(message))
        following = found[-1].sequence + 1
    return found


async def read_message(connection: Connection, stream: str, sequence: int) -> StoredMessage:
    """Return one message.

    Raises:
        NotFoundError: It is not there, or not any more.
    """
    try:
        return _stored(await connection.jetstream.get_msg(stream, seq=sequence))
    except FAULTS as error:
        raise _gone(error, connection, stream, sequence) from error


async def remove_message(connection: Connection, stream: str, sequence: int) -> None:
    """Remove one message for good.

    Raises:
        NotFoundError: It is not there, or not any more.
    """
    try:
        await connection.jetstream.delete_msg(stream, sequence)
    except FAULTS as error:
        raise _gone(error, connection, stream, sequence) from error


def _gone(error: Exception, connection: Connection, stream: str, sequence: int) -> OutriderError:
    if isinstance(error, APIError) and error.err_code in (NO_MESSAGE_FOUND, SEQUENCE_NOT_FOUND):
        return NotFoundError(
            f"stream {stream} has no message {sequence}", found=str(sequence),
            suggestions=["list what there is now"],
        )  # fmt: skip
    return translate(error, connection.name)


def _stored(message: api.RawStreamMsg) -> StoredMessage:
    return StoredMessage(
        sequence=message.seq or 0,
        subject=message.subject or "",
        data=message.data or b"",
        # What is not ASCII comes as an object that is no text.
        headers={str(name): str(value) for name, value in (message.headers or {}).items()},
        stored=timestamp(message.time.timestamp()) if message.time else "",
    )
