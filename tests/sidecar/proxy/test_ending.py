"""How the proxy ends: what is in flight is answered, and what is not is told."""

import asyncio
import logging

import pytest

from tests.sidecar.proxy.support import GET, OK, Reader, answering, between, body_of, eventually, read_request


async def test_drain_lets_what_is_in_flight_end() -> None:
    go = asyncio.Event()

    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await go.wait()
        writer.write(OK)

    async with between(script) as found:
        idle = asyncio.create_task(found.raw(b""))
        waiting = asyncio.create_task(found.raw(GET))
        await eventually(lambda: bool(found.gate.attempts))
        closing = asyncio.create_task(found.proxy.close(5))
        assert await idle == b""
        go.set()
        answer = await waiting
        assert b"connection: close" in answer
        assert body_of(answer) == b"ok"
        await closing


async def test_it_is_told_what_is_waited_for_and_what_was_cut(caplog: pytest.LogCaptureFixture) -> None:
    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        while path := (await read_request(reader))[4:8]:
            if path == b"/lon":
                await asyncio.Event().wait()
            await go.wait()
            writer.write(OK)

    caplog.set_level(logging.INFO)
    go = asyncio.Event()
    async with between(script) as found:
        waiting = asyncio.create_task(found.raw(GET * 2))
        cut = asyncio.create_task(found.raw(GET.replace(b"/x", b"/long")))
        await eventually(lambda: len(found.gate.attempts) == 2)
        closing = asyncio.create_task(found.proxy.close(0.5))
        await eventually(lambda: "ending; calls waited for, up to 0.5 seconds: 3" in caplog.text)
        go.set()
        assert (await waiting).count(b"ok") == 2
        assert await cut == b""
        await closing
        assert "ending; calls cut: 1" in caplog.text
    caplog.clear()
    async with between(script) as found:
        await found.one()
    assert "ending" not in caplog.text


async def test_who_is_still_sending_when_it_ends_is_told_so() -> None:
    async with between(answering(OK)) as found:
        post = b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc"
        sending = asyncio.create_task(found.raw(post))
        await eventually(lambda: any(client._reader.begun for client in found.proxy._clients))
        await found.proxy.close(5)
        answer = await sending
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"the sidecar is ending" in answer
        assert found.heads == []
