import asyncio
import itertools
import re
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.harness import Running, faults, refusal, running, until
from tests.ports.http.authority import Authority
from tests.servers.ports import free_port
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.real
FOLDER = "redis"
PASSWORD = "pass \"word'\r\n"
RIGHT: dict[str, dict[str, Any]] = {
    "ping": {},
    "list-length": {"key": "a", "above": 1},
    "key-exists": {"key": "a"},
    "channel": {"channel": "a"},
    "stream": {"key": "a", "group": "g"},
}


@pytest.fixture(scope="module")
def shared() -> Iterator[RedisServer]:
    with RedisServer("--appendonly", "yes", "--appendfsync", "always") as started:
        yield started


@pytest.fixture
def server(shared: RedisServer) -> RedisServer:
    shared.call("FLUSHALL")
    return shared


def config(server: RedisServer, mode: str = "ping", **more: Any) -> dict[str, Any]:
    given = {"server": f"127.0.0.1:{server.port}", "mode": mode, "every": "20ms", "timeout": "5s", **more}
    if mode == "stream":
        return {"key": "orders", "group": "g", "consumer": "me", "from": "start", **given}
    return given


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


async def test_a_server_that_ends_and_comes_back(server: RedisServer) -> None:
    async with running(FOLDER, config(server, severity="critical")) as plugin:
        await plugin.seen(1)
        server.stop()
        try:
            await plugin.seen(2)
        finally:
            server.start()
        await plugin.seen(3)
    assert states(plugin) == ["up", "down", "up"]
    assert [event.unhealthy for event in plugin.events] == [False, True, False]
    assert [event.severity for event in plugin.events] == ["low", "critical", "low"]
    assert {event.key for event in plugin.events} == {f"127.0.0.1:{server.port}"}
    assert plugin.events[0].data == {
        "state": "up",
        "server": f"127.0.0.1:{server.port}",
        "role": "master",
        "master": "",
        "replicas": 0,
        "detail": "role master",
        "summary": "up: role master",
    }
    assert plugin.events[1].data["role"] == ""


async def test_roles_and_links(server: RedisServer) -> None:
    with RedisServer() as master, RedisServer("--replicaof", f"127.0.0.1 {master.port}") as replica:
        async with running(FOLDER, config(replica)) as plugin:
            await until(lambda: "up" in states(plugin), within=20)
            first = plugin.events[-1].data
            replica.call("REPLICAOF", "127.0.0.1", free_port())
            await until(lambda: states(plugin)[-1] == "unlinked")
            unlinked = plugin.events[-1]
            replica.call("REPLICAOF", "NO", "ONE")
            await until(lambda: states(plugin)[-1] == "up")
            replica.call("REPLICAOF", "127.0.0.1", master.port)
            await until(lambda: plugin.events[-1].data["role"] == "replica" and states(plugin)[-1] == "up", within=20)
        async with running(FOLDER, config(master)) as plugin:
            await plugin.seen(1)
    assert (first["role"], first["master"]) == ("replica", f"127.0.0.1:{master.port}")
    assert unlinked.unhealthy
    assert unlinked.data["detail"].startswith("no link to the master 127.0.0.1:")
    assert (plugin.events[0].data["role"], plugin.events[0].data["replicas"]) == ("master", 1)


async def test_lists(server: RedisServer) -> None:
    given = config(server, "list-length", key="jobs", above=2, below=1)
    async with running(FOLDER, given) as plugin:
        await plugin.seen(2)
        server.call("RPUSH", "jobs", "a")
        await plugin.seen(3)
        server.call("RPUSH", "jobs", "b", "c")
        await plugin.seen(4)
        server.call("LPOP", "jobs", 2)
        await plugin.seen(5)
    assert states(plugin) == ["up", "bad", "good", "bad", "good"]
    assert [event.unhealthy for event in plugin.events] == [False, True, False, True, False]
    assert [event.data["length"] for event in plugin.events[1:]] == [0, 1, 3, 1]
    details = [event.data["detail"] for event in plugin.events[1:]]
    assert details[0] == "jobs has 0 elements, below 1"
    assert details[1:3] == ["jobs has 1 elements, not above 2 or below 1", "jobs has 3 elements, above 2"]
    assert plugin.events[0].key != plugin.events[1].key == plugin.events[2].key


