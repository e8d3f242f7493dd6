"""One instruction on its agent: claim confirmed and begun on record, run while the claim is renewed, ended on record.

The agent stops the work by itself when the claim could not be renewed in time: at that moment the orchestrator may hand it
to another.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable

import msgspec

from outrider.core.errors import CancelledByCallerError, ConflictError, OutriderError
from outrider.core.events import Instruction, LogLine, Result
from outrider.core.machines.backoff import delay
from outrider.core.timestamps import timestamp
from outrider.edge.link import Link
from outrider.ports.clock import Clock
from outrider.ports.telemetry import logger

FENCE_MARGIN = 2.0
FENCE_STEP = 1.0
RENEWALS_PER_LEASE = 3
LOG_BUFFER = 1000
LOG_SECONDS = 0.5
_STATUS = {"TIMEOUT": "timeout", "CANCELLED": "cancelled", "OUTCOME_UNKNOWN": "unknown_outcome"}
_log = logger(__name__)

Work = Callable[[Instruction, Callable[[str], None]], Awaitable[dict[str, object]]]


class LeaseLostError(ConflictError):
    """The claim is gone: whatever comes of the work no longer counts."""


class ExecutionLog:
    """Log lines of one execution on their way to the orchestrator; bounded, ordered, resumable."""

    def __init__(self, link: Link, instruction: Instruction, clock: Clock) -> None:
        self._link = link
        self._instruction = instruction
        self._clock = clock
        self._lines: deque[LogLine] = deque()
        self._first = 0
        self._dropped = 0

    def add(self, text: str) -> None:
        """Take a line; beyond the buffer lines are counted, not kept."""
        if len(self._lines) >= LOG_BUFFER:
            self._dropped += 1
            return
        if self._dropped:
            self._append(f"{self._dropped} lines were left out")
            self._dropped = 0
        self._append(text)

    def _append(self, text: str) -> None:
        self._lines.append(LogLine(timestamp(self._clock.now()), text[:4096]))

    async def flush(self) -> None:
        """Deliver what waits; what fails stays for the next time."""
        while self._lines:
            batch = list(self._lines)[:200]
            try:
                following = await self._link.logs(self._instruction, self._first, batch)
            except OutriderError as error:
                _log.debug("log lines wait: %s", error.message)
                return
            for _ in range(following - self._first):
                self._lines.popleft()
            self._first = following

    async def run(self) -> None:
        """Deliver regularly until cancelled."""
        while True:
            await self._clock.sleep(LOG_SECONDS)
            await self.flush()


class Execution:
    """One attempt.

    Args:
        instruction: What is to be done.
        link: The orchestrator.
        clock: Measures the claim.
        work: Does it; cancelled when it must stop.
        begin: Puts the beginning on record; nothing is run before it returns and the claim is confirmed. Where the claim is
            not, `run` returns None and the record is to be withdrawn.
    """

    def __init__(
        self,
        instruction: Instruction,
        link: Link,
        clock: Clock,
        work: Work,
        begin: Callable[[Instruction], Awaitable[None]],
    ) -> None:
        self.instruction = instruction
        self._link = link
        self._clock = clock
        self._work = work
        self._begin = begin
        self._valid_until = 0.0
        self._cancel_requested = False
        self._log = ExecutionLog(link, instruction, clock)

    async def run(self) -> Result | None:
        """Do it and return its result; None where the claim was lost before anything began."""
        # Each waits for a disk, so both at the same time.
        confirmed, recorded = await asyncio.gather(self._renew(), self._begin(self.instruction), return_exceptions=True)
        if isinstance(confirmed, OutriderError):
            _log.warning("not begun: %s", confirmed.message, extra={"instruction": self.instruction.id})
            return None
        started = self._clock.now()
        try:
            for fault in (confirmed, recorded):
                if fault is not None:
                    raise fault
            if self._cancel_requested:
                return self._result("cancelled", started)
            outcome = await self._run_fenced()
            return self._result("completed", started, result=outcome)
        except LeaseLostError as error:
            return self._result("unknown_outcome", started, error=error)
        except OutriderError as error:
            return self._result(_STATUS.get(error.code, "failed"), started, error=error)
        finally:
            await self._log.flush()

    async def _run_fenced(self) -> dict[str, object]:
        """Run the work beside renewals and fence; the first of them that ends or fails ends the others."""
        work = asyncio.ensure_future(self._work(self.instruction, self._log.add))
        guards = {asyncio.ensure_future(self._renew_all()), asyncio.ensure_future(self._fence())}
        logs = asyncio.ensure_future(self._log.run())
        try:
            done, _ = await asyncio.wait({work, *guards}, return_when=asyncio.FIRST_COMPLETED)
            if work not in done:
                work.cancel()
                await asyncio.wait({work})
                for guard in done:
                    await guard
            return await work
        finally:
            tasks = {work, logs, *guards}
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _fence(self) -> None:
        """Wait for the last moment at which the claim surely holds; renewals move it.

        Raises:
            LeaseLostError: It has come.
        """
        while (left := self._valid_until - FENCE_MARGIN - self._clock.monotonic()) > 0:
            # In short steps, because a sleep does not count the time during which the machine is suspended.
            await self._clock.sleep(min(left, FENCE_STEP))
        raise LeaseLostError(
            "the claim could not be renewed in time; the work was stopped",
            suggestions=["look at the connection between agent and orchestrator"],
        )

    async def _renew_all(self) -> None:
        """Renew until cancelled.

        Raises:
            CancelledByCallerError: The orchestrator asked for the end.
            LeaseLostError: The claim was given to another.
        """
        pause = self.instruction.lease_seconds / RENEWALS_PER_LEASE
        while True:
            await self._clock.sleep(pause)
            failures = 0
            while not await self._try_renewal():
                failures += 1
                chance = secrets.randbelow(1000) / 1000
                await self._clock.sleep(delay(failures, base=0.2, cap=pause / 2, chance=chance))
            if self._cancel_requested:
                raise CancelledByCallerError(f"{self.instruction.plugin_id}: cancelled by the orchestrator")

    async def _try_renewal(self) -> bool:
        try:
            await self._renew()
        except ConflictError as error:
            raise LeaseLostError(f"the claim was given to another: {error.message}") from error
        except OutriderError as error:
            _log.warning("renewal failed: %s", error.message, extra={"instruction": self.instruction.id})
            return False
        return True

    async def _renew(self) -> None:
        # The claim is counted from before the request: the orchestrator may have counted it from the earliest moment.
        asked = self._clock.monotonic()
        answer = await self._link.renew(self.instruction)
        self._valid_until = asked + answer.lease_seconds
        self._cancel_requested = answer.cancel

    def _result(
        self,
        status: str,
        started: float,
        *,
        result: dict[str, object] | None = None,
        error: OutriderError | None = None,
    ) -> Result:
        ended = self._clock.now()
        return msgspec.convert(
            {
                "status": status,
                "lease_epoch": self.instruction.lease_epoch,
                "attempt": self.instruction.attempt,
                "result": result or {},
                "error": msgspec.to_builtins(error.body()) if error is not None else None,
                "started_at": timestamp(started),
                "completed_at": timestamp(ended),
                "duration": max(0.0, ended - started),
            },
            Result,
        )
