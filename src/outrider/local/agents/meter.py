"""What a task uses, as its sidecar tells it."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from outrider.core.errors import NotFoundError
from outrider.local.agents.sidecar import Sidecar
from outrider.sidecar.activity import Activity, Question
from outrider.sidecar.tools.status import Decision


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
        for one in await sidecar.activity(0, 0):
            made._last = one.number
        return made

    async def follow(self) -> None:
        """Follow until cancelled; questions are answered one after the other."""
        while True:
            activities = await self._sidecar.activity(self._last)
            self._add(activities)
            for one in activities:
                if one.question is not None and (decision := await self._decide(one.question)) is not None:
                    with suppress(NotFoundError):  # it was answered elsewhere, or is too old
                        await self._sidecar.decide(one.question.id, decision)

    async def finish(self) -> None:
        """Take what is left."""
        self._add(await self._sidecar.activity(self._last, 0))

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
