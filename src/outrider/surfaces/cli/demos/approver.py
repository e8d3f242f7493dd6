"""Who answers when the agent of a demonstration wants something approved."""

import asyncio
import sys
import time
from contextlib import suppress

from outrider.core.errors import ConflictError, DeadlineExceededError, OutriderError
from outrider.orchestrator.wire import ApprovalRow, DecisionRequest
from outrider.runtime.client import PlatformClient
from outrider.surfaces.cli.agent_progress import drop_typed
from outrider.surfaces.cli.lines import Lines
from outrider.surfaces.cli.printable import printable
from outrider.surfaces.cli.timeline import TimelinePrinter

LOOK_SECONDS = 0.3


class Approver:
    """Answers questions: as was wished beforehand, from the terminal, or somebody elsewhere does.

    Args:
        platform: Has the questions.
        printer: Says what happens.
        name: Of the platform.
        approve: Whether everything is approved without a question.
        may_ask: Whether there is a terminal to ask on.
        wait: For how many seconds somebody elsewhere is waited for, where there is none.

    Attributes:
        waited: Seconds that answers have taken.
    """

    def __init__(
        self, platform: PlatformClient, printer: TimelinePrinter, name: str, *, approve: bool, may_ask: bool, wait: float
    ) -> None:  # fmt: skip
        self._platform, self._printer, self._name = platform, printer, name
        self._approve, self._may_ask, self._wait = approve, may_ask, wait
        self.waited = 0.0

    async def answer(self, instruction: str) -> None:
        """Have a question answered; one that was answered meanwhile is left as it is.

        Where it is interrupted, the question is rejected.

        Raises:
            DeadlineExceededError: There is nobody to ask, and nobody has answered in time.
        """
        question = next((row for row in await self._questions() if row.instruction == instruction), None)
        if question is None or question.decision:
            return
        began = time.monotonic()
        try:
            if self._approve:
                await self._decide(question, approve=True)
            elif self._may_ask:
                await self._ask(question)
            else:
                await self._wait_for_others(question)
        except asyncio.CancelledError:
            with suppress(OutriderError):
                await self._decide(question, approve=False)  # nothing is left that waits
            raise
        finally:
            self.waited += time.monotonic() - began

    async def decision(self, instruction: str) -> str:
        """Return what became of a question: `approved`, `rejected`, `expired`, or nothing yet."""
        return next((row.decision for row in await self._questions() if row.instruction == instruction), "")

    async def _ask(self, question: ApprovalRow) -> None:
        """Ask on the terminal; an answer from elsewhere counts as well."""
        drop_typed()
        sys.stderr.write(f"\n{printable(question.question)}   approve? [y/N] ")
        sys.stderr.flush()
        typed = asyncio.ensure_future(Lines().next())
        others = asyncio.ensure_future(self._answered(question.instruction))
        try:
            await asyncio.wait({typed, others}, return_when=asyncio.FIRST_COMPLETED)
            if typed.done():
                await self._decide(question, approve=typed.result().strip().lower() in ("y", "yes"))
            else:
                sys.stderr.write("answered elsewhere\n")
        finally:
            for task in (typed, others):
                task.cancel()
            await asyncio.wait({typed, others})
        sys.stderr.write("\n")

    async def _wait_for_others(self, question: ApprovalRow) -> None:
        command = f"outrider --context {self._name} approvals approve {question.instruction}"
        self._say("there is no terminal to ask on; `--approve` approves beforehand")
        self._say(f"now, within {self._wait:.0f} s, in another one:  {command}")
        try:
            async with asyncio.timeout(self._wait):
                await self._answered(question.instruction)
        except TimeoutError as error:
            await self._decide(question, approve=False)  # nothing is left that waits
            raise DeadlineExceededError(
                f"nobody approved {question.question} within {self._wait:.0f} s", found="no answer",
                expected="an answer on the terminal, or by `outrider approvals`",
                suggestions=["approve beforehand: outrider demo incident-triage --approve", "wait longer: --wait SECONDS"],
            ) from error  # fmt: skip

    async def _answered(self, instruction: str) -> None:
        while not await self.decision(instruction):  # noqa: ASYNC110 - what happens in another process has no event here
            await asyncio.sleep(LOOK_SECONDS)

    async def _decide(self, question: ApprovalRow, *, approve: bool) -> None:
        with suppress(ConflictError):  # the first answer counts
            path = f"/v1/approvals/{question.instruction}"
            await self._platform.post(path, DecisionRequest("approved" if approve else "rejected"), dict[str, str])

    async def _questions(self) -> list[ApprovalRow]:
        return await self._platform.get("/v1/approvals?all=true", list[ApprovalRow])

    def _say(self, text: str) -> None:
        self._printer.line(time.time(), "approval", text)
