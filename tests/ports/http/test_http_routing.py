import asyncio
import json
import logging
from typing import Any

import msgspec
import pytest

from outrider.core.errors import (
    CODES,
    ConflictError,
    InvalidConfigError,
    LimitedError,
    NotFoundError,
    OutriderError,
    UnauthenticatedError,
)
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Peer, Request, Response
from outrider.ports.http.routing import Router, error_response, json_response, read_json

LOG = logging.getLogger("test.http.routing")


class Reading(msgspec.Struct):
    name: str
    values: list[int] = []


def make_request(method: str, path: str, body: bytes = b"") -> Request:
    return Request(method, path, path, "", Headers(), body, Peer("a:1"))


def make_router(*routes: str) -> Router:
    """Each handler answers with its template and the values of the placeholders."""
    router = Router(LOG, new_trace_id=lambda: "trace-1")
    for route in routes:
        method, template = route.split()

        async def handler(request: Request, template: str = template) -> Response:
            return json_response([template, request.params])

        router.add(method, template, handler)
    return router


async def ask(router: Router, method: str, path: str) -> tuple[int, Any]:
    response = await router(make_request(method, path))
    assert isinstance(response.body, bytes)
    return response.status, json.loads(response.body)


AGENTS = ("GET /", "POST /agents/v1/enroll", "GET /agents/v1/{agent}/events", "POST /agents/v1/{agent}/events/{id}")


@pytest.mark.parametrize(
    ("method", "path", "template", "params"),
    [
        ("GET", "/", "/", {}),
        ("POST", "/agents/v1/enroll", "/agents/v1/enroll", {}),
        ("GET", "/agents/v1/eyes/events", "/agents/v1/{agent}/events", {"agent": "eyes"}),
        ("GET", "/agents/v1/enroll/events", "/agents/v1/{agent}/events", {"agent": "enroll"}),
        ("POST", "/agents/v1/a/events/b", "/agents/v1/{agent}/events/{id}", {"agent": "a", "id": "b"}),
        ("GET", "/agents/v1/a%20%C3%A4/events", "/agents/v1/{agent}/events", {"agent": "a ä"}),
        ("GET", "/agents/v1/%40scope%2Fname/events", "/agents/v1/{agent}/events", {"agent": "@scope/name"}),
        ("GET", "/%61gents/v1/a/events", "/agents/v1/{agent}/events", {"agent": "a"}),
        ("HEAD", "/agents/v1/a/events", "/agents/v1/{agent}/events", {"agent": "a"}),
    ],
)
async def test_route(method: str, path: str, template: str, params: dict[str, str]) -> None:
    assert await ask(make_router(*AGENTS), method, path) == (200, [template, params])


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/agents",
        "/agents/v1/a/events/",
        "//",
        "/agents/v1//events",
        "/agents/v1/../events",
        "/agents/v1/%2e%2e/events",
        "/agents%2Fv1/a/events",
        "*",
        "/AGENTS/v1/a/events",
    ],
)
async def test_nothing_there(path: str) -> None:
    status, body = await ask(make_router(*AGENTS), "GET", path)
    assert (status, body["error"]["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["/agents/v1/%ff/events", "/agents/v1/a%00/events", "/agents/v1/a%0d%0ab/events"])
async def test_path_that_cannot_be_a_name_is_refused(path: str) -> None:
    status, body = await ask(make_router(*AGENTS), "GET", path)
    assert (status, body["error"]["code"]) == (400, "INVALID_CONFIG")


async def test_method_that_is_not_allowed_names_those_that_are() -> None:
    router = make_router("GET /a/{x}", "POST /a/b", "PUT /a/{x}")
    response = await router(make_request("DELETE", "/a/b"))
    assert response.status == 405
    assert response.headers.get("allow") == "GET, HEAD, POST, PUT"


async def test_literal_wins_unless_only_the_placeholder_knows_the_method() -> None:
    router = make_router("GET /a/{x}", "GET /a/b", "PUT /a/{y}")
    assert await ask(router, "GET", "/a/b") == (200, ["/a/b", {}])
    assert await ask(router, "PUT", "/a/b") == (200, ["/a/{y}", {"y": "b"}])
    assert await ask(router, "GET", "/a/c") == (200, ["/a/{x}", {"x": "c"}])


def test_second_handler_for_a_route_is_refused() -> None:
    with pytest.raises(ConflictError):
        make_router("GET /a/{x}", "GET /a/{y}")


@pytest.mark.parametrize("template", ["", "a", "/{", "/{A}", "/a{b}", "/{a}/{a}", "/a b", "/a?b", "/a%20"])
def test_malformed_template_is_refused(template: str) -> None:
    with pytest.raises(InvalidConfigError):
        Router(LOG).add("GET", template, lambda _: asyncio.sleep(0, Response(200)))


@pytest.mark.parametrize("code", CODES)
async def test_every_error_becomes_an_answer_with_its_status(code: str) -> None:
    kind = next(cls for cls in OutriderError.__subclasses__() if cls.code == code)

    async def handler(_: Request) -> Response:
        raise kind("the message", path="spec.a", suggestions=["do this"])

    router = Router(LOG)
    router.add("GET", "/", handler)
    status, body = await ask(router, "GET", "/")
    assert status == CODES[code].http
    assert (body["error"]["code"], body["error"]["path"], body["error"]["hint"]) == (code, "spec.a", "do this")


def test_retry_after_is_whole_seconds() -> None:
    assert error_response(LimitedError("full", retry_after=0.2)).headers.get("retry-after") == "1"
    assert error_response(LimitedError("full", retry_after=3)).headers.get("retry-after") == "3"
    assert "retry-after" not in error_response(LimitedError("full")).headers


def test_unauthenticated_answer_has_a_challenge() -> None:
    assert error_response(UnauthenticatedError("who?")).headers.get("www-authenticate") == "Bearer"


def test_status_and_headers_can_be_chosen() -> None:
    response = error_response(NotFoundError("gone"), 410, {"x-a": "b"})
    assert (response.status, response.headers.get("x-a")) == (410, "b")
    assert json_response({}, 201, {"location": "/a"}).headers.get("location") == "/a"


async def test_unexpected_exception_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(_: Request) -> Response:
        raise KeyError("password")

    router = Router(LOG, new_trace_id=lambda: "trace-1")
    router.add("GET", "/", handler)
    status, body = await ask(router, "GET", "/")
    assert (status, body["error"]["code"], body["error"]["trace_id"]) == (500, "INTERNAL", "trace-1")
    assert "password" not in json.dumps(body)
    assert "password" in caplog.text
    assert vars(caplog.records[0])["trace_id"] == "trace-1"


async def test_cancellation_is_not_an_error() -> None:
    async def handler(_: Request) -> Response:
        raise asyncio.CancelledError

    router = Router(LOG)
    router.add("GET", "/", handler)
    with pytest.raises(asyncio.CancelledError):
        await router(make_request("GET", "/"))


def test_body_is_read_as_its_type() -> None:
    reading = read_json(make_request("POST", "/r", b'{"name":"a","values":[1]}'), Reading)
    assert reading == Reading("a", [1])


@pytest.mark.parametrize(
    ("body", "path"),
    [(b'{"name":1}', "name"), (b'{"name":"a","values":[1,"2"]}', "values[1]"), (b"{}", ""), (b"[1", ""), (b"\xff", "")],
)
def test_body_that_does_not_fit_names_the_field(body: bytes, path: str) -> None:
    with pytest.raises(InvalidConfigError, match="body of POST /r") as caught:
        read_json(make_request("POST", "/r", body), Reading)
    assert caught.value.path == path
    assert caught.value.suggestions
