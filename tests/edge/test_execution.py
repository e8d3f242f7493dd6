"""An execution against an orchestrator that a test plays, on a clock that a test moves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from outrider.core.errors import ConflictError, ConnectionFailedError, OutriderError, UnavailableError
from outrider.core.events import Instruction, LeaseAnswer, LogLine
from outrider.edge.execution import Execution
from outrider.ports.clock.manual import ManualClock


class PlayedLink:
    """Answers renewals with what `answer` says, and keeps log lines."""

    def __init__(self) -> None:
        self.renewals = 0
        self.fault: OutriderError | None = None
        self.cancel = False
        self.hangs = False
        self.lines: list[str] = []

    async def renew(self, instruction: Instruction) -> LeaseAnswer:
        self.renewals += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.fault is not None:
            raise self.fault
        return LeaseAnswer(instruction.lease_epoch, 30.0, self.cancel)

    async def logs(self, instruction: Instruction, first: int, lines: list[LogLine]) -> int:
        self.lines += [line.text for line in lines]
        return first + len(lines)


class Case:
    def __init__(self, work: Callable[[], Any]) -> None:
        self.clock = ManualClock()
        self.link = PlayedLink()
        self.disk_fault: OutriderError | None = None
        self.ran = False
        self.ended = asyncio.Event()
        self._work = work
        instruction = Instruction(id="I", instruction_type="execute", plugin_id="p", lease_epoch=3, attempt=2)
        link: Any = self.link
        self.execution = Execution(instruction, link, self.clock, self._run, self._begin)
        self.task = asyncio.ensure_future(self.execution.run())

    async def _begin(self, instruction: Instruction) -> None:
        if self.disk_fault is not None:
            raise self.disk_fault

    async def _run(self, instruction: Instruction, log: Callable[[str], None]) -> dict[str, object]:
        self.ran = True
        log("working")
        try:
            result: dict[str, object] = await self._work()
        finally:
            self.ended.set()
        return result

    async def pass_time(self, seconds: float, step: float = 0.5) -> None:
        for _ in range(int(seconds / step)):
            self.clock.advance(step)
            for _ in range(10):
                await asyncio.sleep(0)


async def forever() -> dict[str, object]:
    await asyncio.Event().wait()
    return {}


@pytest.fixture
async def stuck() -> AsyncIterator[Case]:
    case = Case(forever)
    yield case
    case.task.cancel()
    await asyncio.wait({case.task})


async def test_nothing_is_run_before_the_first_renewal() -> None:
    case = Case(forever)
    case.link.fault = ConflictError("given to another")
    assert await case.task is None
    assert not case.ran


async def test_a_result_carries_epoch_attempt_and_log() -> None:
    async def done() -> dict[str, object]:
        return {"summary": "ok"}

    case = Case(done)
    result = await case.task
    assert result is not None
    assert (result.status, result.lease_epoch, result.attempt, result.result) == ("completed", 3, 2, {"summary": "ok"})
    assert case.link.lines == ["working"]


async def test_renewals_go_on_while_the_work_blocks(stuck: Case) -> None:
    await stuck.pass_time(65)
    assert stuck.link.renewals >= 6
    assert not stuck.task.done()


async def test_the_work_is_stopped_when_the_claim_cannot_be_renewed(stuck: Case) -> None:
    await stuck.pass_time(1)
    stuck.link.fault = ConnectionFailedError("cut")
    await stuck.pass_time(30)
    result = await stuck.task
    assert stuck.ended.is_set()
    assert result is not None
    assert result.error is not None
    assert "could not be renewed" in result.error.message
    assert result.status == "unknown_outcome"


async def test_the_work_is_stopped_before_the_claim_expires(stuck: Case) -> None:
    await stuck.pass_time(1)
    stuck.link.fault = ConnectionFailedError("cut")
    await stuck.pass_time(28.5)
    assert stuck.ended.is_set()


async def test_a_wall_clock_jump_changes_nothing(stuck: Case) -> None:
    stuck.clock.jump_wall(3600)
    await stuck.pass_time(20)
    stuck.clock.jump_wall(-7200)
    await stuck.pass_time(20)
    assert not stuck.ended.is_set()


async def test_a_replaced_claim_stops_the_work(stuck: Case) -> None:
    await stuck.pass_time(1)
    stuck.link.fault = ConflictError("epoch 4")
    await stuck.pass_time(15)
    assert stuck.ended.is_set()


async def test_cancel_rides_on_the_renewal(stuck: Case) -> None:
    await stuck.pass_time(1)
    stuck.link.cancel = True
    await stuck.pass_time(15)
    result = await stuck.task
    assert result is not None
    assert result.status == "cancelled"


async def test_a_renewal_that_hangs_does_not_hold_up_the_fence(stuck: Case) -> None:
    await stuck.pass_time(1)
    stuck.link.hangs = True
    await stuck.pass_time(28.5)
    assert stuck.ended.is_set()


async def test_what_is_cancelled_already_does_not_begin() -> None:
    case = Case(forever)
    case.link.cancel = True
    result = await case.task
    assert result is not None
    assert result.status == "cancelled"
    assert not case.ran


async def test_what_cannot_be_put_on_record_is_not_run() -> None:
    case = Case(forever)
    case.disk_fault = UnavailableError("the disk is full")
    result = await case.task
    assert result is not None
    assert (result.status, result.error.code if result.error else "") == ("failed", "UNAVAILABLE")
    assert not case.ran
