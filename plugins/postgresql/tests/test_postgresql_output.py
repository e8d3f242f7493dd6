import asyncio
import os
import pwd
import signal
import socket
from collections.abc import Awaitable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import OutriderError
from outrider.runtime.plugins.manifest import read_plugin
from tests.plugins.harness import PLUGINS, Running, faults, module, refusal, running, until
from tests.ports.http.authority import Authority
from tests.servers.ports import free_port
from tests.servers.postgresql import USER, PostgresqlServer

pytestmark = pytest.mark.real
FOLDER = "postgresql"
REPORT: dict[str, Any] = {
    "run": "01K0RUN",
    "rule": "heal-web",
    "state": "failed",
    "message": "restart: no such\nservice",
    "started": "2026-07-01T10:00:00Z",
    "finished": "2026-07-01T12:00:09.500+02:00",
    "event": {"source": "watch/web", "severity": "high", "data": {"state": "down", "n": [1.5, 2**63, None, True]}},
    "steps": [],
}
CONTEXT = {"output": "history", "run": "01K0RUN", "rule": "heal-web"}


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    with PostgresqlServer() as started:
        yield started


@pytest.fixture
def schema(server: PostgresqlServer) -> Iterator[str]:
    name = server.create()
    yield name
    while run(server, "SELECT 1 FROM pg_stat_activity WHERE application_name = 'outrider'"):
        continue  # what was given up may still be there for a moment
    server.drop(name)


def config(server: PostgresqlServer, schema: str, **more: Any) -> dict[str, Any]:
    return {"url": url(server.port), "table": f"{schema}.reports", "timeout": "5s", **more}


def url(port: int, user: str = USER) -> str:
    return f"postgresql://{user}@127.0.0.1:{port}/postgres"


def run(server: PostgresqlServer, *statements: str) -> list[Any]:
    rows: list[Any] = []
    with psycopg.connect(server.address(), autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement.encode())
            rows = cursor.fetchall() if cursor.description else []
    return rows


async def failure(sending: Awaitable[Any]) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        await sending
    return caught.value


async def sent(given: dict[str, Any], report: dict[str, Any], **more: Any) -> Any:
    async with running(FOLDER, given) as plugin:
        return await plugin.send(report, **{"context": CONTEXT, **more})


async def test_a_report_becomes_a_row_of_a_table_that_is_made(server: PostgresqlServer, schema: str) -> None:
    result = await sent(config(server, schema), REPORT)
    assert result == {
        "inserted": True,
        "summary": f"inserted into {schema}.reports of 127.0.0.1:{server.port}/postgres",
    }
    [row] = run(server, f"SELECT * FROM {schema}.reports")
    assert row == (
        1, "01K0RUN", "history", "heal-web", "failed", "high", "watch/web", "restart: no such\nservice",
        datetime(2026, 7, 1, 10, tzinfo=UTC), datetime(2026, 7, 1, 10, 0, 9, 500000, UTC), REPORT,
    )  # fmt: skip
    kinds = run(server, "SELECT column_name, data_type FROM information_schema.columns "
                f"WHERE table_schema = '{schema}' ORDER BY ordinal_position")  # fmt: skip
    assert [kind for _, kind in kinds] == ["bigint", *["text"] * 7, *["timestamp with time zone"] * 2, "jsonb"]


async def test_a_report_that_is_sent_again_is_there_once(server: PostgresqlServer, schema: str) -> None:
    async with running(FOLDER, config(server, schema)) as plugin:
        assert (await plugin.send(REPORT, context=CONTEXT))["inserted"]
        again = await plugin.send({**REPORT, "state": "completed"}, context=CONTEXT, attempt=2)
        assert again["inserted"] is False
        assert again["summary"].startswith("was already in")
        assert (await plugin.send(REPORT, context={**CONTEXT, "output": "other"}))["inserted"]
        assert (await plugin.send({**REPORT, "run": "01K0NEXT"}, context=CONTEXT))["inserted"]
    rows = run(server, f"SELECT run, output, state FROM {schema}.reports ORDER BY id")
    assert rows == [("01K0RUN", "history", "failed"), ("01K0RUN", "other", "failed"), ("01K0NEXT", "history", "failed")]


async def test_many_at_once_make_one_table(server: PostgresqlServer, schema: str) -> None:
    async with running(FOLDER, config(server, schema)) as one, running(FOLDER, config(server, schema)) as other:
        sending = [it.send({**REPORT, "run": f"r{n}"}, context=CONTEXT) for n in range(12) for it in (one, other)]
        results = await asyncio.gather(*sending)
    assert sorted(result["inserted"] for result in results) == [False] * 12 + [True] * 12
    assert run(server, f"SELECT count(*) FROM {schema}.reports") == [(12,)]


