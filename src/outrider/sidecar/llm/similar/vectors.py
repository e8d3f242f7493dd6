"""Vectors of texts, as long as they come in time."""

import asyncio
import math
from array import array
from collections.abc import Callable, Sequence

import msgspec

from outrider.core.errors import ExecutionFailedError, OutriderError
from outrider.ports.telemetry import logger
from outrider.sidecar.memory.embedding import Embedder
from outrider.sidecar.memory.limits import MAX_DIMENSION

# How long a call waits for the vector of its text.
EMBED_SECONDS = 2.0
# A route that took longer is left alone for so long, so that not every call waits for it.
REST_SECONDS = 10.0
# Reasons that the log hears of.
MOST_REASONS = 100
_log = logger(__name__)

Vector = Sequence[float]


class Likeness(msgspec.Struct, frozen=True):
    """What calls have in common that get the same answer.

    Attributes:
        rest: Stands for all of a call but its last text.
        vector: Of that text, of length 1.
    """

    rest: bytes
    vector: "array[float]"

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.rest) + len(self.vector) * self.vector.itemsize


class Vectors:
    """Makes them.

    Args:
        embedder: Asks the model.
        now: Seconds of a clock that cannot be set.

    Attributes:
        problem: Why the last text has no vector; empty where it has one.
    """

    def __init__(self, embedder: Embedder, now: Callable[[], float]) -> None:
        self._embedder, self._now = embedder, now
        self.problem = ""
        self._told: set[str] = set()
        self._rests_until = -math.inf

    @property
    def rests(self) -> bool:
        """Whether the model is left alone now."""
        return self._now() < self._rests_until

    async def of(self, text: str) -> "array[float] | None":
        """Return the vector of a text, of length 1; None where there is none in time."""
        try:
            async with asyncio.timeout(EMBED_SECONDS):
                (found,) = await self._embedder.embed([text])
            vector = _unit(found)
        except (OutriderError, OSError) as error:
            self._fail(error)
            return None
        self.problem = ""
        return vector

    async def close(self) -> None:
        """Drop the connections."""
        await self._embedder.close()

    def _fail(self, error: OutriderError | OSError) -> None:
        """Keep what went wrong; the log hears of each reason once."""
        if isinstance(error, TimeoutError):
            self._rests_until = self._now() + REST_SECONDS
            reason = f"a text has no vector within {EMBED_SECONDS:g} s"
        else:
            reason = error.message if isinstance(error, OutriderError) else repr(error)[:200]
        self.problem = f"answers are given to the same call only: {reason}"
        if reason not in self._told and len(self._told) < MOST_REASONS:
            self._told.add(reason)
            _log.warning("%s", self.problem)


def _unit(vector: list[float]) -> "array[float]":
    """Return a vector of the same direction and of length 1.

    Raises:
        ExecutionFailedError: It has none, or too many numbers.
    """
    length = math.hypot(*vector)
    if not 0 < length < math.inf or len(vector) > MAX_DIMENSION:
        raise ExecutionFailedError(
            "the vector of a text cannot be compared", found=f"{len(vector)} numbers, length {length:g}",
            expected=f"a direction in at most {MAX_DIMENSION} dimensions",
        )  # fmt: skip
    return array("f", [value / length for value in vector])
