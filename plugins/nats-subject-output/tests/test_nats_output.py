import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from nats.js.api import StreamConfig
from nats.js.client import JetStreamContext

from outrider.core.errors import OutriderError
from tests.plugins.harness import faults, refusal, running, until
from tests.ports.http.authority import Authority
from tests.servers.nats import NatsServer
from tests.servers.ports import free_port

pytestmark = pytest.mark.real
FOLDER = "nats-subject-output"
REPORT: dict[str, Any] = {
    "run": "01K0RUN",
    "rule": "heal-web",
    "state": "failed",
    "event": {
        "source": "watch/web",
        "severity": "high",
        "data": {"n": [1.5, 2**63 + 1, None, True], "text": 'ü"\\}{\0'},
    },
}
INFO = b"INFO " + json.dumps({"max_payload": 100_000, "headers": True}).encode() + b"\r\n"
PONG = b"PONG\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[NatsServer]:
    with NatsServer(jetstream=True) as started:
        yield started


def config(server: NatsServer, **more: Any) -> dict[str, Any]:
    return {"servers": [server.url], "subject": "reports", "timeout": "5s", **more}


@pytest.fixture
async def nc(server: NatsServer) -> AsyncIterator[Client]:
    connection = await nats.connect(server.url)
    yield connection
    await connection.close()


@pytest.fixture
async def js(nc: Client) -> AsyncIterator[JetStreamContext]:
    """Return JetStream with the empty stream REPORTS."""
    context = nc.jetstream()
    await context.add_stream(name="REPORTS", subjects=["reports.>"])
    yield context
    with contextlib.suppress(nats.js.errors.NotFoundError):
        await context.delete_stream("REPORTS")


async def failure(sending: Awaitable[Any]) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        await sending
    return caught.value


async def sent(given: dict[str, Any], report: dict[str, Any], **more: Any) -> Any:
    async with running(FOLDER, given) as plugin:
        return await plugin.send(report, **more)


async def refused(given: dict[str, Any], report: dict[str, Any]) -> tuple[str, bool, str]:
    error = await failure(sent(given, report))
    return error.code, error.body().retryable, error.message


async def test_a_report_is_published_as_it_is(server: NatsServer, nc: Client) -> None:
    heard = await nc.subscribe("reports.>")
    await nc.flush()
    result = await sent(config(server, subject="reports.{rule}.{state}.{severity}"), REPORT)
    message = await heard.next_msg(5)
    assert message.subject == "reports.heal-web.failed.high"
    assert message.headers == {"Nats-Msg-Id": "key-1"}
    assert json.loads(message.data) == REPORT
    assert result == {"subject": message.subject, "summary": "published on reports.heal-web.failed.high"}


async def test_subjects_have_safe_parts(server: NatsServer, nc: Client) -> None:
    heard = await nc.subscribe("reports.>")
    await nc.flush()
    given = config(server, subject="reports.{rule}.{state}.{severity}.x{rule}")
    async with running(FOLDER, given) as plugin:
        await plugin.send({"rule": "a b.c*d>e{state}ü\r\nPUB x 0", "state": 7, "event": None})
        first = await heard.next_msg(5)
        await plugin.send({"rule": "r" * 500, "state": "", "event": {"severity": ""}})
        second = await heard.next_msg(5)
    rule = "a_b_c_d_e_state____PUB_x_0"
    assert first.subject == f"reports.{rule}.unknown.medium.x{rule}"
    assert second.subject == f"reports.{'r' * 100}.unknown.unknown.x{'r' * 100}"


async def test_many_reports_at_once(server: NatsServer, nc: Client) -> None:
    heard = await nc.subscribe("reports")
    await nc.flush()
    async with running(FOLDER, config(server)) as plugin:
        await asyncio.gather(*(plugin.send({"n": n}, idempotency_key=f"k{n}") for n in range(12)))
    found = [await heard.next_msg(5) for _ in range(12)]
    assert sorted((json.loads(m.data)["n"], m.headers["Nats-Msg-Id"]) for m in found if m.headers) == [
        (n, f"k{n}") for n in range(12)
    ]


