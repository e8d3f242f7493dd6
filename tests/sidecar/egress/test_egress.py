"""Tunnels to the hosts that an agent may reach, and to no other."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.destinations import Destination, read_destination
from outrider.core.errors import InvalidConfigError
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock
from outrider.sidecar.egress import egress as egress_module
from outrider.sidecar.egress import tunnel
from outrider.sidecar.egress.egress import Egress
from outrider.sidecar.proxy.exchange import Exchange
from outrider.sidecar.proxy.proxy import Proxy
from tests.contract.worlds import until
from tests.core.profiles import quick

SECONDS = 10


class Gate:
    """Answers every call."""

    def decide(self, exchange: Exchange) -> None:
        exchange.answer(200, [], b"gateway")


class Place:
    """A proxy with tunnels, and a host that sends back what it gets, in capitals.

    Attributes:
        port: Of the proxy.
        host: Address and port of the host.
    """

    def __init__(self, folder: Path, port: int, host: str, egress: Egress) -> None:
        self.folder, self.port, self.host, self.egress = folder, port, host, egress

    async def open(self, request: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        return reader, writer

    async def ask(self, request: bytes) -> bytes:
        reader, writer = await self.open(request)
        answer = await asyncio.wait_for(reader.read(), SECONDS)
        writer.close()
        return answer

    async def tunnel(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await self.open(f"CONNECT {self.host} HTTP/1.1\r\nhost: {self.host}\r\n\r\n".encode())
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 200 Connection established\r\n\r\n"
        return reader, writer

    def records(self) -> list[dict[str, Any]]:
        path = self.folder / "audit.jsonl"
        return [json.loads(line)["entry"] for line in path.read_text().splitlines()] if path.exists() else []


@asynccontextmanager
async def place(folder: Path, *allow: str) -> AsyncIterator[Place]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data.upper())
            await writer.drain()
        writer.write(b"end")
        writer.close()

    far = await asyncio.start_server(echo, "127.0.0.1", 0)
    host = f"127.0.0.1:{far.sockets[0].getsockname()[1]}"
    egress = Egress([*allow] or [host], agent="a", state=folder, clock=SystemClock())
    proxy = Proxy(Gate())
    proxy.tunnels = egress
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    await proxy.listen(listening)
    try:
        yield Place(folder, port, host, egress)
    finally:
        await egress.close()
        await proxy.close(0)
        far.close()


async def test_a_tunnel_to_a_host_that_is_allowed(tmp_path: Path) -> None:
    async with place(tmp_path) as found:
        reader, writer = await found.tunnel()
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"HELLO"
        big = b"x" * 5_000_000
        writer.write(big)
        assert await asyncio.wait_for(reader.readexactly(len(big)), SECONDS) == big.upper()
        writer.write_eof()  # the other way stays open until the host has said all
        assert await asyncio.wait_for(reader.read(), SECONDS) == b"end"
        writer.close()
        await until(lambda: bool(found.records()))
        (record,) = found.records()
        assert (record["action"], record["target"], record["outcome"]) == ("egress.connect", found.host, "ok")
        assert (record["details"]["sent"], record["details"]["received"]) == (5 + len(big), 8 + len(big))
        assert record["principal"] == "agent:a"


async def test_what_is_sent_before_the_answer_is_not_lost(tmp_path: Path) -> None:
    async with place(tmp_path) as found:
        head = f"CONNECT {found.host} HTTP/1.1\r\n\r\n".encode()
        reader, writer = await found.open(head[:11])
        await asyncio.sleep(0.05)
        writer.write(head[11:] + b"early")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(5) == b"EARLY"
        writer.close()


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("example.org:443", 403), ("127.0.0.1:22", 403), ("localhost:443", 403), ("[::1]:443", 403), ("", 400), ("x", 400),
        ("x:0", 400), ("x:99999", 400), ("http://x/", 400), ("a:b:1", 400), ("a..b:1", 400), ("a\x00b:1", 400),
        (f"{'a' * 64}:1", 400), ("*:443", 400), ("2130706433:443", 403), ("0x7f.1:443", 403), ("127.0.0.1%:443", 400),
    ],
)  # fmt: skip
async def test_no_other_host_is_reached(tmp_path: Path, target: str, status: int) -> None:
    async with place(tmp_path) as found:
        answer = await found.ask(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
        assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer
        if status == 403:
            assert found.host.encode() in answer
            assert found.records()[0]["outcome"] == "DENIED"
        assert found.egress.totals["ok"] == 0


async def test_a_host_that_is_not_there_is_told(tmp_path: Path) -> None:
    async with place(tmp_path, "127.0.0.1:1", "no-such-host.invalid") as found:
        for target in ("127.0.0.1:1", "no-such-host.invalid:443"):
            answer = await found.ask(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
            assert answer.startswith(b"HTTP/1.1 502 ")
            assert b"cannot be reached" in answer
        assert found.egress.totals["CONNECTION_FAILED"] == 2


async def test_calls_of_the_gateway_go_on(tmp_path: Path) -> None:
    async with place(tmp_path) as found:
        assert b"gateway" in await found.ask(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        later = b"GET / HTTP/1.1\r\nhost: a\r\n\r\nCONNECT x:1 HTTP/1.1\r\nhost: x:1\r\n\r\n"
        assert b" 400 " in await found.ask(later)  # a connection is one or the other
        plain = await found.ask(b"GET http://example.org/ HTTP/1.1\r\nhost: example.org\r\n\r\n")
        assert b"CONNECT only" in plain


async def test_a_head_without_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel, "HEAD_SECONDS", 0.2)
    async with place(tmp_path) as found:
        assert b" 408 " in await found.ask(b"CONNECT x:443 HTTP/1.1\r\n")
        assert b" 431 " in await found.ask(b"CONNECT " + b"x" * 9000)


async def test_a_client_that_leaves_ends_the_tunnel(tmp_path: Path) -> None:
    async with place(tmp_path) as found:
        for _ in range(3):
            _, writer = await found.tunnel()
            writer.transport.abort()
        await until(lambda: found.egress.totals["ok"] == 3)
        _, writer = await found.tunnel()
        await found.egress.close()  # as the sidecar does at its end
        await until(lambda: found.egress.totals["ok"] == 4)
        writer.close()


async def test_refusals_do_not_fill_the_disk(tmp_path: Path) -> None:
    clock = ManualClock()
    egress = Egress(["a.example"], agent="a", state=tmp_path, clock=clock)
    for number in range(500):
        egress.refused(f"b{number}.example:443")
    clock.advance(1)
    egress.failed("a.example:443", "refused")
    await egress.close()
    records = [json.loads(line)["entry"] for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert len(records) == 101
    assert records[-1]["details"] == {"reason": "refused", "untold": 400}
    assert egress.totals == {"DENIED": 500, "CONNECTION_FAILED": 1}


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("api.example.org", "api.example.org", 443), ("API.Example.org:8443", "api.example.org", 8443), ("*.example.org", "*.example.org", 443),
        ("10.0.0.1:80", "10.0.0.1", 80), ("[2001:db8::1]:80", "2001:db8::1", 80), ("[::1]", "::1", 443),
    ],
)  # fmt: skip
def test_destinations(text: str, host: str, port: int) -> None:
    assert read_destination(text) == Destination(host, port)


@pytest.mark.parametrize(
    "text", ["", "*", "*.org", "https://a", "a/b", "a:0", "a:x", "a b", "-a.org", "a..b", "::1", "*.*.org"]
)
def test_what_is_no_destination(text: str) -> None:
    with pytest.raises(InvalidConfigError):
        read_destination(text)


def test_names_below_one() -> None:
    below = read_destination("*.example.org")
    assert below.covers("a.example.org", 443)
    assert below.covers("a.b.example.org", 443)
    assert not below.covers("example.org", 443)
    assert not below.covers("badexample.org", 443)
    assert not below.covers("a.example.org", 80)


@quick
@given(st.text())
def test_any_text_is_a_destination_or_refused(text: str) -> None:
    try:
        found = read_destination(text)
    except InvalidConfigError:
        return
    assert found.host == found.host.lower()
    assert 0 < found.port < 65536


async def test_a_name_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    async with place(tmp_path, "*.example.org") as found:
        answer = await found.ask(b"CONNECT a." + b"b" * 64 + b".example.org:443 HTTP/1.1\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        answer = await found.ask(b"CONNECT " + b"a." * 200 + b"example.org:443 HTTP/1.1\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 502 ")


async def test_who_is_being_connected_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress_module, "MOST_TUNNELS", 2)
    waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    async with place(tmp_path) as found:
        request = f"CONNECT {found.host} HTTP/1.1\r\n\r\n".encode()
        with monkeypatch.context() as patched:
            patched.setattr(tunnel.Tunnel, "_connect", lambda *_: asyncio.wait({waiting}))
            ends = [await found.open(request) for _ in range(2)]
            await asyncio.sleep(0.05)
            assert b"too many connections" in await found.ask(request)
            for _, writer in ends:
                writer.close()
        waiting.set_result(None)


async def test_what_comes_too_early_waits_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tunnel.Tunnel] = []
    go_on = asyncio.Event()
    connect = tunnel.Tunnel._connect

    async def slowly(self: tunnel.Tunnel, host: str, port: int) -> None:
        begun.append(self)
        await go_on.wait()
        await connect(self, host, port)

    monkeypatch.setattr(tunnel.Tunnel, "_connect", slowly)
    async with place(tmp_path) as found:
        reader, writer = await found.open(f"CONNECT {found.host} HTTP/1.1\r\n\r\n".encode())
        big = b"x" * 20_000_000
        writer.write(big)
        await until(lambda: bool(begun))
        await asyncio.sleep(0.2)
        assert len(begun[0]._head) < 1_000_000
        go_on.set()
        await reader.readuntil(b"\r\n\r\n")
        assert len(await asyncio.wait_for(reader.readexactly(len(big)), SECONDS)) == len(big)
        writer.close()


async def test_a_host_that_speaks_first_is_heard_behind_the_answer(tmp_path: Path) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here")
        writer.close()

    far = await asyncio.start_server(greet, "127.0.0.1", 0)
    host = f"127.0.0.1:{far.sockets[0].getsockname()[1]}"
    async with place(tmp_path, host) as found:
        answer = await found.ask(f"CONNECT {host} HTTP/1.1\r\n\r\n".encode())
        assert answer == b"HTTP/1.1 200 Connection established\r\n\r\n220 here"
    far.close()


async def test_a_silent_host_holds_no_tunnel_whose_client_has_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunnel, "SILENCE_SECONDS", 0.05)
    ended = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass
        await ended.wait()
        writer.close()

    far = await asyncio.start_server(silent, "127.0.0.1", 0)
    host = f"127.0.0.1:{far.sockets[0].getsockname()[1]}"
    async with place(tmp_path, host) as found:
        _, writer = await found.open(f"CONNECT {host} HTTP/1.1\r\n\r\n".encode())
        await asyncio.sleep(0.05)
        writer.close()
        await until(lambda: found.egress.totals["ok"] == 1)
    ended.set()
    far.close()
