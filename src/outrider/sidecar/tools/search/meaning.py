"""Ranks tools by what they mean: a model makes vectors of what they say of themselves, once for each definition."""

import asyncio
import math
from array import array
from collections.abc import Mapping, Sequence
from operator import mul
from pathlib import Path

import msgspec

from outrider.core.codec import decode, encode
from outrider.core.errors import ExecutionFailedError, OutriderError
from outrider.ports.clock import Clock
from outrider.ports.secrets.private_files import write_private
from outrider.ports.telemetry import logger
from outrider.sidecar.memory.embedding import Embedder
from outrider.sidecar.memory.limits import MAX_DIMENSION

# Texts in a request: some servers of embeddings take no more.
BATCH = 32
# Above it those are dropped that no tool has any more.
MOST_VECTORS = 4000
RETRY_SECONDS = 60.0
# How long a search waits for the vector of its query before it goes by words.
QUERY_SECONDS = 5.0
FAULTS = (OutriderError, OSError)
_log = logger(__name__)

Vector = Sequence[float]


class _Kept(msgspec.Struct):
    """What is in the file.

    Attributes:
        model: That made the vectors; those of two models cannot be compared.
        vectors: 32-bit floats, by the hash of a definition.
    """

    model: str
    vectors: dict[str, bytes]


class Meaning:
    """The vectors of tools.

    Args:
        path: File in which they are kept.
        model: What makes them; those of another one are dropped.
        embedder: Asks it.
        clock: Time.
    """

    def __init__(self, path: Path, model: str, embedder: Embedder, clock: Clock) -> None:
        self._path, self._model, self._embedder, self._clock = path, model, embedder, clock
        self._vectors = _read(path, model)
        self._texts: Mapping[str, str] = {}
        self._news = asyncio.Event()
        self._failed = ""

    @property
    def problem(self) -> str:
        """Why tools are found by words only."""
        missing = len(self._missing())
        waiting = f"{missing} of {len(self._texts)} tools are not embedded yet" if missing else ""
        reason = self._failed or waiting
        return f"tools are found by words only: {reason}" if reason else ""

    def learn(self, texts: Mapping[str, str]) -> None:
        """Embed texts when there is time for it.

        Args:
            texts: All of them, by the hashes of the definitions that they stand for.
        """
        self._texts = texts
        self._news.set()

    async def keep_learning(self) -> None:
        """Embed what is new, and what could not be embedded before, until cancelled."""
        while True:
            self._news.clear()
            try:
                await self._learn()
            except FAULTS as error:
                self._fail(error)
                await self._clock.sleep(RETRY_SECONDS)
            else:
                await self._news.wait()

    async def of(self, query: str) -> Vector | None:
        """Return the vector of a query; None where there is none in time, or nothing to compare it with."""
        if not self._texts or self._missing():
            return None
        try:
            async with asyncio.timeout(QUERY_SECONDS):
                (found,) = await self._embed([query])
        except FAULTS as error:
            self._fail(error)
            return None
        self._failed = ""
        return found

    def rank(self, vector: Vector, hashes: Sequence[str]) -> list[int]:
        """Return the numbers of all tools, those first whose vector has the most similar direction.

        Args:
            vector: Of the query.
            hashes: Of the definitions of the tools; of one that is not embedded nothing is known.
        """
        scores = [
            sum(map(mul, vector, found)) if (found := self._vectors.get(one)) is not None else -1.0 for one in hashes
        ]
        return sorted(range(len(hashes)), key=lambda number: (-scores[number], number))

    async def close(self) -> None:
        """Drop the connections."""
        await self._embedder.close()

    def _missing(self) -> list[str]:
        return [one for one in self._texts if one not in self._vectors]

    async def _learn(self) -> None:
        before = len(self._vectors)
        try:
            while missing := self._missing()[:BATCH]:
                found = await self._embed([self._texts[one] for one in missing])
                self._vectors.update(zip(missing, found, strict=True))
                self._failed = ""
        finally:
            if len(self._vectors) > before:
                await self._keep()

    async def _keep(self) -> None:
        if len(self._vectors) > MOST_VECTORS:
            self._vectors = {one: vector for one, vector in self._vectors.items() if one in self._texts}
        try:
            await asyncio.to_thread(_write, self._path, self._model, dict(self._vectors))
        except FAULTS as error:
            _log.warning("%s cannot be written, and tools are embedded anew after a start: %s", self._path, error)

    async def _embed(self, texts: list[str]) -> list[Vector]:
        """Return vectors of length 1.

        Raises:
            OutriderError: The model makes none, or others than before.
        """
        found = [_unit(one) for one in await self._embedder.embed(texts)]
        known = len(next(iter(self._vectors.values()), found[0]))
        for one in found:
            if not 0 < len(one) <= MAX_DIMENSION or len(one) != known:
                raise ExecutionFailedError(
                    "vectors of different lengths cannot be compared", found=f"{len(one)} numbers",
                    expected=f"{known}, as in {self._path.name}, and at most {MAX_DIMENSION}",
                    suggestions=["give the route one model only", f"delete {self._path} to embed all tools anew"],
                )  # fmt: skip
        return found

    def _fail(self, error: Exception) -> None:
        """Keep what went wrong; the log hears of it once."""
        late = f"a query has no vector within {QUERY_SECONDS:g} s" if isinstance(error, TimeoutError) else ""
        told = error.message if isinstance(error, OutriderError) else late or repr(error)[:200]
        if told != self._failed:
            _log.warning("tools are found by words only: %s", told)
        self._failed = told


def _unit(vector: list[float]) -> Vector:
    length = math.hypot(*vector) or 1.0
    return array("f", [value / length for value in vector])


def _read(path: Path, model: str) -> dict[str, Vector]:
    """Return what is kept. What cannot be read is made anew, as it is no loss but of a little money."""
    try:
        kept = decode(path.read_bytes(), _Kept)
        found = {one: _from_bytes(data) for one, data in kept.vectors.items()}
    except FileNotFoundError:
        return {}
    except (OutriderError, OSError, ValueError) as error:
        _log.warning("%s cannot be read, and tools are embedded anew: %s", path, error)
        return {}
    return found if kept.model == model and len({len(one) for one in found.values()}) <= 1 else {}


def _write(path: Path, model: str, vectors: Mapping[str, Vector]) -> None:
    kept = _Kept(model, {one: array("f", vector).tobytes() for one, vector in vectors.items()})
    write_private(path, encode(kept))


def _from_bytes(data: bytes) -> Vector:
    made = array("f")
    made.frombytes(data)
    return made
