import asyncio
import os
import pwd
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.plugins.harness import Running, faults, refusal, running, until
from tests.ports.http.authority import Authority
from tests.servers.ports import free_port
from tests.servers.postgresql import USER, PostgresqlServer

pytestmark = pytest.mark.real
FOLDER = "postgresql-query"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    with PostgresqlServer() as started:
        yield started


@pytest.fixture
def schema(server: PostgresqlServer) -> Iterator[str]:
    name = server.create()
    yield name
    server.drop(name)


@contextmanager
def connected(server: PostgresqlServer) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(server.address(), autocommit=True) as connection:
        yield connection


def run(server: PostgresqlServer, *statements: str) -> None:
    with connected(server) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def url(port: int, *, user: str = USER, host: str = "127.0.0.1", database: str = "postgres") -> str:
    return f"postgresql://{user}@{host}:{port}/{database}"


def config(server: PostgresqlServer, query: str, **more: Any) -> dict[str, Any]:
    given = {"url": url(server.port), "query": query, "every": "20ms", "timeout": "5s", **more}
    if not given.keys() & {"key", "above", "below", "equals"}:
        given["above"] = 0
    return given


def states(plugin: Running) -> list[str]:
    return [event.data["state"] for event in plugin.events]


async def reason(given: dict[str, Any], *, within: float = 10.0) -> str:
    """Return why the plugin says `down` at its first look."""
    async with running(FOLDER, given) as plugin:
        await plugin.seen(1, within=within)
    assert states(plugin)[0] == "down", plugin.events[0].data
    assert plugin.events[0].unhealthy
    return str(plugin.events[0].data["detail"])


async def test_a_row_is_bad_from_when_it_appears_until_it_is_gone(server: PostgresqlServer, schema: str) -> None:
    run(server, f"CREATE TABLE {schema}.jobs (queue text, waiting int, since numeric)")
    query = f"SELECT * FROM {schema}.jobs ORDER BY queue;"
    async with running(FOLDER, config(server, query, key="queue", severity="critical")) as plugin:
        await plugin.seen(1)
        run(server, f"INSERT INTO {schema}.jobs VALUES ('mail', 7, 1.5), ('grün \U0001f600', NULL, NULL)")
        await plugin.seen(3)
        run(server, f"UPDATE {schema}.jobs SET waiting = 8", f"DELETE FROM {schema}.jobs WHERE queue = 'mail'")
        await plugin.seen(4)
        run(server, f"INSERT INTO {schema}.jobs VALUES ('mail', 9, 2)")
        await plugin.seen(5)
    assert states(plugin) == ["up", "bad", "bad", "good", "bad"]
    assert [event.data["key"] for event in plugin.events] == ["", "grün \U0001f600", "mail", "mail", "mail"]
    assert [event.unhealthy for event in plugin.events] == [False, True, True, False, True]
    assert [event.severity for event in plugin.events] == ["low", "critical", "critical", "low", "critical"]
    assert plugin.events[2].data == {
        "state": "bad",
        "url": url(server.port),
        "key": "mail",
        "row": {"queue": "mail", "waiting": 7, "since": 1.5},
        "value": None,
        "detail": "mail (waiting: 7, since: 1.5)",
        "summary": "bad: mail (waiting: 7, since: 1.5)",
    }
    assert plugin.events[1].data["row"] == {"queue": "grün \U0001f600", "waiting": None, "since": None}
    assert plugin.events[2].key == plugin.events[3].key != plugin.events[1].key
    assert plugin.events[3].data["detail"] == "mail is gone"
    assert plugin.lines == []


async def test_rows_with_one_key_are_one_thing(server: PostgresqlServer) -> None:
    query = "VALUES (1, 'a'), (2, 'b'), (1, 'c')"
    async with running(FOLDER, config(server, query, key="column1")) as plugin:
        await plugin.seen(3)
        run_on = len(plugin.events)
    assert run_on == 3
    assert [event.data["row"] for event in plugin.events[1:]] == [
        {"column1": 1, "column2": "a"},
        {"column1": 2, "column2": "b"},
    ]
    assert [event.data["key"] for event in plugin.events[1:]] == ["1", "2"]