async def test_a_key_of_another_type_is_down_until_it_is_a_list(server: RedisServer) -> None:
    server.call("SET", "jobs", "x")
    async with running(FOLDER, config(server, "list-length", key="jobs", above=0)) as plugin:
        await plugin.seen(1)
        server.call("DEL", "jobs")
        await plugin.seen(3)
    assert states(plugin) == ["down", "up", "good"]
    assert plugin.events[0].data["detail"].startswith("WRONGTYPE")


@pytest.mark.parametrize(("bad_when", "expected"), [("missing", ["bad", "good"]), ("present", ["good", "bad"])])
async def test_keys_of_a_database(server: RedisServer, bad_when: str, expected: list[str]) -> None:
    server.call("SET", "lock", "x", db=0)
    async with running(FOLDER, config(server, "key-exists", key="lock", bad_when=bad_when, db=3)) as plugin:
        await plugin.seen(2)
        server.call("SET", "lock", "x", db=3)
        await plugin.seen(3)
    assert states(plugin) == ["up", *expected]
    assert [event.data["exists"] for event in plugin.events[1:]] == [False, True]
    assert [event.data["detail"] for event in plugin.events[1:]] == ["lock is missing", "lock is there"]


LONG = b'{"a": "' + b"x" * 200_000 + b'"}'


async def test_messages_of_a_channel(server: RedisServer) -> None:
    sent = [b'{"service": "shop", "n": [1, 2.5, null]}', b"plain text", b"\xff\x00", b"", b"5", LONG, b"\x01", b"last"]
    async with running(FOLDER, config(server, "channel", channel="deploy", message_severity="high")) as plugin:
        await plugin.seen(1)
        for message in sent:
            assert server.call("PUBLISH", "deploy", message) == 1
        server.call("PUBLISH", "deploy.more", "not ours")
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
        "server": f"127.0.0.1:{server.port}",
        "channel": "deploy",
        "payload": {"service": "shop", "n": [1, 2.5, None]},
        "encoding": "json",
        "cut": False,
        "summary": '{"service": "shop", "n": [1, 2.5, null]}',
    }
    cut = told[5]
    assert cut["cut"] is True
    assert LONG.startswith(cut["payload"].encode())
    assert 90_000 < len(cut["payload"]) < 100_000
    assert (told[6]["payload"], told[6]["encoding"]) == ("AQ==", "base64")
    assert (told[7]["payload"], told[7]["cut"]) == ("last", False)
    assert {event.severity for event in plugin.events[1:]} == {"high"}
    assert {event.unhealthy for event in plugin.events[1:]} == {None}
    assert len(plugin.events) == 9


async def test_messages_of_a_pattern_and_of_a_channel_that_looks_like_one(server: RedisServer) -> None:
    async with (
        running(FOLDER, config(server, "channel", channel="deploy.*", pattern=True)) as fitting,
        running(FOLDER, config(server, "channel", channel="deploy.*")) as exact,
    ):
        await fitting.seen(1)
        await exact.seen(1)
        server.call("PUBLISH", b"deploy.\xff\x01", "a")
        server.call("PUBLISH", "deploy.*", "b")
        await fitting.seen(3)
        await exact.seen(2)
    assert [message["channel"] for message in messages(fitting)] == ["deploy.\ufffd\ufffd", "deploy.*"]
    assert [message["payload"] for message in messages(exact)] == ["b"]


async def test_a_channel_of_a_server_that_comes_back(server: RedisServer) -> None:
    async with running(FOLDER, config(server, "channel", channel="deploy")) as plugin:
        await plugin.seen(1)
        server.stop()
        try:
            await plugin.seen(2)
        finally:
            server.start()
        await plugin.seen(3)
        server.call("PUBLISH", "deploy", "again")
        await plugin.seen(4)
    assert states(plugin) == ["up", "down", "up", "message"]


