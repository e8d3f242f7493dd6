"""One message to one of several NATS servers, as nats-py sends it, and an end to every wait."""

from __future__ import annotations

import asyncio
import contextlib
import math

import nats.errors
from nats.aio.client import Client
from nats.js.errors import APIError, NoStreamResponseError, ServerError, ServiceUnavailableError
from outrider_delivery import line
from outrider_plugin import PluginError

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Coroutine
    from typing import Any

FAREWELL, TOLD = 0.5, 300
# What nats-py raises of its own, and what it stumbles over when a server says something that it does not expect.
FAULTS = (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, nats.errors.Error)


class Session(Client):
    """A connection.

    Args:
        tls: Whom to trust, where the connection must be under TLS.

    Attributes:
        fault: What went wrong last; nats-py only tells a callback.
    """

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__()
        self._tls = tls
        self._faulty = asyncio.Event()
        self.fault: Exception | None = None

    async def begin(self, server: str, options: dict[str, Any]) -> None:
        """Connect to a server."""
        await self.connect(
            servers=[server], error_cb=self._note, allow_reconnect=False, max_reconnect_attempts=1, reconnect_time_wait=0,
            name="outrider", tls=self._tls, **options,
        )  # fmt: skip
        if not self.is_connected:
            raise nats.errors.Error("the answer is not NATS")
        self.fault = None  # it may have taken a second try
        self._faulty.clear()

    async def settle(self, timeout: float) -> None:
        """Wait until the server has taken what was sent.

        Raises:
            ConnectionClosedError: Nobody reads any more what it says.
        """
        # A flush of nats-py asks for an answer before it sends what waits; that of the second one comes after it.
        for _ in range(2):
            await self.flush(math.ceil(timeout))
            # Where its loop has ended, a flush waits for no answer.
            if self._reading_task is None or self._reading_task.done():
                raise nats.errors.ConnectionClosedError

    async def unless_faulty(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Return what comes of some work.

        Raises:
            Exception: What goes wrong first; nobody answers what the server forbids, or what was sent to one that ended.
        """
        doing, faulty = asyncio.ensure_future(work), asyncio.ensure_future(self._faulty.wait())
        try:
            await asyncio.wait({doing, faulty}, return_when=asyncio.FIRST_COMPLETED)
            if self.fault is not None:
                raise self.fault
            return doing.result()
        finally:
            doing.cancel()
            faulty.cancel()

    async def _note(self, error: Exception) -> None:
        self.fault = error
        self._faulty.set()

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if self._tls is not None and initial_connection:
            # nats-py goes on without TLS, and with the password, where a server does not ask for it.
            if not (info.get("tls_required") or info.get("tls_available")):
                raise nats.errors.SecureConnWantedError
            info["tls_required"] = True
        await super()._process_info(info, initial_connection)


@contextlib.asynccontextmanager
async def connected(
    servers: list[str], *, tls: ssl.SSLContext | None, timeout: float, options: dict[str, Any]
) -> AsyncIterator[Session]:
    """Give a connection to the first server that takes one.

    Raises:
        Exception: None does; of nats-py, or what it stumbled over.
    """
    for number, server in enumerate(servers, 1):
        session = Session(tls)
        limit = timeout / len(servers)
        try:
            try:
                async with asyncio.timeout(limit):
                    await session.begin(server, {**options, "connect_timeout": limit})
            except FAULTS as error:  # another server may do better, whatever is wrong with this one
                if number == len(servers):
                    raise session.fault or error from error
                continue
            yield session
            return
        finally:
            with contextlib.suppress(TimeoutError, OSError, nats.errors.Error):
                async with asyncio.timeout(FAREWELL):
                    await session.close()


async def publish(session: Session, subject: str, body: bytes, key: str, *, timeout: float) -> None:
    """Publish with core NATS, and wait until the server has the message."""
    await session.publish(subject, body, headers=message_id(key))
    await session.unless_faulty(session.settle(timeout))


async def store(session: Session, subject: str, body: bytes, key: str, *, timeout: float) -> dict[str, Any]:
    """Publish into a stream, and return where it has the message."""
    context = session.jetstream(timeout=timeout)
    stored = await session.unless_faulty(context.publish(subject, body, headers=message_id(key)))
    return {"stream": stored.stream, "sequence": stored.seq, "duplicate": bool(stored.duplicate)}


def message_id(key: str) -> dict[str, Any]:
    """Return the header by which a stream tells that it has a message already."""
    return {"Nats-Msg-Id": key} if key else {}


def failure(error: Exception, server: str, timeout: float) -> PluginError:
    """Return the error that the agent is told."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    message = f"{server}: {line(text.removeprefix('nats: '), TOLD)}"
    if isinstance(error, TimeoutError):
        return PluginError(f"{server}: not done within {timeout:g} s", code="TIMEOUT", retryable=True)
    lower = text.lower()
    if "authorization" in lower or "authentication" in lower:
        return PluginError(message, code="UNAUTHENTICATED")
    if "permissions violation" in lower:
        return PluginError(message, code="DENIED")
    if isinstance(error, NoStreamResponseError | ServiceUnavailableError | ServerError):
        return PluginError(message, code="UNAVAILABLE", retryable=True)
    if isinstance(error, APIError | nats.errors.MaxPayloadError):
        return PluginError(message)
    return PluginError(message, code="CONNECTION_FAILED", retryable=True)