@pytest.mark.parametrize(
    ("condition", "kind", "looks"),
    [
        ({"above": 5}, "int", {"5": ("good", 5), "6": ("bad", 6), "7": None, "5.0": ("good", 5)}),
        ({"above": 5}, "numeric", {"5.25": ("bad", 5.25), "1": ("good", 1)}),
        (
            {"above": 5},
            "float8",
            {"'-Infinity'": ("good", None), "'Infinity'": ("bad", None), "'NaN'": ("good", None), "0": None},
        ),
        ({"below": 1}, "bigint", {"1": ("good", 1), "-9223372036854775808": ("bad", -(2**63))}),
        ({"equals": True}, "boolean", {"false": ("good", False), "true": ("bad", True)}),
        ({"equals": True}, "int", {"1": ("good", 1), "2": None}),
        ({"equals": "on"}, "text", {"'off'": ("good", "off"), "'on'": ("bad", "on"), "'ON'": ("good", "ON")}),
        ({"equals": 1}, "numeric", {"1.0": ("bad", 1.0), "1.1": ("good", 1.1), "1": ("bad", 1)}),
    ],
)
async def test_a_value_is_judged(
    server: PostgresqlServer, schema: str, condition: dict[str, Any], kind: str, looks: dict[str, Any]
) -> None:
    run(server, f"CREATE TABLE {schema}.v (value {kind})", f"INSERT INTO {schema}.v VALUES ({next(iter(looks))})")
    async with running(FOLDER, config(server, f"SELECT value, 'x' FROM {schema}.v", **condition)) as plugin:
        await plugin.seen(2)
        for value in [*looks, None]:
            await next_look(server, f"{schema}.v", value)
    judged = [event for event in plugin.events if event.key == "value"]
    expected = [look for look in looks.values() if look is not None]
    assert [(event.data["state"], event.data["value"]) for event in judged] == expected
    assert [event.unhealthy for event in judged] == [state == "bad" for state, _ in expected]
    assert len(plugin.events) == 1 + len(expected)


async def next_look(server: PostgresqlServer, table: str, value: str | None) -> None:
    """Wait until the plugin looks at a table, and let it find a value there: what it saw before is judged then."""
    waiting = f"SELECT 1 FROM pg_locks WHERE relation = '{table}'::regclass AND NOT granted"
    with connected(server) as connection, connection.transaction():
        connection.execute(f"LOCK TABLE {table}".encode())
        await until(lambda: connection.execute(waiting.encode()).fetchone() is not None)
        if value is not None:
            connection.execute(f"UPDATE {table} SET value = {value}".encode())


async def test_what_is_bad_stays_bad_while_the_server_is_down(server: PostgresqlServer, schema: str) -> None:
    run(server, f"CREATE TABLE {schema}.jobs AS SELECT 'mail' AS queue")
    async with running(FOLDER, config(server, f"TABLE {schema}.jobs", key="queue")) as plugin:
        await plugin.seen(2)
        server.stop()
        try:
            await plugin.seen(3)
        finally:
            server.start()
        await plugin.seen(4)
        run(server, f"DROP TABLE {schema}.jobs")
        await plugin.seen(5)
        run(server, f"CREATE TABLE {schema}.jobs (queue text)")
        await plugin.seen(7)
    assert states(plugin) == ["up", "bad", "down", "up", "down", "up", "good"]
    assert [event.unhealthy for event in plugin.events[2:4]] == [True, False]
    assert {event.key for event in plugin.events[2:5]} == {url(server.port)}
    assert plugin.events[4].data["detail"] == f'relation "{schema}.jobs" does not exist'


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("DELETE FROM {0}.kept RETURNING id", "syntax error"),
        ("WITH gone AS (DELETE FROM {0}.kept RETURNING id) SELECT * FROM gone", "must be at the top level"),
        ("SELECT {0}.take()", "read-only transaction"),
        ("SELECT 1) AS a; COMMIT; DELETE FROM {0}.kept; SELECT 1 FROM (SELECT 1", "cannot insert multiple commands"),
        ("SELECT 1; COMMIT; DELETE FROM {0}.kept", "syntax error"),
        ("SELECT set_config('transaction_read_only', 'off', true), {0}.take()", "transaction read-write mode"),
        ("SELECT id FROM {0}.kept FOR UPDATE", "read-only transaction"),
    ],
)
async def test_nothing_is_written(server: PostgresqlServer, schema: str, query: str, expected: str) -> None:
    run(
        server,
        f"CREATE TABLE {schema}.kept AS SELECT 1 AS id",
        f"CREATE FUNCTION {schema}.take() RETURNS int LANGUAGE sql AS 'DELETE FROM {schema}.kept RETURNING id'",
    )
    assert expected in await reason(config(server, query.format(schema)))
    with connected(server) as connection:
        assert connection.execute(f"SELECT count(*) FROM {schema}.kept".encode()).fetchone() == (1,)