@asynccontextmanager
async def dialogue(answers: dict[bytes, list[bytes | None]]) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Be a server that answers each command with the next of its answers; None ends the connection."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = {command: list(given) for command, given in answers.items()}
        writer.write(INFO)
        while line := await reader.readline():
            heard.append(line)
            given = left.get(line.split()[0] if line.split() else b"", [])
            answer = given.pop(0) if given else b""
            if answer is None:
                break
            writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield f"nats://127.0.0.1:{listening.sockets[0].getsockname()[1]}", heard


async def test_a_report_counts_once_the_server_has_read_it(server: NatsServer) -> None:
    async with dialogue({b"PING": [PONG, PONG, None]}) as (url, _):
        error = await failure(sent(config(server, servers=[url], timeout="50s"), REPORT))
    assert (error.code, error.body().retryable) == ("CONNECTION_FAILED", True)
    async with dialogue({b"PING": [PONG, PONG, PONG]}) as (url, heard):
        assert await sent(config(server, servers=[url]), REPORT)
    commands = [line.split()[0] for line in heard if line.strip()]
    assert commands.index(b"HPUB") < len(commands) - 1 - commands[::-1].index(b"PING")


async def test_a_server_that_nobody_understands_any_more_has_nothing(server: NatsServer) -> None:
    async with dialogue({b"PING": [PONG, PONG + b"INFO nonsense\r\n"]}) as (url, _):
        error = await failure(sent(config(server, servers=[url], timeout="1s"), REPORT))
    assert error.body().retryable


async def test_a_stream_stores_a_report_once(server: NatsServer, js: JetStreamContext) -> None:
    async with running(FOLDER, config(server, subject="reports.all", jetstream=True)) as plugin:
        first = await plugin.send(REPORT)
        again = await plugin.send(REPORT, attempt=2)
        other = await plugin.send(REPORT, idempotency_key="key-2")
    assert first == {
        "subject": "reports.all",
        "stream": "REPORTS",
        "sequence": 1,
        "duplicate": False,
        "summary": "published on reports.all as REPORTS:1",
    }
    assert (again["sequence"], again["duplicate"]) == (1, True)
    assert again["summary"] == "was there already on reports.all as REPORTS:1"
    assert (other["sequence"], other["duplicate"]) == (2, False)
    assert json.loads((await js.get_msg("REPORTS", 1)).data or b"") == REPORT
    assert (await js.stream_info("REPORTS")).state.messages == 2


async def test_a_subject_that_no_stream_listens_on(server: NatsServer, js: JetStreamContext) -> None:
    assert (await js.stream_info("REPORTS")).state.messages == 0
    code, retryable, message = await refused(config(server, subject="elsewhere", jetstream=True), REPORT)
    assert (code, retryable) == ("UNAVAILABLE", True)
    assert "no response from stream" in message


async def test_a_stream_that_is_full(server: NatsServer, js: JetStreamContext) -> None:
    await js.update_stream(StreamConfig(name="REPORTS", subjects=["reports.>"], max_msg_size=100))
    code, retryable, message = await refused(config(server, subject="reports.all", jetstream=True), REPORT)
    assert (code, retryable) == ("EXECUTION_FAILED", False)
    assert "message size exceeds maximum allowed" in message


@pytest.mark.parametrize("jetstream", [False, True])
async def test_a_report_that_is_too_large(server: NatsServer, jetstream: bool) -> None:
    given = config(server, subject="reports.all", jetstream=jetstream)
    code, retryable, message = await refused(given, {**REPORT, "x": "é" * 200_000, "y": "z" * 1_000_000} | {})
    assert (code, retryable) == ("EXECUTION_FAILED", False)
    assert "maximum payload exceeded" in message


