import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from outrider.core.codec import encode
from outrider.core.errors import OutriderError
from tests.plugins.harness import Running, faults, refusal, running, until
from tests.servers.ports import free_port

pytestmark = pytest.mark.real
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Answers every request with given bytes; None answers never."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.requests: list[tuple[bytes, bytes]] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:-2])
        body = await reader.readexactly(int(fields[b"content-length"]))
        self.requests.append((head, body))
        if self.answer is None:
            await reader.read()
        else:
            writer.write(self.answer)
        writer.close()


@asynccontextmanager
async def sending(answer: bytes | None, **config: Any) -> AsyncIterator[tuple[Running, Server]]:
    server = Server(answer)
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{server.port}/reports?x=1"
        async with running("webhook-output", {"url": url, "timeout": "2s", **config}) as plugin:
            yield plugin, server


async def failure(send: Callable[[], Awaitable[Any]]) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        await send()
    return caught.value


async def test_the_report_arrives_byte_for_byte() -> None:
    report = {"id": "r1", "n": 2**63 + 1, "f": 1.0, "text": 'ü"\\}{', "input": {"a": [1, {}]}, "params": {"input": 1}}
    async with sending(OK, headers={"X-Team": "ops", "content-type": "application/x"}) as (plugin, server):
        result = await plugin.send(report, context={"params": {"input": "no"}})
    assert result["status"] == 200
    assert result["summary"] == f"127.0.0.1:{server.port} answered 200"
    [(head, body)] = server.requests
    assert body == encode(report)
    assert head.startswith(b"POST /reports?x=1 HTTP/1.1\r\n")
    assert b"X-Team: ops\r\n" in head
    assert b"Idempotency-Key: key-1\r\n" in head
    assert head.lower().count(b"content-type") == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [(b"HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", "UNAVAILABLE"),
     (b"HTTP/1.1 500 No\r\n\r\nwhy", "UNAVAILABLE"), (b"HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n", "LIMITED"),
     (b"HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nwhy", "EXECUTION_FAILED"),
     (b"HTTP/1.1 302 No\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "EXECUTION_FAILED"),
     (b"SSH-2.0-nothing\r\n", "CONNECTION_FAILED"), (b"", "CONNECTION_FAILED"),
     (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ncut", "CONNECTION_FAILED")],
)  # fmt: skip
async def test_failures_say_whether_to_try_again(answer: bytes, code: str) -> None:
    async with sending(answer) as (plugin, _):
        error = await failure(lambda: plugin.send({}))
    assert error.code == code
    assert error.body().retryable == (code != "EXECUTION_FAILED")


async def test_retry_after_is_passed_on() -> None:
    async with sending(b"HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n") as (plugin, _):
        assert (await failure(lambda: plugin.send({}))).retry_after == 7


async def test_nobody_listens() -> None:
    async with running("webhook-output", {"url": f"http://127.0.0.1:{free_port()}/"}) as plugin:
        error = await failure(lambda: plugin.send({}))
    assert error.code == "CONNECTION_FAILED"
    assert "ECONNREFUSED" in error.message


async def test_a_silent_server_costs_the_timeout() -> None:
    async with sending(None, timeout="200ms") as (plugin, _):
        began = time.monotonic()
        assert (await failure(lambda: plugin.send({}))).code == "TIMEOUT"
        assert time.monotonic() - began < 2


async def test_a_long_answer_is_not_read_to_its_end() -> None:
    async with sending(b"HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n" + b"x" * 100_000) as (plugin, _):
        assert (await plugin.send({}))["status"] == 200


async def test_cancellation_ends_the_request_and_the_plugin_lives() -> None:
    async with sending(None) as (plugin, server):
        number, answer = plugin.host.execute("send", {"input": {}}, 30)
        await until(lambda: len(server.requests) == 1)
        await plugin.host.cancel(number, answer)
        assert (await failure(lambda: answer)).code == "CANCELLED"
        server.answer = OK
        assert await plugin.send({})


async def test_several_at_a_time_and_stop_while_busy() -> None:
    async with sending(None) as (plugin, server):
        answers = [plugin.host.execute("send", {"input": {"n": n}}, 30)[1] for n in range(4)]
        await until(lambda: len(server.requests) == 4)
    assert all(answer.exception() is not None for answer in answers)


async def test_a_header_that_is_none_is_refused() -> None:
    error = await refusal("webhook-output", {"url": "http://127.0.0.1:1/", "headers": {"a b": "c"}})
    assert error.code == "INVALID_CONFIG"


@pytest.mark.parametrize("bad", [{}, {"url": "ftp://a"}, {"url": "http://a b"}, {"url": "http://a", "timeout": 3},
                                 {"url": "http://a", "headers": {"a": "b\r\nc"}}])  # fmt: skip
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults("webhook-output", bad)