@pytest.mark.parametrize(
    ("query", "given", "expected"),
    [
        ("SELECT 1 WHERE false", {}, "the result has no row, expected one"),
        ("VALUES (1), (2)", {}, "the result has more than 1 rows"),
        ("SELECT NULL::int", {}, "the value is null, expected one"),
        ("SELECT NULL::text", {"equals": "a"}, "the value is null, expected one"),
        ("SELECT '5'", {}, 'the value is "5", expected a number'),
        ("SELECT true", {}, "the value is true, expected a number"),
        ("SELECT", {}, "the result has 0 columns, expected 1 to 50"),
        (f"SELECT {', '.join('1' * 51)}", {}, "the result has 51 columns, expected 1 to 50"),
        ("SELECT repeat('9', 600)::numeric", {}, "a number has more than 500 digits"),
        ("SELECT 1 AS a", {"key": "b"}, "the result has 0 columns with the name 'b', expected one"),
        ("SELECT 1 AS a, 2 AS a", {"key": "a"}, "the result has 2 columns with the name 'a', expected one"),
        ("SELECT NULL AS a", {"key": "a"}, "a row has no key: its 'a' is null"),
        ("SELECT repeat('x', 501) AS a", {"key": "a"}, "a row has a key of more than 500 characters"),
        ("SELECT generate_series(1, 101) AS a", {"key": "a"}, "the result has more than 100 rows"),
        ("SELECT generate_series(1, 3) AS a", {"key": "a", "max_rows": 2}, "the result has more than 2 rows"),
        ("SELECT 1/0", {}, "division by zero"),
        ("SELEC 5", {}, 'syntax error at or near "5"'),
        ("SHOW server_version", {}, 'syntax error at or near ")"'),
    ],
)
async def test_what_cannot_be_judged_is_down(
    server: PostgresqlServer, query: str, given: dict[str, Any], expected: str
) -> None:
    assert await reason(config(server, query, **given)) == expected


async def test_a_result_that_is_too_large_as_a_whole(server: PostgresqlServer) -> None:
    columns = ", ".join(f"repeat('x', 600) AS c{number}" for number in range(49))
    query = f"SELECT a, {columns} FROM generate_series(1, 100) AS a -- each"
    assert await reason(config(server, query, key="a")) == "the result has more than 2097152 characters"


async def test_long_values_are_cut_by_the_server(server: PostgresqlServer) -> None:
    query = "SELECT 'a' AS key, repeat('ü', 60000000) AS long, repeat('x', 500) AS whole, '\\xff00'::bytea AS bytes"
    async with running(FOLDER, config(server, query, key="key")) as plugin:
        await plugin.seen(2)
        assert plugin.process is not None
        status = Path(f"/proc/{plugin.process.pid}/status").read_text()
    row = plugin.events[1].data["row"]
    assert row == {"key": "a", "long": "ü" * 499 + "…", "whole": "x" * 500, "bytes": "\\xff00"}
    peak = re.search(r"VmHWM:\s*(\d+) kB", status)
    assert peak is not None
    assert int(peak[1]) < 100_000