async def test_a_server_that_ends_and_comes_back(server: NatsServer) -> None:
    async with running(FOLDER, config(server)) as plugin:
        await plugin.send(REPORT)
        server.stop()
        try:
            error = await failure(plugin.send(REPORT))
        finally:
            server.start()
        assert (error.code, error.body().retryable) == ("CONNECTION_FAILED", True)
        assert (await plugin.send(REPORT))["summary"] == "published on reports"


@pytest.mark.parametrize("jetstream", [False, True])
async def test_a_frozen_server_costs_the_timeout(server: NatsServer, js: JetStreamContext, jetstream: bool) -> None:
    given = config(server, timeout="500ms", subject="reports.all", jetstream=jetstream)
    async with running(FOLDER, given) as plugin:
        server.process.send_signal(signal.SIGSTOP)
        try:
            error = await failure(plugin.send(REPORT))
        finally:
            server.process.send_signal(signal.SIGCONT)
        assert (error.code, error.body().retryable) == ("TIMEOUT", True)
        assert "not done within 0.5 s" in error.message
        await plugin.send(REPORT)
    assert (await js.stream_info("REPORTS")).state.messages == 1


async def test_the_next_server_is_used(server: NatsServer, nc: Client) -> None:
    heard = await nc.subscribe("reports")
    await nc.flush()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        urls = [f"nats://127.0.0.1:{port}" for port in (free_port(), silent.getsockname()[1], silent.getsockname()[1])]
        await sent(config(server, servers=[*urls, server.url], timeout="4s"), REPORT)
        error = await failure(sent(config(server, servers=urls, timeout="600ms"), REPORT))
    assert (await heard.next_msg(5)).data
    assert error.code == "TIMEOUT"


async def test_cancelled_reports_end_one_after_the_other(server: NatsServer) -> None:
    async with dialogue({}) as (url, heard), running(FOLDER, config(server, servers=[url], timeout="50s")) as plugin:
        for _ in range(2):
            heard.clear()
            number, answer = plugin.host.execute("send", {"input": REPORT, "idempotency_key": "k"}, 50)
            await until(lambda: bool(heard))
            await plugin.host.cancel(number, answer)
            assert (await failure(answer)).code == "CANCELLED"


async def test_it_stops_in_the_middle(server: NatsServer) -> None:
    async with dialogue({}) as (url, heard):
        async with running(FOLDER, config(server, timeout="50s", servers=[url])) as plugin:
            _, answer = plugin.host.execute("send", {"input": REPORT, "idempotency_key": "k"}, 50)
            await until(lambda: bool(heard))
        assert (await failure(answer)).code in {"CANCELLED", "OUTCOME_UNKNOWN"}


USERS = """
authorization { users: [
  {user: boss, password: "pass \\"word"}
  {user: clerk, password: few, permissions: {publish: ["own"]}}
] }
"""


async def test_users() -> None:
    with NatsServer(USERS) as server:
        given = config(server, user="boss", password='pass "word')
        await sent(given, REPORT)
        for wrong in (given | {"password": "wrong"}, config(server)):
            code, retryable, message = await refused(wrong, REPORT)
            assert (code, retryable) == ("UNAUTHENTICATED", False)
            assert "word" not in message
        clerk = config(server, user="clerk", password="few")
        await sent(clerk | {"subject": "own"}, REPORT)
        code, retryable, message = await refused(clerk, REPORT)
        assert (code, retryable) == ("DENIED", False)
        assert "permissions violation for publish to" in message
        code, retryable, _ = await refused(clerk | {"jetstream": True, "timeout": "50s"}, REPORT)
        assert (code, retryable) == ("DENIED", False)


async def test_tokens() -> None:
    with NatsServer('authorization { token: "s3 cret" }') as server:
        await sent(config(server, token="s3 cret"), REPORT)
        assert (await refused(config(server, token="wrong"), REPORT))[:2] == ("UNAUTHENTICATED", False)


