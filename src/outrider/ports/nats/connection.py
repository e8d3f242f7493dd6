"""A connection to NATS that is made once: whoever comes back later makes a new one, so that nothing of an old one is waited for."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import APIError

from outrider.core.errors import (
    ConnectionFailedError,
    DeniedError,
    ExecutionFailedError,
    OutriderError,
    UnauthenticatedError,
)
from outrider.ports.nats.address import NatsAddress

CONNECT_SECONDS, FAREWELL_SECONDS = 5.0, 0.5
ANSWER_SECONDS = 5.0
# A peer that is gone without a word is noticed after two of these.
PING_SECONDS = 5
LOOK_SECONDS = 1.0
# What nats-py raises of its own, and what it stumbles over when a server says something that it does not expect.
FAULTS = (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, nats.errors.Error)


class _Client(Client):
    """nats-py's client, stricter where that trusts what comes over the wire."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__()
        self._required_tls = tls
        self.fault: Exception | None = None
        self.ended = asyncio.Event()

    async def begin(self, server: str, login: dict[str, Any]) -> None:
        await self.connect(
            servers=[server], name="outrider", tls=self._required_tls, connect_timeout=int(CONNECT_SECONDS),
            error_cb=self._note, closed_cb=self._closed, allow_reconnect=False, max_reconnect_attempts=1,
            reconnect_time_wait=0, ping_interval=PING_SECONDS, max_outstanding_pings=1, **login,
        )  # fmt: skip
        if not self.is_connected:
            raise nats.errors.Error("the answer is not NATS")
        self.fault = None

    @property
    def lives(self) -> bool:
        # Where its loop has ended over something unreadable, nats-py still calls itself connected.
        return self.is_connected and self._reading_task is not None and not self._reading_task.done()

    async def _note(self, error: Exception) -> None:
        self.fault = error

    async def _closed(self) -> None:
        self.ended.set()

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if self._required_tls is not None and initial_connection:
            # nats-py goes on without TLS, and with the password, where a server does not ask for it.
            if not (info.get("tls_required") or info.get("tls_available")):
                raise nats.errors.SecureConnWantedError
            info["tls_required"] = True
        await super()._process_info(info, initial_connection)

    async def _process_headers(self, headers: bytes) -> dict[str, str] | None:
        try:
            return await super()._process_headers(headers)
        except (LookupError, ValueError):
            return None  # the loop that reads would end, and the message come again for ever


class Connection:
    """A live connection.

    Attributes:
        name: Which servers, for errors.
        client: nats-py's.
        jetstream: nats-py's context.
    """

    def __init__(self, client: _Client, address: NatsAddress) -> None:
        self.client = client
        self.name = address.name
        self.jetstream: JetStreamContext = client.jetstream(timeout=ANSWER_SECONDS)

    @property
    def server(self) -> str:
        """The server that answers, as `host:port`."""
        url = self.client.connected_url
        return url.netloc.rpartition("@")[2] if url is not None else ""

    @property
    def max_payload(self) -> int:
        """The longest message that the server takes, in bytes, headers included."""
        return self.client.max_payload

    async def until_lost(self) -> None:
        """Wait for the end of the connection.

        Raises:
            OutriderError: Always: why it ended.
        """
        while self.client.lives:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.client.ended.wait(), LOOK_SECONDS)
        raise translate(self.client.fault or self.client.last_error, self.name)


@contextlib.asynccontextmanager
async def connected(address: NatsAddress) -> AsyncIterator[Connection]:
    """Give a connection to the first server that takes one.

    Raises:
        OutriderError: None does, or the address cannot be used.
    """
    trust, login = address.trust(), address.login()
    for number, server in enumerate(address.servers, 1):
        client = _Client(trust)
        try:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await client.begin(server, login)
            except FAULTS as error:  # another server may do better, whatever is wrong with this one
                if number == len(address.servers):
                    raise translate(client.fault or error, address.name) from error
                continue
            yield Connection(client, address)
            return
        finally:
            with contextlib.suppress(TimeoutError, OSError, nats.errors.Error):
                async with asyncio.timeout(FAREWELL_SECONDS):
                    await client.close()


def translate(error: Exception | None, name: str) -> OutriderError:
    """Return our error for one of nats-py's; `name` says which servers."""
    if isinstance(error, APIError):
        return ExecutionFailedError(
            f"queue {name}: {error.description or 'JetStream does not answer'}", found=str(error.description or "no answer"),
            suggestions=["look at the server's streams: nats stream report"],
        )  # fmt: skip
    text = _text(error)
    lowered = text.lower()
    if "authorization" in lowered or "authentication" in lowered:
        return UnauthenticatedError(
            f"queue {name}: the server refuses the login", found=text, expected="a user that the server knows",
            suggestions=["check user, password or credentials of Platform.spec.queue"],
        )  # fmt: skip
    if "permissions violation" in lowered:
        return DeniedError(
            f"queue {name}: the user may not do this", found=text, expected="the permissions that docs/how-to/use-a-queue.md lists",
            suggestions=["give the user these permissions on the server"],
        )  # fmt: skip
    return ConnectionFailedError(
        f"queue {name}: {text}", found=text, suggestions=["is the NATS server up, and does it speak TLS as the URL says?"],
        retry_after=1.0,
    )  # fmt: skip


def _text(error: Exception | None) -> str:
    if error is None:
        return "the connection ended"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).removeprefix("nats: ")
