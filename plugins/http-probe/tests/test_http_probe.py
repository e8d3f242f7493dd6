import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.plugins.harness import faults, running, until
from tests.servers.ports import free_port


class Server:
    """Gives one answer to every connection; None gives none."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.port = 0

    @asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator["Server"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            if self.answer is None:
                await reader.read()
            else:
                writer.write(self.answer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            self.requests.append(b"")
        finally:
            writer.close()


def config(port: int, **given: Any) -> dict[str, Any]:
    return {"url": f"http://127.0.0.1:{port}/health?full=1", "every": "20ms", "timeout": "1s", **given}


async def test_it_reports_changes_only_and_repeats_what_is_bad() -> None:
    server = Server(b"HTTP/1.1 200 OK\r\n\r\n")
    async with server.listening(), running("http-probe", config(server.port)) as plugin:
        up = (await plugin.seen(1))[0]
        await until(lambda: len(server.requests) > 3)
        assert len(plugin.events) == 1
        server.answer = b"HTTP/1.1 503 Away\r\n\r\n"
        down = (await plugin.seen(2))[1]
        server.answer = b"HTTP/1.1 204 None\r\n\r\n"
        again = (await plugin.seen(3))[2]
    assert [event.data["state"] for event in (up, down, again)] == ["up", "down", "up"]
    assert [event.unhealthy for event in (up, down, again)] == [False, True, False]
    assert down.key == config(server.port)["url"]
    assert (down.severity, up.severity) == ("high", "low")
    assert down.data["detail"] == "503"
    assert up.data["summary"].startswith("up: 200 in ")


async def test_what_it_asks() -> None:
    server = Server(b"HTTP/1.1 200 OK\r\n\r\n")
    given: dict[str, Any] = {"method": "HEAD", "headers": {"X-Check": "yes", "Host": "shop.example"}}
    async with server.listening(), running("http-probe", config(server.port, **given)) as plugin:
        await plugin.seen(1)
    lines = server.requests[0].decode().splitlines()
    assert lines[0] == "HEAD /health?full=1 HTTP/1.1"
    assert {"Host: shop.example", "X-Check: yes", "Connection: close"} <= set(lines)


async def test_the_expected_status_can_be_an_error() -> None:
    server = Server(b"HTTP/1.1 401 Unauthorized\r\n\r\n")
    async with server.listening(), running("http-probe", config(server.port, expect=[401])) as plugin:
        assert (await plugin.seen(1))[0].data["state"] == "up"
        server.answer = b"HTTP/1.1 200 OK\r\n\r\n"
        assert (await plugin.seen(2))[1].data["detail"] == "200"


async def test_a_server_that_comes_back_is_up() -> None:
    port = free_port()
    async with running("http-probe", config(port)) as plugin:
        assert (await plugin.seen(1))[0].data["detail"] == "connection refused"
        async with Server(b"HTTP/1.1 200 OK\r\n\r\n").listening(port):
            assert (await plugin.seen(2))[1].data["state"] == "up"


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1\r\n", b"HTTP/1.1 abc\r\n", b"\xff" * 10_000, b"\r\n"]
)
async def test_what_is_not_http_is_down(answer: bytes) -> None:
    async with Server(answer).listening() as server, running("http-probe", config(server.port)) as plugin:
        assert (await plugin.seen(1))[0].data["detail"] == "the answer is not HTTP"


async def test_a_silent_server_is_down_in_time() -> None:
    async with (
        Server(None).listening() as server,
        running("http-probe", config(server.port, timeout="100ms")) as plugin,
    ):
        assert (await plugin.seen(1))[0].data["detail"] == "no answer within 100ms"


async def test_it_stops_at_once_while_a_server_is_silent() -> None:
    async with Server(None).listening() as server, running("http-probe", config(server.port, timeout="1h")) as plugin:
        await until(lambda: bool(server.requests))
    assert plugin.events == []
    assert plugin.host.fault is None


@pytest.mark.parametrize(
    "given", [{"url": "ftp://a/"}, {"url": "http://a/", "every": "soon"}, {"url": "http://a/", "expect": ["200"]}, {}]
)
def test_wrong_configurations_are_refused(given: dict[str, Any]) -> None:
    assert faults("http-probe", given)
