"""What comes back from an upstream reaches the client as it was meant (traps T1 to T9)."""

import asyncio
import contextlib
import gzip
import ssl
from pathlib import Path

import pytest

from outrider.sidecar.proxy.exchange import Exchange
from outrider.sidecar.proxy.gate import Failure
from tests.ports.http.authority import Authority
from tests.servers.ports import free_port
from tests.sidecar.proxy.support import (
    GET,
    OK,
    Forwarding,
    Noted,
    Reader,
    answering,
    between,
    body_of,
    eventually,
    read_request,
)


def head(status: str, *lines: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *lines, "", "")).encode()


async def test_an_answer_is_passed_on_and_the_connection_kept() -> None:
    async with between(
        answering(head("200 Fine", "X-Model: m", "Content-Length: 2", "Keep-Alive: timeout=5") + b"ok")
    ) as found:
        answer = await found.one()
        assert answer.startswith(b"HTTP/1.1 200 Fine\r\n"), "its reason stays"
        assert b"x-model: m" in answer
        assert b"keep-alive" not in answer
        assert body_of(answer) == b"ok"
        for _ in range(3):
            await found.one()
        assert found.connections == 1
        assert [attempt.endings for attempt in found.gate.attempts] == [["ended: "]] * 4


async def test_a_request_goes_on_without_what_belongs_to_the_connection() -> None:
    async with between(answering(OK)) as found:
        await found.raw(
            b"POST /v1/x?y=1 HTTP/1.1\r\nHost: client\r\nAuthorization: Bearer k\r\nX-Api-Key: l\r\nX-Foo: 1\r\nX-Bar: 2\r\n"
            b"Connection: close, X-Foo\r\nTE: trailers\r\nUpgrade-Insecure-Requests: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: z\r\n\r\n"
        )
        port = found.gate.target.authority.decode()
        assert found.heads == [
            f"POST /v1/x?y=1 HTTP/1.1\r\nhost: {port}\r\nx-bar: 2\r\nupgrade-insecure-requests: 1\r\ncontent-length: 5\r\n\r\n".encode()
        ]
        assert found.gate.exchanges[0].request.key == b"Bearer k"
        assert found.gate.exchanges[0].request.body == b"abcde"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_t1_answers_without_a_body(status: str) -> None:
    async with between(answering(head(status, "ETag: x"))) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        for _ in range(2):
            writer.write(GET)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert b"transfer-encoding" not in answer
            assert b"content-length" not in answer
        writer.write(GET.replace(b"/x", b"/own"))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200"), "no byte of a body came between"
        writer.close()
        assert found.connections == 1


async def test_t1_the_answer_to_head_has_the_length_and_no_body() -> None:
    async with between(answering(head("200 OK", "Content-Length: 5"))) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        for _ in range(2):
            writer.write(GET.replace(b"GET", b"HEAD"))
            answer = await reader.readuntil(b"\r\n\r\n")
            assert b"content-length: 5" in answer
        writer.write(GET.replace(b"/x", b"/own"))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_t2_interim_answers_are_not_the_answer() -> None:
    interim = head("100 Continue") + head("103 Early Hints", "Link: </a>")
    async with between(answering(interim + OK)) as found:
        for _ in range(2):
            assert body_of(await found.one()) == b"ok"
        assert found.connections == 1


async def test_t3_a_body_that_ends_with_the_connection() -> None:
    async with between(answering(head("200 OK") + b"abc", close=True)) as found:
        answer = await found.one()
        assert b"transfer-encoding: chunked" in answer
        assert body_of(answer) == b"abc"
        assert answer.endswith(b"0\r\n\r\n")
        assert found.gate.attempts[0].endings == ["ended: "]
        assert body_of(await found.one()) == b"abc"
        assert found.connections == 2


