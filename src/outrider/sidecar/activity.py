"""What a sidecar has just done, for those who watch."""

import asyncio
from collections import deque
from typing import Any

import msgspec

from outrider.core.codec import encode
from outrider.sidecar.llm.ledger import Entry

KEPT = 1000
# Of one answer.
MOST, MOST_BYTES = 200, 512 * 1024


class ToolUse(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A call of a tool that has ended.

    Attributes:
        tool: As the agent called it, cut where that is long.
        outcome: `ok`, `failed` where the tool says so, `asked` where more is wanted first, `CANCELLED` where the client has left, or the code of our error.
        approved: Who approved it, where somebody was asked.
        problem: What our error says and what helps, cut where that is long.
    """

    tool: str
    server: str
    outcome: str
    seconds: float
    approved: str = ""
    problem: str = ""


class RefusedCall(msgspec.Struct, kw_only=True):
    """A call of a model that was refused, or that nobody answered.

    Attributes:
        alias: The model, as the agent calls it; empty where that was not looked at.
        code: As the agent got it.
        message: Why, cut where that is long.
    """

    alias: str
    code: str
    message: str


class Question(msgspec.Struct, kw_only=True):
    """A call that waits.

    Attributes:
        id: Of the question.
        arguments: Every one, long values cut.
        groups: Who may answer.
        expires: Seconds since the epoch.
    """

    id: str
    tool: str
    arguments: dict[str, Any]
    groups: list[str]
    expires: float


class QuestionEnd(msgspec.Struct, kw_only=True):
    """A call that waits no more: it was answered, its time is over, or its client has left."""

    id: str


class Activity(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One thing that was done; its number is one more than that of the one before.

    Attributes:
        call: Of a model.
        refused: A call of a model that was refused.
        tool: A call of a tool.
        question: A call of a tool that waits for a person.
        answered: One that waits no more.
    """

    number: int
    call: Entry | None = None
    refused: RefusedCall | None = None
    tool: ToolUse | None = None
    question: Question | None = None
    answered: QuestionEnd | None = None


Done = Entry | RefusedCall | ToolUse | Question | QuestionEnd


class ActivityFeed:
    """The last things that were done; who comes late misses what came before them."""

    def __init__(self) -> None:
        # As they are: activities are made of them only for who asks.
        self._kept: deque[Done] = deque(maxlen=KEPT)
        self._last = 0
        self._came: asyncio.Event | None = None

    def add(self, done: Done) -> None:
        """Note what was done."""
        self._last += 1
        self._kept.append(done)
        if self._came is not None:
            self._came.set()
            self._came = None

    async def after(self, number: int, seconds: float) -> list[Activity]:
        """Return what was done after a number, up to a bound; where that is nothing yet, wait for so long."""
        if self._last <= number:
            self._came = self._came or asyncio.Event()
            try:
                async with asyncio.timeout(seconds):
                    await self._came.wait()
            except TimeoutError:
                return []
        first = self._last - len(self._kept) + 1
        found: list[Activity] = []
        size = 0
        for at, done in enumerate(self._kept, first):
            if at > number:
                one = _activity(at, done)
                size += len(encode(one))
                if found and (size > MOST_BYTES or len(found) == MOST):
                    break
                found.append(one)
        return found


def _activity(number: int, done: Done) -> Activity:
    match done:
        case Entry():
            return Activity(number=number, call=done)
        case RefusedCall():
            return Activity(number=number, refused=done)
        case ToolUse():
            return Activity(number=number, tool=done)
        case Question():
            return Activity(number=number, question=done)
        case QuestionEnd():
            return Activity(number=number, answered=done)
