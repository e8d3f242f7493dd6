"""Peers that are slow, early, or say more than was asked, cost nobody but themselves."""

import asyncio
import errno
import socket
import struct

import pytest

from outrider.sidecar.proxy.downstream import Downstream
from outrider.sidecar.proxy.pool import _failure
from outrider.sidecar.proxy.upstream import REPEAT_SECONDS
from tests.sidecar.proxy.support import (
    GET,
    OK,
    Reader,
    answering,
    between,
    body_of,
    eventually,
    nothing_more_opens,
    read_request,
)

# They wait for clocks that run.
pytestmark = pytest.mark.real
POST = b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"


@pytest.mark.parametrize("name", ["127.0.0.1", "provider.invalid"])
async def test_a_lack_of_our_own_is_a_503(name: str) -> None:
    async with between(answering(OK)) as found:
        found.gate.target._host = name
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        await eventually(lambda: bool(found.proxy._clients))
        with nothing_more_opens():
            writer.write(GET)
            answer = await asyncio.wait_for(reader.readuntil(b"}}"), 10)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"open files" in answer
        assert b"RLIMIT_NOFILE" in answer
        writer.close()


def test_which_limit_it_was_is_told_and_a_name_that_is_not_there_is_none() -> None:
    machine = _failure("h:1", OSError(errno.ENFILE, "Too many open files in system"))
    assert (machine.answer, machine.reason.rpartition(" ")[2]) == (503, "fs.file-max")
    unknown = _failure("h:1", socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    assert (unknown.answer, unknown.reason) == (502, "h:1: Name or service not known")


@pytest.mark.parametrize("more", [b"x", b"HTTP/1.1 2", b"HTTP/1.1 408 Idle\r\ncontent-length: 0\r\n\r\n"])
async def test_what_follows_a_chunked_answer_does_not_change_how_it_ends(more: bytes) -> None:
    async with between(answering(CHUNKED + more)) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        writer.write(GET * 3)
        for _ in range(3):
            assert (await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 5)).endswith(b"2\r\nok\r\n0\r\n\r\n")
        writer.close()


async def test_a_status_that_is_none_is_a_502() -> None:
    evil = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"
    async with between(answering(b"HTTP/1.1 099 x\r\ncontent-length: %d\r\n\r\n" % len(evil) + evil)) as found:
        answer = await found.one()
        assert answer.startswith(b"HTTP/1.1 502")
        assert b"evil" not in answer


async def test_a_client_that_pipelines_and_reads_later_hinders_nobody() -> None:
    gets = 20_000
    async with between(answering(OK), head_time=0.3, idle_time=0.6) as found:
        slow = socket.create_connection(("127.0.0.1", found.port))
        slow.setblocking(False)
        loop = asyncio.get_running_loop()
        sending = asyncio.create_task(loop.sock_sendall(slow, b"GET /own HTTP/1.1\r\nhost: a\r\n\r\n" * gets))
        for _ in range(4):  # while the others are answered, its times end
            assert body_of(await found.one()) == b"ok"
            await asyncio.sleep(0.4)
        received = b""
        try:
            while data := await asyncio.wait_for(loop.sock_recv(slow, 1 << 20), 5):
                received += data
        except ConnectionError:
            received += b""  # it was ended: for lack of reading, never with an answer that is none
        assert b" 408 " not in received
        assert body_of(await found.one()) == b"ok"
        sending.cancel()
        await asyncio.wait({sending})
        slow.close()
        await eventually(lambda: not found.proxy._clients)


@pytest.mark.parametrize("reset", [False, True])
async def test_a_client_that_leaves_while_nothing_is_read_of_it_is_seen(reset: bool) -> None:
    async def script(reader: Reader, _: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.Event().wait()

    async with between(script, pipeline=2) as found:
        client = socket.create_connection(("127.0.0.1", found.port))
        client.sendall(GET * 100)
        await eventually(lambda: bool(found.proxy.unread))
        client.sendall(GET)
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await asyncio.sleep(0.6)
        assert found.gate.attempts[0].endings == [], "it is still there"
        client.close()
        await eventually(lambda: found.gate.attempts[0].endings == ["abandoned"])
        assert not found.proxy._clients
        assert not found.proxy.unread


@pytest.mark.parametrize("size", [1_000_000, 90_000])
async def test_what_waits_on_one_connection_is_bounded(size: int) -> None:
    go = asyncio.Event()

    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        while await read_request(reader):
            await go.wait()
            writer.write(OK)

    def waiting(client: Downstream) -> int:
        return client._reader.size + sum(len(one.request.body) for one in client._queue)

    async with between(script, waiting=100_000, body_time=5) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        bodies = [bytes([number]) * size for number in range(10)]
        for body in bodies:
            writer.write(b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % size + body)
        await eventually(lambda: bool(found.proxy.unread))
        (client,) = found.proxy._clients
        await asyncio.sleep(0.2)
        assert waiting(client) < 100_000 + 300_000, "at most a read more"
        go.set()
        assert await asyncio.wait_for(reader.readexactly(len(OK) * 10), 10) == OK * 10
        assert [one.request.body for one in found.gate.exchanges] == bodies
        writer.close()


async def test_times_of_a_request_begin_with_its_parts() -> None:
    async with between(answering(OK), head_time=0.3, body_time=5, idle_time=0.4) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        writer.write(POST[:20])
        await asyncio.sleep(0.1)
        writer.write(POST[20:])
        await asyncio.sleep(0.8)
        writer.write(b"ab")
        assert await asyncio.wait_for(reader.readexactly(len(OK)), 5) == OK
        await asyncio.sleep(0.3)
        writer.write(POST)  # near the end of the time between requests
        await asyncio.sleep(0.8)
        writer.write(b"ab")
        assert await asyncio.wait_for(reader.readexactly(len(OK)), 5) == OK
        writer.close()


async def test_an_upstream_that_answers_early_is_not_used_again() -> None:
    body = b"a" * 16_000_000

    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await asyncio.sleep(30)

    async with between(script) as found:
        for number in (1, 2):
            post = b"POST /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
            assert body_of(await found.raw(post + body)) == b"ok"
            assert found.connections == number
        await eventually(lambda: not found.gate.target._all)


async def test_the_time_of_a_client_that_pauses_is_not_the_upstreams() -> None:
    size = 8_000_000

    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"a" * size)
        await writer.drain()
        await asyncio.sleep(30)

    async with between(script, silence_time=0.4) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        writer.write(GET)
        await asyncio.sleep(1.5)
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert await asyncio.wait_for(reader.readexactly(size), 5) == b"a" * size
        writer.close()


@pytest.mark.parametrize("size", [2_700_000, 3_000_000, 8_000_000])  # in our buffer, or still with the upstream
async def test_a_client_that_never_reads_its_last_answer_is_ended(size: int) -> None:
    body = b"a" * size
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    async with between(answering(answer), silence_time=0.4, total_time=1.0) as found:
        silent = socket.socket()
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.connect(("127.0.0.1", found.port))
        silent.sendall(GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        await eventually(lambda: bool(found.gate.attempts))
        await eventually(lambda: not found.proxy._clients)
        silent.close()


async def test_a_request_that_was_worked_at_is_not_sent_again() -> None:
    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await read_request(reader)
        await asyncio.sleep(REPEAT_SECONDS + 0.2)

    async with between(script) as found:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        writer.write(GET)
        await reader.readuntil(b"ok")
        writer.write(GET)
        assert b"502" in await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)
        assert len(found.heads) == 2
        writer.close()