async def test_t3_an_old_client_gets_it_until_the_end() -> None:
    for answer in (head("200 OK") + b"abc", head("200 OK", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n"):
        async with between(answering(answer, close=True)) as found:
            got = await found.raw(b"GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert b"chunked" not in got
            assert b"connection: close" in got
            assert got.endswith(b"\r\n\r\nabc")


async def test_t4_an_upstream_that_closes_at_once_is_a_502() -> None:
    async with between(_closing) as found:
        answer = await found.one()
        assert answer.startswith(b"HTTP/1.1 502 Bad Gateway")
        assert b'"message":"the upstream closed the connection"' in answer
        assert found.connections == 1
        assert len(found.gate.attempts[0].endings) == 1


async def _closing(reader: Reader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)


async def test_t4_nobody_listens() -> None:
    async with between(_closing) as found:
        found.gate.target._port = free_port()
        answer = await found.one()
        assert b"502" in answer
        assert b"Connect call failed" in answer or b"refused" in answer.lower()


async def test_t5_old_clients_and_those_that_leave() -> None:
    async with between(answering(OK)) as found:
        assert b"connection: close" in await found.raw(b"GET /x HTTP/1.0\r\n\r\n")
        assert b"connection: close" in await found.raw(b"GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n" + GET)
        assert len(found.heads) == 2
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        for _ in range(2):
            writer.write(b"GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert b"connection: keep-alive" in await reader.readuntil(b"ok")
        writer.close()


async def test_t6_fields_that_the_upstream_names_as_its_connections() -> None:
    async with between(
        answering(head("200 OK", "Connection: X-Hop, keep-alive", "X-Hop: 1", "X-Stay: 2", "Content-Length: 0"))
    ) as found:
        answer = await found.one()
        assert b"x-hop" not in answer
        assert b"x-stay: 2" in answer


async def test_t7_a_kept_connection_that_was_closed_is_replaced_once() -> None:
    served = 0

    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        await read_request(reader)
        writer.write(OK)
        served += 1
        await read_request(reader)  # the second request of a connection is read, and the connection closed

    async with between(script) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        for _ in range(3):
            writer.write(GET)
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        writer.close()
        assert served == found.connections == 3
        assert [attempt.endings for attempt in found.gate.attempts] == [["ended: "]] * 3


async def test_t7_it_is_not_repeated_when_a_byte_of_the_answer_came() -> None:
    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await read_request(reader)
        writer.write(b"HTTP/1.1 2")

    async with between(script) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        writer.write(GET)
        await reader.readuntil(b"ok")
        writer.write(GET)
        assert b"502" in await reader.readuntil(b"\r\n")
        writer.close()
        assert found.connections == 1


@pytest.mark.real
async def test_t8_a_slow_client_bounds_memory_and_hinders_nobody() -> None:
    piece, pieces = b"x" * 65536, 800

    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        while request := await read_request(reader):
            if b"/big" in request:
                writer.write(head("200 OK", f"Content-Length: {len(piece) * pieces}"))
                for _ in range(pieces):
                    writer.write(piece)
                    await writer.drain()
            else:
                writer.write(OK)

    async with between(script) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port, limit=1024)
        writer.write(GET.replace(b"/x", b"/big"))
        await eventually(lambda: bool(found.gate.attempts and found.gate.attempts[0].body))
        for _ in range(20):
            assert body_of(await found.one()) == b"ok"
        await asyncio.sleep(0.3)
        assert len(found.gate.attempts[0].body) < 20_000_000, "the upstream waits for the client"
        got = 0
        while got < len(piece) * pieces:
            got += len(await reader.read(1 << 20))
        writer.write(GET)
        assert b"ok" in await reader.readuntil(b"ok"), "and both connections serve on"
        writer.close()


async def test_t9_a_client_that_leaves_while_the_upstream_connects() -> None:
    sent = b""

    async def script(reader: Reader, _: asyncio.StreamWriter) -> None:
        nonlocal sent
        sent = await reader.read(1)  # the beginning of TLS, which nobody answers
        await asyncio.Event().wait()

    async with between(script, trust=ssl.create_default_context()) as found:
        _, writer = await asyncio.open_connection("127.0.0.1", found.port)
        writer.write(GET)
        await eventually(lambda: bool(found.gate.attempts))
        writer.close()
        await eventually(lambda: found.gate.attempts[0].endings == ["abandoned"])
        assert sent == b"\x16"
        assert found.heads == []


async def test_a_connection_that_takes_too_long() -> None:
    async def script(_: Reader, __: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with between(script, trust=ssl.create_default_context(), connect_time=0.2) as found:
        assert b"no connection in time" in await found.one()


async def test_t9_a_client_that_leaves_in_the_middle_stops_the_upstream() -> None:
    stopped = asyncio.Event()

    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head("200 OK", "Transfer-Encoding: chunked") + b"1\r\na\r\n")
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        stopped.set()

    async with between(script) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        writer.write(GET)
        await reader.readuntil(b"a\r\n")
        writer.transport.abort()
        await asyncio.wait_for(stopped.wait(), 5)
        assert found.gate.attempts[0].endings == ["ended: the client has gone"]


async def test_an_upstream_that_breaks_in_the_middle_breaks_the_answer() -> None:
    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head("200 OK", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n")

    async with between(script) as found:
        answer = await found.one()
        assert answer.endswith(b"3\r\nabc\r\n"), "no last chunk"
        with pytest.raises(ConnectionError):
            await found.raw(b"GET /x HTTP/1.0\r\n\r\n")
        assert found.gate.attempts[0].endings == ["ended: the upstream closed the connection"]


class Speaking(Forwarding):
    class Attempt(Noted):
        def cut(self, reason: str) -> bytes:
            return f"data: {reason}\n\n".encode()

    def attempt(self) -> Noted:
        return self.Attempt()


async def test_or_says_why_where_the_gate_has_words_for_it() -> None:
    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head("200 OK", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n")

    async with between(script, gate=Speaking()) as found:
        assert body_of(await found.one()) == b"abcdata: the upstream closed the connection\n\n"


class Changing(Forwarding):
    class Attempt(Noted):
        rewrites = True

        def piece(self, data: bytes) -> bytes:
            return data.replace(b"secret", b"")

        def last(self, *, framed: bool) -> bytes:
            del framed
            return b"!"

    def attempt(self) -> Noted:
        return self.Attempt()


async def test_what_is_rewritten_has_no_length_of_the_upstream() -> None:
    async with between(answering(head("200 OK", "Content-Length: 8") + b"a secret"), gate=Changing()) as found:
        answer = await found.one()
        assert b"content-length" not in answer
        assert body_of(answer) == b"a !"
        assert (await found.raw(b"GET /x HTTP/1.0\r\n\r\n")).endswith(b"\r\n\r\na !")


class Choosy(Forwarding):
    class Attempt(Noted):
        def accept(self, status: int, fields: list[tuple[bytes, bytes]]) -> bool:
            return status < 500

        def failed(self, exchange: Exchange, failure: Failure) -> None:
            self.endings.append(f"failed: {failure.status}")
            exchange.answer(200, [], b"another")

    def attempt(self) -> Noted:
        return self.Attempt()


async def test_an_answer_that_is_not_accepted_can_be_replaced() -> None:
    async with between(answering(head("503 Busy", "Content-Length: 3") + b"no!"), gate=Choosy()) as found:
        assert body_of(await found.one()) == b"another"
        assert found.gate.attempts[0].endings == ["failed: 503"]


@pytest.mark.parametrize(
    "answer",
    [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
     b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n", b"HTTP/1.1 101 Other\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
)  # fmt: skip
async def test_what_is_no_answer_is_a_502(answer: bytes) -> None:
    async with between(answering(answer)) as found:
        assert (await found.one()).startswith(b"HTTP/1.1 502")
        assert len(found.gate.attempts[0].endings) == 1


@pytest.mark.parametrize("coding", ["gzip, chunked", "gzip", "Gzip\r\nTransfer-Encoding: chunked", "identity"])
async def test_nor_what_is_packed_for_the_transfer(coding: str) -> None:
    packed = gzip.compress(b"ok")
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
    async with between(answering(head("200 OK", f"Transfer-Encoding: {coding}") + body, close=True)) as found:
        answer = await found.one()
        assert answer.startswith(b"HTTP/1.1 502")
        assert f"the transfer coding '{coding[:4].lower()}".encode() in answer
    async with between(answering(head("200 OK", "Transfer-Encoding: Chunked") + b"2\r\nok\r\n0\r\n\r\n")) as found:
        assert body_of(await found.one()) == b"ok"


@pytest.mark.parametrize("more", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"evil", b"HTTP/1.1 2", b"\r\n"])
async def test_more_than_the_answer_reaches_nobody(more: bytes) -> None:
    async with between(answering(OK + more)) as found:
        assert body_of(await found.one()) == b"ok"
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        writer.write(GET * 3)  # the next request begins in the turn in which the last answer ended
        assert await reader.readexactly(len(OK) * 3) == OK * 3
        writer.close()


async def test_what_comes_later_than_the_answer_reaches_nobody() -> None:
    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await asyncio.sleep(0.05)
        writer.write(OK.replace(b"ok", b"no"))
        await read_request(reader)

    async with between(script) as found:
        assert body_of(await found.one()) == b"ok"
        await eventually(lambda: not found.gate.target._all)
        assert body_of(await found.one()) == b"ok"


@pytest.mark.real
async def test_times_of_the_upstream() -> None:
    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        request = await read_request(reader)
        if b"/drip" in request:
            writer.write(head("200 OK", "Transfer-Encoding: chunked"))
            while True:
                writer.write(b"1\r\na\r\n")
                await writer.drain()
                await asyncio.sleep(0.05)
        if b"/stall" in request:
            writer.write(head("200 OK", "Transfer-Encoding: chunked") + b"1\r\na\r\n")
        await asyncio.sleep(30)

    async with between(script, first_byte_time=0.3, silence_time=0.3, total_time=1.0) as found:
        assert (await found.one()).startswith(b"HTTP/1.1 504"), "nothing came"
        assert found.gate.attempts[0].endings == ["failed: the upstream took too long"]
        for path in (b"/stall", b"/drip"):
            assert not (await found.one(GET.replace(b"/x", path))).endswith(b"0\r\n\r\n")
            assert found.gate.attempts[-1].endings == ["ended: the upstream took too long"]


async def test_idle_connections_are_closed_and_bounded() -> None:
    async with between(answering(OK), pooled=2, pooled_time=0.3) as found:
        await asyncio.gather(*(found.one() for _ in range(6)))
        target = found.gate.target
        assert len(target._idle) <= 2
        await eventually(lambda: not target._idle and not target._all)


async def test_tls_to_the_upstream(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(authority.issue("server", dns=("localhost",)))
    trust = ssl.create_default_context(cafile=str(authority.file))
    async with between(answering(OK), tls=server, trust=trust) as found:
        assert body_of(await found.one()) == b"ok"
        assert body_of(await found.one()) == b"ok"
        assert found.connections == 1
    other = ssl.create_default_context(cafile=str(Authority(tmp_path, "other").file))
    async with between(answering(OK), tls=server, trust=other) as found:
        assert b"CERTIFICATE_VERIFY_FAILED" in await found.one()


async def test_a_fault_of_the_gate_costs_one_request(caplog: pytest.LogCaptureFixture) -> None:
    async with between(answering(OK)) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        writer.write(GET.replace(b"/x", b"/fault") + GET)
        assert b"500" in await reader.readuntil(b"\r\n")
        assert b"ok" in await reader.readuntil(b"ok")
        writer.close()
    assert "ZeroDivisionError" in caplog.text
