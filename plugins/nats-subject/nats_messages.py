"""Messages of a subject, which are lost where nobody listens, and of a stream, which are acknowledged once they are on disk."""

from __future__ import annotations

import asyncio
import contextlib
import json

import nats.errors
import outrider_payload
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError
from outrider_config import length
from outrider_delivery import line

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription
    from nats_session import Session
    from nats_subject import NatsSubject

FOREVER = 100 * 366 * 86400.0
KEPT, HEADERS, SHOWN = 96 * 1024, 8 * 1024, 200
PAUSE = 1.0
WAITING, WAITING_BYTES = 1024, 64 * 1024 * 1024
# Statuses of an answer without a message: nothing is there, the time is over, and what can pass.
NOTHING, PASSING = {"404", "408"}, ("Leadership Change", "Server Shutdown", "Exceeded MaxWaiting")


class Subject:
    """A subject of core NATS."""

    def __init__(self, trigger: NatsSubject) -> None:
        self._trigger = trigger
        self._config = trigger.config

    async def watch(self, session: Session) -> None:
        """Report each message."""
        subscription = await session.subscribe(
            self._config["subject"],
            queue=self._config.get("queue", ""),
            pending_msgs_limit=WAITING,
            pending_bytes_limit=WAITING_BYTES,
        )
        await session.settle(self._trigger.timeout)
        await self._trigger.up(session)
        told = 0
        while not self._trigger.stopping:
            message = await subscription.next_msg(timeout=None)
            await self._trigger.hand_over(told_of(message), severity=self._config["message_severity"])
            if session.dropped > told:
                told = session.dropped
                self._trigger.log(f"{told} messages of this connection are lost: the agent took events too slowly")


class Stream:
    """A durable consumer of a stream, asked for one message after the other."""

    def __init__(self, trigger: NatsSubject) -> None:
        self._trigger = trigger
        self._config = trigger.config
        self._ack_wait = length(trigger.config, "ack_wait")
        # Subjects to acknowledge what is on disk: the connection was gone.
        self._committed: list[str] = []

    async def watch(self, session: Session) -> None:
        """Report each message."""
        every = await self._consumer(session) / 3
        await self._catch_up(session)
        await self._trigger.up(session)
        inbox = session.new_inbox()
        subscription = await session.subscribe(inbox)
        while not self._trigger.stopping:
            message = await self._next(session, subscription, inbox)
            if message is not None and await self._report(session, message, every):
                self._committed.append(message.reply)
                await session.request(message.reply, timeout=self._trigger.timeout)
                self._committed.clear()

    async def _consumer(self, session: Session) -> float:
        """Return the seconds after which the consumer delivers again; it is made where it is not there."""
        names = self._config["stream"], self._config["durable"]
        context = session.jetstream(timeout=self._trigger.timeout)
        try:
            info = await context.consumer_info(*names)
        except NotFoundError:
            info = await context.add_consumer(
                names[0],
                ConsumerConfig(
                    name=names[1],
                    durable_name=names[1],
                    filter_subject=self._config["subject"],
                    ack_policy=AckPolicy.EXPLICIT,
                    ack_wait=self._ack_wait,
                    deliver_policy=DeliverPolicy.NEW if self._config["from"] == "new" else DeliverPolicy.ALL,
                ),
            )
        found = info.config
        if found.ack_policy != AckPolicy.EXPLICIT or found.deliver_subject:
            raise nats.errors.Error(f"the consumer {names[1]} is no pull consumer with explicit acknowledgement")
        return found.ack_wait or self._ack_wait

    async def _catch_up(self, session: Session) -> None:
        """Acknowledge what came on disk while there was no connection."""
        while self._committed:
            try:
                await session.request(self._committed[0], timeout=self._trigger.timeout)
            except (nats.errors.TimeoutError, nats.errors.NoRespondersError) as error:
                self._trigger.log(f"a message may come again: {error}")
            del self._committed[0]

    async def _next(self, session: Session, subscription: Subscription, inbox: str) -> Msg | None:
        """Ask for a message (nats-architecture-and-design, ADR-13); None if there is none for a while.

        `fetch` of nats-py would take a message with a header `Status` for an answer without one.
        """
        if not subscription.pending_msgs:
            names = f"{self._config['stream']}.{self._config['durable']}"
            wanted = json.dumps({"batch": 1, "expires": int(self._trigger.every * 1e9)}).encode()
            await session.publish(f"$JS.API.CONSUMER.MSG.NEXT.{names}", wanted, reply=inbox)
        try:
            message = await subscription.next_msg(timeout=self._trigger.every + self._trigger.timeout)
        except nats.errors.TimeoutError:
            return None
        if message.reply:
            return message
        headers = message.headers or {}
        status, description = headers.get("Status"), headers.get("Description", "")
        if status not in NOTHING:
            if description not in PASSING:
                raise nats.errors.Error(f"the consumer gives no messages: {status} {description}")
            await asyncio.sleep(min(self._trigger.every, PAUSE))
        return None

    async def _report(self, session: Session, message: Msg, every: float) -> bool:
        facts = message.metadata
        data = told_of(message) | {
            "stream": facts.stream,
            "sequence": facts.sequence.stream,
            "id": f"{facts.stream}:{facts.sequence.stream}",
            "deliveries": facts.num_delivered,
        }
        committed = self._trigger.hand_over(data, severity=self._config["message_severity"], commit_timeout=FOREVER)
        while not (await asyncio.wait({committed}, timeout=every))[0]:
            # It is worked on. Without a connection it is delivered again, and reported twice.
            with contextlib.suppress(OSError, nats.errors.Error):
                await session.publish(message.reply, b"+WPI")
        return committed.result()


def told_of(message: Msg) -> dict[str, Any]:
    """Return what an event says of a message."""
    found, encoding = outrider_payload.payload(message.data[:KEPT])
    headers, whole = headers_of(message.headers or {})
    return {
        "state": "message",
        "subject": outrider_payload.name(message.subject),
        "payload": found,
        "encoding": encoding,
        "headers": headers,
        "cut": len(message.data) > KEPT or not whole,
        "summary": line(found, SHOWN),
    }


def headers_of(given: dict[str, str]) -> tuple[dict[str, str], bool]:
    """Return headers with at most HEADERS bytes, and whether they are all."""
    kept: dict[str, str] = {}
    left = HEADERS
    for name, value in given.items():
        left -= len(name.encode("utf-8", "replace")) + len(value.encode("utf-8", "replace"))
        if left < 0:
            return kept, False
        kept[outrider_payload.name(name)] = outrider_payload.name(value)
    return kept, True
