"""What is asked of each mode."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec


class Task(msgspec.Struct, kw_only=True, frozen=True):
    """A task on its way to a program.

    Attributes:
        run: Its id.
        given: The input, as JSON.
        folder: Where what comes of it is kept.
        traceparent: The trace in which it stands.
        stderr: Gets what the program writes to its log.
        session: The conversation that it belongs to; empty for none.
    """

    run: str
    given: bytes
    folder: Path
    traceparent: str
    stderr: Callable[[bytes], None]
    session: str = ""


class Ending(msgspec.Struct, frozen=True):
    """What became of a task."""

    state: str
    exit_code: int
    result: Any
    problem: str


class Invocation(Protocol):
    """Gives tasks to a program, one after the other."""

    async def run(self, task: Task) -> Ending:
        """Give it one and wait for what comes of it.

        Raises:
            OutriderError: The program could not be started.
        """
        ...

    async def close(self) -> None:
        """End the program, where it still runs."""
        ...
