"""Takes events from the queue's inbox: CloudEvents 1.0, each once, and acknowledged when it is on disk."""

from typing import Any

import msgspec

from outrider.core.cloudevents import from_cloudevent
from outrider.core.codec import decode
from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.events import Event
from outrider.core.http.headers import Headers
from outrider.core.timestamps import timestamp
from outrider.orchestrator.engine import Engine
from outrider.orchestrator.event_input import SENT_BY, binary_cloudevent
from outrider.orchestrator.metrics import QueueMetrics
from outrider.ports.nats.work import Delivery
from outrider.ports.telemetry import logger

SENDER = "queue:inbox"
PAUSE_SECONDS = 1.0
_log = logger(__name__)


class InboxReader:
    """Handles the messages of the inbox.

    Args:
        engine: Takes the events.
        metrics: Counts.
    """

    def __init__(self, engine: Engine, metrics: QueueMetrics) -> None:
        self._engine = engine
        self._metrics = metrics

    async def take(self, delivery: Delivery) -> None:
        """Store the event of a message. While the store cannot, it waits: the message stays with this orchestrator.

        Raises:
            OutriderError: It is no event that can be taken.
        """
        event = _read(delivery, self._engine.clock.now())
        while True:
            try:
                (outcome,) = await self._engine.ingest([event], by=SENDER)
                break
            except OutriderError as error:
                if not error.retryable:
                    raise
                _log.warning("the inbox waits: %s", error.message)
                await self._engine.clock.sleep(error.retry_after or PAUSE_SECONDS)
        self._metrics.taken(outcome.outcome)
        if outcome.outcome == "rejected":
            raise InvalidConfigError(outcome.reason)


def _read(delivery: Delivery, now: float) -> Event:
    """Return the event of a message, structured or binary (NATS protocol binding for CloudEvents 1.0.2, section 3).

    Raises:
        InvalidConfigError: There is none in it.
    """
    fields = Headers(delivery.headers)
    content_type = (fields.get("content-type") or "").partition(";")[0].strip().lower()
    if "ce-specversion" in fields:
        document = binary_cloudevent(fields, content_type, delivery.data)
    else:
        document = decode(delivery.data, dict[str, Any])
    event = from_cloudevent(document, now=timestamp(now))
    return msgspec.structs.replace(event, labels={**event.labels, SENT_BY: SENDER})
