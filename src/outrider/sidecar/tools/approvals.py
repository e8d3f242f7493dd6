"""Calls of tools that wait for a person."""

import asyncio
from collections.abc import Callable
from typing import Any

from outrider.core.codec import encode
from outrider.core.errors import DeniedError, LimitedError, NotFoundError
from outrider.core.policy import ApprovalTerms
from outrider.sidecar.activity import Question, QuestionEnd
from outrider.sidecar.tools.status import Decision

MOST_OPEN = 100
# Characters of a value, and bytes of all arguments, that a question shows.
LONGEST_SHOWN, MOST_SHOWN = 200, 16 * 1024


class Approvals:
    """Questions that are open.

    Args:
        wall: Seconds since the epoch.
        new_id: Makes ids.
        asked: Hears of each question, and of its end.
    """

    def __init__(
        self, wall: Callable[[], float], new_id: Callable[[], str], asked: Callable[[Question | QuestionEnd], None]
    ) -> None:
        self._wall, self._new_id, self._asked = wall, new_id, asked
        self._open: dict[str, tuple[Question, asyncio.Future[Decision]]] = {}

    def questions(self) -> list[Question]:
        """Return those that wait, the oldest first."""
        return [question for question, _ in self._open.values()]

    def decide(self, question_id: str, decision: Decision) -> None:
        """Answer a question; the first answer counts.

        Raises:
            NotFoundError: It does not wait.
        """
        found = self._open.get(question_id)
        if found is None or found[1].done():
            raise NotFoundError(f"no call waits under '{question_id}'", found=question_id)
        found[1].set_result(decision)

    async def ask(self, tool: str, arguments: dict[str, Any], terms: ApprovalTerms) -> Decision:
        """Wait for an answer, and return it.

        Raises:
            DeniedError: Nobody answered in time.
            LimitedError: Too many questions are open, or nobody could read this one.
        """
        arguments = shown(tool, arguments)
        if len(self._open) >= MOST_OPEN:
            raise LimitedError(
                f"tool '{tool}': {MOST_OPEN} calls wait for a person already", suggestions=["wait for answers"]
            )
        question = Question(
            id=self._new_id(), tool=tool, arguments=arguments, groups=terms.groups, expires=self._wall() + terms.expire
        )
        answer: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._open[question.id] = (question, answer)
        self._asked(question)
        try:
            async with asyncio.timeout(terms.expire):
                return await answer
        except TimeoutError as error:
            raise DeniedError(
                f"tool '{tool}': nobody approved the call", found=f"no answer within {terms.expire}",
                expected=f"an approval from {', '.join(terms.groups) or 'a person'}",
            ) from error  # fmt: skip
        finally:
            del self._open[question.id]
            self._asked(QuestionEnd(id=question.id))


def shown(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return every argument with its value cut, so that none can hide behind a long one.

    Raises:
        LimitedError: They are too many to be read.
    """
    short = {}
    for key, value in arguments.items():
        text = value if isinstance(value, str) else encode(value).decode()
        short[key] = value if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}… ({len(text)} characters)"
    if len(encode(short)) > MOST_SHOWN:
        raise LimitedError(
            f"tool '{tool}': nobody can look at so many arguments", found=f"{len(arguments)} arguments",
            expected=f"at most {MOST_SHOWN} bytes of names and short values",
        )  # fmt: skip
    return short
