"""A2A over HTTP: the card of an agent, and JSON-RPC with one answer or a stream of events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from litestar import Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.response import Stream

from outrider.core.a2a.older import older_event, older_task
from outrider.core.a2a.protocol import CARD_PATH, INVALID_REQUEST, SEND, VERSION_HEADER, A2aError
from outrider.core.codec import encode
from outrider.core.errors import OutriderError
from outrider.surfaces.a2a.desk import A2aDesk, Events, Plain
from outrider.surfaces.a2a.requests import Call, RequestId, read_body, read_call
from outrider.surfaces.a2a.tasks import refusal
from outrider.surfaces.http.answers import json_answer
from outrider.surfaces.http.security import OPEN

PREFIX = "/a2a"
_STREAM = {"cache-control": "no-store", "x-accel-buffering": "no"}
_TOO_LARGE = 413
AnyRequest = Request[Any, Any, Any]


class A2aEndpoint:
    """Answers requests to agents.

    Args:
        desk: Knows what is asked for.
    """

    def __init__(self, desk: A2aDesk) -> None:
        self._desk = desk

    async def card(self, agent: str, request: AnyRequest) -> Response[bytes]:
        """Answer with a card, which says that the agent is called at the address by which it was asked for.

        Raises:
            OutriderError: There is no such agent, or no platform is running.
        """
        url = f"{request.url.scheme}://{request.url.netloc}{PREFIX}/{agent}"
        return json_answer(await self._desk.card(agent, url))

    async def answer(self, agent: str, request: AnyRequest) -> Response[bytes] | Stream:
        """Answer one POST. Errors of the protocol have status 200, as those of its SDK: its clients read no others."""
        number: RequestId = None
        try:
            found, number = read_body(await request.body())
            call = read_call(found, request.headers.get(VERSION_HEADER, ""))
            result = await self._result(agent, call, request)
        except A2aError as error:
            return json_answer(_error(number, error))
        except OutriderError as error:
            return json_answer(_error(number, refusal(error)))
        except HTTPException as error:
            if error.status_code != _TOO_LARGE:
                raise
            return json_answer(_error(number, A2aError(INVALID_REQUEST, "the request is too large")))
        if isinstance(result, dict):
            return json_answer(_success(number, _shaped(call, result)))
        return Stream(_framed(result, number, call), media_type="text/event-stream", headers=_STREAM)

    async def _result(self, agent: str, call: Call, request: AnyRequest) -> Plain | Events:
        """Return what the desk says. Who waits for the end of a task is watched: the task outlives its caller, the waiting not."""
        if call.method != SEND:
            return await self._desk.answer(agent, call, lambda: False)
        leaving = asyncio.create_task(_left(request))
        try:
            return await self._desk.answer(agent, call, leaving.done)
        finally:
            leaving.cancel()


async def _left(request: AnyRequest) -> None:
    """Return when the caller has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _framed(events: Events, number: RequestId, call: Call) -> AsyncIterator[bytes]:
    """Yield a stream; what goes wrong in it is its last event."""
    try:
        async for event in events:
            yield _event(_success(number, older_event(event) if call.older else event))
    except A2aError as error:
        yield _event(_error(number, error))
    except OutriderError as error:
        yield _event(_error(number, refusal(error)))


def _shaped(call: Call, result: Plain) -> Plain:
    """Return a result in the version of its caller; in 0.3 a task stands for itself."""
    return older_task(result.get("task", result)) if call.older else result


def _event(message: Plain) -> bytes:
    name = b"event: error\n" if "error" in message else b""
    return name + b"data: " + encode(message) + b"\n\n"


def _success(number: RequestId, result: Plain) -> Plain:
    return {"jsonrpc": "2.0", "id": number, "result": result}


def _error(number: RequestId, error: A2aError) -> Plain:
    return {"jsonrpc": "2.0", "id": number, "error": error.body()}


@get(f"{PREFIX}/{{agent:str}}{CARD_PATH}", opt={OPEN: True}, include_in_schema=False)
async def card_route(a2a: A2aEndpoint, agent: str, request: AnyRequest) -> Response[bytes]:
    """Serve the card of an agent."""
    return await a2a.card(agent, request)


@post(f"{PREFIX}/{{agent:str}}", include_in_schema=False, status_code=200)
async def a2a_route(a2a: A2aEndpoint, agent: str, request: AnyRequest) -> Response[bytes] | Stream:
    """Serve callers of an agent."""
    return await a2a.answer(agent, request)