@pytest.mark.parametrize("mode", ["ping", "channel", "stream"])
async def test_a_frozen_server_is_down(server: RedisServer, mode: str) -> None:
    given = config(server, mode, timeout="1s") | ({"channel": "deploy"} if mode == "channel" else {})
    async with running(FOLDER, given) as plugin:
        await plugin.seen(1)
        server.process.send_signal(signal.SIGSTOP)
        try:
            await plugin.seen(2)
        finally:
            server.process.send_signal(signal.SIGCONT)
        await plugin.seen(3)
    assert states(plugin) == ["up", "down", "up"]
    assert plugin.events[1].data["detail"] == "no answer within 1s"


async def test_a_quiet_channel_stays_up(server: RedisServer) -> None:
    async with running(FOLDER, config(server, "channel", channel="deploy")) as plugin:
        await plugin.seen(1)
        pings = commands(server, "ping")
        await until(lambda: commands(server, "ping") > pings + 5)
        server.call("PUBLISH", "deploy", "late")
        await plugin.seen(2)
    assert states(plugin) == ["up", "message"]


def commands(server: RedisServer, name: str) -> int:
    """Return how often a command was served."""
    found = re.search(rf"cmdstat_{name}:calls=(\d+)", server.call("INFO", "commandstats"))
    return int(found[1]) if found else 0


def waiting(server: RedisServer) -> int:
    """Return how many entries are not acknowledged."""
    return int(server.call("XPENDING", "orders", "g")[0])


def add(server: RedisServer, *fields: Any) -> str:
    return str(server.call("XADD", "orders", "*", *fields))


async def test_entries_of_a_stream_are_acknowledged_one_after_the_other(server: RedisServer) -> None:
    first = add(server, "order", '{"id": 7}', "state", "paid", "n", "5", "list", "[1]", "raw", b"\xff")
    async with running(FOLDER, config(server, "stream"), commit=False) as plugin:
        await plugin.seen(2)
        second = add(server, "order", "b")
        assert waiting(server) == 1
        plugin.host.grant(1, [plugin.events[1].id])
        await plugin.seen(3)
        await until(lambda: waiting(server) == 1)
        plugin.host.grant(1, [plugin.events[2].id])
        await until(lambda: waiting(server) == 0)
    assert states(plugin) == ["up", "message", "message"]
    assert plugin.events[1].data == {
        "state": "message",
        "server": f"127.0.0.1:{server.port}",
        "key": "orders",
        "id": first,
        "again": False,
        "fields": {"order": {"id": 7}, "state": "paid", "n": "5", "list": [1], "raw": "/w=="},
        "cut": False,
        "summary": '{"order": {"id": 7}, "state": "paid", "n": "5", "list": [1], "raw": "/w=="}',
    }
    assert plugin.events[2].data["id"] == second


async def test_an_entry_that_was_not_on_disk_is_reported_again_after_a_kill(server: RedisServer) -> None:
    sent = [add(server, "n", n) for n in range(3)]
    async with running(FOLDER, config(server, "stream"), commit=False) as plugin:
        await plugin.seen(2)
        plugin.host.grant(1, [plugin.events[1].id])
        await plugin.seen(3)
        assert plugin.process is not None
        await plugin.process.kill()
    assert waiting(server) == 1
    async with running(FOLDER, config(server, "stream")) as plugin:
        await plugin.seen(3)
        await until(lambda: waiting(server) == 0)
    assert [(message["id"], message["again"]) for message in messages(plugin)] == [(sent[1], True), (sent[2], False)]


async def test_what_is_on_disk_while_the_server_is_away_is_not_reported_again(server: RedisServer) -> None:
    add(server, "n", 1)
    async with running(FOLDER, config(server, "stream", claim_after="60ms"), commit=False) as plugin:
        await plugin.seen(2)
        server.stop()
        try:
            plugin.host.grant(1, [plugin.events[1].id])
            await plugin.seen(3)
        finally:
            server.start()
        await plugin.seen(4)
        await until(lambda: waiting(server) == 0)
        add(server, "n", 2)
        await plugin.seen(5)
    assert states(plugin) == ["up", "message", "down", "up", "message"]
    assert messages(plugin)[1]["fields"] == {"n": "2"}


