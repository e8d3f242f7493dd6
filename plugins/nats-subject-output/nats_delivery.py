"""One message to a NATS server, as nats-py sends it, and an end to every wait."""

from __future__ import annotations

import asyncio

import nats.errors
import outrider_nats
from nats.js.errors import APIError, NoStreamResponseError, ServerError, ServiceUnavailableError
from outrider_delivery import line
from outrider_plugin import PluginError

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Coroutine
    from typing import Any

TOLD = 300


class Session(outrider_nats.Session):
    """A connection.

    Args:
        tls: Whom to trust, where the connection must be under TLS.
    """

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__(tls)
        self._faulty = asyncio.Event()

    async def begin(self, server: str, options: dict[str, Any]) -> None:
        await super().begin(server, options)
        self._faulty.clear()

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

    async def note(self, error: Exception) -> None:
        await super().note(error)
        self._faulty.set()


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
