import asyncio
import http.client
import json
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.harness import Running, faults, refusal, running
from tests.servers.ports import free_port

pytestmark = pytest.mark.real
TOKEN = "correct horse"


class Client:
    """Talks with the plugin from threads, so that the loop of the test can commit meanwhile."""

    def __init__(self, plugin: Running, port: int) -> None:
        self.plugin, self.port = plugin, port

    async def post(self, body: Any, *, path: str = "/in", method: str = "POST", **headers: str) -> tuple[int, str, Any]:
        return await asyncio.to_thread(self._post, body, path, method, headers)

    def _post(self, body: Any, path: str, method: str, headers: dict[str, str]) -> tuple[int, str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, data, {"Authorization": f"Bearer {TOKEN}", **headers})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text, answer.headers

    async def raw(self, data: bytes, *, end: bool = False) -> bytes:
        return await asyncio.to_thread(self._raw, data, end)

    def _raw(self, data: bytes, end: bool) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=3) as plain:
            plain.sendall(data)
            if end:
                plain.shutdown(socket.SHUT_WR)
            answer = b""
            while chunk := plain.recv(65536):
                answer += chunk
            return answer


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    port = free_port()
    config = {"listen": f"127.0.0.1:{port}", "path": "/in", "token": TOKEN, "commit_timeout": "1s"}
    async with running("webhook", config) as plugin:
        yield Client(plugin, port)
        assert plugin.host.fault is None


def request(body: bytes, extra: bytes = b"") -> bytes:
    head = b"POST /in HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer correct horse\r\nContent-Length: %d\r\n%b\r\n"
    return head % (len(body), extra) + body


async def test_a_request_becomes_an_event(client: Client) -> None:
    status, _, _ = await client.post({"alert": "ü", "n": 2**63})
    assert status == 202
    [event] = client.plugin.events
    assert event.data["body"] == {"alert": "ü", "n": 2**63}
    assert event.data["remote"] == "127.0.0.1"


async def test_curl_is_answered(client: Client) -> None:
    arguments = ["curl", "-sS", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"Authorization: Bearer {TOKEN}",
                 "-H", "Expect: 100-continue", "-d", "[" + "1," * 60000 + "1]", f"http://127.0.0.1:{client.port}/in?a=b"]  # fmt: skip
    done = await asyncio.to_thread(subprocess.run, arguments, capture_output=True, check=True)
    assert done.stdout == b"202"


async def test_without_a_commit_it_asks_to_come_again(client: Client) -> None:
    client.plugin.commit = False
    began = time.monotonic()
    status, _, headers = await client.post({})
    assert status == 503
    assert headers["Retry-After"] == "1"
    assert time.monotonic() - began < 2


async def test_without_credit_nothing_is_sent_and_503_is_answered() -> None:
    port = free_port()
    async with running(
        "webhook", {"listen": f"127.0.0.1:{port}", "path": "/in", "commit_timeout": "100ms"}, credit=0
    ) as plugin:
        assert (await Client(plugin, port).post({}))[0] == 503
        assert plugin.events == []
        plugin.host.grant(1, [])
        assert (await Client(plugin, port).post({}))[0] == 202


@pytest.mark.parametrize(
    ("given", "status"),
    [({"Authorization": "Bearer wrong"}, 401), ({"Authorization": "Bearer corr\u00e9ct"}, 401), ({"path": "/other"}, 404),
     ({"method": "GET"}, 405), ({"method": "PUT"}, 405)],
)  # fmt: skip
async def test_refused_requests(client: Client, given: dict[str, str], status: int) -> None:
    assert (await client.post({}, **given))[0] == status
    assert client.plugin.events == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"NaN", b"[1e999]", b"1" * 30, b"[" * 100_000, b"[" * 65 + b"]" * 65,
                                  b'"\\ud800"', b'{"a":1}x', b"9" * 5000])  # fmt: skip
async def test_bad_json_is_refused_and_the_plugin_lives(client: Client, body: bytes) -> None:
    assert (await client.post(body))[0] == 400
    assert (await client.post({}))[0] == 202