async def test_an_entry_that_waits_stays_ours(server: RedisServer) -> None:
    add(server, "n", 1)
    idle: list[int] = []

    def has_begun_anew() -> bool:
        [[_, _, since_delivered, _]] = server.call("XPENDING", "orders", "g", "-", "+", 10)
        idle.append(since_delivered)
        return any(later < earlier for earlier, later in itertools.pairwise(idle))

    async with running(FOLDER, config(server, "stream", claim_after="300ms"), commit=False) as plugin:
        await plugin.seen(2)
        for _ in range(3):
            idle.clear()
            await until(has_begun_anew)
        plugin.host.grant(1, [plugin.events[1].id])
        await until(lambda: waiting(server) == 0)
    assert len(plugin.events) == 2


async def test_an_answer_that_comes_late_is_not_taken_for_another(server: RedisServer) -> None:
    add(server, "n", 1)
    async with running(FOLDER, config(server, "stream", claim_after="600ms", timeout="1s"), commit=False) as plugin:
        await plugin.seen(2)
        server.process.send_signal(signal.SIGSTOP)
        try:
            await until(lambda: any("may take over" in line for line in plugin.lines))
        finally:
            server.process.send_signal(signal.SIGCONT)
        plugin.commit = True
        plugin.host.grant(1, [plugin.events[1].id])
        add(server, "n", 2)
        await plugin.seen(5)
        await until(lambda: waiting(server) == 0)
    assert states(plugin) == ["up", "message", "down", "up", "message"]
    assert messages(plugin)[1]["fields"] == {"n": "2"}


async def test_entries_that_others_left_are_taken_over(server: RedisServer) -> None:
    sent = [add(server, "n", n) for n in range(2)]
    server.call("XGROUP", "CREATE", "orders", "g", "0")
    server.call("XREADGROUP", "GROUP", "g", "other", "COUNT", 2, "STREAMS", "orders", ">")
    async with running(FOLDER, config(server, "stream", claim_after="100ms")) as plugin:
        await plugin.seen(3)
        await until(lambda: waiting(server) == 0)
    assert [(message["id"], message["again"]) for message in messages(plugin)] == [(sent[0], True), (sent[1], True)]


async def test_entries_that_others_have_are_left_to_them(server: RedisServer) -> None:
    add(server, "n", 1)
    server.call("XGROUP", "CREATE", "orders", "g", "0")
    server.call("XREADGROUP", "GROUP", "g", "other", "STREAMS", "orders", ">")
    async with running(FOLDER, config(server, "stream", claim_after="1h")) as plugin:
        await until(lambda: commands(server, "xautoclaim") > 0)
        mine = add(server, "n", 2)
        await plugin.seen(2)
        await until(lambda: waiting(server) == 1)
    assert [message["id"] for message in messages(plugin)] == [mine]


async def test_an_entry_that_was_deleted_is_acknowledged_without_an_event(server: RedisServer) -> None:
    gone = add(server, "n", 1)
    async with running(FOLDER, config(server, "stream"), commit=False) as plugin:
        await plugin.seen(2)
        assert plugin.process is not None
        await plugin.process.kill()
    server.call("XDEL", "orders", gone)
    async with running(FOLDER, config(server, "stream")) as plugin:
        await until(lambda: waiting(server) == 0)
    assert states(plugin) == ["up"]


@pytest.mark.parametrize(("begin", "expected"), [("new", ["late"]), ("start", ["early", "late"])])
async def test_where_a_group_begins(server: RedisServer, begin: str, expected: list[str]) -> None:
    add(server, "n", "early")
    async with running(FOLDER, config(server, "stream") | {"from": begin}) as plugin:
        await plugin.seen(1)
        add(server, "n", "late")
        await plugin.seen(1 + len(expected))
    assert [message["fields"]["n"] for message in messages(plugin)] == expected


