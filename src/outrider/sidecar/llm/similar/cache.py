"""Answers that are given again to the same call, and to one that asks the same in other words."""

import asyncio
import secrets
from collections.abc import Callable
from itertools import islice
from operator import itemgetter, mul
from typing import TYPE_CHECKING

from outrider.core.secrets import SecretValue
from outrider.core.sidecar_settings import CacheSettings, SimilarSettings
from outrider.sidecar.llm.cache import Answer, CachedAttempt, ResponseCache, key_of
from outrider.sidecar.llm.similar.acting import acts
from outrider.sidecar.llm.similar.asked import asked_last
from outrider.sidecar.llm.similar.vectors import Likeness, Vectors
from outrider.sidecar.llm.waiting import WaitingCalls
from outrider.sidecar.memory.embedding import Embedder
from outrider.sidecar.proxy.gate import Attempt
from outrider.sidecar.proxy.messages import Field

if TYPE_CHECKING:
    from outrider.sidecar.llm.attempt import Record
    from outrider.sidecar.proxy.exchange import Exchange

# Of the answers to calls that are the same but for the last text, the newest are looked at, a few in each turn of the loop.
MOST_COMPARED, COMPARED_AT_A_TIME = 200, 20
CONNECTIONS = 32
# What numbers of 32 bits lose of a cosine.
ROUNDING = 1e-6


class SimilarCache(ResponseCache):
    """Keeps answers, and with those that only say something the vector of what was asked.

    Args:
        settings: How long, and how many.
        similar: How near.
        now: Seconds of a clock that cannot be set.
        vectors: Of texts.
        own_key: Identifies the calls that make them.
    """

    def __init__(
        self, settings: CacheSettings, similar: SimilarSettings, now: Callable[[], float], *, vectors: Vectors, own_key: bytes
    ) -> None:  # fmt: skip
        super().__init__(settings, now)
        self._least = similar.similarity - ROUNDING
        self._vectors, self.own_key = vectors, own_key
        self._waiting = WaitingCalls()
        self._likeness: dict[bytes, Likeness] = {}
        # By what they have in common, the oldest first.
        self._alike: dict[bytes, dict[bytes, Likeness]] = {}

    @property
    def problem(self) -> str:
        """Why answers are given to the same call only."""
        return self._vectors.problem

    def look(
        self, exchange: "Exchange", record: "Record", go_on: Callable[[Answer | None], None], *, left: Callable[[], None]
    ) -> bool:  # fmt: skip
        """Look for the answer to a call that is like this one; see ResponseCache."""
        if not record.cache_key or self._vectors.rests:
            return False
        asked = asked_last(record.endpoint.name, exchange.request.body)
        if asked is None:
            return False
        rest = key_of(exchange.request, record.path, asked.members)
        self._waiting.add(exchange, self._look(record, rest, asked.text, go_on), left=left)
        return True

    async def _look(self, record: "Record", rest: bytes, text: str, go_on: Callable[[Answer | None], None]) -> None:
        vector = await self._vectors.of(text)
        if vector is None:
            go_on(None)
            return
        record.likeness = Likeness(rest, vector)
        go_on(await self._nearest(record.likeness))

    async def _nearest(self, wanted: Likeness) -> Answer | None:
        """Return the answer to what is most similar, if it is similar enough."""
        scores: list[tuple[float, bytes]] = []
        newest = islice(reversed(self._alike.get(wanted.rest, {}).items()), MOST_COMPARED)
        for number, (key, there) in enumerate(list(newest), 1):
            if len(there.vector) == len(wanted.vector):  # of another model of the route
                scores.append((sum(map(mul, wanted.vector, there.vector)), key))
            if number % COMPARED_AT_A_TIME == 0:
                await asyncio.sleep(0)
        near = (key for score, key in sorted(scores, key=itemgetter(0), reverse=True) if score >= self._least)
        return next((found for key in near if (found := self.find(key)) is not None), None)

    def around(self, attempt: Attempt, record: "Record") -> Attempt:
        """Return an attempt whose answer is kept, if it is a good one."""
        if record.likeness is None:
            return super().around(attempt, record)
        return _SimilarAttempt(attempt, self, record.cache_key, record.likeness)

    def keep_like(self, key: bytes, fields: list[Field], body: bytes, likeness: Likeness) -> None:
        """Keep an answer for all calls that are like the one that got it."""
        self.keep(key, fields, body, likeness.size)
        if key in self._answers:  # one that is larger than all may be is gone already
            self._likeness[key] = likeness
            self._alike.setdefault(likeness.rest, {})[key] = likeness

    def _drop(self, key: bytes) -> None:
        super()._drop(key)
        likeness = self._likeness.pop(key, None)
        if likeness is not None:
            alike = self._alike[likeness.rest]
            del alike[key]
            if not alike:
                del self._alike[likeness.rest]

    async def close(self) -> None:
        """Let calls that wait go on, and drop the connections."""
        await self._waiting.close()
        await self._vectors.close()


class _SimilarAttempt(CachedAttempt):
    """Keeps an answer for calls that are like this one, too, unless it calls a tool."""

    __slots__ = ("_likeness", "_similar")

    def __init__(self, inner: Attempt, cache: SimilarCache, key: bytes, likeness: Likeness) -> None:
        super().__init__(inner, cache, key)
        self._similar, self._likeness = cache, likeness

    def _keep(self, body: bytes) -> None:
        if acts(body, stream=self.is_stream):
            super()._keep(body)
        else:
            self._similar.keep_like(self._key, self._fields, body, self._likeness)


def open_similar(
    settings: CacheSettings, similar: SimilarSettings, now: Callable[[], float], gateway: str
) -> SimilarCache:
    """Return the cache.

    Args:
        settings: Of the cache.
        similar: How near, and who makes vectors.
        now: Seconds of a clock that cannot be set.
        gateway: Address of the gateway itself.
    """
    key = secrets.token_urlsafe(32)
    embedder = Embedder(gateway, similar.embedding, SecretValue(key), connections=CONNECTIONS)
    return SimilarCache(settings, similar, now, vectors=Vectors(embedder, now), own_key=b"Bearer " + key.encode())
