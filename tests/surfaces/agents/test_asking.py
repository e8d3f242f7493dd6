"""Questions of an AI agent to its platform, which may be away, and which nobody may wait for any more."""

import asyncio
import contextlib
from typing import Any

import pytest

from outrider.core.errors import ConnectionFailedError, OutriderError, UnavailableError
from outrider.core.events import CallAnswer, CallRequest
from outrider.ports.clock.manual import ManualClock
from outrider.sidecar.activity import Question
from outrider.surfaces.agents import asking
from outrider.surfaces.agents.asking import ask, decide

AWAY = ConnectionFailedError("the platform is away")
YES = CallAnswer(run="r", state="completed", decided_by="user:ana")


class Platform:
    """Answers as it is told, in turn.

    Attributes:
        calls: What it says when it is asked for something.
        answers: What it says about what became of that.
        may_begin: Set where it answers a call.
        cancelled: Runs that were cancelled.
    """

    def __init__(self, calls: list[OutriderError | str], answers: list[OutriderError | CallAnswer]) -> None:
        self.calls, self.answers = calls, answers
        self.may_begin, self.began = asyncio.Event(), asyncio.Event()
        self.may_begin.set()
        self.cancelled: list[str] = []

    async def call(self, request: CallRequest) -> str:
        self.began.set()
        await self.may_begin.wait()
        run: str = self._said(self.calls.pop(0))
        return run

    async def called(self, run: str) -> CallAnswer:
        if not self.answers:
            await asyncio.Event().wait()
        found: CallAnswer = self._said(self.answers.pop(0))
        return found

    async def cancel_call(self, run: str) -> None:
        self.cancelled.append(run)

    def _said(self, answer: Any) -> Any:
        if isinstance(answer, OutriderError):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "RETRY_SECONDS", 0.0, raising=False)


def question(clock: ManualClock, left: float = 60.0) -> Question:
    return Question(id="q", tool="t", arguments={}, groups=[], expires=clock.now() + left)


async def test_a_platform_that_is_started_anew_is_asked_again() -> None:
    clock = ManualClock()
    away = UnavailableError("it starts")
    platform = Platform([AWAY, away, "r"], [CallAnswer(run="r"), AWAY, away, YES])
    decision = await decide(platform, question(clock), clock)  # type: ignore[arg-type]  # as far as it is used
    assert (decision.approve, decision.by) == (True, "user:ana")
    assert platform.cancelled == []


async def test_what_may_have_begun_is_not_asked_for_twice() -> None:
    clock, lost = ManualClock(), ConnectionFailedError("lost")
    lost.sent = True
    platform = Platform([lost, "r"], [YES])
    assert not (await decide(platform, question(clock), clock)).approve  # type: ignore[arg-type]


async def test_a_platform_that_stays_away_has_approved_nothing() -> None:
    clock = ManualClock()
    platform = Platform(["r"], [AWAY])
    decision = await decide(platform, question(clock, 0.0), clock)  # type: ignore[arg-type]
    assert not decision.approve
    assert "could not ask anybody" in decision.by
    assert platform.cancelled == ["r"], "nobody waits for it"


@pytest.mark.parametrize("begun", [False, True])
async def test_what_nobody_waits_for_is_withdrawn(begun: bool) -> None:
    platform = Platform(["r"], [])
    if not begun:
        platform.may_begin.clear()
    asked = asyncio.ensure_future(ask(platform, CallRequest(id="q")))  # type: ignore[arg-type]
    await platform.began.wait()
    for _ in range(3):
        await asyncio.sleep(0)
    asked.cancel()
    await asyncio.sleep(0)
    platform.may_begin.set()
    with contextlib.suppress(asyncio.CancelledError):
        await asked
    assert platform.cancelled == ["r"]