async def test_a_stream_that_is_deleted_and_made_again(server: RedisServer) -> None:
    async with running(FOLDER, config(server, "stream")) as plugin:
        await plugin.seen(1)
        server.call("DEL", "orders")
        await plugin.seen(3)
        add(server, "n", 1)
        await plugin.seen(4)
    assert states(plugin) == ["up", "down", "up", "message"]
    assert "NOGROUP" in plugin.events[1].data["detail"] or "UNBLOCKED" in plugin.events[1].data["detail"]


async def test_large_entries_are_cut_and_read_once(server: RedisServer) -> None:
    add(server, "a", "x" * 60_000, "b", "y" * 60_000, "c", "z" * 5_000_000, "d", "w")
    add(server, *[part for n in range(1000) for part in (f"field {n}", n)])
    add(server, "floats", "[" + ",".join(["1e15"] * 19_000) + "]")
    add(server, "last", 1)
    async with running(FOLDER, config(server, "stream")) as plugin:
        await plugin.seen(5)
        await until(lambda: waiting(server) == 0)
        assert plugin.process is not None
        status = Path(f"/proc/{plugin.process.pid}/status").read_text()
    first, second, third, last = messages(plugin)
    assert first["cut"] is True
    assert first["fields"]["a"] == "x" * 60_000
    assert first["fields"]["b"] == "y" * len(first["fields"]["b"])
    assert 30_000 < len(first["fields"]["b"]) < 60_000
    assert (second["cut"], second["fields"]["field 999"]) == (False, "999")
    assert third["fields"]["floats"].startswith("[1e15,1e15")
    assert (last["fields"], last["cut"]) == ({"last": "1"}, False)
    peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    assert int(peak) < 45_000


async def test_an_entry_that_grows_too_large_as_an_event(server: RedisServer) -> None:
    add(server, *[part for n in range(25) for part in (f"n{n}", "[" + ",".join(["1e15"] * 700) + "]")])
    async with running(FOLDER, config(server, "stream")) as plugin:
        await plugin.seen(2)
    assert (messages(plugin)[0]["fields"], messages(plugin)[0]["cut"]) == ({}, True)


async def test_nothing_is_acknowledged_without_credit(server: RedisServer) -> None:
    add(server, "n", 1)
    async with running(FOLDER, config(server, "stream"), credit=1, commit=False) as plugin:
        await plugin.seen(1)
        await until(lambda: waiting(server) == 1)
        assert states(plugin) == ["up"]
        plugin.host.grant(1, [])
        await plugin.seen(2)
        assert waiting(server) == 1
        plugin.host.grant(0, [plugin.events[1].id])
        await until(lambda: waiting(server) == 0)


@asynccontextmanager
async def secured(server: RedisServer) -> AsyncIterator[dict[str, Any]]:
    server.call("ACL", "SETUSER", "watch-é", "on", f">{PASSWORD}", "~orders", "&none", "+xreadgroup", "+xack")
    try:
        yield {"username": "watch-é", "password": PASSWORD}
    finally:
        server.call("ACL", "DELUSER", "watch-é")


async def test_a_user_with_few_rights_reads_a_group_that_is_there(server: RedisServer) -> None:
    async with secured(server) as user:
        assert "NOPERM" in await reason(config(server, "stream", **user))
        server.call("XGROUP", "CREATE", "orders", "g", "0", "MKSTREAM")
        add(server, "n", 1)
        async with running(FOLDER, config(server, "stream", **user)) as plugin:
            await plugin.seen(2)
            await until(lambda: waiting(server) == 0)
        assert states(plugin) == ["up", "message"]
        assert len([line for line in plugin.lines if "are not taken over" in line]) == 1
        assert "NOPERM" in await reason(config(server, "channel", channel="deploy", **user))
        assert "NOPERM" in await reason(config(server, **user))
        assert "WRONGPASS" in await reason(config(server, **user | {"password": "wrong"}))
        server.call("ACL", "SETUSER", "watch-é", "+ping")
        async with running(FOLDER, config(server, **user)) as plugin:
            await plugin.seen(1)
        assert (states(plugin), plugin.events[0].data["role"]) == (["up"], "")


