"""The turns of JavaScript's promises, by which pnpm names packages while it still looks for the peers of others.

Where two names are equally good, the one that is known later counts. So jobs are done in the order of
https://tc39.es/ecma262/#sec-jobs: what begins in one turn is done in the next.
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

_Tell = Callable[[str], None]


class Turns:
    """Jobs that wait for their turn."""

    def __init__(self) -> None:
        self._jobs: deque[Callable[[], None] | None] = deque()

    def later(self, job: Callable[[], None]) -> None:
        """Have a job be done in the next turn."""
        self._jobs.append(job)

    def turn(self) -> None:
        """Do what waits so far."""
        self._jobs.append(None)
        while (job := self._jobs.popleft()) is not None:
            job()

    def finish(self) -> None:
        """Do all that waits, and what comes of it."""
        while self._jobs:
            self.turn()


class Name:
    """The path of a place, which some wait for.

    Args:
        turns: In which they are told it.

    Attributes:
        path: It; empty as long as it is not known.
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.path = ""
        self._waiting: list[_Tell] = []

    def tell(self, path: str) -> None:
        """Tell it to whoever waits; what it was first stays."""
        if not self.path:
            self.path = path
            for tell in self._waiting:
                self._turns.later(partial(tell, path))
            self._waiting.clear()

    def when_told(self, tell: _Tell) -> None:
        """Have it told in a later turn."""
        if self.path:
            self._turns.later(partial(tell, self.path))
        else:
            self._waiting.append(tell)


def when_all_told(turns: Turns, names: Sequence[tuple[Name, str]], done: Callable[[list[str]], None]) -> None:
    """Have something done once all of some names are known, in as many turns as `Promise.all` takes.

    Args:
        turns: To be waited for.
        names: Each with what it is to be from now on; empty for those that others know.
        done: What is done with all of them.
    """
    found: list[str] = []

    def tell(path: str) -> None:
        found.append(path)
        if len(found) == len(names):
            turns.later(partial(done, found))

    for name, path in names:
        if path:
            name.tell(path)
        else:
            # A promise that a function returns is looked at in a turn of its own, and so is what that comes to.
            turns.later(partial(name.when_told, lambda known: turns.later(partial(tell, known))))
    for path in (path for _, path in names if path):
        turns.later(partial(tell, path))
