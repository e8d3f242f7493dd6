"""Audit records of the tasks of one event loop, written together."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from outrider.core.audit import AuditEntry
from outrider.core.errors import OutriderError
from outrider.runtime.audit import AuditLog

_Waiting = list[tuple[AuditEntry, "asyncio.Future[None]"]]


class AuditGroups:
    """Adds to a chain what comes in one turn of the event loop as one write, and waits for the disk once for all of it.

    Args:
        log: The chain.
    """

    def __init__(self, log: AuditLog) -> None:
        self._log = log
        self._unwritten: _Waiting = []
        self._unsynced: _Waiting = []
        self._syncing: asyncio.Task[None] | None = None

    def add(self, entry: AuditEntry, *, sync: bool = False) -> "asyncio.Future[None]":
        """Add a record; it is written whether anybody waits for it or not, and behind those that were added so before it.

        Returns:
            Done when it is written, with `sync` when it is on disk. It raises an ExecutionFailedError where that could not be:
            then nothing of it is in the file.
        """
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        if sync:
            self._unsynced.append((entry, written))
            if self._syncing is None:
                self._syncing = loop.create_task(self._sync())
        else:
            if not self._unwritten:
                loop.call_soon(self._write)
            self._unwritten.append((entry, written))
        return written

    def _write(self) -> None:
        waiting, self._unwritten = self._unwritten, []
        if waiting:
            with _telling(waiting):
                self._log.append_all([entry for entry, _ in waiting])

    async def _sync(self) -> None:
        """Write until nothing waits; what comes while the disk is busy is the next group."""
        try:
            while self._unsynced:
                waiting, self._unsynced = self._unsynced, []
                with _telling(waiting):
                    await asyncio.to_thread(self._log.append_all, [entry for entry, _ in waiting], sync=True)
        finally:
            self._syncing = None

    async def close(self) -> None:
        """Wait until all that was added is written; nothing may be added any more."""
        self._write()
        if self._syncing is not None:
            await self._syncing


@contextmanager
def _telling(waiting: _Waiting) -> Iterator[None]:
    """Tell those that wait what became of their records."""
    try:
        yield
    except OutriderError as error:
        for _, written in waiting:
            if not written.done():
                written.set_exception(error)
    else:
        for _, written in waiting:
            if not written.done():
                written.set_result(None)
    finally:
        for _, written in waiting:
            written.cancel()  # a fault of ours leaves nobody waiting for ever; no effect on one that is done