async def test_passwords_of_a_server() -> None:
    with RedisServer(password=PASSWORD) as server:
        async with running(FOLDER, config(server, password=PASSWORD)) as plugin:
            await plugin.seen(1)
        assert states(plugin) == ["up"]
        assert "WRONGPASS" in await reason(config(server, password="wrong"))
        assert "NOAUTH" in await reason(config(server))


async def test_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    identity = authority.issue("server", dns=("localhost",))
    port = free_port()
    arguments = ["--tls-port", str(port), "--tls-auth-clients", "no", "--tls-ca-cert-file", str(authority.file)]
    arguments += ["--tls-cert-file", str(identity), "--tls-key-file", str(identity)]
    with RedisServer(*arguments) as server:
        given = config(server, tls=True, ca_file=str(authority.file)) | {"server": f"localhost:{port}"}
        async with running(FOLDER, given) as plugin:
            await plugin.seen(1)
        assert states(plugin) == ["up"]
        other = {"ca_file": str(Authority(tmp_path, "other").file)}
        assert "CERTIFICATE_VERIFY_FAILED" in await reason(given | other)
        assert "CERTIFICATE_VERIFY_FAILED" in await reason(given | {"server": f"127.0.0.1:{port}"})
        plain = {"server": f"localhost:{port}", "every": "20ms", "timeout": "300ms"}
        assert await reason(plain)
        assert await reason(given | {"server": f"localhost:{server.port}"})


@asynccontextmanager
async def saying(*answers: bytes) -> AsyncIterator[int]:
    """Answer each command with the next of these, the last one for ever; an empty one is silence."""
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            writer.write(left.pop(0) if len(left) > 1 else left[0])
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield listening.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([b""], "no answer within 300ms"),
        ([b"+PO"], "no answer within 300ms"),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "the answer is not Redis"),
        ([b"x" * 100_000], "the answer is not Redis: a line has no end"),
        ([b":\r\n"], "the answer is not Redis"),
        ([b"$12345678901234567890\r\n"], "the answer is not Redis"),
        ([b"$3\r\nabcd\r\n"], "the answer is not Redis: a value is longer than it says"),
        ([b"$1000000\r\nabc"], "no answer within 300ms"),
        ([b"*5000\r\n"], "an answer has more than 4096 elements, or is nested too deep"),
        ([b"*1\r\n" * 20], "an answer has more than 4096 elements, or is nested too deep"),
        ([b"-ERR \xff\x1b[31m\r\n"], "ERR \ufffd [31m"),
        ([b"-DENIED Redis is running in protected mode\r\n"], "DENIED Redis is running in protected mode"),
    ],
)
async def test_what_is_no_redis(server: RedisServer, answers: list[bytes], expected: str) -> None:
    async with saying(*answers) as port:
        given = config(server, timeout="300ms") | {"server": f"127.0.0.1:{port}"}
        assert await reason(given) == expected


@pytest.mark.parametrize(
    ("mode", "answers"),
    [
        ("list-length", [b"+OK\r\n"]),
        ("channel", [b"+OK\r\n*1\r\n$7\r\nmessage\r\n"]),
        ("channel", [b"+OK\r\n*3\r\n$7\r\nmessage\r\n:1\r\n:2\r\n"]),
        ("stream", [b"*1\r\n*2\r\n$1\r\na\r\n*1\r\n:1\r\n"]),
        ("stream", [b"*1\r\n*2\r\n$1\r\na\r\n*1\r\n*2\r\n$1\r\na\r\n*1\r\n:1\r\n"]),
    ],
)
async def test_answers_that_make_no_sense(server: RedisServer, mode: str, answers: list[bytes]) -> None:
    async with saying(*answers) as port:
        given = config(server, mode, **RIGHT[mode]) | {"server": f"127.0.0.1:{port}"}
        async with running(FOLDER, given) as plugin:
            await until(lambda: "down" in states(plugin))
    assert any(event.data["detail"].startswith("the answer is no ") for event in plugin.events if event.unhealthy)


