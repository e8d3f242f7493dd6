"""The task of an AI agent on a platform, shown as it goes on: what the platform does, and what the agent says and uses."""

import asyncio
import time

import msgspec

from outrider.core.errors import ExecutionFailedError
from outrider.orchestrator.wire import RunDetail, TimelineEntry
from outrider.runtime.client import PlatformClient
from outrider.surfaces.cli.demos.approver import Approver
from outrider.surfaces.cli.timeline import TimelinePrinter, TimelineReader

LOOK_SECONDS = 0.15
BEGIN_SECONDS = 30.0
REPORT_SECONDS = 10.0
# Lines of a task come in every half second (edge/execution.py): what was said before a question is shown before it.
SETTLE_SECONDS = 0.8


class TaskView:
    """Shows the one run of a rule that gives an agent a task.

    Args:
        platform: Where it runs.
        printer: Writes the lines.
        approver: Answers what the agent asks.
        rule: Name of the rule.

    Attributes:
        asked: Instructions that somebody was asked about.
    """

    def __init__(self, platform: PlatformClient, printer: TimelinePrinter, approver: Approver, rule: str) -> None:
        self._platform, self._printer, self._approver, self._rule = platform, printer, approver, rule
        self._timeline = TimelineReader(platform)
        self._run = ""
        self._reported = False
        self._shown = 0
        # Runs of what the agent calls. Its own lines tell of them; only those that people are asked about are shown.
        self._calls: set[str] = set()
        self._waiting: list[tuple[float, TimelineEntry]] = []
        self.asked: list[str] = []

    async def begin(self, trigger: str) -> None:
        """Wait until a trigger has seen that all is well: what it was before that could be taken for the beginning of an illness.

        Args:
            trigger: As `AGENT/TRIGGER`.

        Raises:
            ExecutionFailedError: It has seen nothing of the kind.
        """
        deadline = time.monotonic() + BEGIN_SECONDS
        while time.monotonic() < deadline:
            for entry in await self._timeline.new(wait=1):
                if entry.kind == "event" and entry.subject == trigger and entry.text.startswith("up"):
                    self._printer.show(entry)
                    return
        raise ExecutionFailedError(
            f"the trigger '{trigger}' did not report within {BEGIN_SECONDS:.0f} s that the service is up",
            suggestions=["outrider events list"],
        )

    async def follow(self) -> RunDetail:
        """Show everything until the run has ended and was reported.

        Raises:
            ExecutionFailedError: The rule did not begin to run.
            OutriderError: A question was not answered.
        """
        began, ended = time.monotonic(), 0.0
        while True:
            detail = await self._look()
            now = time.monotonic()
            if detail is None:
                self._check_begin(now - began)
            elif detail.run.state != "running":
                ended = ended or now
                if self._reported or now - ended > REPORT_SECONDS:
                    return detail
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> RunDetail | None:
        """Show what is new, and have questions answered."""
        entries = await self._timeline.new(wait=0)
        for entry in entries:
            self._note(entry)
        detail = await self._platform.get(f"/v1/runs/{self._run}", RunDetail) if self._run else None
        # The end of the task comes after what its agent said last.
        own = [entry for entry in entries if entry.run == self._run]
        for entry in entries:
            if entry not in own:
                self._show(entry)
        if detail is not None:
            self._tell(detail, min((entry.time for entry in own), default=time.time()))
        for entry in own:
            self._show(entry)
        await self._ask()
        return detail

    async def _ask(self) -> None:
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            _, question = self._waiting.pop(0)
            self._printer.show(msgspec.structs.replace(question, time=time.time()))
            await self._approver.answer(question.instruction)

    def _check_begin(self, seconds: float) -> None:
        if seconds > BEGIN_SECONDS:
            raise ExecutionFailedError(
                f"the rule '{self._rule}' did not begin to run within {BEGIN_SECONDS:.0f} s",
                suggestions=["outrider events list", f"outrider rules why EVENT, for {self._rule}"],
            )

    def _note(self, entry: TimelineEntry) -> None:
        """Remember what an entry says of the run, and of what its agent calls."""
        if entry.kind == "rule" and entry.subject == self._rule:
            self._run = self._run or entry.run
        if entry.kind == "agent" and entry.run:
            self._calls.add(entry.run)
        if entry.kind == "approval":
            self._calls.discard(entry.run)
        self._reported = self._reported or (entry.kind == "output" and entry.run == self._run)

    def _show(self, entry: TimelineEntry) -> None:
        """Show an entry, if it is worth it; a question when it is asked."""
        if entry.kind == "approval" and entry.instruction not in self.asked:
            self.asked.append(entry.instruction)
            self._waiting.append((time.monotonic() + SETTLE_SECONDS, entry))
        elif entry.run in self._calls or (entry.kind == "agent" and entry.run):
            self._printer.note(entry)
        else:
            self._printer.show(entry)

    def _tell(self, detail: RunDetail, moment: float) -> None:
        """Show what the agent has said and used since the last time."""
        lines = [line for step in detail.steps if step.kind == "task" for line in step.log]
        for line in lines[self._shown :]:
            self._printer.line(moment, "agent", line)
        self._shown = len(lines)
