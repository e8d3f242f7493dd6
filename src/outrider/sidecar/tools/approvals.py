"""Calls of tools that wait for a person."""

import asyncio
from collections.abc import Callable
from typing import Any

from outrider.core.errors import DeniedError, NotFoundError
from outrider.core.policy import ApprovalTerms
from outrider.sidecar.activity import Question
from outrider.sidecar.tools.status import Decision


class Approvals:
    """Questions that are open.

    Args:
        wall: Seconds since the epoch.
        new_id: Makes ids.
        asked: Hears of each question.
    """

    def __init__(self, wall: Callable[[], float], new_id: Callable[[], str], asked: Callable[[Question], None]) -> None:
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

    async def ask(self, tool: str, arguments: dict[str, Any], terms: ApprovalTerms) -> str:
        """Wait for an answer, and return who approved.

        Raises:
            DeniedError: It was rejected, or nobody answered in time.
        """
        question = Question(
            id=self._new_id(), tool=tool, arguments=arguments, groups=terms.groups, expires=self._wall() + terms.expire
        )
        answer: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._open[question.id] = (question, answer)
        self._asked(question)
        try:
            async with asyncio.timeout(terms.expire):
                decision = await answer
        except TimeoutError as error:
            raise DeniedError(
                f"tool '{tool}': nobody approved the call", found=f"no answer within {terms.expire}",
                expected=f"an approval from {', '.join(terms.groups) or 'a person'}",
            ) from error  # fmt: skip
        finally:
            del self._open[question.id]
        if not decision.approve:
            raise DeniedError(f"tool '{tool}': {decision.by} rejected the call", suggestions=["do without it"])
        return decision.by