@pytest.mark.parametrize("optional", ["", "allow_non_tls: true"])
async def test_tls(tmp_path: Path, optional: str) -> None:
    authority = Authority(tmp_path)
    identity = authority.issue("server", dns=("localhost",))
    with NatsServer(f'tls {{ cert_file: "{identity}", key_file: "{identity}" }}\n{optional}') as server:
        given = config(server, tls=True, ca_file=str(authority.file), servers=[f"nats://localhost:{server.port}"])
        await sent(given, REPORT)
        for wrong in ({"ca_file": str(Authority(tmp_path, "other").file)}, {"servers": [server.url]}):
            code, _, message = await refused(given | wrong, REPORT)
            assert code == "CONNECTION_FAILED"
            assert "CERTIFICATE_VERIFY_FAILED" in message


async def test_nothing_goes_to_a_server_without_tls(server: NatsServer, tmp_path: Path) -> None:
    heard = b""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        writer.write(b'INFO {"auth_required": true, "max_payload": 1000}\r\n')
        heard += await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        url = f"nats://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        given = config(server, tls=True, ca_file=str(Authority(tmp_path).file), token="secret", servers=[url])
        code, retryable, message = await refused(given, REPORT)
    assert (code, retryable) == ("CONNECTION_FAILED", True)
    assert "secure connection not available" in message
    assert heard == b""


@pytest.mark.parametrize(
    "answer",
    [b"", b"INFO", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"INFO []\r\n", b"INFO nonsense\r\n", b"x" * 1_000_000,
     INFO, INFO + b"nonsense\r\n", INFO + b"-ERR 'Unknown'\r\n", INFO + b"PONG\r\nMSG a b c d\r\n"],
)  # fmt: skip
@pytest.mark.parametrize("jetstream", [False, True])
async def test_what_is_no_nats(server: NatsServer, answer: bytes, jetstream: bool) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(answer)
            await reader.read()
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        url = f"nats://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        given = config(server, timeout="500ms", servers=[url], jetstream=jetstream)
        async with running(FOLDER, given) as plugin:
            error = await failure(plugin.send(REPORT))
            await until(lambda: plugin.process is not None and not plugin.host.ended.is_set())
    assert error.code in {"CONNECTION_FAILED", "TIMEOUT"}
    assert error.body().retryable


async def test_nobody_listens_and_no_such_host(server: NatsServer) -> None:
    for url in (f"nats://127.0.0.1:{free_port()}", "nats://outrider.invalid:1", f"nats://{'a' * 70}.invalid:1"):
        assert (await refused(config(server, servers=[url]), REPORT))[:2] == ("CONNECTION_FAILED", True)


@pytest.mark.parametrize(
    "change",
    [{"servers": []}, {"servers": ["a:1"]}, {"servers": ["nats://a"]}, {"servers": ["nats://u:p@a:1"]},
     {"subject": ""}, {"subject": "a b"}, {"subject": "a..b"}, {"subject": "a.*"}, {"subject": ">"}, {"user": "a"},
     {"password": "a"}, {"timeout": "1"}, {"jetstream": "yes"}, {"other": 1}],
)  # fmt: skip
def test_wrong_configurations(change: dict[str, Any]) -> None:
    right = {"servers": ["nats://a:1"], "subject": "a.{rule}"}
    assert not faults(FOLDER, right)
    assert faults(FOLDER, {**right, **change})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"servers": ["nats://a:65536"]}, "servers"),
        ({"subject": "a.{run}"}, "subject"),
        ({"subject": "a.{rule"}, "subject"),
        ({"token": "t", "user": "u", "password": "p"}, "token"),
        ({"ca_file": "/tmp/ca.pem"}, "tls"),
        ({"tls": True, "ca_file": "/dev/null"}, "ca_file"),
    ],
)
async def test_refused_configurations(change: dict[str, Any], field: str) -> None:
    error = await refusal(FOLDER, {"servers": ["nats://a:1"], "subject": "a", **change})
    assert error.code == "INVALID_CONFIG"
    assert f"config.{field} is" in error.message