async def test_a_table_that_another_makes_at_the_same_time(server: PostgresqlServer, schema: str) -> None:
    await sent(config(server, schema), REPORT)
    async with running(FOLDER, config(server, schema, table=f"{schema}.others")) as plugin:
        with psycopg.connect(server.address()) as other:
            other.execute(f"CREATE TABLE {schema}.others (LIKE {schema}.reports INCLUDING ALL)".encode())
            sending = asyncio.create_task(plugin.send(REPORT, context=CONTEXT))
            await until(lambda: run(server, "SELECT 1 FROM pg_locks WHERE NOT granted") != [])
        assert (await sending)["inserted"]
    assert run(server, f"SELECT count(*) FROM {schema}.others") == [(1,)]


async def test_what_is_missing_is_null(server: PostgresqlServer, schema: str) -> None:
    odd = {"run": 7, "rule": ["x"], "started": "yesterday", "finished": "2026-07-01T10:00:00", "event": "none"}
    await sent(config(server, schema), odd, context={})
    [row] = run(server, f"SELECT * FROM {schema}.reports")
    assert row[1:] == ("key-1", "", None, None, "medium", None, None, None, None, odd)


async def test_a_report_without_any_name_is_refused(server: PostgresqlServer, schema: str) -> None:
    error = await failure(sent(config(server, schema), {}, context={}, idempotency_key=""))
    assert error.code == "EXECUTION_FAILED"


async def test_what_postgresql_cannot_hold_is_replaced(server: PostgresqlServer, schema: str) -> None:
    odd = {
        **REPORT,
        "rule": "a\0b",
        "k\0": ["\0\0", "\\u0000", "\\\0", "\\\\u0000 \\\\\0"],
        "e": "\x01\x7f\u2028\U0001f600",
    }
    await sent(config(server, schema), odd)
    [(rule, report)] = run(server, f"SELECT rule, report FROM {schema}.reports")
    assert rule == "a\ufffdb"
    assert report["k\ufffd"] == ["\ufffd\ufffd", "\\u0000", "\\\ufffd", "\\\\u0000 \\\\\ufffd"]
    assert report["e"] == odd["e"]


TEXT = st.text(alphabet='\0\\u0"x\n\ud800é', max_size=12)
JSON = st.recursive(TEXT | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner))


@pytest.fixture(scope="module")
def output() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        return module(FOLDER, "postgresql_output", patch)


@pytest.fixture(scope="module")
def connection(server: PostgresqlServer) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(server.address(), autocommit=True) as opened:
        yield opened


