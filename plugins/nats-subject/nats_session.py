"""The connection of one that listens: it counts what it misses, and outlives what it cannot read."""

from __future__ import annotations

import asyncio

import nats.errors
import outrider_nats

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Any


class Session(outrider_nats.Session):
    """A connection.

    Args:
        tls: Whom to trust, where the connection must be under TLS.

    Attributes:
        dropped: Messages that came faster than they were taken.
    """

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__(tls)
        self._closing: asyncio.Task[None] | None = None
        self.dropped = 0

    async def note(self, error: Exception) -> None:
        if isinstance(error, nats.errors.SlowConsumerError):
            self.dropped += 1
            return
        if not isinstance(error, OSError | nats.errors.Error):
            return  # a header that cannot be read, in a message that can
        await super().note(error)
        if "permissions violation" in str(error).lower():
            # The server goes on without what it forbids, which nobody would notice.
            self._closing = asyncio.create_task(self.close())

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
