"""Answers callers of A2A by asking the platform, as any other caller of its API."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import msgspec

from outrider.core.a2a.protocol import (
    CANCEL,
    EXTENDED_CARD,
    GET,
    INVALID_PARAMS,
    NO_PUSH,
    NOT_CANCELABLE,
    PUSH_METHODS,
    SEND,
    STREAM,
    SUBSCRIBE,
    TASK_NOT_FOUND,
    UNSUPPORTED,
    A2aError,
)
from outrider.core.errors import NotFoundError
from outrider.core.events import CallAnswer
from outrider.core.identifiers import time_ordered
from outrider.core.objects import NAME_PATTERN
from outrider.orchestrator.wire import ObjectRow, TaskRequest
from outrider.runtime.client import PlatformClient
from outrider.surfaces.a2a.card import card_of
from outrider.surfaces.a2a.requests import Call, Said, read_id, read_said
from outrider.surfaces.a2a.tasks import task_of, updates

# Between two looks at a task; a look that waits would keep a connection to the platform from others.
FIRST_PAUSE, LONGEST_PAUSE, SLOWER = 0.1, 2.0, 1.5
CANCEL_SECONDS = 10.0
_NAME = re.compile(NAME_PATTERN)
_TASK = re.compile("[0-9A-Z]{26}")
Plain = dict[str, Any]
Events = AsyncIterator[Plain]


class A2aDesk:
    """The agents of a platform, for callers of A2A.

    Args:
        connect: Returns a client of the platform; what is wrong with that is the caller's to hear.
    """

    def __init__(self, connect: Callable[[], Awaitable[PlatformClient]]) -> None:
        self._connect = connect

    async def card(self, agent: str, url: str) -> Plain:
        """Return an agent's card.

        Args:
            agent: Its name.
            url: Where it is called.

        Raises:
            OutriderError: There is no such agent, or no platform is running.
        """
        rows = []
        if _NAME.fullmatch(agent):
            platform = await self._connect()
            rows = await platform.get(f"/v1/objects?kind=AgentType&name={agent}", list[ObjectRow])
        if not rows:
            raise NotFoundError(
                f"no AgentType is called '{agent[:80]}'",
                found=agent[:80],
                suggestions=["list them: outrider get agenttype"],
            )
        return card_of(rows[0], url)

    async def answer(self, agent: str, call: Call, gone: Callable[[], bool]) -> Plain | Events:
        """Return the result of a request, or the events of a stream, as 1.0 has them.

        Args:
            agent: Which is called.
            call: The request.
            gone: Returns whether the caller waits no more.

        Raises:
            A2aError: The request cannot be answered.
            OutriderError: The platform refuses it.
        """
        if not _NAME.fullmatch(agent):
            raise A2aError(INVALID_PARAMS, f"no AgentType is called '{agent[:80]}'")
        method, params = call.method, call.params
        if method in (SEND, STREAM):
            said = read_said(params)
            answer = await self._begin(agent, said)
            if method == STREAM:
                return self._events(answer, agent)
            return {"task": task_of(answer, is_new=True) if said.immediately else await self._wait(answer, agent, gone)}
        if method in (GET, CANCEL, SUBSCRIBE):
            answer = await self._look(agent, read_id(params))
            if method == GET:
                return task_of(answer)
            return await self._cancel(answer, agent) if method == CANCEL else self._subscribed(answer, agent)
        raise _not_offered(method)

    async def _begin(self, agent: str, said: Said) -> CallAnswer:
        platform = await self._connect()
        if said.task:
            await self._look(agent, said.task)
            raise A2aError(
                UNSUPPORTED, "message.taskId: a task takes one message; send the next one with its contextId alone"
            )
        context = said.context or time_ordered(time.time(), os.urandom(10))
        request = TaskRequest(id=said.key, input_data=said.given, session=context)
        try:
            answer = await platform.post(f"/v1/agents/{agent}/tasks", request, CallAnswer)
        except NotFoundError as error:
            raise A2aError(INVALID_PARAMS, error.message) from error
        return msgspec.structs.replace(answer, session=context)

    async def _wait(self, answer: CallAnswer, agent: str, gone: Callable[[], bool]) -> Plain:
        for pause in _pauses():
            if answer.state != "running" or gone():
                break
            await asyncio.sleep(pause)
            answer = await self._look(agent, answer.run)
        return task_of(answer)

    async def _events(self, answer: CallAnswer, agent: str, *, is_new: bool = True) -> Events:
        """Yield a task, and what becomes of it until it ends; whoever goes away leaves it as it is."""
        yield {"task": task_of(answer, is_new=is_new)}
        for pause in _pauses():
            if answer.state != "running":
                break
            await asyncio.sleep(pause)
            before, answer = answer, await self._look(agent, answer.run)
            for event in updates(before, answer):
                yield event

    def _subscribed(self, answer: CallAnswer, agent: str) -> Events:
        if answer.state != "running":
            raise A2aError(UNSUPPORTED, "id: this task has ended; get it instead")
        return self._events(answer, agent, is_new=False)

    async def _cancel(self, answer: CallAnswer, agent: str) -> Plain:
        if answer.state != "running":
            raise A2aError(NOT_CANCELABLE, f"id: this task has ended: {answer.state}")
        await (await self._connect()).post(f"/v1/runs/{answer.run}/cancel", {}, dict[str, int])
        until = time.monotonic() + CANCEL_SECONDS
        return await self._wait(answer, agent, lambda: time.monotonic() > until)

    async def _look(self, agent: str, task: str) -> CallAnswer:
        if not _TASK.fullmatch(task):
            raise A2aError(TASK_NOT_FOUND, f"agent '{agent}' has no task '{task[:80]}'")
        platform = await self._connect()
        return await platform.get(f"/v1/agents/{agent}/tasks/{task}", CallAnswer)


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * SLOWER, LONGEST_PAUSE)


def _not_offered(method: str) -> A2aError:
    if method in PUSH_METHODS:
        return A2aError(NO_PUSH, "an agent of this platform calls nobody back; wait, stream or ask")
    if method == EXTENDED_CARD:
        return A2aError(UNSUPPORTED, "the card at the well-known path is all that there is")
    return A2aError(UNSUPPORTED, f"{method} is not offered: ask for a task by its id, or outrider runs list")
