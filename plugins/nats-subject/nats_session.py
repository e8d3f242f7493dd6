"""A connection to one of several NATS servers, as nats-py makes it, and stricter where that trusts what comes over the wire."""

from __future__ import annotations

import asyncio
import contextlib
import math

import nats.errors
from nats.aio.client import Client

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator
    from typing import Any

FAREWELL = 0.5
# What nats-py raises of its own, and what it stumbles over when a server says something that it does not expect.
FAULTS = (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, nats.errors.Error)


class Session(Client):
    """A connection.

    Args:
        tls: Whom to trust, where the connection must be under TLS.

    Attributes:
        fault: What went wrong last; nats-py only tells a callback.
        dropped: Messages that came faster than they were taken.
    """

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__()
        self._tls = tls
        self._closing: asyncio.Task[None] | None = None
        self.fault: Exception | None = None
        self.dropped = 0

    async def begin(self, server: str, options: dict[str, Any]) -> None:
        """Connect to a server, once: who comes back later begins anew."""
        await self.connect(
            servers=[server], error_cb=self._note, allow_reconnect=False, max_reconnect_attempts=1, reconnect_time_wait=0,
            max_outstanding_pings=1, name="outrider", tls=self._tls, **options,
        )  # fmt: skip
        if not self.is_connected:
            raise nats.errors.Error("the answer is not NATS")
        self.fault = None  # it may have taken a second try

    async def settle(self, timeout: float) -> None:
        """Wait until the server has taken what was sent.

        Raises:
            Exception: It refuses it, or is silent.
        """
        async with asyncio.timeout(timeout):
            # A flush of nats-py asks for an answer before it sends what waits; that of the second one comes after it.
            for _ in range(2):
                await self.flush(math.ceil(timeout))
                # Where its loop has ended, a flush waits for no answer.
                if self._reading_task is None or self._reading_task.done():
                    raise self.fault or nats.errors.ConnectionClosedError
        if self.fault is not None:
            raise self.fault

    async def _note(self, error: Exception) -> None:
        if isinstance(error, nats.errors.SlowConsumerError):
            self.dropped += 1
            return
        if not isinstance(error, OSError | nats.errors.Error):
            return  # a header that cannot be read, in a message that can
        self.fault = error
        if "permissions violation" in str(error).lower():
            # The server goes on without what it forbids, which nobody would notice.
            self._closing = asyncio.create_task(self.close())

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if self._tls is not None and initial_connection:
            # nats-py goes on without TLS, and with the password, where a server does not ask for it.
            if not (info.get("tls_required") or info.get("tls_available")):
                raise nats.errors.SecureConnWantedError
            info["tls_required"] = True
        await super()._process_info(info, initial_connection)

    async def _process_headers(self, headers: bytes) -> dict[str, str] | None:
        try:
            return await super()._process_headers(headers)
        except (IndexError, ValueError):
            return None  # the loop that reads would end, and the message come again for ever

    def _build_message(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: dict[str, str] | None
    ) -> Any:
        # As above: what is no UTF-8 can stand in a subject.
        return super()._build_message(sid, subject.decode("utf-8", "replace").encode(), reply, data, headers)


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
        try:
            try:
                async with asyncio.timeout(timeout):
                    await session.begin(server, {**options, "connect_timeout": timeout})
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
