"""The trace of a caller goes on in the server."""

import logging

from outrider.core.http.messages import Request, Response
from outrider.core.trace import parse_traceparent
from outrider.ports.http.client import Client
from outrider.ports.http.routing import Router, json_response
from outrider.ports.telemetry import current_trace_id, span
from tests.ports.http.support import serving

ELSEWHERE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def _tell(request: Request) -> Response:
    return json_response([request.headers.get("traceparent"), current_trace_id()])


async def _break(_: Request) -> Response:
    raise ZeroDivisionError


def _router() -> Router:
    router = Router(logging.getLogger("test"), new_trace_id=lambda: "made here")
    router.add("GET", "/tell", _tell)
    router.add("GET", "/break", _break)
    return router


async def test_a_request_carries_the_trace_of_its_work() -> None:
    async with serving(_router()) as (_, port):
        client = Client(f"http://127.0.0.1:{port}")
        with span("work") as work:
            header, seen = await client.request_json("GET", "/tell", None, list[str])
        await client.close()
    assert parse_traceparent(header) == work.place
    assert seen == work.trace_id


async def test_outside_of_any_work_there_is_no_trace() -> None:
    async with serving(_router()) as (_, port):
        client = Client(f"http://127.0.0.1:{port}")
        assert await client.request_json("GET", "/tell", None, list[str | None]) == [None, ""]
        await client.close()


async def test_what_the_caller_says_is_kept() -> None:
    async with serving(_router()) as (_, port):
        client = Client(f"http://127.0.0.1:{port}")
        with span("work"):
            answer = await client.request("GET", "/tell", headers={"traceparent": ELSEWHERE})
        await client.close()
    assert ELSEWHERE.encode() in body_of(answer)


async def test_a_fault_is_reported_under_the_callers_trace() -> None:
    async with serving(_router()) as (_, port):
        client = Client(f"http://127.0.0.1:{port}")
        told = await client.request("GET", "/break", headers={"traceparent": ELSEWHERE})
        untold = await client.request("GET", "/break")
        await client.close()
    assert b"4bf92f3577b34da6a3ce929d0e0e4736" in body_of(told)
    assert b"made here" in body_of(untold)


def body_of(response: Response) -> bytes:
    assert isinstance(response.body, bytes)
    return response.body
