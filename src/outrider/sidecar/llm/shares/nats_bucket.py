"""Shared amounts in a bucket of NATS JetStream: a value for each amount, with the windows that still count."""

import asyncio
import contextlib
import importlib.util
import time
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

import msgspec

from outrider.core.codec import decode, encode
from outrider.core.errors import InvalidConfigError, MissingRequirementError, OutriderError
from outrider.core.secrets import SecretValue
from outrider.ports.nats.address import NatsAddress
from outrider.sidecar.llm.budget import LONGEST_SECONDS
from outrider.sidecar.llm.shares.counter import Window, held

BUCKET = "outrider_shares"


class _Rows(msgspec.Struct):
    """What each sidecar holds of a window, until it expires."""

    expires: float
    held: dict[str, int]


class NatsCounter:
    """Values of a bucket.

    Args:
        address: Of the servers.
    """

    def __init__(self, address: NatsAddress) -> None:
        from outrider.ports.nats.buckets import Bucket  # noqa: PLC0415 - only who shares by NATS has nats-py

        self._address, self._bucket_type = address, Bucket
        self._connection = contextlib.AsyncExitStack()
        self._bucket: Bucket | None = None
        self._opening = asyncio.Lock()

    async def draw(self, window: Window, sidecar: str, *, has: int, wants: int) -> int:
        """Let a sidecar hold more; see Counter."""
        drawn = 0

        def change(rows: dict[str, int]) -> None:
            nonlocal drawn
            drawn = rows[sidecar] = held(rows, sidecar, window.limit, has=has, wants=wants)

        await self._change(window, change)
        return drawn

    async def settle(self, window: Window, sidecar: str, used: int) -> None:
        """Note what a sidecar has used in all; see Counter."""
        await self._change(window, lambda rows: rows.update({sidecar: used}))

    async def close(self) -> None:
        """Close the connection."""
        self._bucket = None
        await self._connection.aclose()

    async def _change(self, window: Window, change: Callable[[dict[str, int]], None]) -> None:
        def changed(value: bytes) -> bytes:
            now = time.time()
            windows = decode(value, dict[str, _Rows]) if value else {}
            windows = {name: rows for name, rows in windows.items() if rows.expires > now}
            change(windows.setdefault(window.name, _Rows(window.expires, {})).held)
            return encode(windows)

        async with self._opening:  # one after the other: they would only meet in the bucket
            if self._bucket is None:
                await self._open()
            assert self._bucket is not None
            try:
                await self._bucket.change(f"{window.agent}.{window.amount}", changed)
            except OutriderError:
                await self.close()  # the next draw connects anew
                raise

    async def _open(self) -> None:
        from outrider.ports.nats.connection import connected  # noqa: PLC0415 - as above

        connection = await self._connection.enter_async_context(connected(self._address))
        self._bucket = self._bucket_type(connection, BUCKET, 2 * LONGEST_SECONDS)


async def open_counter(url: str, password: str | None) -> NatsCounter:
    """Return the counter; the servers are asked at the first draw.

    Raises:
        InvalidConfigError: The URL cannot be read.
        MissingRequirementError: The driver is not installed.
    """
    if importlib.util.find_spec("nats") is None:
        raise MissingRequirementError(
            "NATS needs the driver nats-py", found="no module named 'nats'", expected="the extra `nats`",
            suggestions=["pip install 'outrider[nats]'"],
        )  # fmt: skip
    return NatsCounter(_address(url, password))


def _address(url: str, password: str | None) -> NatsAddress:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 4222
    except ValueError:  # of the port, or of the brackets
        host, port = None, 0
    if not host:
        raise InvalidConfigError(
            "llm.shared: not the address of a NATS server", path="llm.shared.url", found=url.rpartition("@")[2],
            expected="nats://USER@HOST:PORT", suggestions=["the password belongs into a secret"],
        )  # fmt: skip
    server = f"{parts.scheme}://[{host}]:{port}" if ":" in host else f"{parts.scheme}://{host}:{port}"
    given = password if password is not None or parts.password is None else unquote(parts.password)
    secret = SecretValue(given) if given is not None else None
    if parts.username:
        return NatsAddress(servers=[server], user=unquote(parts.username), password=secret)
    return NatsAddress(servers=[server], token=secret)
