import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.plugins.harness import Running, faults, refusal, running, until
from tests.servers.ports import free_port

pytestmark = pytest.mark.real


class Server:
    """Answers each connection with pieces, `pause` seconds apart, and keeps it open unless it `closes`."""

    def __init__(self, *pieces: bytes, pause: float = 0.0, closes: bool = False) -> None:
        self.pieces = pieces
        self.pause = pause
        self.closes = closes
        self.heard: list[bytes] = []
        self.connections: list[asyncio.Task[Any] | None] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(asyncio.current_task())
        with contextlib.suppress(OSError):  # the probe may have closed its end
            for piece in self.pieces:
                writer.write(piece)
                await asyncio.sleep(self.pause)
            if self.closes:
                writer.write_eof()
            self.heard.append(await reader.read())
        writer.close()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator["Server"]:
        async with await asyncio.start_server(self.serve, "127.0.0.1", self.port) as server:
            self.port = server.sockets[0].getsockname()[1]
            yield self
        await asyncio.gather(*filter(None, self.connections))


def config(port: int, **more: Any) -> dict[str, Any]:
    return {"address": f"127.0.0.1:{port}", "every": "20ms", "timeout": "2s", **more}


def states(plugin: Running) -> list[str]:
    return [event.data["state"] for event in plugin.events]


async def first(server: Server, **more: Any) -> dict[str, Any]:
    async with server.listening(), running("tcp-probe", config(server.port, **more)) as plugin:
        await plugin.seen(1)
        return plugin.events[0].data


async def test_it_reports_changes_only_and_the_way_back() -> None:
    server = Server()
    async with server.listening():
        address = f"127.0.0.1:{server.port}"
        async with running("tcp-probe", config(server.port)) as plugin:
            await until(lambda: len(server.connections) > 3)
            assert states(plugin) == ["up"]
    async with running("tcp-probe", config(server.port)) as plugin:
        await plugin.seen(1)
        async with server.listening():
            await plugin.seen(2)
        await plugin.seen(3)
    assert states(plugin) == ["down", "up", "down"]
    assert [event.unhealthy for event in plugin.events] == [True, False, True]
    assert [event.severity for event in plugin.events] == ["high", "low", "high"]
    assert {event.key for event in plugin.events} == {address}
    assert plugin.events[0].data["detail"] == "connection refused"
    assert plugin.events[0].data["summary"] == f"{address} down: connection refused"
    assert plugin.events[1].data["summary"].startswith(f"{address} up: connected in ")
    assert plugin.events[1].data["latency_ms"] >= 0


async def test_it_sends_and_matches_over_several_pieces() -> None:
    server = Server(b"+PO", b"NG\x00\r\n", pause=0.05)
    data = await first(server, send="PING ü\r\n", expect=r"^\+PONG\x00")
    assert (data["state"], data["detail"], data["answer"]) == ("up", "the answer matches", "+PONG\ufffd\ufffd\ufffd")
    await until(lambda: bool(server.heard))
    assert server.heard[0] == "PING ü\r\n".encode()


async def test_what_is_no_utf8_can_still_match() -> None:
    assert (await first(Server(b"\xff\xfe220 ready"), expect="220 r"))["state"] == "up"


@pytest.mark.parametrize(
    ("server", "timeout", "detail"),
    [
        (Server(), "100ms", "no answer within 100ms"),
        (Server(b"-ERR\r\n"), "100ms", "no match in 6 bytes within 100ms"),
        (Server(b"-ERR\r\n", closes=True), "2s", "closed after 6 bytes without a match"),
        (Server(closes=True), "2s", "closed after 0 bytes without a match"),
        (Server(b"x" * 4096, b"+PONG"), "2s", "no match in the first 4096 bytes"),
    ],
)
async def test_an_answer_that_is_not_the_expected_one_is_down(server: Server, timeout: str, detail: str) -> None:
    data = await first(server, expect=r"\+PONG", timeout=timeout)
    assert (data["state"], data["detail"]) == ("down", detail)


async def test_a_trickle_does_not_move_the_deadline() -> None:
    data = await first(Server(*[b"x"] * 20, pause=0.03), expect="x{20}", timeout="150ms")
    assert data["state"] == "down"
    assert data["detail"].endswith("bytes within 150ms")


async def test_the_last_bytes_within_the_bound_count() -> None:
    assert (await first(Server(b"x" * 4091, b"+PONG"), expect=r"\+PONG"))["state"] == "up"


async def test_only_the_beginning_of_the_answer_is_shown() -> None:
    assert (await first(Server(b"y" * 4096), expect="never"))["answer"] == "y" * 200


async def test_a_reset_connection_is_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with running("tcp-probe", config(listener.getsockname()[1], expect="x")) as plugin:
            taken, _ = await asyncio.to_thread(listener.accept)
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            taken.close()
            await plugin.seen(1)
    assert "reset" in plugin.events[0].data["detail"]


def full_listener() -> tuple[socket.socket, list[socket.socket]]:
    """Return a listener whose queue is full: the kernel drops further connections without a word."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = [socket.socket() for _ in range(4)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(listener.getsockname())
    return listener, waiting


async def test_a_connection_that_nobody_takes_is_down_in_time() -> None:
    listener, waiting = full_listener()
    async with running("tcp-probe", config(listener.getsockname()[1], timeout="100ms")) as plugin:
        await plugin.seen(1)
    for one in (listener, *waiting):
        one.close()
    assert plugin.events[0].data["detail"] == "no answer within 100ms"


async def test_it_stops_at_once_while_a_connection_hangs() -> None:
    server = Server()
    async with server.listening(), running("tcp-probe", config(server.port, expect="x", timeout="1h")) as plugin:
        await until(lambda: len(server.connections) == 1)
    assert plugin.events == []
    assert plugin.host.fault is None


async def test_a_name_that_does_not_resolve_is_down() -> None:
    async with running("tcp-probe", {**config(1), "address": f"{'a' * 64}.invalid:1"}) as plugin:
        await plugin.seen(1)
    assert plugin.events[0].data["state"] == "down"
    assert "label" in plugin.events[0].data["detail"]


async def test_the_severity_is_the_configured_one() -> None:
    async with running("tcp-probe", config(free_port(), severity="critical")) as plugin:
        await plugin.seen(1)
    assert plugin.events[0].severity == "critical"


@pytest.mark.parametrize(
    ("bad", "words"),
    [({"address": "127.0.0.1:0"}, "config.address"), ({"address": "127.0.0.1:65536"}, "config.address"),
     ({"expect": "("}, "config.expect"), ({"every": "0s"}, "config.every"), ({"timeout": "0ms"}, "config.timeout"),
     ({"every": "9" * 400 + "h"}, "config.every")],
)  # fmt: skip
async def test_what_only_the_plugin_can_tell_is_refused(bad: dict[str, Any], words: str) -> None:
    error = await refusal("tcp-probe", {**config(1), **bad})
    assert error.code == "INVALID_CONFIG"
    assert words in error.message


@pytest.mark.parametrize(
    "bad",
    [{}, {"address": "localhost"}, {"address": "a b:1"}, {"address": "::1:25"}, {"address": "a:1", "every": "1"},
     {"address": "a:1", "send": 1}, {"address": "a:1", "port": 1}],
)  # fmt: skip
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults("tcp-probe", bad)
