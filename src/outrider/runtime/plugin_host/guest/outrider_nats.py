"""For plugins on NATS: a connection as nats-py makes it, and stricter where that trusts what comes over the wire. Needs nats-py."""

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
    from collections.abc import AsyncIterator, Callable
    from typing import Any, TypeVar

    S = TypeVar("S", bound="Session")

FAREWELL = 0.5
# What nats-py raises of its own, and what it stumbles over when a server says something that it does not expect.
FAULTS = (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, nats.errors.Error)


class Session(Client):
    """A connection that is made once: who comes back later begins anew.

    Args:
        tls: Whom to trust, where the connection must be under TLS.

    Attributes:
        fault: What went wrong last; nats-py only tells a callback.
    """

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__()
        self._tls = tls
        self.fault: Exception | None = None

    async def begin(self, server: str, options: dict[str, Any]) -> None:
        """Connect to a server."""
        await self.connect(
            servers=[server], error_cb=self.note, allow_reconnect=False, max_reconnect_attempts=1, reconnect_time_wait=0,
            name="outrider", tls=self._tls, **options,
        )  # fmt: skip
        if not self.is_connected:
            raise nats.errors.Error("the answer is not NATS")
        self.fault = None  # it may have taken a second try

    async def settle(self, timeout: float) -> None:
        """Wait until the server has taken what was sent.

        Raises:
            Exception: It refuses it, or is silent, or nobody reads any more what it says.
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

    async def note(self, error: Exception) -> None:
        """Called with what goes wrong on the connection."""
        self.fault = error

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if self._tls is not None and initial_connection:
            # nats-py goes on without TLS, and with the password, where a server does not ask for it.
            if not (info.get("tls_required") or info.get("tls_available")):
                raise nats.errors.SecureConnWantedError
            info["tls_required"] = True
        await super()._process_info(info, initial_connection)


@contextlib.asynccontextmanager
async def connected(
    servers: list[str], session: Callable[[], S], *, timeout: float, options: dict[str, Any]
) -> AsyncIterator[S]:
    """Give a connection to the first server that takes one.

    Args:
        servers: Their addresses.
        session: Makes a connection that is not begun yet.
        timeout: Seconds for each server.
        options: Further ones of nats-py.

    Raises:
        Exception: None does; one of FAULTS.
    """
    for number, server in enumerate(servers, 1):
        attempt = session()
        try:
            try:
                async with asyncio.timeout(timeout):
                    await attempt.begin(server, {**options, "connect_timeout": timeout})
            except FAULTS as error:  # another server may do better, whatever is wrong with this one
                if number == len(servers):
                    raise attempt.fault or error from error
                continue
            yield attempt
            return
        finally:
            with contextlib.suppress(TimeoutError, OSError, nats.errors.Error):
                async with asyncio.timeout(FAREWELL):
                    await attempt.close()
