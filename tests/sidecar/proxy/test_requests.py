"""What clients send: in whole and in pieces, in a row, too long, too slow, or meant to be read twice (trap T10)."""

import asyncio
import itertools
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outrider.sidecar.proxy.limits import ProxyLimits
from outrider.sidecar.proxy.messages import Request
from outrider.sidecar.proxy.reading import RequestReader
from tests.sidecar.proxy.support import GET, OK, Reader, answering, between, body_of, eventually

STREAM = (
    b"POST /a?x=1 HTTP/1.1\r\nHost: a\r\nX-Api-Key: k\r\nContent-Length: 3\r\n\r\nabc"
    b"GET /b HTTP/1.1\r\nhost: b\r\nConnection: x-c\r\nx-c: 1\r\nx-d: 2\r\n\r\n"
    b"PUT /c HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1;q=1\r\nf\r\n0\r\nT: r\r\n\r\n"
)
READ = [
    (b"POST", b"/a?x=1", [], b"k", b"abc"),
    (b"GET", b"/b", [(b"x-d", b"2")], b"", b""),
    (b"PUT", b"/c", [], b"", b"def"),
]


def read(
    *pieces: bytes, limits: ProxyLimits | None = None
) -> list[tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes, bytes]]:
    found: list[Request] = []
    reader = RequestReader(limits or ProxyLimits(), found.append, lambda: None)
    for piece in pieces:
        assert reader.feed(piece) is None
    return [(one.method, one.target, one.fields, one.key, one.body) for one in found]


@pytest.mark.parametrize("cut", range(len(STREAM)))
def test_split_in_two_at_every_place(cut: int) -> None:
    assert read(STREAM[:cut], STREAM[cut:]) == READ


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_split_anywhere(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    assert read(*(STREAM[first:last] for first, last in itertools.pairwise(places))) == READ


@given(st.binary(max_size=200))
def test_anything_is_read_or_refused(data: bytes) -> None:
    reader = RequestReader(ProxyLimits(), lambda _: None, lambda: None)
    for piece in (data, b"\r\n\r\n"):
        fault = reader.feed(piece)
        if fault is not None:
            assert 400 <= fault[0] < 600
            return


HOST = b"Host: a\r\n"
SMUGGLED = {
    "both lengths": b"POST /x HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "lengths in a list": b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: 3, 3\r\n\r\nabc",
    "a signed length": b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: +3\r\n\r\nabc",
    "a hexadecimal length": b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: 0x3\r\n\r\nabc",
    "a long length": b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "a chunk of no size": b"POST /x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nx\r\n\r\n",
    "a chunk of a negative size": b"POST /x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "a chunk that is longer": b"POST /x HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
    "an unknown coding": b"POST /x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two codings": b"POST /x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a coding in two fields": b"POST /x HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length : 3\r\n\r\nabc",
    "a folded line": b"GET /x HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n",
    "a bare line feed": b"GET /x HTTP/1.1\n" + HOST + b"\n",
    "a bare carriage return": b"GET /x HTTP/1.1\r\n" + HOST + b"X: a\rb\r\n\r\n",
    "a null": b"GET /x HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n",
    "no host": b"GET /x HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /x HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    "an absolute target": b"GET http://b/x HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tunnel": b"CONNECT b:1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an unknown version": b"GET /x HTTP/9.9\r\n" + HOST + b"\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no request": b"nonsense\r\n\r\n",
}


@pytest.mark.parametrize("name", SMUGGLED)
async def test_what_could_be_read_in_two_ways_is_refused(name: str) -> None:
    async with between(answering(OK)) as found:
        answer = await found.raw(SMUGGLED[name])
        assert answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 501"), answer[:200]
        assert b"connection: close" in answer
        assert found.heads == [], "the upstream has seen nothing"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"a" * 2000 + b" HTTP/1.1\r\n", 414),
        (b"GET /x HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 5000 + b"\r\n\r\n", 431),
        (b"GET /x HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 1000 + b"\r\n", 431),
        (b"GET /x HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000, 431),
        (b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n" + b"a" * 5000, 413),
        (b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 5000, 413),
        (b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"a" * 900_000, 413),
    ],
)
async def test_bounds(data: bytes, status: int) -> None:
    async with between(answering(OK), target=1000, head=4000, body=4000) as found:
        assert f"HTTP/1.1 {status}".encode() in (await found.raw(data))[:20]
        assert found.heads == []


async def test_pipelined_requests_are_answered_in_their_order() -> None:
    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            number = head.split()[1]
            await asyncio.sleep(0.02 if number == b"/0" else 0)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(number), number))

    async with between(script, pipeline=4) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        writer.write(
            b"".join(b"GET /%s HTTP/1.1\r\nhost: a\r\n\r\n" % name for name in (b"0", b"1", b"own2", b"3") * 25)
        )
        for name in (b"0", b"1", b"own2", b"3") * 25:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            assert head.startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(len(name) + 1) == b"/" + name
        writer.close()


async def test_thousands_in_one_write_that_need_no_upstream() -> None:
    async with between(answering(OK)) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        writer.write(GET.replace(b"/x", b"/own") * 5000)
        for _ in range(5000):
            await reader.readuntil(b"/own")
        writer.close()


