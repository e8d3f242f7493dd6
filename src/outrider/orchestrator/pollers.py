"""Agents that wait for instructions: one poll each, answered by the transaction that creates something for it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress

from outrider.core.events import Instruction
from outrider.orchestrator.transaction import Transaction

Claim = Callable[[Transaction, str, int], list[Instruction]]


class Poller:
    """An agent that waits; a transaction that has some for it claims them on the spot."""

    def __init__(self, agent: str, limit: int) -> None:
        self.agent = agent
        self.limit = limit
        self.claimed: list[Instruction] = []
        self.superseded = False
        self.woken = asyncio.Event()


class Pollers:
    """The waiting polls. The writer's thread takes pollers out, the event loop puts them in."""

    def __init__(self) -> None:
        self._waiting: dict[str, Poller] = {}
        # How often something came in for an agent, and the count at which nothing was left: while they agree there is
        # nothing to look for.
        self._wakes: Counter[str] = Counter()
        self._emptied: dict[str, int] = {}

    def wakes(self, agent: str) -> int:
        """Return how often something came in for an agent so far."""
        return self._wakes[agent]

    def found_nothing(self, agent: str, wakes: int) -> None:
        """Note that nothing was left for an agent when so much had come in."""
        self._emptied[agent] = wakes

    def has_nothing(self, agent: str) -> bool:
        """Return whether nothing has come in for an agent since nothing was left."""
        return self._emptied.get(agent) == self._wakes[agent]

    async def wait(self, poller: Poller, seconds: float) -> None:
        """Wait until something was claimed for it, something came in, it was superseded, or the time is over."""
        previous = self._waiting.get(poller.agent)
        if previous is not None:
            previous.superseded = True  # an agent that polls again has given up its earlier poll
            previous.woken.set()
        self._waiting[poller.agent] = poller
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await poller.woken.wait()
            if self._waiting.get(poller.agent) is not poller:
                await poller.woken.wait()  # a transaction has taken it, and claims for it
        finally:
            if self._waiting.get(poller.agent) is poller:
                del self._waiting[poller.agent]

    def hand_over(self, work: Transaction, handed: list[Poller], claim: Claim) -> None:
        """Claim what the transaction created for agents that are waiting: one commit and one wake-up less on the way."""
        for agent in sorted(work.wake):
            poller = self._waiting.pop(agent, None)
            if poller is not None:
                handed.append(poller)
                poller.claimed = claim(work, agent, poller.limit)
                if len(poller.claimed) < poller.limit:
                    work.wake.discard(agent)  # it has everything that waited for it

    def wake(self, agents: Iterable[str]) -> None:
        """Let agents look again."""
        for agent in agents:
            self._wakes[agent] += 1
            poller = self._waiting.get(agent)
            if poller is not None:
                poller.woken.set()


def release(handed: list[Poller], *, committed: bool) -> None:
    """Let the pollers of a transaction go, with what was claimed for them if it is on disk."""
    for poller in handed:
        if not committed:
            poller.claimed = []
        poller.woken.set()
