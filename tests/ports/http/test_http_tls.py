import asyncio
import contextlib
import gc
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outrider.core.errors import ConnectionFailedError, DeadlineExceededError, UnauthenticatedError
from outrider.core.http.messages import Peer, Request, Response
from outrider.ports.certificates.tls import client_context, load_identity, server_context
from outrider.ports.clock.manual import ManualClock
from outrider.ports.http.client import Client
from outrider.ports.http.server_state import Timeouts
from tests.ports.http.authority import HOUR, SPIFFE, Authority, serial_number
from tests.ports.http.support import (
    GET,
    WAIT,
    Sleeper,
    Wire,
    eventually,
    exchange,
    only_connection,
    scripted,
    serving,
    silent,
    wire,
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def context_of_server(authority: Authority, *, require_client: bool = True) -> ssl.SSLContext:
    return server_context(authority.issue("server", dns=("localhost",)), authority.pem, require_client=require_client)


def context_of_agent(authority: Authority, *uris: str) -> ssl.SSLContext:
    return client_context(authority.pem, authority.issue("agent", uris=uris or (SPIFFE,)))


@contextlib.asynccontextmanager
async def client_for(port: int, tls: ssl.SSLContext, host: str = "localhost") -> AsyncIterator[Client]:
    client = Client(f"https://{host}:{port}", tls=tls, timeout=WAIT)
    try:
        yield client
    finally:
        await client.close()


def secure_wire(port: int, authority: Authority) -> contextlib.AbstractAsyncContextManager[Wire]:
    return wire(port, ssl=client_context(authority.pem), server_hostname="localhost")


class Witness:
    """A handler that keeps who asked."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []

    async def __call__(self, request: Request) -> Response:
        self.peers.append(request.peer)
        return Response(200, body=request.body)


async def test_identity_of_the_client_is_read_once(authority: Authority) -> None:
    witness = Witness()
    tls, body = context_of_server(authority), b"x" * 500_000
    async with serving(witness, tls=tls) as (_, port), client_for(port, context_of_agent(authority)) as client:
        for _ in range(2):
            assert (await client.request("POST", "/", body=body)).body == body
    one, two = witness.peers
    assert one is two
    assert one.spiffe_id == SPIFFE
    assert one.certificate is not None
    assert one.not_after is not None
    assert 3500 < one.not_after - time.time() <= 3600
    assert one.expired(one.not_after)


@pytest.mark.parametrize("uris", [(SPIFFE, "spiffe://outrider.test/agent/other"), ("https://a.test/", SPIFFE)])
async def test_two_names_are_no_identity(authority: Authority, uris: tuple[str, ...]) -> None:
    witness = Witness()
    tls, agent = context_of_server(authority), context_of_agent(authority, *uris)
    async with serving(witness, tls=tls) as (_, port), client_for(port, agent) as client:
        await client.request("GET", "/")
    assert witness.peers[0].certificate is not None
    assert witness.peers[0].spiffe_id is None


async def test_client_without_certificate_has_no_identity_where_none_is_required(authority: Authority) -> None:
    witness = Witness()
    tls, agent = context_of_server(authority, require_client=False), client_context(authority.pem)
    async with serving(witness, tls=tls) as (_, port), client_for(port, agent) as client:
        await client.request("GET", "/")
    peer = witness.peers[0]
    assert (peer.certificate, peer.spiffe_id, peer.not_after) == (None, None, None)


async def refused(port: int, tls: ssl.SSLContext) -> str:
    async with client_for(port, tls) as client:
        with pytest.raises(UnauthenticatedError) as caught:
            await client.request("POST", "/", body=b"x" * 100_000)
    return caught.value.found


async def test_refused_client_is_told_why(authority: Authority, tmp_path: Path) -> None:
    witness = Witness()
    async with serving(witness, tls=context_of_server(authority)) as (server, port):
        assert "CERTIFICATE_REQUIRED" in await refused(port, client_context(authority.pem))
        ended = authority.issue("ended", uris=(SPIFFE,), ends=-HOUR)
        assert "CERTIFICATE_EXPIRED" in await refused(port, client_context(authority.pem, ended))
        for common_name in ("rogue", "test authority"):
            foreign = Authority(tmp_path, "rogue", common_name).issue("foreign", uris=(SPIFFE,))
            assert "UNKNOWN_CA" in await refused(port, client_context(authority.pem, foreign))
        await eventually(lambda: server.connections == 0)
    assert witness.peers == []


async def test_foreign_certificate_is_refused_where_none_is_required(authority: Authority, tmp_path: Path) -> None:
    foreign = Authority(tmp_path, "rogue", "rogue").issue("foreign", uris=(SPIFFE,))
    async with serving(tls=context_of_server(authority, require_client=False)) as (_, port):
        assert "UNKNOWN_CA" in await refused(port, client_context(authority.pem, foreign))


async def test_server_that_is_not_trusted_gets_nothing(authority: Authority, tmp_path: Path) -> None:
    witness = Witness()
    rogue = Authority(tmp_path, "rogue")
    async with serving(witness, tls=context_of_server(authority, require_client=False)) as (_, port):
        async with client_for(port, client_context(rogue.pem)) as client:
            with pytest.raises(UnauthenticatedError, match="is not trusted"):
                await client.request("GET", "/")
        async with client_for(port, client_context(authority.pem), "127.0.0.1") as client:
            with pytest.raises(UnauthenticatedError, match="IP address mismatch"):
                await client.request("GET", "/")
    assert witness.peers == []


async def test_renewed_certificate_is_shown_on_new_connections(authority: Authority) -> None:
    tls = context_of_server(authority, require_client=False)
    async with serving(tls=tls) as (_, port):
        first = await shown_serial_number(port, authority)
        identity = authority.issue("server", dns=("localhost",))
        load_identity(tls, identity)
        second = await shown_serial_number(port, authority)
    assert first != second == serial_number(identity)


async def shown_serial_number(port: int, authority: Authority) -> int:
    async with secure_wire(port, authority) as connection:
        return int(connection.writer.get_extra_info("peercert")["serialNumber"], 16)


async def test_older_tls_is_refused(authority: Authority) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority.file)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with serving(tls=context_of_server(authority, require_client=False)) as (_, port):
        assert "PROTOCOL_VERSION" in await refused(port, context)


async def test_plain_http_on_a_tls_port(authority: Authority) -> None:
    async with serving(tls=context_of_server(authority)) as (server, port):
        assert b"HTTP" not in await exchange(port, GET)
        await eventually(lambda: server.connections == 0)


async def test_tls_on_a_plain_port(authority: Authority) -> None:
    async with serving() as (_, port), client_for(port, client_context(authority.pem)) as client:
        with pytest.raises(ConnectionFailedError, match="no TLS connection") as caught:
            await client.request("GET", "/")
        assert not caught.value.sent
        assert "http://" in caught.value.suggestions[0]


async def test_handshake_that_does_not_come_is_counted_and_ended(authority: Authority) -> None:
    clock = ManualClock()
    timeouts = Timeouts(handshake=1.0, linger=0.04)
    async with (
        serving(clock=clock, timeouts=timeouts, tls=context_of_server(authority)) as (server, port),
        wire(port) as client,
    ):
        await only_connection(server)
        client.send(b"\x16\x03\x01")
        clock.advance(1.0)
        assert await client.rest() == b""
        await eventually(lambda: server.connections == 0)


async def test_client_does_not_wait_for_a_handshake_for_ever(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    async with scripted(silent) as port, client_for(port, client_context(authority.pem)) as client:
        with pytest.raises(DeadlineExceededError):
            await client.request("GET", "/", timeout=0.05)
        await eventually(lambda: not client._connections)
    gc.collect()
    assert caplog.text == ""


async def test_stop_ends_handshakes(authority: Authority) -> None:
    async with serving(tls=context_of_server(authority)) as (server, port), wire(port) as client:
        await only_connection(server)
        await server.stop(60)
        assert await client.rest() == b""


async def test_caller_that_leaves_cancels_its_handler(authority: Authority) -> None:
    sleeper = Sleeper()
    async with serving(sleeper, tls=context_of_server(authority, require_client=False)) as (server, port):
        async with secure_wire(port, authority) as connection:
            connection.send(GET)
            await sleeper.started.wait()
        await eventually(sleeper.cancelled.is_set)
        await eventually(lambda: server.connections == 0)


async def test_slow_reader_holds_a_tls_stream(authority: Authority) -> None:
    body = b"x" * 30_000_000

    async def handler(_: Request) -> Response:
        return Response(200, body=body)

    tls = context_of_server(authority, require_client=False)
    async with serving(handler, tls=tls) as (server, port), secure_wire(port, authority) as client:
        client.send(GET)
        connection = await only_connection(server)
        await eventually(lambda: connection._task is not None and connection._writer.paused)
        assert connection._transport.get_write_buffer_size() < 200_000
        assert (await client.answer())[1] == body


async def test_flood_on_tls_stops_reading(authority: Authority) -> None:
    go_on = asyncio.Event()

    async def handler(_: Request) -> Response:
        await go_on.wait()
        return Response(204)

    tls = context_of_server(authority, require_client=False)
    async with serving(handler, tls=tls) as (server, port), secure_wire(port, authority) as client:
        client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n%b" % (b"x" * 1000) * 2000)
        connection = await only_connection(server)
        await eventually(lambda: len(connection._waiting) >= 65536)
        assert len(connection._waiting) < 200_000
        go_on.set()
        for _ in range(2000):
            assert (await client.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 204 ")


async def test_refusal_over_tls_arrives_although_the_body_keeps_coming(authority: Authority) -> None:
    tls = context_of_server(authority, require_client=False)
    async with serving(tls=tls) as (_, port), client_for(port, client_context(authority.pem)) as client:
        assert (await client.request("POST", "/", body=b"x" * 10_000_000)).status == 413


async def test_body_that_ends_without_close_notify_is_cut(authority: Authority) -> None:
    """Anybody on the way can end a TCP stream; only the server can end the TLS stream on it."""

    async def polite(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nwhole")

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await polite(reader, writer)
        writer.transport.abort()

    tls = context_of_server(authority, require_client=False)
    async with scripted(polite, cut, ssl=tls) as port, client_for(port, client_context(authority.pem)) as client:
        assert (await client.request("GET", "/")).body == b"whole"
        with pytest.raises(ConnectionFailedError):
            await client.request("GET", "/")
