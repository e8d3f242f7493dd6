"""Events between the plugins and the orchestrator: on disk before they count, sent until they are answered for."""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec

from outrider.core.codec import decode, encode
from outrider.core.errors import OutriderError
from outrider.core.events import MAX_EVENT_BYTES, Event
from outrider.core.machines.backoff import delay
from outrider.core.machines.outbox import Outbox, OutboxLimits
from outrider.edge.database import Database
from outrider.edge.link import Link
from outrider.ports.clock import Clock
from outrider.ports.telemetry import logger

_SCHEMA = ("CREATE TABLE IF NOT EXISTS outbox (id TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID",)
RETRY_BASE = 0.1
RETRY_CAP = 15.0
FULL_SECONDS = 0.2
_log = logger(__name__)


class _Offer(msgspec.Struct):
    """An event on its way to the disk, and who wants to hear that it is there."""

    event: Event
    document: bytes
    committed: Callable[[], None]


class EventOutbox:
    """The outbox of a sensor agent: `offer` from the plugins, `run` commits and sends.

    Args:
        path: Its SQLite file.
        link: The orchestrator.
        clock: Paces retries.
        limits: Bounds.
    """

    def __init__(self, path: Path, link: Link, clock: Clock, limits: OutboxLimits | None = None) -> None:
        self._database = Database(path, _SCHEMA)
        self._link = link
        self._clock = clock
        sizes = self._database.write_now(_sizes)
        self._machine = Outbox(limits or OutboxLimits(), sizes)
        self._offers: list[_Offer] = []
        self._offered = asyncio.Event()
        self._unsent = asyncio.Event()
        if len(self._machine):
            self._unsent.set()

    def __len__(self) -> int:
        return len(self._machine)

    def offer(self, event: Event, committed: Callable[[], None]) -> None:
        """Take an event; `committed` is called once it is on disk. What is offered is bounded by the plugins' credit."""
        document = encode(event)
        if len(document) > MAX_EVENT_BYTES:
            _log.error(
                "event refused: too large",
                extra={
                    "source": event.source,
                    "found": f"{len(document)} bytes",
                    "expected": f"at most {MAX_EVENT_BYTES}",
                },
            )
            committed()
            return
        self._offers.append(_Offer(event, document, committed))
        self._offered.set()

    async def run(self) -> None:
        """Commit and send until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._commit_all())
            tasks.create_task(self._send_all())

    async def _commit_all(self) -> None:
        """Write what was offered, everything that came together in one transaction."""
        while True:
            await self._offered.wait()
            self._offered.clear()
            while self._offers:
                room = self._machine.room()
                if room == 0:
                    # Nothing is dropped: the plugins get no credit and wait until the orchestrator takes events again.
                    await self._clock.sleep(FULL_SECONDS)
                    continue
                await self._commit(room)

    async def _commit(self, room: int) -> None:
        group = self._offers[:room]
        rows = [(offer.event.id, offer.document) for offer in group]
        try:
            await self._database.write(lambda c: c.executemany("INSERT OR IGNORE INTO outbox VALUES (?, ?)", rows))
        except OutriderError as error:
            _log.error("events wait: %s", error.message, extra={"hint": error.hint, "waiting": len(self._offers)})
            await self._clock.sleep(error.retry_after or 1.0)
            return
        self._offers = self._offers[len(group) :]
        for offer in group:
            self._machine.accepted(offer.event.id, len(offer.document))
            offer.committed()
        self._unsent.set()

    async def _send_all(self) -> None:
        failures = 0
        while True:
            batch = self._machine.next_batch()
            if not batch:
                self._unsent.clear()
                await self._unsent.wait()
                continue
            try:
                await self._send(batch)
                failures = 0
            except OutriderError as error:
                failures += 1
                if failures in (1, 10):
                    _log.warning(
                        "events wait for the orchestrator: %s", error.message, extra={"waiting": len(self._machine)}
                    )
                chance = int.from_bytes(os.urandom(2), "big") / 65536
                pause = delay(failures, base=RETRY_BASE, cap=RETRY_CAP, chance=chance)
                await self._clock.sleep(max(pause, error.retry_after or 0.0))

    async def _send(self, batch: list[str]) -> None:
        events = await self._database.write(lambda c: _documents(c, batch))
        outcomes = await self._link.events(events)
        for outcome in outcomes:
            if outcome.outcome == "rejected":
                _log.error("event rejected by the orchestrator: %s", outcome.reason, extra={"event": outcome.id})
        settled = self._machine.answered(outcomes)
        await self._database.write(lambda c: c.executemany("DELETE FROM outbox WHERE id = ?", [(i,) for i in settled]))

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _sizes(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    return connection.execute("SELECT id, length(document) FROM outbox ORDER BY id").fetchall()


def _documents(connection: sqlite3.Connection, ids: list[str]) -> list[Event]:
    marks = ",".join("?" * len(ids))
    query = f"SELECT document FROM outbox WHERE id IN ({marks}) ORDER BY id"  # noqa: S608 - question marks only
    return [decode(row[0], Event) for row in connection.execute(query, ids)]