async def test_the_largest_event_there_is(server: PostgresqlServer) -> None:
    columns = ", ".join(f'repeat(chr(1), 500) AS "{"n" * 60}{number:02}"' for number in range(49))
    async with running(FOLDER, config(server, f"SELECT 'a' AS a, {columns}", key="a")) as plugin:
        await plugin.seen(2)
    assert len(plugin.events[1].data["row"]) == 50


async def test_bytes_that_are_no_text(server: PostgresqlServer) -> None:
    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data.replace(b"garbled", b"\xff\xfe\xfd\xfc\xfb\xfa\xf9"))
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_server = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.gather(pump(reader, to_server[1]), pump(to_server[0], writer))

    given = config(server, "SELECT 'gar' || 'bled'", equals="a", sslmode="disable")
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        assert "the result cannot be read: 'utf-8' codec" in await reason(given | {"url": url(port)})


async def test_the_server_ends_a_query_that_takes_too_long(server: PostgresqlServer) -> None:
    asleep = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
    given = config(server, "SELECT pg_sleep(60)", timeout="2s", every="1h")
    async with running(FOLDER, given) as plugin:
        with connected(server) as connection:
            await until(lambda: connection.execute(asleep).fetchone() is not None)
            await plugin.seen(1)
            await until(lambda: connection.execute(asleep).fetchone() is None)
    assert plugin.events[0].data["detail"] == "no answer within 2 s"


async def test_the_transaction_is_named_and_does_not_stay(server: PostgresqlServer) -> None:
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'outrider' AND state LIKE 'idle%'"
    async with running(FOLDER, config(server, query, above=0)) as plugin:
        await plugin.seen(2)
    assert plugin.events[1].data["state"] == "good"


async def test_a_frozen_backend_costs_the_timeout(server: PostgresqlServer) -> None:
    waiting = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%nobody answers%' AND pid <> pg_backend_pid()"
    query = "SELECT pg_sleep(9), 'nobody answers'"
    pids: list[int] = []

    def found() -> bool:
        with connected(server) as connection:
            pids[:] = [pid for (pid,) in connection.execute(waiting)]
        return bool(pids)

    async with running(FOLDER, config(server, query, timeout="3s")) as plugin:
        await until(found)
        os.kill(pids[0], signal.SIGSTOP)
        try:
            await plugin.seen(1)
        finally:
            os.kill(pids[0], signal.SIGCONT)
    assert plugin.events[0].data["detail"] == "no answer within 3 s"


async def test_a_server_that_takes_connections_and_says_nothing(server: PostgresqlServer) -> None:
    async with running(FOLDER, config(server, "SELECT 0", timeout="1s")) as plugin:
        await plugin.seen(2)
        server.process.send_signal(signal.SIGSTOP)
        try:
            await plugin.seen(3)
        finally:
            server.process.send_signal(signal.SIGCONT)
        await plugin.seen(4)
    assert states(plugin) == ["up", "good", "down", "up"]
    assert plugin.events[2].data["detail"] == "no answer within 1 s"


async def test_it_ends_in_the_middle_of_a_query(server: PostgresqlServer) -> None:
    asleep = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    async with running(FOLDER, config(server, "SELECT pg_sleep(60)", timeout="50s")):
        with connected(server) as connection:
            await until(lambda: connection.execute(asleep).fetchone() is not None)


async def test_it_ends_in_the_middle_of_connecting(server: PostgresqlServer) -> None:
    with silent() as (port, arrived):
        async with running(FOLDER, config(server, "SELECT 0") | {"url": url(port), "timeout": "50s"}):
            await until(arrived.is_set)


