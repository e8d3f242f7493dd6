"""Events between the plugins and the orchestrator, sent until they are answered for.

An event counts, and its plugin is told so, as soon as it is on a disk: the orchestrator's, which is so when it has answered,
or this agent's. As long as answers come at once nothing is written here, and the way to an action waits for one disk only.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
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
TIDY_SECONDS = 1.0
# How long a prompt answer may take; after that the event is written here.
PROMPT_SECONDS = 0.02
_log = logger(__name__)


class _Offer(msgspec.Struct):
    """An event on its way to a disk, and who wants to hear that it is there."""

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
        # Those that are sent, and neither answered for nor written yet, by the id of the event.
        self._unwritten: dict[str, _Offer] = {}
        # Answered for, and to be deleted together with the next write.
        self._settled: list[str] = []
        self._offered = asyncio.Event()
        self._unsent = asyncio.Event()
        self._answered = asyncio.Event()
        self._failures = 0
        if len(self._machine):
            self._unsent.set()

    def __len__(self) -> int:
        return len(self._machine)

    def offer(self, event: Event, committed: Callable[[], None]) -> None:
        """Take an event; `committed` is called once it counts. What is offered is bounded by the plugins' credit."""
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
        """Write and send until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._take_all())
            tasks.create_task(self._send_all())
            tasks.create_task(self._tidy_all())

    async def _take_all(self) -> None:
        """Take what was offered, everything that came together in one transaction."""
        while True:
            await self._offered.wait()
            self._offered.clear()
            while self._offers:
                room = self._machine.room()
                if room == 0:
                    # Nothing is dropped: the plugins get no credit and wait until the orchestrator takes events again.
                    await self._clock.sleep(FULL_SECONDS)
                    continue
                group, self._offers = self._offers[:room], self._offers[room:]
                for offer in group:
                    self._machine.accepted(offer.event.id, len(offer.document))
                    self._unwritten[offer.event.id] = offer
                self._unsent.set()
                await self._wait_for_answers(group)
                await self._write(group)

    async def _wait_for_answers(self, group: list[_Offer]) -> None:
        """Wait until a group is answered for, as long as that may soon be."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PROMPT_SECONDS):
                while not self._failures and any(offer.event.id in self._unwritten for offer in group):
                    self._answered.clear()
                    await self._answered.wait()

    async def _write(self, group: list[_Offer]) -> None:
        """Put a group on disk, as far as the orchestrator does not answer for it first."""
        while rows := [(offer.event.id, offer.document) for offer in group if offer.event.id in self._unwritten]:
            try:
                await self._change(rows)
            except OutriderError as error:
                _log.error(
                    "events are not on disk: %s", error.message, extra={"hint": error.hint, "waiting": len(rows)}
                )
                await self._clock.sleep(error.retry_after or 1.0)
                continue
            for event, _ in rows:
                self._secured(event)
            return

    def _secured(self, event: str) -> None:
        """Note that an event is on a disk: at first its plugin is told, and once it is on both it can be deleted here."""
        offer = self._unwritten.pop(event, None)
        if offer is not None:
            offer.committed()
        else:
            self._settled.append(event)

    async def _change(self, rows: list[tuple[str, bytes]]) -> None:
        """Add rows and delete those of settled events, in one transaction."""
        settled, self._settled = self._settled, []
        try:
            await self._database.write(lambda c: _change(c, rows, settled))
        except OutriderError:
            self._settled = settled + self._settled
            raise

    async def _tidy_all(self) -> None:
        """Delete what is settled where no new event does it: after a restart nothing old is to be sent again."""
        while True:
            await self._clock.sleep(TIDY_SECONDS)
            if self._settled:
                try:
                    await self._change([])
                except OutriderError as error:
                    _log.warning("delivered events stay on disk: %s", error.message)

    async def _send_all(self) -> None:
        while True:
            batch = self._machine.next_batch()
            if not batch:
                self._unsent.clear()
                await self._unsent.wait()
                continue
            try:
                await self._send(batch)
                self._failures = 0
            except OutriderError as error:
                self._failures += 1
                self._answered.set()
                if self._failures in (1, 10):
                    _log.warning(
                        "events wait for the orchestrator: %s", error.message, extra={"waiting": len(self._machine)}
                    )
                chance = int.from_bytes(os.urandom(2), "big") / 65536
                pause = delay(self._failures, base=RETRY_BASE, cap=RETRY_CAP, chance=chance)
                await self._clock.sleep(max(pause, error.retry_after or 0.0))

    async def _send(self, batch: list[str]) -> None:
        outcomes = await self._link.events(await self._events(batch))
        for outcome in outcomes:
            if outcome.outcome == "rejected":
                _log.error("event rejected by the orchestrator: %s", outcome.reason, extra={"event": outcome.id})
        for event in self._machine.answered(outcomes):
            self._secured(event)
        self._answered.set()

    async def _events(self, batch: list[str]) -> list[Event]:
        events = {event: self._unwritten[event].event for event in batch if event in self._unwritten}
        stored = [event for event in batch if event not in events]
        if stored:
            events.update(await self._database.write(lambda c: _documents(c, stored)))
        return [events[event] for event in batch]

    def close(self) -> None:
        """Write what is not answered for, delete what is settled, and close the file."""
        waiting = [*self._unwritten.values(), *self._offers]
        rows = [(offer.event.id, offer.document) for offer in waiting]
        try:
            self._database.write_now(lambda c: _change(c, rows, self._settled))
        except OutriderError as error:
            _log.warning("the outbox could not be brought up to date: %s", error.message, extra={"waiting": len(rows)})
        self._database.close()


def _change(connection: sqlite3.Connection, rows: list[tuple[str, bytes]], settled: list[str]) -> None:
    connection.executemany("INSERT OR IGNORE INTO outbox VALUES (?, ?)", rows)
    connection.executemany("DELETE FROM outbox WHERE id = ?", [(event,) for event in settled])


def _sizes(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    return connection.execute("SELECT id, length(document) FROM outbox ORDER BY id").fetchall()


def _documents(connection: sqlite3.Connection, ids: list[str]) -> dict[str, Event]:
    marks = ",".join("?" * len(ids))
    query = f"SELECT id, document FROM outbox WHERE id IN ({marks})"  # noqa: S608 - question marks only
    return {row[0]: decode(row[1], Event) for row in connection.execute(query, ids)}
