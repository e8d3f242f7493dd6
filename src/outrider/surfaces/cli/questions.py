"""Approvals on the terminal of `outrider up`: the oldest question is asked, and a typed y or n answers it."""

import asyncio
import contextlib
import os
import sys
import termios
import time
from typing import Self

from outrider.core.errors import OutriderError
from outrider.orchestrator.wire import ApprovalRow, DecisionRequest
from outrider.runtime.client import PlatformClient
from outrider.surfaces.cli.timeline import TimelinePrinter

BACKGROUND_SECONDS = 1.0
_DECISIONS = {"y": "approved", "yes": "approved", "n": "rejected", "no": "rejected"}


class Questions:
    """Asks on a terminal while the context lasts. The same questions can be answered elsewhere; the first answer counts.

    Args:
        platform: Has the questions.
        printer: Writes them between the lines of the timeline.
    """

    def __init__(self, platform: PlatformClient, printer: TimelinePrinter) -> None:
        self._platform = platform
        self._printer = printer
        self._terminal = sys.stdin.fileno()
        self._typed = ""
        self._closed = False
        self._asked: ApprovalRow | None = None
        self._answers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closed = True
        asyncio.get_running_loop().remove_reader(self._terminal)
        for task in self._answers:
            task.cancel()

    def _listen(self) -> None:
        if not self._closed:
            asyncio.get_running_loop().add_reader(self._terminal, self._read)

    async def refresh(self) -> None:
        """Ask the oldest question that waits, unless that was done."""
        waiting = await self._platform.get("/v1/approvals?all=false", list[ApprovalRow])
        oldest = min(waiting, key=lambda row: row.requested, default=None)
        if oldest is not None and (self._asked is None or self._asked.instruction != oldest.instruction):
            self._drop_typed()
            more = f" · {len(waiting) - 1} more" if len(waiting) > 1 else ""
            self._say(f"{oldest.question}   approve? [y/n]{more}")
        self._asked = oldest

    def _drop_typed(self) -> None:
        """Drop what was typed before a question is seen: it was meant for another one, which may have been withdrawn."""
        self._typed = ""
        with contextlib.suppress(termios.error):
            termios.tcflush(self._terminal, termios.TCIFLUSH)

    def _read(self) -> None:
        loop = asyncio.get_running_loop()
        if _in_background(self._terminal):
            loop.remove_reader(self._terminal)
            loop.call_later(BACKGROUND_SECONDS, self._listen)
            return
        data = os.read(self._terminal, 4096)
        if not data:
            loop.remove_reader(self._terminal)
        *lines, self._typed = (self._typed + data.decode("utf-8", "replace")).split("\n")
        for line in lines:
            if self._asked is not None:
                task = loop.create_task(self._answer(self._asked, line.strip().lower()))
                self._answers.add(task)
                task.add_done_callback(self._answers.discard)

    async def _answer(self, question: ApprovalRow, word: str) -> None:
        if word not in _DECISIONS:
            self._say(f"type y to approve, n to reject: {question.question}")
            return
        try:
            path = f"/v1/approvals/{question.instruction}"
            await self._platform.post(path, DecisionRequest(_DECISIONS[word]), dict[str, str])
            await self.refresh()
        except OutriderError as error:
            self._say(f"not answered: {error.message}")

    def _say(self, text: str) -> None:
        self._printer.line(time.time(), "approval", text)


def _in_background(terminal: int) -> bool:
    """Return whether what is typed is for others; reading it would then stop this process (SIGTTIN)."""
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:
        return False  # a terminal without job control
