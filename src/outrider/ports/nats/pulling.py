"""Messages of a consumer, as they come: a pull request says how many, and its end says how many did not come.

nats-py's own `fetch` takes a message for a word of the server when its sender has given it a header `Status`, and drops those that
came with it.
"""

import asyncio
import contextlib
from typing import Any

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from outrider.core.errors import UnavailableError
from outrider.ports.nats.connection import FAULTS, Connection, translate

EXPIRY_SECONDS = 5.0
# A server that says nothing for so much longer than a request lasts has forgotten it.
PATIENCE_SECONDS = 10.0
_ACKNOWLEDGEMENT = "$JS.ACK."
# Nothing came in time; more was asked for than is allowed at a time: not the end of the consumer.
_PASSING = frozenset({"404", "408"})


class Puller:
    """Asks a consumer for messages.

    Args:
        connection: Where it is.
        stream: Of what.
        consumer: Its name.

    Attributes:
        asked: How many messages may still come without being asked for again.
    """

    def __init__(self, connection: Connection, stream: str, consumer: str) -> None:
        self._connection = connection
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._name = f"queue {connection.name}: consumer {consumer} of {stream}"
        self._came: asyncio.Queue[Msg] = asyncio.Queue()
        self._inbox = ""
        self._subscription: Subscription | None = None
        self.asked = 0

    async def open(self) -> None:
        """Listen for what comes.

        Raises:
            OutriderError: The connection has ended.
        """
        try:
            self._inbox = self._connection.client.new_inbox()
            self._subscription = await self._connection.client.subscribe(self._inbox, cb=self._came.put)
        except FAULTS as error:
            raise translate(error, self._connection.name) from error

    async def close(self) -> None:
        """Listen no more."""
        if self._subscription is not None:
            with contextlib.suppress(*FAULTS):  # the connection may have ended before
                await self._subscription.unsubscribe()

    async def ask(self, count: int) -> None:
        """Ask for more messages.

        Raises:
            OutriderError: The connection has ended.
        """
        request = msgspec.json.encode({"batch": count, "expires": int(EXPIRY_SECONDS * 1e9)})
        try:
            await self._connection.client.publish(self._subject, request, reply=self._inbox)
        except FAULTS as error:
            raise translate(error, self._connection.name) from error
        self.asked += count

    async def next(self) -> Msg | None:
        """Return the next message; None where a request has ended without one.

        Raises:
            UnavailableError: The consumer is not there any more, or the server has forgotten the request.
        """
        try:
            async with asyncio.timeout(EXPIRY_SECONDS + PATIENCE_SECONDS):
                message = await self._came.get()
        except TimeoutError as error:
            raise UnavailableError(f"{self._name}: the server does not answer", retry_after=1.0) from error
        if message.reply.startswith(_ACKNOWLEDGEMENT):
            self.asked -= 1
            return message
        told: dict[str, Any] = message.headers or {}
        status = told.get("Status")
        pending = told.get("Nats-Pending-Messages", "")
        self.asked -= min(self.asked, int(pending) if pending.isdecimal() else self.asked)
        if status not in _PASSING and not (status == "409" and "exceeded" in str(told.get("Description", "")).lower()):
            reason = told.get("Description") or "there is none"
            raise UnavailableError(f"{self._name}: {reason}", found=f"status {status}", retry_after=1.0)
        return None
