import asyncio
import contextlib
import socket
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    InvalidConfigError,
    LimitedError,
    UnavailableError,
)
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Request, Response
from outrider.ports.clock.manual import ManualClock
from outrider.ports.http import client as client_module
from outrider.ports.http.addresses import connect, parse_address
from outrider.ports.http.client import Client
from outrider.ports.http.client_connection import ClientConnection
from tests.ports.http.support import Script, answering, eventually, read_request, scripted, serving

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@contextlib.asynccontextmanager
async def client_for(port: int, **settings: Any) -> Any:
    client = Client(f"http://127.0.0.1:{port}", **settings)
    try:
        yield client
    finally:
        await client.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_request_and_answer() -> None:
    async with serving() as (_, port), client_for(port) as client:
        response = await client.request("PUT", "/a?b", headers={"X": "y"}, body=b"body")
        assert (response.status, response.body) == (200, b"PUT /a body")


async def test_connection_is_kept() -> None:
    async with serving() as (server, port), client_for(port) as client:
        for _ in range(5):
            await client.request("GET", "/")
        assert server.connections == 1


async def test_connections_are_bounded_and_requests_wait() -> None:
    inside, most = 0, 0

    async def handler(_: Request) -> Response:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        return Response(204)

    async with serving(handler) as (server, port), client_for(port, max_connections=3) as client:
        answers = await asyncio.gather(*(client.request("GET", "/") for _ in range(30)))
        assert [answer.status for answer in answers] == [204] * 30
        assert server.connections <= 3
        assert most <= 3


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


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Read until the client leaves."""
    with contextlib.suppress(ConnectionError):
        await reader.read()


def leaving(before: bytes = b"") -> Script:
    """A script that reads one request, says something and leaves."""
    return answering(before)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_idempotent_request_is_repeated_once_on_a_kept_connection(method: str) -> None:
    async def first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(OK)(reader, writer)
        await read_request(reader)

    answer = OK if method != "HEAD" else OK.removesuffix(b"ok")
    async with scripted(first, answering(answer)) as port, client_for(port) as client:
        await client.request("GET", "/")
        assert (await client.request(method, "/")).status == 200


async def test_other_request_is_not_repeated() -> None:
    async def first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(OK)(reader, writer)
        await read_request(reader)

    async with scripted(first, answering(OK)) as port, client_for(port) as client:
        await client.request("GET", "/")
        with pytest.raises(ConnectionFailedError) as caught:
            await client.request("POST", "/")
        assert caught.value.sent


async def test_request_is_repeated_once_only() -> None:
    async def first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(OK)(reader, writer)
        await read_request(reader)

    async with scripted(first, leaving(), answering(OK)) as port, client_for(port) as client:
        await client.request("GET", "/")
        with pytest.raises(ConnectionFailedError):
            await client.request("GET", "/")


async def test_request_is_not_repeated_once_an_answer_began() -> None:
    async with scripted(answering(OK, b"HTTP/1.1 2"), answering(OK)) as port, client_for(port) as client:
        await client.request("GET", "/")
        with pytest.raises(ConnectionFailedError):
            await client.request("GET", "/")


async def test_connection_that_died_idle_is_not_used() -> None:
    ended = asyncio.Event()

    async def first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(OK)(reader, writer)
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with scripted(first, answering(OK)) as port, client_for(port) as client:
        await client.request("POST", "/")
        await ended.wait()
        # The end has arrived, whether or not the event loop has told the client.
        assert (await client.request("POST", "/")).body == b"ok"


async def test_connection_with_unasked_bytes_is_not_used() -> None:
    async with scripted(answering(OK + OK), answering(OK)) as port, client_for(port) as client:
        await client.request("POST", "/")
        assert (await client.request("POST", "/")).body == b"ok"


async def test_connection_that_was_idle_for_long_is_not_used() -> None:
    clock = ManualClock()
    async with scripted(answering(OK, OK), answering(OK)) as port, client_for(port, clock=clock) as client:
        await client.request("POST", "/")
        first = client._idle[0]
        clock.advance(client_module.IDLE_SECONDS)
        await client.request("POST", "/")
        assert client._idle[0] is not first


async def test_connection_that_the_server_ends_is_not_kept() -> None:
    last = OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    async with scripted(answering(last, OK), answering(last)) as port, client_for(port) as client:
        assert [(await client.request("POST", "/")).body for _ in range(2)] == [b"ok", b"ok"]


async def test_connection_that_the_server_wants_to_end_is_ended_here() -> None:
    async def first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))(reader, writer)
        assert await reader.read() == b""

    async with scripted(first, answering(OK)) as port, client_for(port) as client:
        assert [(await client.request("POST", "/")).body for _ in range(2)] == [b"ok", b"ok"]


async def test_connection_made_after_close_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect_late(*arguments: Any) -> ClientConnection:
        connection = await connect(*arguments)
        client._closed = True
        return connection

    monkeypatch.setattr(client_module, "connect", connect_late)
    async with serving() as (_, port), client_for(port) as client:
        with pytest.raises(ConnectionFailedError) as caught:
            await client.request("POST", "/")
        assert not caught.value.sent


async def test_connection_lost_before_its_first_request_has_sent_nothing() -> None:
    connection = ClientConnection(Limits(), memoryview(bytearray(10)), set())
    connection.connection_made(asyncio.Transport())
    await connection.ready
    connection.connection_lost(ConnectionResetError("gone"))
    with pytest.raises(ConnectionResetError, match="gone"):
        await connection.exchange("GET", b"")
    assert not connection.sent


async def test_connection_given_up_before_it_is_made_leaves_no_error() -> None:
    connection = ClientConnection(Limits(), memoryview(bytearray(10)), set())
    connection.abort()
    connection.connection_lost(ConnectionResetError("gone"))
    assert connection.ready.cancelled()


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


@pytest.mark.parametrize("url", ["unix:/nonexistent/socket", "http://a..b", "http://unknown:1"])
async def test_address_that_leads_nowhere(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = socket.getaddrinfo

    def lookup(host: str, *rest: Any, **more: Any) -> Any:
        if host == "unknown":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    client = Client(url, timeout=5.0)
    with pytest.raises(ConnectionFailedError) as caught:
        await client.request("GET", "/")
    assert not caught.value.sent
    await client.close()


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


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:80",
        "ftp://a",
        "http://",
        "http://a/b",
        "http://a?b",
        "http://u:secret@a",
        "http://a:0",
        "http://a:65536",
        "http://.a",
        "http://a\r\nb",
        "unix:relative",
    ],
)
def test_address_that_is_none_is_refused_and_no_password_shown(url: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        Client(url)
    assert "secret" not in f"{caught.value} {caught.value.found}"


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


async def test_host_is_that_of_the_address(tmp_path: Path) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, body=" ".join(request.headers.get_all("host")).encode())

    async with serving(handler) as (server, port), client_for(port) as client:
        assert (await client.request("GET", "/")).body == f"127.0.0.1:{port}".encode()
        await server.start_unix(tmp_path / "s")
        local = Client(f"unix:{tmp_path / 's'}")
        assert (await local.request("GET", "/")).body == b"localhost"
        await local.close()


@pytest.mark.parametrize(
    ("url", "authority", "host", "port", "secure"),
    [
        ("http://a", "a", "a", 80, False),
        ("https://a.b-c:8443/", "a.b-c:8443", "a.b-c", 8443, True),
        ("https://[::1]", "[::1]", "::1", 443, True),
        ("http://[fe80::1]:81/", "[fe80::1]:81", "fe80::1", 81, False),
    ],
)
def test_parts_of_an_address(url: str, authority: str, host: str, port: int, *, secure: bool) -> None:
    address = parse_address(url)
    assert (address.authority, address.host, address.port, address.secure) == (authority, host, port, secure)


async def test_early_refusal_of_a_large_request_is_read() -> None:
    async with serving() as (_, port), client_for(port) as client:
        assert (await client.request("POST", "/", body=b"x" * 10_000_000)).status == 413
        assert (await client.request("GET", "/")).status == 200
