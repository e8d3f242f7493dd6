"""Keeps sessions short: what is old in one that has become too long is summed up by a model, while the agent goes on."""

import asyncio
import os
from collections.abc import Iterable
from functools import partial

from outrider.core.errors import ConflictError, NotFoundError, OutriderError
from outrider.core.identifiers import time_ordered
from outrider.core.sidecar_settings import SummarySettings
from outrider.ports.clock import Clock
from outrider.ports.telemetry import logger
from outrider.sidecar.memory.model import Message, Scope
from outrider.sidecar.memory.records import message_records
from outrider.sidecar.memory.store import ConversationStore
from outrider.sidecar.memory.summarising import LONGEST_PART, SUMMARY_ID, Summariser, is_summary, length
from outrider.sidecar.memory.turns import turns

MOST_AT_ONCE, MOST_WAITING = 4, 1000
# A session whose summary has failed is left alone for so long.
REST_SECONDS = 60.0
# What is under way when the sidecar ends has so long: the memory of an agent that ends after each task would never be summed up.
CLOSE_SECONDS = 8.0
TASK_NAME = "summary"
# Every provider takes it, also as the first message. What users and tools have said must not come back with the authority of
# `system`, as a summary of it would.
ROLE = "user"
MARK = "Summary of the conversation so far:\n\n"
_log = logger(__name__)


class Summaries:
    """Sums up the sessions of one memory.

    Args:
        settings: When, and how much stays.
        summariser: Writes the summaries.
        store: Where the memory is kept; others may change it at the same time.
        scope: Which one it is.
        clock: Time.

    Attributes:
        problem: Why the last summary failed; empty where none did.
    """

    def __init__(
        self, settings: SummarySettings, summariser: Summariser, store: ConversationStore, scope: Scope, *, clock: Clock
    ) -> None:
        self.problem = ""
        self._settings, self._summariser = settings, summariser
        self._store, self._scope, self._clock = store, scope, clock
        self._waiting: dict[str, None] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._resting: dict[str, float] = {}
        self._closing = False

    def appended(self, session: str) -> None:
        """Hear that a session has grown, and look at it later; where too many wait already, it is the next time's turn."""
        if not self._closing and len(self._waiting) < MOST_WAITING:
            self._waiting[session] = None
            self._begin()

    async def close(self) -> None:
        """Let what is under way come to its end for a while, and end the rest: of that, nothing is changed."""
        self._closing = True
        self._waiting.clear()
        tasks = set(self._running.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.wait(tasks)

    def _begin(self) -> None:
        """Begin with as many sessions as may be under way, each at most once."""
        free = MOST_AT_ONCE - len(self._running)
        for session in [one for one in self._waiting if one not in self._running][:free]:
            del self._waiting[session]
            task = asyncio.get_running_loop().create_task(self._look(session), name=TASK_NAME)
            self._running[session] = task
            task.add_done_callback(partial(self._ended, session))

    def _ended(self, session: str, task: "asyncio.Task[None]") -> None:
        del self._running[session]
        if not task.cancelled() and task.exception() is not None:
            self._rest(session)
            _log.error("memory '%s': a summary failed", self._scope.name, exc_info=task.exception())
        self._begin()

    async def _look(self, session: str) -> None:
        """Shorten a session, unless that has failed just now."""
        if self._clock.monotonic() < self._resting.get(session, 0.0):
            return
        try:
            await self._shorten(session)
        except (ConflictError, NotFoundError):  # it was changed meanwhile: that counts, and the summary does not
            self._rest(session)
        except OutriderError as error:
            self._rest(session)
            if error.message != self.problem:
                _log.warning("memory '%s': a session stays as long as it is: %s", self._scope.name, error.message)
            self.problem = error.message

    def _rest(self, session: str) -> None:
        now = self._clock.monotonic()
        self._resting = {one: until for one, until in self._resting.items() if until > now}
        self._resting[session] = now + REST_SECONDS

    async def _shorten(self, session: str) -> None:
        """Put summaries in the place of a session's oldest messages until it is short enough, or nothing is left to sum up."""
        above, keep = self._settings.above, self._settings.keep
        while (known := await self._store.session(self._scope, session)) is not None and known.tokens > above:
            # The newest turn always stays: it may be a question without an answer, or a call whose results come yet. Where
            # there is more than may be read at once, the last that was read may go on, and is read again.
            read = turns(await self._store.oldest(self._scope, session))[:-1]
            earlier = read.pop(0) if read and is_summary(read[0][0]) else []
            parts = _parts(read, known.tokens - _tokens(earlier) - keep)
            if not parts:
                return
            for part in parts:
                earlier = [await self._replace(session, [*earlier, *part])]

    async def _replace(self, session: str, messages: list[Message]) -> Message:
        """Put a summary in the place of messages, if just they still stand there, and return it."""
        text = await self._summariser.summarise(messages)
        now = self._clock.now()
        # As old as the last that it sums up: what it holds is not kept for longer than the memory's retention.
        summary = Message(
            id=SUMMARY_ID + time_ordered(now, os.urandom(10)), role=ROLE, content=MARK + text, time=messages[-1].time
        )
        (record,) = message_records([summary], now)
        if record.message.tokens >= _tokens(messages):
            raise self._summariser.failed(
                "its summary is as long as what it sums up", found=f"{record.message.tokens} tokens",
                expected=f"fewer than {_tokens(messages)}",
            )  # fmt: skip
        stored = await self._store.replace(
            self._scope, session, up_to=messages[-1].id, summary=record.message, summed=messages
        )
        self.problem = ""
        return stored


def _parts(found: Iterable[list[Message]], tokens: int) -> list[list[Message]]:
    """Return messages, oldest first and in whole turns, until so many tokens are in them, in parts that a model reads at once."""
    parts: list[list[Message]] = []
    size = 0
    for turn in found:
        if tokens <= 0:
            break
        tokens -= _tokens(turn)
        more = sum(map(length, turn))
        if not parts or size + more > LONGEST_PART:
            parts.append([])
            size = 0
        parts[-1].extend(turn)
        size += more
    return parts


def _tokens(messages: Iterable[Message]) -> int:
    return sum(message.tokens for message in messages)
