"""The TLS layer between a transport and a protocol that both only take notes; the peer is OpenSSL on memory."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from outrider.ports.certificates.tls import client_context, server_context
from outrider.ports.http.tls_layer import TlsLayer
from tests.ports.http.authority import Authority


class Network(asyncio.Transport):
    """What the layer does to the connection."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = bytearray()
        self.done: list[str] = []

    def write(self, data: Any) -> None:
        self.sent += data

    def write_eof(self) -> None:
        self.done.append("eof")

    def close(self) -> None:
        self.done.append("close")

    def pause_reading(self) -> None:
        self.done.append("pause")

    def resume_reading(self) -> None:
        self.done.append("resume")

    def is_closing(self) -> bool:
        return "close" in self.done


class Inside:
    """What the layer tells the protocol. It pauses after each read if told so."""

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(65536))
        self.transport: asyncio.Transport | None = None
        self.received: list[bytes] = []
        self.made = False
        self.pauses = False
        self.lost: list[Exception | None] = []

    def handshake_begins(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def connection_made(self, _: asyncio.BaseTransport) -> None:
        self.made = True

    def get_buffer(self, _: int, /) -> memoryview:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.received.append(bytes(self.buffer[:nbytes]))
        if self.pauses and self.transport is not None:
            self.transport.pause_reading()

    def pause_writing(self) -> None:
        """Nothing is written."""

    def resume_writing(self) -> None:
        """Nothing is written."""

    def connection_lost(self, exc: Exception | None, /) -> None:
        self.lost.append(exc)


class Link:
    """The server's side of a connection and its peer."""

    def __init__(self, server: ssl.SSLContext, client: ssl.SSLContext) -> None:
        self.inside, self.network = Inside(), Network()
        self.layer = TlsLayer(self.inside, server, None)
        self.layer.connection_made(self.network)
        self.to_peer, self.from_peer = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.peer = client.wrap_bio(self.to_peer, self.from_peer, server_hostname="localhost")

    def deliver(self, *, most: int = 65536) -> None:
        """Carry what the peer has written to the layer, and back what the layer has."""
        while data := self.from_peer.read(most):
            self.inside.buffer[: len(data)] = data
            self.layer.buffer_updated(len(data))
        self.to_peer.write(bytes(self.network.sent))
        self.network.sent.clear()

    def shake_hands(self, *, most: int = 65536) -> None:
        for _ in range(4):
            try:
                self.peer.do_handshake()
            except ssl.SSLWantReadError:
                self.deliver(most=most)
        self.deliver(most=most)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def link(authority: Authority) -> Link:
    server = server_context(authority.issue("server", dns=("localhost",)), authority.pem, require_client=False)
    return Link(server, client_context(authority.pem))


@pytest.mark.parametrize("most", [1, 7, 65536])
async def test_handshake_and_data_however_the_network_cuts_them(link: Link, most: int) -> None:
    link.shake_hands(most=most)
    assert link.inside.made
    link.peer.write(b"x" * 40_000)
    link.deliver(most=most)
    assert b"".join(link.inside.received) == b"x" * 40_000
    link.layer.write(b"y" * 40_000)
    link.deliver()
    answer = b""
    while len(answer) < 40_000:
        answer += link.peer.read(65536)
    assert answer == b"y" * 40_000


async def test_no_session_can_be_resumed(link: Link) -> None:
    link.shake_hands()
    link.layer.write(b"hello")
    link.deliver()
    assert link.peer.read(10) == b"hello"
    assert link.peer.session is not None
    assert not link.peer.session.has_ticket


async def test_what_waits_during_a_pause_is_read_afterwards(link: Link) -> None:
    link.shake_hands()
    link.inside.pauses = True
    for record in (b"one", b"two", b"three"):
        link.peer.write(record)
    link.deliver()
    assert link.inside.received == [b"one"]
    link.inside.pauses = False
    link.layer.resume_reading()
    await asyncio.sleep(0)
    assert link.inside.received == [b"one", b"two", b"three"]
    assert link.network.done == ["pause", "resume"]


@pytest.mark.parametrize(("end", "done"), [("close", "close"), ("write_eof", "eof")])
async def test_end_is_told_to_the_peer(link: Link, end: str, done: str) -> None:
    link.shake_hands()
    getattr(link.layer, end)()
    link.deliver()
    assert link.peer.read(10) == b""
    assert link.network.done == [done]
    assert link.layer.is_closing()
    link.layer.write(b"late")
    assert not link.network.sent


async def test_end_that_the_peer_tells_is_no_fault(link: Link) -> None:
    link.shake_hands()
    with pytest.raises(ssl.SSLWantReadError):
        link.peer.unwrap()
    link.deliver()
    assert link.network.done == ["close"]
    link.layer.connection_lost(None)
    assert link.inside.lost == [None]


async def test_end_that_nobody_tells_is_a_fault(link: Link) -> None:
    link.shake_hands()
    link.layer.eof_received()
    link.layer.connection_lost(None)
    assert isinstance(link.inside.lost[0], ConnectionAbortedError)


async def test_forged_record_is_a_fault_and_never_data(link: Link) -> None:
    link.shake_hands()
    link.peer.write(b"hello")
    record = bytearray(link.from_peer.read())
    record[-1] ^= 1
    link.inside.buffer[: len(record)] = record
    link.layer.buffer_updated(len(record))
    assert link.inside.received == []
    assert link.network.done == ["close"]
    link.deliver()
    with pytest.raises(ssl.SSLError, match="ALERT"):
        link.peer.read(10)


async def test_refused_peer_has_time_to_read_the_alert(authority: Authority) -> None:
    server = server_context(authority.issue("server", dns=("localhost",)), authority.pem, require_client=True)
    link = Link(server, client_context(authority.pem))
    link.shake_hands()
    assert not link.inside.made
    assert link.network.done == ["eof"]
    link.peer.write(b"still there")
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
        link.peer.read(10)
    link.deliver()
    assert link.inside.received == []
