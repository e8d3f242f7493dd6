"""A platform as demonstrations see it, without one."""

import asyncio
from typing import Any, cast

from outrider.core.errors import ConflictError
from outrider.core.events import Event
from outrider.orchestrator.wire import (
    ApprovalRow,
    DecisionRequest,
    RunDetail,
    RunRow,
    StepRow,
    TimelineAnswer,
    TimelineEntry,
)
from outrider.runtime.client import PlatformClient
from outrider.surfaces.cli.timeline import TimelinePrinter

RULE, RUN, CALL = "look-into-web", "r1", "r2"


class Scene:
    """Answers from what is put into it; what is printed is kept in `lines`, without times and numbers.

    Attributes:
        state: Of the run.
        log: Lines of its task.
        decision: On the one question.
        lines: What was shown: kind and text.
        said: Set when something was shown.
        moves: Called one after the other, each before an answer of the timeline.
    """

    def __init__(self) -> None:
        self.state, self.decision = "running", ""
        self.log: list[str] = []
        self.lines: list[tuple[str, str]] = []
        self.moves: list[Any] = []
        self.said = asyncio.Event()
        self._entries: list[TimelineEntry] = []
        self.client = cast("PlatformClient", self)
        self.printer = TimelinePrinter(self._write, colour=False)

    def add(self, kind: str, text: str, *, run: str = RUN, subject: str = "triage", instruction: str = "") -> None:
        """Let something happen."""
        entry = TimelineEntry(
            kind=kind, subject=subject, text=text, run=run, instruction=instruction, time=1.0,
            sequence=len(self._entries) + 1,
        )  # fmt: skip
        self._entries.append(entry)

    async def get(self, path: str, target: Any, *, timeout: float = 0) -> Any:
        """Answer as the orchestrator."""
        del timeout
        if target is TimelineAnswer:
            if self.moves:
                self.moves.pop(0)()
            after = int(path.partition("after=")[2].partition("&")[0])
            return TimelineAnswer([entry for entry in self._entries if entry.sequence > after], 1)
        if target is RunDetail:
            assert path == f"/v1/runs/{RUN}"
            return self._detail()
        return [
            ApprovalRow(
                instruction="i2", question="host.service_restart web", groups=["oncall"], requested="", expires="",
                decision=self.decision, decided_by="",
            )
        ]  # fmt: skip

    async def post(self, path: str, body: DecisionRequest, target: Any) -> Any:
        """Take an answer; the first one counts."""
        del target
        assert path == "/v1/approvals/i2"
        if self.decision:
            raise ConflictError("it was answered before")
        self.decision = body.decision
        return {}

    def _detail(self) -> RunDetail:
        step = StepRow(
            instruction="i1", kind="task", name="triage", state="running", attempts=[], result=None, log=list(self.log),
            offset=0.0, seconds=None,
        )  # fmt: skip
        row = RunRow(id=RUN, rule=RULE, state=self.state, created="", seconds=None, source="eyes/web", message="")
        event = Event(id="e1", source="eyes/web", type="http-probe", time="", severity="high", data={})
        return RunDetail(run=row, event=event, matched=["e1"], trace_id="", steps=[step], skipped=[])

    def _write(self, line: str) -> None:
        _, kind, *words = line.split()
        self.lines.append((kind, " ".join(words)))
        self.said.set()
