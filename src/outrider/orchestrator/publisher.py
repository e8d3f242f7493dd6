"""Carries the outbox to the queue."""

import asyncio
import itertools
import os
from collections.abc import Callable
from contextlib import suppress

from outrider.core.cloudevents import CONTENT_TYPE
from outrider.core.errors import OutriderError
from outrider.kinds.platform.queue import Queue
from outrider.orchestrator.engine import Engine
from outrider.orchestrator.metrics import QueueMetrics
from outrider.orchestrator.outbox import Outgoing, take
from outrider.orchestrator.queue_names import subject
from outrider.ports.nats.connection import Connection
from outrider.ports.nats.publication import Message, publish
from outrider.ports.telemetry import logger

# Where several orchestrators share a store, each also looks for what the others have written.
SHARED_SECONDS, ALONE_SECONDS = 1.0, 30.0
_HEADERS = {"content-type": CONTENT_TYPE}
_log = logger(__name__)


class Publisher:
    """Publishes what waits, in its order; of several orchestrators one at a time.

    Args:
        engine: Whose outbox.
        metrics: Counts.
        progressed: Called when everything that was taken is stored.
    """

    def __init__(self, engine: Engine, metrics: QueueMetrics, progressed: Callable[[], None]) -> None:
        self._engine = engine
        self._metrics = metrics
        self._progressed = progressed
        self._holder = os.urandom(8).hex() if engine.store.shared else ""
        self._published: list[int] = []

    async def run(self, connection: Connection, queue: Queue) -> None:
        """Publish until the connection is lost.

        Args:
            connection: To the queue.
            queue: Names the streams.

        Raises:
            OutriderError: Why it is; what was not stored stays in the outbox.
        """
        while True:
            self._engine.outgoing.clear()
            rows = await self._next()
            for stream, group in itertools.groupby(rows, key=lambda row: row.stream):
                await self._publish(connection, queue, stream, list(group))
            self._progressed()
            if not rows:
                await self._wait()

    async def _next(self) -> list[Outgoing]:
        """Return what comes next. While the store cannot say, this waits: the queue is not to blame."""
        done, tenant = self._published, self._engine.tenant
        while True:
            try:
                rows = await self._engine.write(lambda work: take(work, tenant, self._holder, done))
            except OutriderError as error:
                if not error.retryable:
                    raise
                await self._engine.clock.sleep(error.retry_after or SHARED_SECONDS)
            else:
                self._published = []
                return rows

    async def _publish(self, connection: Connection, queue: Queue, stream: str, rows: list[Outgoing]) -> None:
        if stream not in queue.publish:
            self._published += [row.sequence for row in rows]
            _log.warning("%d %s are not published: they are not any more", len(rows), stream)
            return
        start = subject(queue, self._engine.tenant, stream)
        messages = [
            Message(subject=f"{start}.{row.subject}", data=row.document.encode(), id=row.id, headers=_HEADERS)
            for row in rows
        ]
        for row, refused in zip(rows, await publish(connection, queue.stream(stream), messages), strict=True):
            if refused:
                _log.warning("%s is not published: %s", row.id, refused)
            self._metrics.published("refused" if refused else "stored")
        self._published += [row.sequence for row in rows]

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            seconds = SHARED_SECONDS if self._engine.store.shared else ALONE_SECONDS
            await asyncio.wait_for(self._engine.outgoing.wait(), seconds)
