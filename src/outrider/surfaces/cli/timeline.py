"""The live timeline on a terminal: one line per thing that happened, with its latency since its event."""

import os
import sys
import time
from collections.abc import AsyncGenerator, Callable

from outrider.core.errors import OutriderError
from outrider.orchestrator.wire import TimelineAnswer, TimelineEntry
from outrider.runtime.client import PlatformClient
from outrider.surfaces.cli.printable import printable

WAIT = 20
# Lines that come together are fetched together; their times are the orchestrator's.
GATHER_SECONDS = 0.05
_COLOURS = {"event": "36", "rule": "35", "instruction": "34", "action": "32", "output": "32", "lost": "31", "run": "31"}
_TEXT_WIDTH = 62
# Times of events and runs that are remembered; longer than any run is watched.
_KEPT = 10_000


class TimelinePrinter:
    """Writes entries; remembers when the event behind each run came in."""

    def __init__(self, write: Callable[[str], object] = sys.stdout.write, *, colour: bool | None = None) -> None:
        self._write = write
        # https://no-color.org
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") if colour is None else colour
        self._began: dict[str, float] = {}

    def note(self, entry: TimelineEntry) -> None:
        """Remember what later entries need to know of one that is not shown."""
        if entry.kind == "event":
            self._began[entry.event] = entry.time
        if entry.kind == "rule" and entry.run and entry.event in self._began:
            self._began[entry.run] = self._began[entry.event]
        while len(self._began) > _KEPT:
            del self._began[next(iter(self._began))]

    def show(self, entry: TimelineEntry) -> None:
        """Write one entry."""
        self.note(entry)
        began = self._began.get(entry.run or entry.event) if entry.kind != "event" else None
        since = f"+{(entry.time - began) * 1000:.0f} ms" if began is not None else ""
        subject = entry.subject[:10] + "…" if entry.kind == "instruction" else entry.subject
        self.line(entry.time, entry.kind, f"{subject}  {entry.text}", since)

    def fault(self, error: OutriderError | None) -> None:
        """Write that the platform does not answer, or that it does again."""
        self.line(time.time(), "platform", f"does not answer: {error.message}" if error else "answers again")

    def line(self, moment: float, kind: str, text: str, since: str = "") -> None:
        """Write any line in the timeline's form."""
        stamp = time.strftime("%H:%M:%S", time.localtime(moment)) + f".{int(moment % 1 * 1000):03d}"
        label = f"{kind:<12}"
        if self._colour and kind in _COLOURS:
            label = f"\x1b[{_COLOURS[kind]}m{label}\x1b[0m"
        self._write(f"{stamp}  {label} {printable(text):<{_TEXT_WIDTH}} {since:>9}".rstrip() + "\n")
        sys.stdout.flush()


class TimelineReader:
    """Reads the timeline from the beginning of what is kept, each entry once.

    Where another orchestrator answers, or the same one after a start, its numbers begin anew: what is older than the newest
    entry that was read is left out.
    """

    def __init__(self, platform: PlatformClient) -> None:
        self._platform = platform
        self._after = self._began = 0
        self._newest = 0.0

    async def new(self, *, wait: int = WAIT) -> list[TimelineEntry]:
        """Return what is new; where nothing is, wait so many seconds for something.

        Raises:
            OutriderError: The platform does not answer.
        """
        path = f"/v1/timeline?after={self._after}&of={self._began}&wait={wait}"
        answer = await self._platform.get(path, TimelineAnswer, timeout=wait + 10)
        entries = answer.entries
        if self._began not in (0, answer.began):
            self._after = 0
            entries = [entry for entry in entries if entry.time > self._newest]
        self._began = answer.began
        if answer.entries:
            self._after, self._newest = answer.entries[-1].sequence, answer.entries[-1].time
        return entries


def give_up(error: OutriderError | None) -> None:
    """Treat a platform that falls silent as the end, where `follow` would go on asking."""
    if error is not None:
        raise error


async def follow(
    platform: PlatformClient, fault: Callable[[OutriderError | None], None]
) -> AsyncGenerator[list[TimelineEntry]]:
    """Yield what is new on the timeline, at first an empty list, without end.

    Args:
        platform: The platform.
        fault: Called when it does not answer any more, and with None when it does again; it is asked until then.
    """
    import asyncio

    reader = TimelineReader(platform)
    new: list[TimelineEntry] = []
    silent = False
    while True:
        yield new
        await asyncio.sleep(GATHER_SECONDS)
        try:
            new = await reader.new(wait=0 if silent else WAIT)
            if silent:
                fault(None)
            silent = False
        except OutriderError as error:
            if not silent:
                fault(error)
            silent = True
            new = []
            await asyncio.sleep(1)