async def test_body_sizes(client: Client) -> None:
    assert (await client.post(b'"' + b"x" * (256 * 1024 - 2) + b'"'))[0] == 202
    assert (await client.post(b'"' + b"x" * (256 * 1024 - 1) + b'"'))[0] == 413
    assert (await client.post(b"[" + b"9e15," * 50_000 + b"1]"))[0] == 413  # short here, too long as an event
    assert b" 413 " in await client.raw(request(b"").replace(b": 0", b": 99999999999"))
    assert (await client.post({}))[0] == 202


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"hello\r\n\r\n", 400), (b"\x16\x03\x01\x02\x00" * 20, 400), (b"GET / HTTP/2.0\r\n\r\n", 505),
     (b"POST /in HTTP/1.1\r\n\r\n", 400), (b"POST  /in HTTP/1.1\r\nHost: x\r\n\r\n", 400), (b"x" * 9000, 400),
     (b"POST /in HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400), (b"POST /in HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
     (b"POST /in HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400), (b"POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n", 400),
     (b"POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
     (b"POST /in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
     (b"POST /in HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 9000, 431), (b"POST /in HTTP/1.1\r\nHost: \x00\r\n\r\n", 400)],
)  # fmt: skip
async def test_malformed_http(client: Client, data: bytes, status: int) -> None:
    assert f" {status} ".encode() in (await client.raw(data)).split(b"\r\n")[0]
    assert (await client.post({}))[0] == 202


async def test_pipelined_requests_are_answered_in_turn(client: Client) -> None:
    answer = await client.raw(request(b"1") + request(b"2") + request(b"3", b"Connection: close\r\n"))
    assert answer.count(b"202 Accepted") == 3
    assert [event.data["body"] for event in client.plugin.events] == [1, 2, 3]


async def test_a_half_request_that_ends_is_no_event(client: Client) -> None:
    assert await client.raw(request(b"{}")[:-1], end=True) == b""
    assert client.plugin.events == []


async def test_silent_and_slow_clients_hold_nobody_up(client: Client) -> None:
    silent = [socket.create_connection(("127.0.0.1", client.port)) for _ in range(50)]
    for plain in silent[::2]:
        plain.sendall(request(b"{}")[:-1])
    began = time.monotonic()
    assert (await client.post({}))[0] == 202
    assert time.monotonic() - began < 0.3
    for plain in silent:
        plain.close()


async def test_many_at_once_are_all_reported(client: Client) -> None:
    answers = await asyncio.gather(*(client.post(number) for number in range(100)))
    assert {status for status, _, _ in answers} == {202}
    assert sorted(event.data["body"] for event in client.plugin.events) == list(range(100))


async def test_stopping_while_requests_wait(client: Client) -> None:
    client.plugin.commit = False
    waiting = [socket.create_connection(("127.0.0.1", client.port)) for _ in range(20)]
    for plain in waiting:
        plain.sendall(request(b"{}"))
    await client.plugin.seen(8)
    began = time.monotonic()
    await client.plugin.host.stop()
    assert time.monotonic() - began < 1
    for plain in waiting:
        plain.close()


def _posts(port: int, count: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            plain.sendall(request(b'{"a":1}'))
            assert b"202" in plain.recv(4096)


def _processor_seconds(pid: int) -> float:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


async def test_its_own_share_of_a_request_is_small(client: Client) -> None:
    assert client.plugin.process is not None
    before = _processor_seconds(client.plugin.process.pid)
    await asyncio.to_thread(_posts, client.port, 300)
    each = (_processor_seconds(client.plugin.process.pid) - before) / 300
    assert each < 0.001, f"{each * 1000:.2f} ms of processor time for a request"


async def test_a_taken_port_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        error = await refusal("webhook", {"listen": f"127.0.0.1:{server.getsockname()[1]}"})
    assert "config.listen" in error.message


@pytest.mark.parametrize("bad", [{}, {"listen": "8090"}, {"listen": "a:b"}, {"listen": "a:1", "path": "x"}])
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults("webhook", bad)