def replaced(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [replaced(item) for item in value]
    if isinstance(value, dict):
        return {replaced(key): replaced(item) for key, item in value.items()}
    return value


@settings(max_examples=300, deadline=None)
@given(document=st.dictionaries(TEXT, JSON, max_size=3))
def test_any_document_is_jsonb(
    output: ModuleType, connection: psycopg.Connection[Any], document: dict[str, Any]
) -> None:
    found = connection.execute("SELECT %s::jsonb", (output.document(document),)).fetchone()
    assert found == (replaced(document),)


async def test_a_large_report(server: PostgresqlServer, schema: str) -> None:
    large = {**REPORT, "message": "é" * 100_000, "list": list(range(20_000))}
    await sent(config(server, schema), large)
    assert run(server, f"SELECT length(message), report->'list'->>19999 FROM {schema}.reports") == [(100_000, "19999")]


@pytest.mark.parametrize("table", ["Reports", "select", "_1"])
async def test_names_are_quoted(server: PostgresqlServer, schema: str, table: str) -> None:
    await sent(config(server, schema, table=f"{schema}.{table}"), REPORT)
    assert run(server, f'SELECT count(*) FROM {schema}."{table}"') == [(1,)]


async def test_a_name_without_a_schema_is_that_of_the_search_path(server: PostgresqlServer) -> None:
    url_and_timeout = config(server, "x")
    del url_and_timeout["table"]
    await sent(url_and_timeout, REPORT)
    assert run(server, "SELECT count(*) FROM public.outrider_reports", "DROP TABLE outrider_reports", "SELECT 1") == [
        (1,)
    ]


async def test_only_the_right_to_insert_is_needed(server: PostgresqlServer, schema: str) -> None:
    run(server, "CREATE ROLE clerk LOGIN", f"GRANT USAGE ON SCHEMA {schema} TO clerk")
    given = config(server, schema) | {"url": url(server.port, "clerk")}
    try:
        error = await failure(sent(given, REPORT))
        assert (error.code, error.body().retryable) == ("DENIED", False)
        assert f"permission denied for schema {schema}" in error.message
        await sent(config(server, schema), REPORT)
        run(server, f"GRANT INSERT, SELECT ON {schema}.reports TO clerk",
            f"GRANT USAGE ON SEQUENCE {schema}.reports_id_seq TO clerk")  # fmt: skip
        assert (await sent(given, {**REPORT, "run": "other"}))["inserted"]
    finally:
        run(server, "DROP OWNED BY clerk", "DROP ROLE clerk")


@pytest.mark.parametrize(
    ("prepared", "message"),
    [
        ("SELECT 1", 'schema "{0}" does not exist'),
        (
            "CREATE SCHEMA {0}; CREATE TABLE {0}.reports (run text)",
            'column "output" of relation "reports" does not exist',
        ),
        (
            "CREATE SCHEMA {0}; CREATE TABLE {0}.reports (LIKE {1}.reports)",
            "there is no unique or exclusion constraint",
        ),
        ("CREATE SCHEMA {0}; CREATE VIEW {0}.reports AS SELECT 1 AS run", "does not exist"),
    ],
)
async def test_a_table_that_does_not_fit(server: PostgresqlServer, schema: str, prepared: str, message: str) -> None:
    await sent(config(server, schema), REPORT)
    run(server, *prepared.format("unfit", schema).split("; "))
    try:
        error = await failure(sent(config(server, "unfit"), REPORT))
        assert (error.code, error.body().retryable) == ("EXECUTION_FAILED", False)
        assert message.format("unfit") in error.message
    finally:
        run(server, "DROP SCHEMA IF EXISTS unfit CASCADE")


async def test_a_locked_table_costs_the_timeout_and_nothing_stays(server: PostgresqlServer, schema: str) -> None:
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
    async with running(FOLDER, config(server, schema, timeout="300ms")) as plugin:
        await plugin.send(REPORT, context=CONTEXT)
        with psycopg.connect(server.address()) as holder:
            holder.execute(f"LOCK TABLE {schema}.reports".encode())
            error = await failure(plugin.send({**REPORT, "run": "late"}, context=CONTEXT))
            assert (error.code, error.body().retryable) == ("TIMEOUT", True)
            assert "not done within 0.3 s" in error.message
            await until(lambda: run(server, waiting) == [])
        assert (await plugin.send({**REPORT, "run": "late"}, context=CONTEXT))["inserted"]


async def test_the_timeout_of_the_step_counts_too(server: PostgresqlServer, schema: str) -> None:
    async with running(FOLDER, config(server, schema)) as plugin:
        await plugin.send(REPORT, context=CONTEXT)
        with psycopg.connect(server.address()) as holder:
            holder.execute(f"LOCK TABLE {schema}.reports".encode())
            number, answer = plugin.host.execute(
                "send", {"input": REPORT, "context": CONTEXT, "idempotency_key": "k"}, 0.3
            )
            error = await failure(answer)
    assert number
    assert error.code == "TIMEOUT"


async def test_a_cancelled_report_ends_and_the_next_one_arrives(server: PostgresqlServer, schema: str) -> None:
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
    async with running(FOLDER, config(server, schema, timeout="50s")) as plugin:
        await plugin.send(REPORT, context=CONTEXT)
        with psycopg.connect(server.address()) as holder:
            holder.execute(f"LOCK TABLE {schema}.reports".encode())
            request = {"input": {**REPORT, "run": "late"}, "context": CONTEXT, "idempotency_key": "k"}
            number, answer = plugin.host.execute("send", request, 50)
            await until(lambda: run(server, waiting) != [])
            await plugin.host.cancel(number, answer)
            assert (await failure(answer)).code == "CANCELLED"
        assert (await plugin.send({**REPORT, "run": "next"}, context=CONTEXT))["inserted"]


async def test_it_stops_in_the_middle(server: PostgresqlServer, schema: str) -> None:
    with psycopg.connect(server.address()) as holder:
        async with running(FOLDER, config(server, schema, timeout="50s")) as plugin:
            await plugin.send(REPORT, context=CONTEXT)
            holder.execute(f"LOCK TABLE {schema}.reports".encode())
            given = {"input": {**REPORT, "run": "late"}, "context": CONTEXT, "idempotency_key": "k"}
            _, answer = plugin.host.execute("send", given, 50)
            await until(lambda: run(server, "SELECT 1 FROM pg_locks WHERE NOT granted") != [])
    assert (await failure(answer)).code in {"CANCELLED", "OUTCOME_UNKNOWN"}


async def test_a_server_that_takes_connections_and_says_nothing(server: PostgresqlServer, schema: str) -> None:
    async with running(FOLDER, config(server, schema, timeout="300ms")) as plugin:
        server.process.send_signal(signal.SIGSTOP)
        try:
            error = await failure(plugin.send(REPORT, context=CONTEXT))
        finally:
            server.process.send_signal(signal.SIGCONT)
        assert (error.code, error.body().retryable) == ("TIMEOUT", True)
        assert (await plugin.send(REPORT, context=CONTEXT))["inserted"]


async def test_a_frozen_backend_costs_the_timeout(server: PostgresqlServer, schema: str) -> None:
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'outrider'"
    async with running(FOLDER, config(server, schema, timeout="3s")) as plugin:
        await plugin.send(REPORT, context=CONTEXT)
        with psycopg.connect(server.address()) as holder:
            holder.execute(f"LOCK TABLE {schema}.reports".encode())
            sending = asyncio.create_task(failure(plugin.send({**REPORT, "run": "late"}, context=CONTEXT)))
            await until(lambda: run(server, query) != [])
            [(pid,)] = run(server, query)
            os.kill(pid, signal.SIGSTOP)
            try:
                assert (await sending).code == "TIMEOUT"
            finally:
                os.kill(pid, signal.SIGCONT)


async def test_a_server_that_ends_and_comes_back(server: PostgresqlServer, schema: str) -> None:
    async with running(FOLDER, config(server, schema)) as plugin:
        await plugin.send(REPORT, context=CONTEXT)
        server.stop()
        try:
            error = await failure(plugin.send({**REPORT, "run": "next"}, context=CONTEXT))
        finally:
            server.start()
        assert (error.code, error.body().retryable) == ("CONNECTION_FAILED", True)
        assert "Connection refused" in error.message
        assert (await plugin.send({**REPORT, "run": "next"}, context=CONTEXT))["inserted"]


async def test_a_server_that_only_reads_may_do_it_later(server: PostgresqlServer, schema: str) -> None:
    run(server, f"CREATE ROLE reader LOGIN; ALTER ROLE reader SET default_transaction_read_only = on;"
        f"GRANT ALL ON SCHEMA {schema} TO reader")  # fmt: skip
    try:
        await sent(config(server, schema), REPORT)
        run(server, f"GRANT ALL ON {schema}.reports TO reader")
        error = await failure(sent(config(server, schema) | {"url": url(server.port, "reader")}, REPORT))
        assert (error.code, error.body().retryable) == ("UNAVAILABLE", True)
    finally:
        run(server, "DROP OWNED BY reader", "DROP ROLE reader")


@contextmanager
def admission(server: PostgresqlServer, line: str) -> Iterator[None]:
    """Put a line before those of pg_hba.conf."""
    file = Path(run(server, "SHOW hba_file")[0][0])
    before = file.read_text()
    file.write_text(f"{line}\n{before}")
    try:
        run(server, "SELECT pg_reload_conf()")
        yield
    finally:
        file.write_text(before)
        run(server, "SELECT pg_reload_conf()")


async def test_passwords(server: PostgresqlServer, schema: str) -> None:
    run(server, "CREATE ROLE keeper LOGIN SUPERUSER PASSWORD 'pass''\\ word'")
    given = config(server, schema) | {"url": url(server.port, "keeper")}
    with admission(server, "host all keeper 127.0.0.1/32 scram-sha-256"):
        for wrong in ({"password": "wrong"}, {}):
            await until_refused(server)
            error = await failure(sent(given | wrong, REPORT))
            assert (error.code, error.body().retryable) == ("UNAUTHENTICATED", False)
        assert (await sent(given | {"password": "pass'\\ word"}, REPORT))["inserted"]


async def until_refused(server: PostgresqlServer) -> None:
    """Wait until the server has read pg_hba.conf again."""

    def is_refused() -> bool:
        try:
            psycopg.connect(host="127.0.0.1", port=server.port, user="keeper", dbname="postgres").close()
        except psycopg.OperationalError:
            return True
        return False

    await until(is_refused)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def under_tls(server: PostgresqlServer, authority: Authority) -> Iterator[None]:
    identity = Path(run(server, "SHOW data_directory")[0][0]) / "identity.pem"
    identity.write_text(authority.issue("server", dns=("localhost",)).read_text())
    identity.chmod(0o600)
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(identity, account.pw_uid, account.pw_gid)
    for name in ("ssl_cert_file", "ssl_key_file"):
        run(server, f"ALTER SYSTEM SET {name} = '{identity}'")
    set_tls(server, "on")
    yield
    set_tls(server, "off")


def set_tls(server: PostgresqlServer, value: str) -> None:
    run(server, f"ALTER SYSTEM SET ssl = {value}", "SELECT pg_reload_conf()")
    while run(server, "SHOW ssl") != [(value,)]:
        continue


@pytest.mark.usefixtures("under_tls")
async def test_tls(server: PostgresqlServer, schema: str, authority: Authority, tmp_path: Path) -> None:
    run(
        server,
        f"CREATE FUNCTION {schema}.secured() RETURNS text LANGUAGE sql AS"
        " 'SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()'",
    )
    given = config(server, schema, sslmode="verify-full", ca_file=str(authority.file))
    named = given | {"url": url(server.port).replace("127.0.0.1", "localhost")}
    await sent(named, REPORT)
    run(server, f"ALTER TABLE {schema}.reports ADD secured text DEFAULT {schema}.secured()")
    await sent(named, {**REPORT, "run": "r0"})
    await sent(config(server, schema, sslmode="disable"), {**REPORT, "run": "r1"})
    assert run(server, f"SELECT secured FROM {schema}.reports WHERE run LIKE 'r%' ORDER BY run") == [
        ("true",),
        ("false",),
    ]
    for refused in (given, named | {"ca_file": str(Authority(tmp_path, "other").file)}):
        error = await failure(sent(refused, REPORT))
        assert error.code == "CONNECTION_FAILED"
        assert "certificate" in error.message


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 1000])
async def test_what_is_no_postgresql(server: PostgresqlServer, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        error = await failure(sent(config(server, "x", timeout="500ms") | {"url": url(port)}, REPORT))
    assert error.code == ("CONNECTION_FAILED" if answer else "TIMEOUT")
    assert error.body().retryable


async def test_nobody_listens(server: PostgresqlServer) -> None:
    error = await failure(sent(config(server, "x") | {"url": url(free_port())}, REPORT))
    assert error.code == "CONNECTION_FAILED"


async def test_no_such_host_and_no_room(server: PostgresqlServer) -> None:
    given = config(server, "x")
    error = await failure(sent(given | {"url": "postgresql://a@outrider.invalid:1/d"}, REPORT))
    assert error.code == "CONNECTION_FAILED"
    with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as full:
        port = full.getsockname()[1]
        with closing(socket.create_connection(("127.0.0.1", port))):
            error = await failure(sent(given | {"url": url(port), "timeout": "300ms"}, REPORT))
    assert error.code == "TIMEOUT"


@pytest.mark.parametrize(
    "change",
    [
        {"url": "postgresql://a:b@h:1/d"},
        {"url": "postgresql://h:1/d"},
        {"url": "postgresql://a@h/d"},
        {"table": "a.b.c"},
        {"table": 'a"b'},
        {"table": "a b"},
        {"table": ""},
        {"table": "ä"},
        {"table": "a" * 64},
        {"timeout": "1"},
        {"sslmode": "allow"},
        {"other": 1},
    ],
)
def test_wrong_configurations(change: dict[str, Any]) -> None:
    assert not faults(FOLDER, {"url": url(1)})
    assert faults(FOLDER, {"url": url(1), **change})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": url(65536)}, "url"),
        ({"url": url(1, user="a%00b")}, "url"),
        ({"password": "a\0b"}, "password"),
        ({"ca_file": "/tmp/ca.pem"}, "sslmode"),
    ],
)
async def test_refused_configurations(change: dict[str, Any], field: str) -> None:
    error = await refusal(FOLDER, {"url": url(1), **change})
    assert error.code == "INVALID_CONFIG"
    assert f"config.{field} is" in error.message


async def test_what_a_secret_holds_is_checked(server: PostgresqlServer) -> None:
    for field in ("url", "table"):
        plugin = Running(read_plugin(PLUGINS / FOLDER), config(server, "x", **{field: {"secret": "name"}}), {})
        plugin.host._config = {**plugin.host._config, field: 'x"; DROP TABLE y'}
        with pytest.raises(OutriderError, match=f"config.{field} is"):
            await plugin.host.start()
