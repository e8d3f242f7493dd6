import asyncio
import contextlib
import itertools
import json
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.client import JetStreamContext

from tests.plugins.harness import Running, faults, refusal, running, until
from tests.ports.http.authority import Authority
from tests.servers.nats import NatsServer
from tests.servers.ports import free_port

pytestmark = pytest.mark.real
FOLDER = "nats-subject"
STREAM = {"stream": "ORDERS", "durable": "outrider", "from": "start", "subject": "orders.*"}


@pytest.fixture(scope="module")
def server() -> Iterator[NatsServer]:
    with NatsServer("max_payload: 32MB\nmax_pending: 64MB", jetstream=True) as started:
        yield started


def config(server: NatsServer, **more: Any) -> dict[str, Any]:
    return {"servers": [server.url], "subject": "deploy.>", "every": "1s", "timeout": "5s", **more}


@asynccontextmanager
async def client(server: NatsServer, **options: Any) -> AsyncIterator[Client]:
    connection = await nats.connect(server.url, **options)
    try:
        yield connection
        await connection.flush()
    finally:
        await connection.close()


@pytest.fixture
async def nc(server: NatsServer) -> AsyncIterator[Client]:
    async with client(server) as connection:
        yield connection


@pytest.fixture
async def js(nc: Client) -> AsyncIterator[JetStreamContext]:
    """Return JetStream with the empty stream ORDERS."""
    context = nc.jetstream()
    await context.add_stream(name="ORDERS", subjects=["orders.>"])
    yield context
    with contextlib.suppress(nats.js.errors.NotFoundError):
        await context.delete_stream("ORDERS")


def states(plugin: Running) -> list[str]:
    return [event.data["state"] for event in plugin.events]


def messages(plugin: Running) -> list[dict[str, Any]]:
    return [event.data for event in plugin.events if event.data["state"] == "message"]


