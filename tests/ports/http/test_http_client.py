import asyncio

import pytest

from outrider.core.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    InvalidConfigError,
    LimitedError,
    UnavailableError,
)
from outrider.core.http.limits import Limits
from outrider.ports.http import client as client_module
from tests.ports.http.support import (
    OK,
    answering,
    client_for,
    eventually,
    scripted,
    serving,
    silent,
)
from tests.servers.ports import free_port


async def test_request_and_answer() -> None:
    async with serving() as (_, port), client_for(port) as client:
        response = await client.request("PUT", "/a?b", headers={"X": "y"}, body=b"body")
        assert (response.status, response.body) == (200, b"PUT /a body")


async def test_waiting_requests_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_WAITING", 1)
    async with scripted(silent) as port, client_for(port, max_connections=1, timeout=60) as client:
        waiting = [asyncio.create_task(client.request("GET", "/")) for _ in range(2)]
        await eventually(lambda: client._users == 2)
        with pytest.raises(LimitedError):
            await client.request("GET", "/")
        await client.close()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(result, ConnectionFailedError) for result in results)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\nuntil the end",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nuntil \r\n7\r\nthe end\r\n0\r\n\r\n",
    ],
)
async def test_framings_of_answers(answer: bytes) -> None:
    async with scripted(answering(answer)) as port, client_for(port) as client:
        assert (await client.request("GET", "/")).body == b"until the end"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n",
    ],
)
async def test_unusable_answer_says_that_the_request_was_sent(answer: bytes) -> None:
    async with scripted(answering(answer)) as port, client_for(port, limits=Limits(body=100)) as client:
        with pytest.raises(ConnectionFailedError, match=f"127.0.0.1:{port}") as caught:
            await client.request("POST", "/", body=b"x")
        assert caught.value.sent


async def test_nobody_there_says_that_nothing_was_sent() -> None:
    port = free_port()
    async with client_for(port) as client:
        with pytest.raises(ConnectionFailedError, match=f"127.0.0.1:{port}") as caught:
            await client.request("POST", "/")
    assert not caught.value.sent
    assert caught.value.suggestions == ["start the server, or correct the address"]


async def test_answer_in_time_or_not_at_all() -> None:
    async with scripted(silent, answering(OK)) as port, client_for(port) as client:
        with pytest.raises(DeadlineExceededError, match=r"POST http.*/a: no complete answer within 0\.05 s"):
            await client.request("POST", "/a?secret", timeout=0.05)
        assert not client._idle
        assert (await client.request("GET", "/")).body == b"ok"


async def test_waiting_for_a_connection_counts() -> None:
    async with scripted(silent) as port, client_for(port, max_connections=1, timeout=60) as client:
        first = asyncio.create_task(client.request("GET", "/"))
        await eventually(lambda: client._users == 1)
        with pytest.raises(DeadlineExceededError):
            await client.request("GET", "/", timeout=0.05)
        first.cancel()
        await asyncio.wait([first])
        await eventually(lambda: not client._connections)


async def test_close_ends_requests_and_refuses_further_ones() -> None:
    async with scripted(silent) as port, client_for(port, timeout=60) as client:
        pending = asyncio.create_task(client.request("GET", "/"))
        await eventually(lambda: bool(client._connections))
        await client.close()
        with pytest.raises(ConnectionFailedError):
            await pending
        with pytest.raises(UnavailableError):
            await client.request("GET", "/")


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET\r\nx: y", "/", {}),
        ("GET", "/ HTTP/1.1\r\nx: y\r\n\r\n", {}),
        ("GET", "/\n", {}),
        ("GET", "http://elsewhere/", {}),
        ("GET", "/", {"x": "a\r\ny: b"}),
        ("GET", "/", {"x\r\ny": "a"}),
        ("GET", "/", {"content-length": "5"}),
        ("GET", "/", {"Transfer-Encoding": "chunked"}),
        ("GET", "/", {"host": "elsewhere"}),
    ],
)
async def test_nothing_can_be_injected(method: str, path: str, headers: dict[str, str]) -> None:
    async with serving() as (server, port), client_for(port) as client:
        with pytest.raises(InvalidConfigError):
            await client.request(method, path, headers=headers)
        assert server.connections == 0


async def test_proxy_variables_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    async with serving() as (_, port), client_for(port) as client:
        assert (await client.request("GET", "/")).status == 200


async def test_redirects_are_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nlocation: http://elsewhere/\r\ncontent-length: 0\r\n\r\n"
    async with scripted(answering(moved)) as port, client_for(port) as client:
        response = await client.request("GET", "/")
        assert (response.status, response.headers.get("location")) == (302, "http://elsewhere/")


async def test_early_refusal_of_a_large_request_is_read() -> None:
    async with serving() as (_, port), client_for(port) as client:
        assert (await client.request("POST", "/", body=b"x" * 10_000_000)).status == 413
        assert (await client.request("GET", "/")).status == 200
