"""Questions on the terminal of `outrider up`."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest

from outrider.orchestrator.wire import ApprovalRow
from outrider.surfaces.cli.questions import Questions
from outrider.surfaces.cli.timeline import TimelinePrinter


class Platform:
    """Has questions, and notes answers."""

    def __init__(self) -> None:
        self.waiting: list[ApprovalRow] = []
        self.answers: list[str] = []

    async def get(self, path: str, kind: Any) -> list[ApprovalRow]:
        return list(self.waiting)

    async def post(self, path: str, request: Any, kind: Any) -> dict[str, str]:
        self.answers.append(f"{path} {request.decision}")
        return {}


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    person, terminal = os.openpty()
    with os.fdopen(terminal, "r") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield person
    os.close(person)


def question(name: str) -> ApprovalRow:
    return ApprovalRow(
        instruction=name, question=f"{name}?", groups=[], requested="1", expires="2", decision="", decided_by=""
    )


async def test_what_was_typed_for_a_question_that_was_withdrawn_answers_no_other(keyboard: int) -> None:
    platform, shown = Platform(), list[str]()
    printer = TimelinePrinter(shown.append, colour=False)
    async with Questions(platform, printer) as questions:  # type: ignore[arg-type]  # as far as it is used
        platform.waiting = [question("harmless")]
        await questions.refresh()
        os.write(keyboard, b"y")
        platform.waiting = [question("harmful")]
        await questions.refresh()
        os.write(keyboard, b"\n")
        async with asyncio.timeout(5):
            while not any("type y to approve" in line for line in shown):  # noqa: ASYNC110 - a line, and no event
                await asyncio.sleep(0.01)
        assert platform.answers == []
        os.write(keyboard, b"y\n")
        async with asyncio.timeout(5):
            while not platform.answers:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert platform.answers == ["/v1/approvals/harmful approved"]