async def test_odd_answers_of_a_server_that_answers_all_with_ok(server: RedisServer) -> None:
    async with saying(b"+OK\r\n") as port:
        async with running(FOLDER, config(server) | {"server": f"127.0.0.1:{port}"}) as plugin:
            await plugin.seen(1)
        assert (states(plugin), plugin.events[0].data["role"]) == (["up"], "")


async def test_odd_facts_of_a_server(server: RedisServer) -> None:
    text = b"role:\x1b[31mslave\r\nconnected_slaves:" + b"9" * 5000 + b"\r\nnonsense\r\n:\r\n"
    answers = (b"+PONG\r\n", b"$%d\r\n%s\r\n" % (len(text), text))
    given = config(server, every="50s")
    async with saying(*answers) as port, running(FOLDER, given | {"server": f"127.0.0.1:{port}"}) as plugin:
        await plugin.seen(1)
    assert (plugin.events[0].data["role"], plugin.events[0].data["replicas"]) == ("[31mslave", 0)


async def test_nobody_listens_and_no_such_host(server: RedisServer) -> None:
    given = config(server)
    assert await reason(given | {"server": f"127.0.0.1:{free_port()}"}) == "connection refused"
    assert await reason(given | {"server": "outrider.invalid:1"})
    assert await reason(given | {"server": f"{'a' * 70}.invalid:1"})


async def test_it_ends_in_the_middle(server: RedisServer) -> None:
    add(server, "n", 1)
    async with running(FOLDER, config(server, "stream", every="50s"), commit=False) as plugin:
        await plugin.seen(2)
    async with running(FOLDER, config(server, "channel", channel="a", every="50s")) as plugin:
        await plugin.seen(1)
    async with saying(b"") as port, running(FOLDER, config(server, timeout="50s") | {"server": f"127.0.0.1:{port}"}):
        pass
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.create_connection(full.getsockname()):
        given = config(server, timeout="50s") | {"server": f"127.0.0.1:{full.getsockname()[1]}"}
        async with running(FOLDER, given):
            pass


@pytest.mark.parametrize("mode", RIGHT)
def test_fields_of_a_mode_are_needed(mode: str) -> None:
    right = {"server": "a:1", "mode": mode, **RIGHT[mode]}
    assert not faults(FOLDER, right)
    for field in RIGHT[mode]:
        assert faults(FOLDER, {name: value for name, value in right.items() if name != field})


@pytest.mark.parametrize(
    "change",
    [{"server": "a"}, {"server": "a:b"}, {"server": ""}, {"db": -1}, {"mode": "other"}, {"password": ""},
     {"above": -1}, {"every": "1"}, {"tls": "yes"}, {"other": 1}],
)  # fmt: skip
def test_wrong_configurations(change: dict[str, Any]) -> None:
    assert faults(FOLDER, {"server": "a:1", **change})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"server": "a:65536"}, "server"),
        ({"username": "a"}, "password"),
        ({"ca_file": "/tmp/ca.pem"}, "tls"),
        ({"tls": True, "ca_file": "/dev/null"}, "ca_file"),
        ({"tls": True, "ca_file": "/no/such/file"}, "ca_file"),
        ({"above": 1}, "above"),
        ({"key": "a"}, "key"),
        ({"mode": "key-exists", "key": "a", "channel": "b"}, "channel"),
        ({"mode": "channel", "channel": "b", "group": "c"}, "group"),
        ({"timeout": "0s"}, "timeout"),
        ({"every": "99999h"}, "every"),
        ({"mode": "stream", "key": "a", "group": "g", "claim_after": "0s"}, "claim_after"),
    ],
)
async def test_refused_configurations(change: dict[str, Any], field: str) -> None:
    error = await refusal(FOLDER, {"server": "a:1", **change})
    assert error.code == "INVALID_CONFIG"
    assert f"config.{field} is" in error.message