async def test_it_ends_in_the_middle_of_a_query_that_nobody_serves_any_more(server: PostgresqlServer) -> None:
    asleep = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    pids: list[int] = []
    try:
        async with running(FOLDER, config(server, "SELECT pg_sleep(3)", timeout="50s")):
            with connected(server) as connection:
                await until(lambda: connection.execute(asleep).fetchone() is not None)
                pids = [server.process.pid, *(pid for (pid,) in connection.execute(asleep))]
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def silent(answer: bytes = b"", times: int = 1) -> Iterator[tuple[int, threading.Event]]:
    """Listen, say something to whoever comes, and then nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended, arrived = threading.Event(), threading.Event()

        def serve() -> None:
            while not ended.is_set():
                with closing(listener.accept()[0]) as connection:
                    try:
                        connection.recv(1024)
                        arrived.set()
                        for _ in range(times):
                            connection.sendall(answer)
                        while connection.recv(1024):
                            continue
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        port = listener.getsockname()[1]
        try:
            yield port, arrived
        finally:
            ended.set()
            socket.create_connection(("127.0.0.1", port)).close()
            thread.join()


NOTICE = b"N" + (4 + 2 + 1000 + 1).to_bytes(4, "big") + b"M" + b"x" * 1000 + b"\0" + b"\0"


@pytest.mark.parametrize(
    ("answer", "times"),
    [(b"", 1), (b"HTTP/1.1 400 Bad Request\r\n\r\n", 1), (b"N", 1), (b"NR\x00\x00\x00\x08\x00\x00\x00\x63", 1),
     (b"N" + NOTICE * 100, 100), (b"ND\x7f\xff\xff\xff", 1), (b"\x00" * 1000, 10)],
)  # fmt: skip
async def test_what_is_no_postgresql(server: PostgresqlServer, answer: bytes, times: int) -> None:
    with silent(answer, times) as (port, _):
        assert await reason(config(server, "SELECT 1", timeout="500ms") | {"url": url(port)})


async def test_nobody_listens_and_no_such_host(server: PostgresqlServer) -> None:
    given = config(server, "SELECT 1")
    assert "Connection refused" in await reason(given | {"url": url(free_port())})
    assert "outrider.invalid" in await reason(given | {"url": url(1, host="outrider.invalid")})


@contextmanager
def admission(server: PostgresqlServer, *lines: str) -> Iterator[None]:
    """Put lines before those of pg_hba.conf."""
    with connected(server) as connection:
        shown = connection.execute("SHOW hba_file").fetchone()
        assert shown is not None
        file = Path(shown[0])
        before = file.read_text()
        file.write_text("\n".join([*lines, before]))
        connection.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            file.write_text(before)
            connection.execute("SELECT pg_reload_conf()")


async def test_passwords(server: PostgresqlServer) -> None:
    name, password = "user %_ü", "pass'\\ \"word"
    run(server, f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{password.replace(chr(39), chr(39) * 2)}'")
    given = config(server, "SELECT 1") | {"url": url(server.port, user="user%20%25_%C3%BC")}
    with admission(server, f'host all "{name}" 127.0.0.1/32 scram-sha-256'):
        await until_admitted(server, "scram-sha-256")
        assert "password authentication failed" in await reason(given | {"password": "wrong"})
        assert "no password supplied" in await reason(given)
        async with running(FOLDER, given | {"password": password}) as plugin:
            await plugin.seen(2)
        assert states(plugin) == ["up", "bad"]
        assert password not in str(plugin.events)
    with admission(server, f'host all "{name}" 127.0.0.1/32 password'):
        await until_admitted(server, "password")
        assert "password" in await reason(given | {"password": password})


async def until_admitted(server: PostgresqlServer, method: str) -> None:
    """Wait until the server has read pg_hba.conf again."""

    def is_asked() -> bool:
        try:
            parameters: dict[str, Any] = {"require_auth": method if method != "password" else "!password"}
            psycopg.connect(
                host="127.0.0.1", port=server.port, user="user %_ü", dbname="postgres", password="x", **parameters
            ).close()
        except psycopg.OperationalError as error:
            return ("authentication failed" if method != "password" else "method requirement") in str(error)
        return False

    await until(is_asked)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def under_tls(server: PostgresqlServer, authority: Authority) -> Iterator[None]:
    with connected(server) as connection:
        shown = connection.execute("SHOW data_directory").fetchone()
        assert shown is not None
        identity = Path(shown[0]) / "identity.pem"
        identity.write_text(authority.issue("server", dns=("localhost",)).read_text())
        identity.chmod(0o600)
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(identity, account.pw_uid, account.pw_gid)
        for name in ("ssl_cert_file", "ssl_key_file"):
            connection.execute(f"ALTER SYSTEM SET {name} = '{identity}'".encode())
        set_tls(connection, "on")
        yield
        set_tls(connection, "off")


def set_tls(connection: psycopg.Connection[Any], value: str) -> None:
    connection.execute(f"ALTER SYSTEM SET ssl = {value}".encode())
    connection.execute("SELECT pg_reload_conf()")
    while connection.execute("SHOW ssl").fetchone() != (value,):
        continue


@pytest.mark.usefixtures("under_tls")
async def test_tls(server: PostgresqlServer, authority: Authority, tmp_path: Path) -> None:
    used = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    given = config(server, used, equals=True) | {"url": url(server.port, host="localhost")}
    trusting = given | {"sslmode": "verify-full", "ca_file": str(authority.file)}
    for accepted, state in ((trusting, "bad"), (given | {"sslmode": "disable"}, "good"), (given, "bad")):
        async with running(FOLDER, accepted) as plugin:
            await plugin.seen(2)
        assert states(plugin) == ["up", state]
    assert "does not match host name" in await reason(trusting | {"url": url(server.port)})
    other = Authority(tmp_path, "other")
    assert "certificate verify failed" in await reason(trusting | {"ca_file": str(other.file)})
    assert "certificate verify failed" in await reason(given | {"sslmode": "verify-full"})


async def test_a_server_without_tls_is_not_trusted(server: PostgresqlServer) -> None:
    assert "does not support SSL" in await reason(config(server, "SELECT 1", sslmode="require"))


async def test_nothing_is_asked_without_credit(server: PostgresqlServer) -> None:
    async with running(FOLDER, config(server, "SELECT 1"), credit=1, commit=False) as plugin:
        await plugin.seen(1)
        plugin.host.grant(1, [])
        await plugin.seen(2)
    assert states(plugin) == ["up", "bad"]


Change = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.mark.parametrize(
    "change",
    [
        {"url": "postgresql://a:b@h:1/d"},
        {"url": "postgresql://h:1/d"},
        {"url": "postgresql://a@h/d"},
        {"url": "postgresql://a@h:1/"},
        {"url": "postgresql://a@h,i:1/d"},
        {"url": "postgresql://a@h:1/d?host=i"},
        {"url": "http://a@h:1/d"},
        {"query": ""},
        {"above": "1"},
        {"below": 1},
        {"key": "a"},
        {"max_rows": 1001},
        {"every": "1"},
        {"sslmode": "allow"},
        {"other": 1},
    ],
)
def test_wrong_configurations(change: dict[str, Any]) -> None:
    right = {"url": url(1), "query": "SELECT 1", "above": 1}
    assert not faults(FOLDER, right)
    assert faults(FOLDER, right | change)


def test_a_condition_is_needed() -> None:
    assert faults(FOLDER, {"url": url(1), "query": "SELECT 1"})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": url(65536)}, "url"),
        ({"url": url(0)}, "url"),
        ({"url": url(1, user="a%00b")}, "url"),
        ({"url": url(1, database="a%00b")}, "url"),
        ({"password": "a\0b"}, "password"),
        ({"ca_file": "/tmp/ca.pem"}, "sslmode"),
        ({"timeout": "0s"}, "timeout"),
        ({"every": "0s"}, "every"),
        ({"every": "99999h"}, "every"),
    ],
)
async def test_refused_configurations(change: dict[str, Any], field: str) -> None:
    error = await refusal(FOLDER, {"url": url(1), "query": "SELECT 1", "above": 1, **change})
    assert error.code == "INVALID_CONFIG"
    assert f"config.{field} is" in error.message
