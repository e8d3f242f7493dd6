"""What a task uses, as its sidecar tells it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from outrider.core.errors import OutriderError
from outrider.local.agents.sidecar import WAIT_MILLISECONDS, Sidecar
from outrider.ports.telemetry import logger
from outrider.sidecar.activity import Activity, Question
from outrider.sidecar.control import SidecarStatus
from outrider.sidecar.tools.status import Decision

RETRY_SECONDS = 0.2
_log = logger(__name__)


class Meter:
    """Follows a sidecar and adds up.

    Args:
        sidecar: Whom to follow.
        watch: Sees what the sidecar does.
        decide: Answers calls that wait for a person.

    Attributes:
        calls: Of models.
        tools: Calls of tools.
        input: Tokens.
        output: Tokens.
        cost: In nano-units.
    """

    def __init__(
        self,
        sidecar: Sidecar,
        watch: Callable[[Activity], None],
        decide: Callable[[Question], Awaitable[Decision | None]],
    ) -> None:
        self._sidecar = sidecar
        self._watch, self._decide = watch, decide
        self._last = 0
        self._asked: dict[str, asyncio.Task[None]] = {}
        self.calls = self.tools = self.input = self.output = self.cost = 0

    @classmethod
    async def begin(
        cls,
        sidecar: Sidecar,
        watch: Callable[[Activity], None],
        decide: Callable[[Question], Awaitable[Decision | None]],
    ) -> "Meter":
        """Return one that leaves out what the sidecar did before; arguments are those of the class."""
        made = cls(sidecar, watch, decide)
        while before := await sidecar.activity(made._last, 0):
            made._last = before[-1].number
        return made

    async def follow(self) -> None:
        """Follow until cancelled; questions are asked as they come, while what else happens is followed."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                with suppress(OutriderError):
                    for one in await self._take(WAIT_MILLISECONDS):
                        if one.question is not None:
                            self._asked[one.question.id] = tasks.create_task(self._answer(one.question))
                        elif one.answered is not None and (asked := self._asked.pop(one.answered.id, None)):
                            asked.cancel()
                    continue
                await asyncio.sleep(RETRY_SECONDS)

    async def _answer(self, question: Question) -> None:
        decision = await self._decide(question)
        if decision is not None:
            with suppress(OutriderError):  # it was answered elsewhere, is too old, or nobody waits any more
                await self._sidecar.decide(question.id, decision)

    async def finish(self) -> SidecarStatus | None:
        """Take what is left, and return how the sidecar does; None where it does not answer any more."""
        try:
            while await self._take(0):
                continue
            return await self._sidecar.status()
        except OutriderError as error:
            _log.warning("the sidecar does not tell what it did: %s", error)
            return None

    async def _take(self, wait: int) -> list[Activity]:
        activities = await self._sidecar.activity(self._last, wait)
        self._add(activities)
        return activities

    def _add(self, activities: list[Activity]) -> None:
        for one in activities:
            self._last = one.number
            if one.call is not None:
                self.calls += 1
                self.input += one.call.input
                self.output += one.call.output
                self.cost += one.call.cost
            if one.tool is not None:
                self.tools += 1
            self._watch(one)
