import contextlib
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from outrider.core.errors import (
    ConflictError,
    DeniedError,
    ExecutionFailedError,
    LimitedError,
    NotFoundError,
    OutriderError,
    UnauthenticatedError,
    UnavailableError,
)
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.ports.http.client import Client
from outrider.ports.http.routing import Router, json_response, read_json
from tests.ports.http.support import serving


class Reading(msgspec.Struct):
    name: str
    value: int = 0


@contextlib.asynccontextmanager
async def client_of(answer: Response | OutriderError) -> AsyncIterator[Client]:
    async def handler(_: Request) -> Response:
        if isinstance(answer, OutriderError):
            raise answer
        return answer

    router = Router(logging.getLogger(__name__))
    for method in ("GET", "POST"):
        router.add(method, "/", handler)
    async with serving(router) as (_, port):
        client = Client(f"http://127.0.0.1:{port}")
        try:
            yield client
        finally:
            await client.close()


async def test_payload_and_answer_are_json() -> None:
    async def handler(request: Request) -> Response:
        assert request.headers.get("content-type") == "application/json"
        assert request.headers.get("authorization") == "Bearer t"
        reading = read_json(request, Reading)
        return json_response(Reading(reading.name, reading.value + 1))

    async with serving(handler) as (_, port):
        client = Client(f"http://127.0.0.1:{port}")
        headers = Headers({"authorization": "Bearer t"})
        answer = await client.request_json("POST", "/", Reading("a", 1), Reading, headers=headers)
        assert answer == Reading("a", 2)
        await client.close()


async def test_no_payload_is_no_body() -> None:
    async def handler(request: Request) -> Response:
        return json_response([len(request.body), "content-type" in request.headers, request.headers.get("accept")])

    async with serving(handler) as (_, port):
        client = Client(f"http://127.0.0.1:{port}")
        assert await client.request_json("GET", "/", None, list[Any]) == [0, False, "application/json"]
        await client.close()


async def test_empty_answer_is_none() -> None:
    async with client_of(Response(204)) as client:
        target: type[Any] = type(None)
        assert await client.request_json("POST", "/", {}, target) is None


async def test_error_of_the_server_is_raised_here() -> None:
    fault = ConflictError(
        "it moved", path="spec.a", found="1", expected="2", suggestions=["read it again"], context={"epoch": 3}
    )
    async with client_of(fault) as client:
        with pytest.raises(ConflictError) as caught:
            await client.request_json("POST", "/", {}, Reading)
    assert caught.value.body() == fault.body()


async def test_retry_after_keeps_its_fraction() -> None:
    async with client_of(LimitedError("full", retry_after=0.25)) as client:
        with pytest.raises(LimitedError) as caught:
            await client.request_json("POST", "/", {}, Reading)
    assert caught.value.retry_after == 0.25


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, UnauthenticatedError),
        (403, DeniedError),
        (404, NotFoundError),
        (418, ExecutionFailedError),
        (429, LimitedError),
        (500, ExecutionFailedError),
        (503, UnavailableError),
        (302, ExecutionFailedError),
    ],
)
async def test_foreign_error_follows_from_the_status(status: int, kind: type[OutriderError]) -> None:
    answer = Response(status, Headers({"retry-after": "7", "location": "/b"}), b"<html>")
    async with client_of(answer) as client:
        with pytest.raises(kind, match=f"status {status}") as caught:
            await client.request_json("GET", "/", None, Reading)
    assert caught.value.retry_after == (7.0 if status != 302 else None)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", json.dumps({"name": 1}).encode()])
async def test_answer_that_does_not_fit_is_an_error(body: bytes) -> None:
    async with client_of(Response(200, body=body)) as client:
        with pytest.raises(ExecutionFailedError, match="does not fit"):
            await client.request_json("GET", "/", None, Reading)