async def test_what_stands_before_a_faulty_request_is_answered() -> None:
    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.1)
        writer.write(OK)

    async with between(script) as found:
        answer = await found.raw(GET + b"nonsense\r\n\r\n")
        first, _, second = answer.partition(b"ok")
        assert first.startswith(b"HTTP/1.1 200")
        assert second.startswith(b"HTTP/1.1 400")


@pytest.mark.real
async def test_slow_heads_and_bodies_and_idle_clients() -> None:
    async with between(answering(OK), head_time=0.3, body_time=0.3, idle_time=0.6) as found:
        for begin in (b"GET /x HTTP/1.1\r\nx: ", b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\na"):
            reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
            writer.write(begin)
            started = time.monotonic()
            dripping = asyncio.create_task(_drip(writer))
            assert b"408" in await asyncio.wait_for(reader.read(), 5)
            assert time.monotonic() - started < 2, "a byte now and then does not keep it"
            dripping.cancel()
            writer.close()
        assert await found.raw(b"") == b""
        assert body_of(await found.one()) == b"ok"


async def _drip(writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        await asyncio.sleep(0.1)
        writer.write(b"a")


async def test_a_client_that_waits_to_be_told_is_told() -> None:
    async with between(answering(OK)) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        writer.write(b"POST /x HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"ab")
        assert b"ok" in await reader.readuntil(b"ok")
        assert b"expect" not in found.heads[0]
        writer.close()


async def test_also_behind_another_request() -> None:
    expecting = b"POST /x HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    async with between(answering(OK)) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        for before in (GET, GET.replace(b"/x", b"/own"), GET + GET):
            writer.write(before + expecting)
            for _ in range(before.count(b"GET")):
                assert b" 200 " in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
                await reader.readexactly(2 if b"/x" in before else 4)
            assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5) == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"ab")
            assert await asyncio.wait_for(reader.readexactly(len(OK)), 5) == OK
        writer.write(GET + expecting + b"ab" + GET[:9])  # who does not wait is not told
        assert await asyncio.wait_for(reader.readexactly(2 * len(OK)), 5) == OK * 2
        writer.write(GET[9:])
        assert await asyncio.wait_for(reader.readexactly(len(OK)), 5) == OK
        writer.close()


OFFER = b"POST /x HTTP/1.1\r\nhost: a\r\nupgrade: h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: AA\r\n"


@pytest.mark.parametrize(
    ("framed", "body"),
    [(b"content-length: 5\r\n\r\nhello", b"hello"), (b"transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", b"hello"),
     (b"\r\n", b"")],
)  # fmt: skip
@pytest.mark.parametrize("step", [1, 7, 10_000_000])
def test_an_offer_to_speak_something_else_is_let_pass(framed: bytes, body: bytes, step: int) -> None:
    found: list[Request] = []
    reader = RequestReader(ProxyLimits(), found.append, lambda: None)
    wire = (OFFER + framed + GET) * (2000 if step > 7 else 2)
    for at in range(0, len(wire), step):
        assert reader.feed(wire[at : at + step]) is None
    assert [(one.method, one.body, one.keep_alive) for one in found[:2]] == [(b"POST", body, True), (b"GET", b"", True)]
    assert len(found) == wire.count(b"HTTP/1.1")
    assert not found[0].fields


@pytest.mark.parametrize(
    "framing",
    [b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", b"content-length: 1\r\ncontent-length: 5\r\n\r\nhello",
     b"content-length: +5\r\n\r\nhello", b"transfer-encoding: chunked\r\n\r\nz\r\n"],
)  # fmt: skip
def test_nor_may_its_framing_be_in_doubt(framing: bytes) -> None:
    found: list[Request] = []
    fault = RequestReader(ProxyLimits(), found.append, lambda: None).feed(OFFER + framing)
    assert fault is not None
    assert fault[0] == 400
    assert not found


async def test_its_body_is_forwarded() -> None:
    async with between(answering(OK)) as found:
        assert body_of(await found.one(OFFER + b"content-length: 5\r\n\r\nhello")) == b"ok"
        assert b"upgrade" not in found.heads[0]
        assert found.gate.exchanges[0].request.body == b"hello"


async def test_too_many_clients() -> None:
    async with between(answering(OK), connections=2) as found:
        held = [await asyncio.open_connection("127.0.0.1", found.port) for _ in range(2)]
        await eventually(lambda: len(found.proxy._clients) == 2)
        assert b"503" in await found.raw(GET)
        held[0][1].close()
        await eventually(lambda: len(found.proxy._clients) == 1)
        assert body_of(await found.one()) == b"ok"
        held[1][1].close()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cuts=st.lists(st.integers(1, 200), max_size=8), body=st.binary(max_size=40))
async def test_pieces_of_any_size_come_through(cuts: list[int], body: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + (
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    )

    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        at = 0
        for cut in sorted(cuts):
            writer.write(answer[at:cut])
            at = max(at, cut)
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(answer[at:])
        await asyncio.sleep(0.01)

    async with between(script) as found:
        assert body_of(await found.one()) == body