async def reason(given: dict[str, Any]) -> str:
    """Return why the plugin says `down` at first."""
    async with running(FOLDER, given) as plugin:
        await plugin.seen(1, within=10)
    assert states(plugin)[0] == "down", plugin.events[0].data
    assert plugin.events[0].unhealthy
    return str(plugin.events[0].data["detail"])


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Poll until the condition holds."""
    async with asyncio.timeout(10):
        while not await condition():  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)


async def unacknowledged(js: JetStreamContext, durable: str = "outrider") -> int:
    return (await js.consumer_info("ORDERS", durable)).num_ack_pending or 0


async def none_left(js: JetStreamContext) -> bool:
    info = await js.consumer_info("ORDERS", "outrider")
    return (info.num_pending, info.num_ack_pending) == (0, 0)


LONG = b'{"a": "' + b"x" * 200_000 + b'"}'


async def test_messages_of_a_subject(server: NatsServer, nc: Client) -> None:
    sent = [b'{"service": "shop", "n": [1, 2.5, null]}', b"plain text", b"\xff\x00", b"", b"5", LONG, b"\x01", b"last"]
    async with running(FOLDER, config(server, message_severity="high")) as plugin:
        await plugin.seen(1)
        for payload in sent:
            await nc.publish("deploy.web.done", payload, headers={"X-Team": "ops é", "Status": "503"})
        await nc.publish("other.web", b"not ours")
        await plugin.seen(9)
    told = messages(plugin)
    assert [(message["payload"], message["encoding"]) for message in told[:5]] == [
        ({"service": "shop", "n": [1, 2.5, None]}, "json"),
        ("plain text", "text"),
        ("/wA=", "base64"),
        ("", "text"),
        (5, "json"),
    ]
    assert told[0] == {
        "state": "message",
        "subject": "deploy.web.done",
        "payload": {"service": "shop", "n": [1, 2.5, None]},
        "encoding": "json",
        "headers": {"X-Team": "ops é", "Status": "503"},
        "cut": False,
        "summary": '{"service": "shop", "n": [1, 2.5, null]}',
    }
    assert told[5]["cut"] is True
    assert LONG.startswith(told[5]["payload"].encode())
    assert len(told[5]["payload"]) == 96 * 1024
    assert (told[6]["payload"], told[6]["encoding"]) == ("AQ==", "base64")
    assert (told[7]["payload"], told[7]["cut"]) == ("last", False)
    assert {event.severity for event in plugin.events[1:]} == {"high"}
    assert {event.unhealthy for event in plugin.events[1:]} == {None}
    assert plugin.events[0].data == {
        "state": "up",
        "servers": [server.url],
        "subject": "deploy.>",
        "detail": f"connected to 127.0.0.1:{server.port}",
        "summary": f"up: connected to 127.0.0.1:{server.port}",
    }
    assert len(plugin.events) == 9


async def test_headers_have_bounds(server: NatsServer, nc: Client) -> None:
    async with running(FOLDER, config(server)) as plugin:
        await plugin.seen(1)
        await nc.publish("deploy.a", b"x", headers={f"H{n}": "v" * 1000 for n in range(20)})
        await nc.publish("deploy.a", b"x", headers={"A": "\x1b[31m\tb"})
        await plugin.seen(3)
    first, second = messages(plugin)
    assert list(first["headers"]) == [f"H{n}" for n in range(8)]
    assert first["cut"] is True
    assert second["headers"] == {"A": "\ufffd[31m\tb"}


async def test_a_queue_group_gets_each_message_once(server: NatsServer, nc: Client) -> None:
    given = config(server, queue="group")
    async with running(FOLDER, given) as one, running(FOLDER, given) as other, running(FOLDER, config(server)) as alone:
        for plugin in (one, other, alone):
            await plugin.seen(1)
        for number in range(40):
            await nc.publish("deploy.a", b"%d" % number)
        await alone.seen(41)
        await until(lambda: len(one.events) + len(other.events) == 42)
    shared = [message["payload"] for message in messages(one) + messages(other)]
    assert sorted(shared) == list(range(40))
    assert messages(one)
    assert messages(other)


async def test_a_server_that_ends_and_comes_back(server: NatsServer) -> None:
    async with running(FOLDER, config(server, severity="critical")) as plugin:
        await plugin.seen(1)
        server.stop()
        try:
            await plugin.seen(2)
        finally:
            server.start()
        await plugin.seen(3)
        async with client(server) as nc:
            await nc.publish("deploy.a", b"again")
        await plugin.seen(4)
    assert states(plugin) == ["up", "down", "up", "message"]
    assert [event.unhealthy for event in plugin.events] == [False, True, False, None]
    assert [event.severity for event in plugin.events[:3]] == ["low", "critical", "low"]
    assert {event.key for event in plugin.events[:3]} == {server.url}


@pytest.mark.usefixtures("js")
@pytest.mark.parametrize("more", [{}, STREAM])
async def test_a_frozen_server_is_down(server: NatsServer, more: dict[str, Any]) -> None:
    async with running(FOLDER, config(server, timeout="1s", **more)) as plugin:
        await plugin.seen(1)
        server.process.send_signal(signal.SIGSTOP)
        try:
            await plugin.seen(2)
        finally:
            server.process.send_signal(signal.SIGCONT)
        await plugin.seen(3)
    assert states(plugin) == ["up", "down", "up"]
    assert plugin.events[1].data["detail"] in {"stale connection", "no answer within 1s"}


async def test_a_quiet_subject_stays_up(server: NatsServer, nc: Client) -> None:
    pings = 0

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal pings
        while data := await reader.read(65536):
            pings += data.count(b"PING\r\n")
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_server = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.gather(pump(reader, to_server[1]), pump(to_server[0], writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as proxy:
        url = f"nats://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        async with running(FOLDER, config(server, servers=[url], every="200ms")) as plugin:
            await plugin.seen(1)
            await until(lambda: pings > 5)
            await nc.publish("deploy.a", b"late")
            await plugin.seen(2)
    assert states(plugin) == ["up", "message"]


async def test_the_first_server_that_takes_a_connection_is_used(server: NatsServer) -> None:
    given = config(server, servers=[f"nats://127.0.0.1:{free_port()}", server.url])
    with NatsServer() as other:
        given["servers"].append(other.url)
        async with running(FOLDER, given) as plugin:
            await plugin.seen(1)
            assert plugin.events[0].data["detail"] == f"connected to 127.0.0.1:{server.port}"
            server.stop()
            try:
                await plugin.seen(3)
            finally:
                server.start()
            async with client(other) as nc:
                await nc.publish("deploy.a", b"here")
            await plugin.seen(4)
    assert states(plugin) == ["up", "down", "up", "message"]
    assert plugin.events[2].data["detail"] == f"connected to 127.0.0.1:{other.port}"


async def test_messages_that_nats_py_cannot_read_stop_nothing(server: NatsServer, nc: Client) -> None:
    async with running(FOLDER, config(server)) as plugin:
        await plugin.seen(1)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await reader.readline()
        writer.write(b'CONNECT {"verbose":false,"headers":true}\r\n')
        for headers in (
            b"XX",
            b"NATS/1.0",
            b"NATS/1.0 \xff\xff\r\n\r\n",
            b"NATS/1.0\r\n\xff: \xfe\r\n\r\n",
            b"NATS/1.0\r\n:\r\n",
        ):
            writer.write(b"HPUB deploy.odd %d %d\r\n%s1\r\n" % (len(headers), len(headers) + 1, headers))
        writer.write(b"PUB deploy.\xff\x01 1\r\n2\r\nPING\r\n")
        while b"PONG" not in await reader.readline():
            continue
        writer.close()
        await nc.publish("deploy.last", b"3")
        await plugin.seen(8)
    assert states(plugin) == ["up", *["message"] * 7]
    assert [message["payload"] for message in messages(plugin)] == [1, 1, 1, 1, 1, 2, 3]
    assert messages(plugin)[5]["subject"] == "deploy.\ufffd\ufffd"


async def test_what_comes_too_fast_is_lost_and_counted(server: NatsServer, nc: Client) -> None:
    async with running(FOLDER, config(server), credit=1, commit=False) as plugin:
        await plugin.seen(1)
        for number in range(3000):
            await nc.publish("deploy.a", b"%d" % number)
        await nc.flush()
        plugin.commit = True
        plugin.host.grant(1, [])
        await plugin.seen(1 + 1024)
        await until(lambda: any("are lost" in line for line in plugin.lines))
        await nc.publish("deploy.a", b'"late"')
        await until(lambda: plugin.events[-1].data["payload"] == "late")
    numbers = [message["payload"] for message in messages(plugin)][:-1]
    assert numbers == sorted(numbers)
    assert len(numbers) < 3000
    assert "down" not in states(plugin)


@pytest.mark.parametrize("size", [8, 31])
async def test_large_messages_fit_into_the_limit_of_memory(server: NatsServer, nc: Client, size: int) -> None:
    async with running(FOLDER, config(server)) as plugin:
        await plugin.seen(1)
        await nc.publish("deploy.a", b"x" * size * 1024 * 1024)
        await nc.flush(20)
        await nc.publish("deploy.a", b"y")
        await plugin.seen(3, within=20)
        assert plugin.process is not None
        status = Path(f"/proc/{plugin.process.pid}/status").read_text()
    assert [message["cut"] for message in messages(plugin)] == [True, False]
    peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    assert int(peak) < plugin.plugin.manifest.limits.memory / 1024 - 20_000


async def test_messages_of_a_stream_are_acknowledged_one_after_the_other(
    server: NatsServer, js: JetStreamContext
) -> None:
    await js.publish("orders.new", b'{"id": 7}', headers={"Status": "503", "X": "y"})
    await js.publish("orders.new.deeper", b"not ours")
    async with running(FOLDER, config(server, **STREAM), commit=False) as plugin:
        await plugin.seen(2)
        await js.publish("orders.paid", b"second")
        assert await unacknowledged(js) == 1
        plugin.host.grant(1, [plugin.events[1].id])
        await plugin.seen(3)
        assert await unacknowledged(js) == 1
        plugin.host.grant(1, [plugin.events[2].id])
        await eventually(lambda: none_left(js))
    assert plugin.events[1].data == {
        "state": "message",
        "subject": "orders.new",
        "payload": {"id": 7},
        "encoding": "json",
        "headers": {"Status": "503", "X": "y"},
        "cut": False,
        "summary": '{"id": 7}',
        "stream": "ORDERS",
        "sequence": 1,
        "id": "ORDERS:1",
        "deliveries": 1,
    }
    assert (plugin.events[2].data["id"], plugin.events[2].data["subject"]) == ("ORDERS:3", "orders.paid")
    assert len(plugin.events) == 3


async def test_what_was_not_on_disk_comes_again_after_a_kill(server: NatsServer, js: JetStreamContext) -> None:
    for number in range(3):
        await js.publish("orders.new", b"%d" % number)
    given = config(server, **STREAM, ack_wait="1s")
    async with running(FOLDER, given, commit=False) as plugin:
        await plugin.seen(2)
        plugin.host.grant(1, [plugin.events[1].id])
        await plugin.seen(3)
        assert plugin.process is not None
        await plugin.process.kill()
    assert await unacknowledged(js) == 1
    async with running(FOLDER, given) as plugin:
        await plugin.seen(3, within=10)
        await eventually(lambda: none_left(js))
    again = {message["id"]: message["deliveries"] for message in messages(plugin)}
    assert again == {"ORDERS:2": 2, "ORDERS:3": 1}


async def test_what_is_on_disk_while_the_server_is_away_does_not_come_again(
    server: NatsServer, js: JetStreamContext
) -> None:
    await js.publish("orders.new", b"1")
    async with running(FOLDER, config(server, **STREAM), commit=False) as plugin:
        await plugin.seen(2)
        server.stop(signal.SIGTERM)  # killed, it may forget that it delivered the message
        try:
            plugin.host.grant(1, [plugin.events[1].id])
            await plugin.seen(3)
        finally:
            server.start()
        await plugin.seen(4)
        async with client(server) as nc:
            again = nc.jetstream()
            await eventually(lambda: none_left(again))
            await again.publish("orders.new", b"2")
            await plugin.seen(5)
            info = await again.consumer_info("ORDERS", "outrider")
            await again.delete_stream("ORDERS")
    assert states(plugin) == ["up", "message", "down", "up", "message"]
    assert messages(plugin)[1]["payload"] == 2
    assert info.num_redelivered == 0


async def test_a_message_that_waits_is_not_delivered_again(server: NatsServer, js: JetStreamContext) -> None:
    await js.publish("orders.new", b"1")
    reference = ConsumerConfig(durable_name="clock", ack_policy=AckPolicy.EXPLICIT, ack_wait=1)
    clock = await js.pull_subscribe("orders.*", durable="clock", stream="ORDERS", config=reference)
    async with running(FOLDER, config(server, **STREAM, ack_wait="1s"), commit=False) as plugin:
        await plugin.seen(2)
        for _ in range(4):
            [message] = await clock.fetch(1, timeout=10)
        assert message.metadata.num_delivered == 4
        info = await js.consumer_info("ORDERS", "outrider")
        assert (info.num_ack_pending, info.num_redelivered) == (1, 0)
        another = await js.pull_subscribe_bind(durable="outrider", stream="ORDERS")
        with pytest.raises(nats.errors.TimeoutError):
            await another.fetch(1, timeout=0.5)
        plugin.host.grant(1, [plugin.events[1].id])
        await eventually(lambda: none_left(js))
    assert len(plugin.events) == 2


async def test_nothing_is_acknowledged_without_credit(server: NatsServer, js: JetStreamContext) -> None:
    await js.publish("orders.new", b"1")
    async with running(FOLDER, config(server, **STREAM), credit=1, commit=False) as plugin:
        await plugin.seen(1)
        await eventually(lambda: is_held(js))
        assert states(plugin) == ["up"]
        plugin.host.grant(1, [])
        await plugin.seen(2)
        assert await is_held(js)
        plugin.host.grant(0, [plugin.events[1].id])
        await eventually(lambda: none_left(js))


async def is_held(js: JetStreamContext) -> bool:
    return await unacknowledged(js) == 1


@pytest.mark.parametrize(("begin", "expected"), [("new", ["late"]), ("start", ["early", "late"])])
async def test_where_a_consumer_begins(
    server: NatsServer, js: JetStreamContext, begin: str, expected: list[str]
) -> None:
    await js.publish("orders.new", b"early")
    async with running(FOLDER, config(server, **{**STREAM, "from": begin})) as plugin:
        await plugin.seen(1)
        await js.publish("orders.new", b"late")
        await plugin.seen(1 + len(expected))
    assert [message["payload"] for message in messages(plugin)] == expected


async def test_a_durable_is_shared(server: NatsServer, js: JetStreamContext) -> None:
    given = config(server, **STREAM)
    async with running(FOLDER, given) as one, running(FOLDER, given) as other:
        await one.seen(1)
        await other.seen(1)
        for number in range(30):
            await js.publish("orders.new", b"%d" % number)
        await eventually(lambda: none_left(js))
        await until(lambda: len(one.events) + len(other.events) == 32)
    assert sorted(message["payload"] for message in messages(one) + messages(other)) == list(range(30))
    for plugin in (one, other):
        sequences = [message["sequence"] for message in messages(plugin)]
        assert all(earlier < later for earlier, later in itertools.pairwise(sequences))


async def test_a_consumer_that_is_deleted_is_made_again(server: NatsServer, js: JetStreamContext) -> None:
    async with running(FOLDER, config(server, **STREAM)) as plugin:
        await plugin.seen(1)
        await js.delete_consumer("ORDERS", "outrider")
        await plugin.seen(3)
        await js.publish("orders.new", b"1")
        await plugin.seen(4)
    assert states(plugin) == ["up", "down", "up", "message"]
    assert plugin.events[1].data["detail"].startswith("the consumer gives no messages: ")


async def test_a_stream_that_is_not_there_yet(server: NatsServer, nc: Client) -> None:
    async with running(FOLDER, config(server, **STREAM)) as plugin:
        await plugin.seen(1)
        js = nc.jetstream()
        await js.add_stream(name="ORDERS", subjects=["orders.>"])
        try:
            await plugin.seen(2)
        finally:
            await js.delete_stream("ORDERS")
    assert states(plugin)[:2] == ["down", "up"]
    assert "stream not found" in plugin.events[0].data["detail"]


@pytest.mark.parametrize(
    "existing",
    [
        ConsumerConfig(durable_name="outrider", ack_policy=AckPolicy.NONE),
        ConsumerConfig(durable_name="outrider", ack_policy=AckPolicy.ALL),
        ConsumerConfig(durable_name="outrider", ack_policy=AckPolicy.EXPLICIT, deliver_subject="push"),
    ],
)
async def test_a_consumer_that_does_not_fit(server: NatsServer, js: JetStreamContext, existing: ConsumerConfig) -> None:
    await js.add_consumer("ORDERS", existing)
    expected = "the consumer outrider is no pull consumer with explicit acknowledgement"
    assert await reason(config(server, **STREAM)) == expected


async def test_a_server_without_streams() -> None:
    with NatsServer() as server:
        detail = await reason(config(server, **STREAM, timeout="500ms"))
    assert "no responders" in detail or "ServiceUnavailable" in detail


USERS = """
authorization { users: [
  {user: boss, password: "pass \\"word"}
  {user: clerk, password: few, permissions: {subscribe: ["deploy.own", "_INBOX.>"], publish: ["deploy.own"]}}
] }
"""


async def test_users() -> None:
    with NatsServer(USERS) as server:
        given = config(server, user="boss", password='pass "word')
        async with running(FOLDER, given) as plugin:
            await plugin.seen(1)
        assert states(plugin) == ["up"]
        assert "Authorization Violation" in await reason(given | {"password": "wrong"})
        assert "Authorization Violation" in await reason(config(server))
        clerk = config(server, user="clerk", password="few")
        assert "permissions violation for subscription" in await reason(clerk)
        async with running(FOLDER, clerk | {"subject": "deploy.own"}) as plugin:
            await plugin.seen(1)
        assert states(plugin) == ["up"]
        assert "permissions violation for publish" in await reason(clerk | STREAM | {"timeout": "500ms"})


RIGHTS = """
authorization { users: [
  {user: boss, password: boss}
  {user: reader, password: few, permissions: {subscribe: ["_INBOX.>"], publish: [
    "$JS.API.CONSUMER.INFO.ORDERS.outrider", "$JS.API.CONSUMER.MSG.NEXT.ORDERS.outrider", "$JS.ACK.ORDERS.outrider.>" %s]}}
] }
"""


@pytest.mark.parametrize("may_create", [False, True])
async def test_the_rights_that_are_needed(may_create: bool) -> None:
    rights = RIGHTS % (', "$JS.API.CONSUMER.CREATE.ORDERS.outrider.orders.*"' if may_create else "")
    with NatsServer(rights, jetstream=True) as server:
        async with client(server, user="boss", password="boss") as nc:
            js = nc.jetstream()
            await js.add_stream(name="ORDERS", subjects=["orders.>"])
            await js.publish("orders.new", b"1")
            given = config(server, **STREAM, user="reader", password="few", timeout="1s")
            if not may_create:
                assert "permissions violation" in await reason(given)
                await js.add_consumer("ORDERS", ConsumerConfig(durable_name="outrider", ack_policy=AckPolicy.EXPLICIT))
            async with running(FOLDER, given) as plugin:
                await plugin.seen(2)
                await eventually(lambda: none_left(js))
    assert states(plugin) == ["up", "message"]


async def test_a_subject_that_is_forbidden_was_never_up(server: NatsServer) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO)
        while line := await reader.readline():
            if line.startswith(b"SUB"):
                await asyncio.sleep(0.1)  # it is in no hurry to say so
                writer.write(b"-ERR 'Permissions Violation for Subscription to \"deploy.>\"'\r\n")
            elif line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        url = f"nats://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        assert "permissions violation" in await reason(config(server, servers=[url]))


async def test_tokens() -> None:
    with NatsServer('authorization { token: "s3 cret" }') as server:
        async with running(FOLDER, config(server, token="s3 cret")) as plugin:
            await plugin.seen(1)
        assert states(plugin) == ["up"]
        assert "Authorization Violation" in await reason(config(server, token="wrong"))


@pytest.mark.parametrize("optional", ["", "allow_non_tls: true"])
async def test_tls(tmp_path: Path, optional: str) -> None:
    authority = Authority(tmp_path)
    identity = authority.issue("server", dns=("localhost",))
    with NatsServer(f'tls {{ cert_file: "{identity}", key_file: "{identity}" }}\n{optional}') as server:
        named = {"servers": [f"nats://localhost:{server.port}"]}
        given = config(server, tls=True, ca_file=str(authority.file)) | named
        async with running(FOLDER, given) as plugin:
            await plugin.seen(1)
        assert states(plugin) == ["up"]
        other = {"ca_file": str(Authority(tmp_path, "other").file)}
        assert "CERTIFICATE_VERIFY_FAILED" in await reason(given | other)
        assert "CERTIFICATE_VERIFY_FAILED" in await reason(given | {"servers": [server.url]})
        if not optional:
            assert "CERTIFICATE_VERIFY_FAILED" in await reason(config(server) | named)


async def test_no_password_goes_to_a_server_without_tls(tmp_path: Path) -> None:
    with NatsServer('authorization { token: "secret" }') as server:
        given = config(server, tls=True, ca_file=str(Authority(tmp_path).file), token="secret")
        assert await reason(given) == "secure connection not available"
    heard = b""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        writer.write(b'INFO {"auth_required": true, "max_payload": 1000}\r\n')
        heard += await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        assert await reason(given | {"servers": [f"nats://127.0.0.1:{port}"]}) == "secure connection not available"
    assert heard == b""


INFO = b"INFO " + json.dumps({"max_payload": 1000, "headers": True}).encode() + b"\r\n"


@pytest.mark.parametrize(
    "answer",
    [b"", b"INFO", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"INFO []\r\n", b"INFO nonsense\r\n", b"x" * 1_000_000, INFO,
     INFO + b"nonsense\r\n", INFO + b"-ERR 'Unknown'\r\n", INFO + b"PONG\r\nMSG a b c d\r\n"],
)  # fmt: skip
async def test_what_is_no_nats(server: NatsServer, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(answer)
            await reader.read()
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        given = config(server, timeout="300ms") | {"servers": [f"nats://127.0.0.1:{port}"]}
        assert await reason(given)


async def test_nobody_listens_and_no_such_host(server: NatsServer) -> None:
    given = config(server)
    assert await reason(given | {"servers": [f"nats://127.0.0.1:{free_port()}"]}) == "connection refused"
    assert await reason(given | {"servers": ["nats://outrider.invalid:1"]})
    assert await reason(given | {"servers": [f"nats://{'a' * 70}.invalid:1"]})


async def test_it_ends_in_the_middle(server: NatsServer, js: JetStreamContext) -> None:
    await js.publish("orders.new", b"1")
    async with running(FOLDER, config(server, **STREAM, every="50s"), commit=False) as plugin:
        await plugin.seen(2)
    async with running(FOLDER, config(server, **{**STREAM, "durable": "other"}, every="50s")) as plugin:
        await plugin.seen(2)
    async with running(FOLDER, config(server, every="50s")) as plugin:
        await plugin.seen(1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"nats://127.0.0.1:{silent.getsockname()[1]}"
        async with running(FOLDER, config(server, timeout="50s") | {"servers": [url]}):
            pass


@pytest.mark.parametrize(
    "change",
    [{"servers": []}, {"servers": ["a:1"]}, {"servers": ["nats://a"]}, {"servers": ["nats://u:p@a:1"]},
     {"servers": "nats://a:1"}, {"subject": ""}, {"subject": "a b"}, {"subject": "a..b"}, {"subject": ".a"},
     {"stream": "S"}, {"durable": "d"}, {"stream": "a.b", "durable": "d"}, {"user": "a"}, {"password": "a"},
     {"every": "1"}, {"tls": "yes"}, {"other": 1}],
)  # fmt: skip
def test_wrong_configurations(change: dict[str, Any]) -> None:
    right = {"servers": ["nats://a:1"], "subject": "a"}
    assert not faults(FOLDER, right)
    assert faults(FOLDER, {**right, **change})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"servers": ["nats://a:65536"]}, "servers"),
        ({"subject": "a.>.b"}, "subject"),
        ({"subject": "a.b*"}, "subject"),
        ({"subject": "a.b>"}, "subject"),
        ({"subject": "a*.b"}, "subject"),
        ({"queue": "q", "stream": "S", "durable": "d"}, "queue"),
        ({"token": "t", "user": "u", "password": "p"}, "token"),
        ({"ca_file": "/tmp/ca.pem"}, "tls"),
        ({"tls": True, "ca_file": "/dev/null"}, "ca_file"),
        ({"timeout": "0s"}, "timeout"),
        ({"every": "99999h"}, "every"),
        ({"stream": "S", "durable": "d", "ack_wait": "0s"}, "ack_wait"),
    ],
)
async def test_refused_configurations(change: dict[str, Any], field: str) -> None:
    error = await refusal(FOLDER, {"servers": ["nats://a:1"], "subject": "a", **change})
    assert error.code == "INVALID_CONFIG"
    assert f"config.{field} is" in error.message
