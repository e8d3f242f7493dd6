"""The live timeline on a terminal: one line per thing that happened, with its latency since its event."""

import os
import sys
import time
from collections.abc import AsyncGenerator, Callable

from outrider.core.errors import OutriderError
from outrider.orchestrator.wire import TimelineAnswer, TimelineEntry
from outrider.runtime.client import PlatformClient

WAIT = 20
# Lines that come together are fetched together; their times are the orchestrator's.
GATHER_SECONDS = 0.05
_COLOURS = {"event": "36", "rule": "35", "instruction": "34", "action": "32", "output": "32", "lost": "31", "run": "31"}
_TEXT_WIDTH = 62


class TimelinePrinter:
    """Writes entries; remembers when the event behind each run came in."""

    def __init__(self, write: Callable[[str], object] = sys.stdout.write, *, colour: bool | None = None) -> None:
        self._write = write
        # https://no-color.org
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") if colour is None else colour
        self._began: dict[str, float] = {}

    def show(self, entry: TimelineEntry) -> None:
        """Write one entry."""
        if entry.kind == "event":
            self._began[entry.event] = entry.time
        if entry.kind == "rule" and entry.run and entry.event in self._began:
            self._began[entry.run] = self._began[entry.event]
        began = self._began.get(entry.run or entry.event) if entry.kind != "event" else None
        since = f"+{(entry.time - began) * 1000:.0f} ms" if began is not None else ""
        subject = entry.subject[:10] + "…" if entry.kind == "instruction" else entry.subject
        self.line(entry.time, entry.kind, f"{subject}  {entry.text}", since)

    def fault(self, error: OutriderError) -> None:
        """Write that the platform does not answer."""
        self.line(time.time(), "platform", f"does not answer: {error.message}")

    def line(self, moment: float, kind: str, text: str, since: str = "") -> None:
        """Write any line in the timeline's form."""
        stamp = time.strftime("%H:%M:%S", time.localtime(moment)) + f".{int(moment % 1 * 1000):03d}"
        label = f"{kind:<12}"
        if self._colour and kind in _COLOURS:
            label = f"\x1b[{_COLOURS[kind]}m{label}\x1b[0m"
        self._write(f"{stamp}  {label} {text:<{_TEXT_WIDTH}} {since:>9}".rstrip() + "\n")
        sys.stdout.flush()


async def entries(platform: PlatformClient, after: int, *, wait: int = WAIT) -> list[TimelineEntry]:
    """Return the entries after a number; where there are none, wait so many seconds for some."""
    path = f"/v1/timeline?after={after}&wait={wait}"
    answer = await platform.get(path, TimelineAnswer, timeout=wait + 10)
    return answer.entries


async def follow(
    platform: PlatformClient, fault: Callable[[OutriderError], None]
) -> AsyncGenerator[list[TimelineEntry]]:
    """Yield what is new on the timeline, at first an empty list, without end.

    Args:
        platform: The platform.
        fault: Called when it does not answer; it is asked again.
    """
    import asyncio

    after = 0
    new: list[TimelineEntry] = []
    while True:
        yield new
        await asyncio.sleep(GATHER_SECONDS)
        try:
            new = await entries(platform, after)
        except OutriderError as error:
            fault(error)
            new = []
            await asyncio.sleep(1)
        after = new[-1].sequence if new else after
