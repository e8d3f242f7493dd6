"""What a task uses, as its sidecar tells it."""

from collections.abc import Callable

from outrider.local.agents.sidecar import Sidecar
from outrider.sidecar.activity import Activity


class Meter:
    """Follows a sidecar and adds up.

    Args:
        sidecar: Whom to follow.
        watch: Sees what the sidecar does.

    Attributes:
        calls: Of models.
        input: Tokens.
        output: Tokens.
        cost: In nano-units.
    """

    def __init__(self, sidecar: Sidecar, watch: Callable[[Activity], None]) -> None:
        self._sidecar = sidecar
        self._watch = watch
        self._last = 0
        self.calls = self.input = self.output = self.cost = 0

    async def follow(self) -> None:
        """Follow until cancelled."""
        while True:
            self._add(await self._sidecar.activity(self._last))

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
            self._watch(one)
