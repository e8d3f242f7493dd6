"""The live timeline on a terminal: one line per thing that happened, with its latency since its event."""

import sys
import time
from collections.abc import Callable

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
        self._colour = sys.stdout.isatty() if colour is None else colour
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


async def follow(platform: PlatformClient) -> None:
    """Show the timeline until cancelled; a platform that does not answer for a while is asked again."""
    import asyncio

    printer = TimelinePrinter()
    after = 0
    while True:
        try:
            for entry in await entries(platform, after):
                printer.show(entry)
                after = entry.sequence
            await asyncio.sleep(GATHER_SECONDS)
        except OutriderError as error:
            printer.line(time.time(), "platform", f"does not answer: {error.message}")
            await asyncio.sleep(1)
