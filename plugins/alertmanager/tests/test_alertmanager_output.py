import asyncio
import contextlib
import json
import shutil
import ssl
import urllib.request
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from outrider.core.errors import OutriderError
from tests.plugins.harness import Running, faults, refusal, running, until
from tests.ports.http.authority import Authority
from tests.servers.ports import free_port

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def report(state: str = "failed", **changes: Any) -> dict[str, Any]:
    event = {"source": "watch/web", "severity": "high", "time": "2026-07-01T10:00:00.000Z",
             "data": {"state": "down", "summary": "down: refused"}}  # fmt: skip
    event |= changes.pop("event", {})
    return {
        "run": "01K0RUN",
        "rule": "heal-web",
        "state": state,
        "message": "restart: no such service" if state == "failed" else "",
        "finished": "2026-07-01T10:00:09.500Z",
        "event": event,
        **changes,
    }


def labels(severity: str = "high", **more: str) -> dict[str, str]:
    return {"alertname": "heal-web", "severity": severity, "source": "watch/web", **more}


class Server:
    """Answers every POST with given bytes, None never, and a GET with the active alerts or with given bytes."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.active: list[dict[str, str]] = []
        self.listing: bytes | None = None
        self.asked: list[str] = []
        self.requests: list[tuple[bytes, bytes]] = []
        self.handlers: list[asyncio.Task[Any] | None] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.handlers.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:-2])
            if head.startswith(b"GET"):
                self.asked.append(head.split()[1].decode())
                writer.write(self.listing or self._list())
                await writer.drain()
                writer.close()
                return
            self.requests.append((head, await reader.readexactly(int(fields[b"content-length"]))))
            if self.answer is None:
                await reader.read()
            else:
                writer.write(self.answer)
        writer.close()

    def _list(self) -> bytes:
        body = json.dumps([{"labels": labels, "status": {"state": "active"}} for labels in self.active]).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    @property
    def documents(self) -> list[Any]:
        return [json.loads(body) for _, body in self.requests]


@asynccontextmanager
async def serving(answer: bytes | None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(answer)
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server
    await asyncio.gather(*filter(None, server.handlers))


@asynccontextmanager
async def alerting(answer: bytes | None = OK, **config: Any) -> AsyncIterator[tuple[Running, Server]]:
    async with serving(answer) as server:
        options = {"url": f"http://127.0.0.1:{server.port}", "timeout": "2s", **config}
        async with running("alertmanager", options) as plugin:
            yield plugin, server


async def failure(send: Awaitable[Any]) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        await send
    return caught.value


def changes(alerts: list[Any]) -> dict[str, bool]:
    """Return for each severity whether its alert fires on, held against what the server's own checks ask for."""
    found = {}
    for alert in alerts:
        assert all(alert["labels"].values())
        starts, ends = (datetime.fromisoformat(alert[name]) for name in ("startsAt", "endsAt"))
        assert starts <= ends
        found[alert["labels"]["severity"]] = ends > datetime.fromisoformat("2026-07-01T10:01:00Z")
    assert len(found) == len(alerts)
    return found


@pytest.mark.real
async def test_a_failed_run_fires_and_a_completed_one_resolves() -> None:
    async with alerting(labels={"tenant": "acme"}, headers={"Authorization": "Bearer x"}, expires="1h") as (
        plugin,
        server,
    ):
        first = await plugin.send(report())
        server.active = [labels(tenant="acme")]
        second = await plugin.send(report("completed", finished="2026-07-01T10:01:00Z"))
    (head, _), _ = server.requests
    assert head.startswith(b"POST /api/v2/alerts HTTP/1.1\r\n")
    assert b"Authorization: Bearer x\r\n" in head
    alert = {
        "labels": labels(tenant="acme"),
        "annotations": {"summary": "down: refused", "description": "restart: no such service", "run": "01K0RUN",
                        "state": "failed"},
        "startsAt": "2026-07-01T10:00:00+00:00",
        "endsAt": "2026-07-01T11:00:09.500000+00:00",
    }  # fmt: skip
    good = {"summary": "down: refused", "run": "01K0RUN", "state": "completed"}
    assert server.documents == [[alert], [{**alert, "annotations": good, "endsAt": "2026-07-01T10:01:00+00:00"}]]
    assert (first["alert"], second["alert"]) == ("firing", "resolved")
    assert first["summary"] == f"127.0.0.1:{server.port} answered 200, firing"
    query = parse_qs(urlsplit(server.asked[0]).query)
    assert sorted(query["filter"]) == ['alertname="heal-web"', 'source="watch/web"', 'tenant="acme"']


@pytest.mark.real
async def test_alerts_of_other_severities_are_resolved_and_those_of_others_left_alone() -> None:
    others = [labels(tenant="x"), {"alertname": "heal-web"}, {**labels("low"), "source": "b/c"}]
    async with alerting(resolve="event") as (plugin, server):
        server.active = [*others, labels("medium"), labels("high")]
        await plugin.send(report(event={"severity": "high"}))
        await plugin.send(report(event={"severity": "critical"}))
        await plugin.send(report(event={"severity": "low", "data": {"state": "up"}}))
        server.active = others
        assert (await plugin.send(report(event={"data": {"state": "up"}})))["summary"] == "no alert was active"
    assert [changes(document) for document in server.documents] == [
        {"medium": False, "high": True},
        {"medium": False, "high": False, "critical": True},
        {"medium": False, "high": False},
    ]


@pytest.mark.real
@pytest.mark.parametrize(
    "listing",
    [
        b"no json",
        b'{"a": 1}',
        b"[1]",
        b"[{}]",
        b"null",
        b"[" * 200_000,
        b'[{"labels": {"alertname": "' + b"x" * 2_000_000 + b'"}}]',
    ],
)
async def test_a_list_that_cannot_be_read_is_an_error_that_may_pass(listing: bytes) -> None:
    async with alerting() as (plugin, server):
        server.listing = b"HTTP/1.1 200 OK\r\n\r\n" + listing
        error = await failure(plugin.send(report()))
        assert (error.code, error.body().retryable) == ("UNAVAILABLE", True)
        assert server.requests == []
        server.listing = None
        assert (await plugin.send(report()))["alert"] == "firing"


@pytest.mark.real
@pytest.mark.parametrize(
    ("mode", "state", "event_state", "expected"),
    [
        ("completed", "failed", "up", "firing"),
        ("completed", "unknown", "down", "firing"),
        ("completed", "completed", "down", "resolved"),
        ("completed", "cancelled", "down", "unchanged"),
        ("completed", "later", "down", "unchanged"),
        ("event", "completed", "down", "firing"),
        ("event", "cancelled", "down", "firing"),
        ("event", "failed", "up", "resolved"),
        ("event", "failed", None, "firing"),
        ("event", "failed", 7, "firing"),
        ("never", "completed", "up", "firing"),
        ("never", "cancelled", "up", "firing"),
    ],
)
async def test_what_fires_and_what_resolves(mode: str, state: str, event_state: Any, expected: str) -> None:
    async with alerting(resolve=mode) as (plugin, server):
        server.active = [labels(), labels("low")]
        result = await plugin.send(report(state, event={"data": {"state": event_state}}))
    assert result["alert"] == expected
    assert len(server.asked) == (0 if mode == "never" or expected == "unchanged" else 1)
    if expected == "unchanged":
        assert server.requests == []
    else:
        fires = expected == "firing"
        assert changes(server.documents[0]) == {"high": fires, **({} if mode == "never" else {"low": False})}


@pytest.mark.real
async def test_resolve_on_is_configurable() -> None:
    async with alerting(resolve="event", resolve_on=["fine"]) as (plugin, server):
        server.active = [labels()]
        assert (await plugin.send(report(event={"data": {"state": "fine"}})))["alert"] == "resolved"
        assert (await plugin.send(report(event={"data": {"state": "up"}})))["alert"] == "firing"


@pytest.mark.real
async def test_an_older_report_that_comes_late_does_not_undo_a_newer_one() -> None:
    async with alerting(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n") as (plugin, server):
        older = report(finished="2026-07-01T10:00:00Z")
        assert (await failure(plugin.send(older))).code == "UNAVAILABLE"
        server.answer = OK
        server.active = [labels()]
        await plugin.send(report("completed", finished="2026-07-01T12:00:00+02:00", rule="other"))
        await plugin.send(report("completed", finished="2026-07-01T12:00:01+02:00"))
        assert (await plugin.send(older, attempt=2))["alert"] == "unchanged"
        assert (await plugin.send(report(finished="2026-07-01T10:00:01Z")))["alert"] == "firing"
        assert (await plugin.send(report(finished="2026-07-01T09:00:00Z", event={"source": "b/c"})))[
            "alert"
        ] == "firing"
    assert len(server.requests) == 4


@pytest.mark.real
async def test_a_clock_of_an_agent_that_is_ahead_does_no_harm() -> None:
    async with alerting() as (plugin, server):
        server.active = [labels()]
        await plugin.send(report("completed", event={"time": "2026-07-01T10:30:00Z"}))
    assert changes(server.documents[0]) == {"high": False}
    assert server.documents[0][0]["startsAt"] == "2026-07-01T10:00:09.500000+00:00"


@pytest.mark.real
@pytest.mark.parametrize("odd", [{}, {"state": "failed", "event": 3}, {"state": "failed", "finished": "never"}])
async def test_a_report_that_lacks_what_it_should_have(odd: dict[str, Any]) -> None:
    before = datetime.now(UTC)
    async with alerting() as (plugin, server):
        result = await plugin.send(odd)
    for [medium] in server.documents:
        assert result["alert"] == "firing"
        assert medium["labels"] == {"alertname": "unknown", "severity": "medium", "source": "unknown"}
        starts, ends = (datetime.fromisoformat(medium[name]) for name in ("startsAt", "endsAt"))
        assert before <= starts
        assert ends - starts == timedelta(hours=24)


@pytest.mark.real
async def test_odd_texts_stay_texts() -> None:
    odd = 'a"b\\\r\n{{ .Labels }}\u2028ü' + "x" * 5000
    async with alerting() as (plugin, server):
        await plugin.send(report(rule=odd, message=odd, event={"source": odd, "data": {"summary": odd}}))
    [alert] = server.documents[0]
    query = parse_qs(urlsplit(server.asked[0]).query)
    assert query["filter"][0] == "alertname=" + json.dumps(alert["labels"]["alertname"], ensure_ascii=False)
    assert alert["labels"]["alertname"].startswith('a"b\\ {{ .Labels }} üxxx')
    assert len(alert["labels"]["source"]) == 255
    assert len(alert["annotations"]["summary"]) == 1000


@pytest.mark.real
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "UNAVAILABLE"),
        (b"HTTP/1.1 429 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", "LIMITED"),
        (b'HTTP/1.1 400 No\r\n\r\n"start time must be before end time"', "EXECUTION_FAILED"),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "EXECUTION_FAILED"),
        (b"HTTP/1.1 308 No\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "EXECUTION_FAILED"),
        (b"SSH-2.0-nothing\r\n", "CONNECTION_FAILED"),
        (b"", "CONNECTION_FAILED"),
    ],
)
async def test_failures_say_whether_to_try_again(answer: bytes, code: str) -> None:
    async with alerting(answer) as (plugin, _):
        error = await failure(plugin.send(report()))
    assert error.code == code
    assert error.body().retryable == (code != "EXECUTION_FAILED")
    assert error.retry_after == (7 if code == "LIMITED" else None)


@pytest.mark.real
@pytest.mark.parametrize(("status", "code"), [(503, "UNAVAILABLE"), (401, "EXECUTION_FAILED")])
async def test_a_failure_of_the_list_is_one_of_the_report(status: int, code: str) -> None:
    async with alerting() as (plugin, server):
        server.listing = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()
        assert (await failure(plugin.send(report()))).code == code
    assert server.requests == []


@pytest.mark.real
async def test_nobody_listens_and_a_silent_server() -> None:
    async with running("alertmanager", {"url": f"http://127.0.0.1:{free_port()}"}) as plugin:
        assert (await failure(plugin.send(report()))).code == "CONNECTION_FAILED"
    async with alerting(None, timeout="200ms") as (plugin, _):
        assert (await failure(plugin.send(report()))).code == "TIMEOUT"


@pytest.mark.real
async def test_cancellation_ends_the_request_and_the_plugin_lives() -> None:
    async with alerting(None) as (plugin, server):
        number, answer = plugin.host.execute("send", {"input": report()}, 30)
        await until(lambda: len(server.requests) == 1)
        await plugin.host.cancel(number, answer)
        assert (await failure(answer)).code == "CANCELLED"
        server.answer = OK
        assert (await plugin.send(report()))["alert"] == "firing"


@pytest.mark.real
async def test_stop_while_busy() -> None:
    async with alerting(None) as (plugin, server):
        _, answer = plugin.host.execute("send", {"input": report()}, 30)
        await until(lambda: len(server.requests) == 1)
    assert answer.exception() is not None


@pytest.mark.real
async def test_tls_with_a_private_authority_and_a_route_prefix(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue("alerts", dns=("localhost",)))
    async with serving(OK, context) as server:
        options = {"url": f"https://localhost:{server.port}/am/"}
        async with running("alertmanager", {**options, "ca_file": str(authority.file)}) as plugin:
            assert await plugin.send(report())
        async with running("alertmanager", options) as plugin:
            assert "certificate" in (await failure(plugin.send(report()))).message.lower()
    [(head, _)] = server.requests
    assert head.startswith(b"POST /am/api/v2/alerts HTTP/1.1\r\n")


class Program:
    """A real Alertmanager that notifies a webhook of its own."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.hook = Server(OK)

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return json.load(answer)

    def active(self) -> list[dict[str, str]]:
        return [alert["labels"] for alert in self.get("/api/v2/alerts")]

    def ready(self) -> bool:
        try:
            return bool(self.get("/api/v2/status"))
        except OSError:
            return False

    def told(self) -> list[tuple[str, str]]:
        """Return what the webhook was told: state and severity of each alert."""
        alerts = [alert for document in self.hook.documents for alert in document["alerts"]]
        return [(alert["status"], alert["labels"]["severity"]) for alert in alerts]


@asynccontextmanager
async def real_alertmanager(folder: Path) -> AsyncIterator[Program]:
    command = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if command is None:
        pytest.fail("no Alertmanager in PATH: apt-get install prometheus-alertmanager")
    program = Program(free_port())
    async with await asyncio.start_server(program.hook.serve, "127.0.0.1", 0) as hook:
        port = hook.sockets[0].getsockname()[1]
        config = folder / "alertmanager.yml"
        config.write_text(
            "route: {receiver: hook, group_by: [alertname, source], group_wait: 50ms, group_interval: 100ms}\n"
            f"receivers: [{{name: hook, webhook_configs: [{{url: 'http://127.0.0.1:{port}/', send_resolved: true}}]}}]\n"
        )
        process = await asyncio.create_subprocess_exec(
            command, f"--config.file={config}", f"--storage.path={folder / 'data'}", "--cluster.listen-address=",
            f"--web.listen-address={program.url.removeprefix('http://')}", stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            await asyncio.to_thread(lambda: asyncio.run(until(program.ready, within=20)))
            yield program
        finally:
            process.terminate()
            await process.wait()
    await asyncio.gather(*filter(None, program.hook.handlers))


def at(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


@pytest.mark.real
async def test_a_real_alertmanager_opens_and_resolves(tmp_path: Path) -> None:
    async with (
        real_alertmanager(tmp_path) as program,
        running("alertmanager", {"url": program.url, "resolve": "event", "labels": {"tenant": "acme"}}) as plugin,
    ):
        await plugin.send(report(event={"time": at(-10)}, finished=at(-9)))
        assert await asyncio.to_thread(program.active) == [labels(tenant="acme")]
        await until(lambda: program.told() == [("firing", "high")], within=20)

        await plugin.send(report(event={"time": at(-5), "severity": "critical"}, finished=at(-4)))
        assert await asyncio.to_thread(program.active) == [labels("critical", tenant="acme")]
        await until(lambda: ("firing", "critical") in program.told(), within=20)

        good = {"time": at(-3), "severity": "low", "data": {"state": "up", "summary": "up: 200"}}
        await plugin.send(report("completed", event=good, finished=at(-2)))
        assert await asyncio.to_thread(program.active) == []
        await until(lambda: {("resolved", "high"), ("resolved", "critical")} <= set(program.told()), within=20)
        assert {severity for _, severity in program.told()} == {"high", "critical"}


@pytest.mark.real
async def test_a_real_alertmanager_finds_odd_names_again(tmp_path: Path) -> None:
    odd = 'a "b" \\n {x=~".*"}, ü😀'
    async with real_alertmanager(tmp_path) as program, running("alertmanager", {"url": program.url}) as plugin:
        await plugin.send(report(rule=odd, event={"source": odd, "time": at(-10)}, finished=at(-9)))
        [found] = await asyncio.to_thread(program.active)
        assert (found["alertname"], found["source"]) == (odd, odd)
        last = report("completed", rule=odd, event={"source": odd, "severity": "low"}, finished=at(-8))
        assert (await plugin.send(last))["alert"] == "resolved"
        assert await asyncio.to_thread(program.active) == []


@pytest.mark.real
async def test_a_real_alertmanager_keeps_an_alert_that_nothing_resolves(tmp_path: Path) -> None:
    async with real_alertmanager(tmp_path) as program, running("alertmanager", {"url": program.url}) as plugin:
        await plugin.send(report(event={"time": at(-10)}, finished=at(0)))
        [alert] = await asyncio.to_thread(program.get, "/api/v2/alerts")
        assert datetime.fromisoformat(alert["endsAt"]) > datetime.now(UTC) + timedelta(hours=23)
        await plugin.send(report("cancelled", event={"time": at(-10)}, finished=at(0)))
        assert len(await asyncio.to_thread(program.active)) == 1
        await plugin.send(report("completed", event={"time": at(-10)}, finished=at(0)))
        await asyncio.to_thread(lambda: asyncio.run(until(lambda: not program.active())))


@pytest.mark.real
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": "http://a:99999"}, "url"),
        ({"url": "https://a", "ca_file": "/dev/null"}, "ca_file"),
        ({"url": "http://a", "expires": "99999999999h"}, "expires"),
        ({"url": "http://a", "headers": {"a b": "c"}}, "headers"),
        ({"url": "http://a", "headers": {"a": "hidden\r\nb: c"}}, "headers"),
        ({"url": "http://a", "labels": {"severity": "x"}}, "labels"),
        ({"url": "http://a", "labels": {"a": "\u2028"}}, "labels"),
        ({"url": "http://a/?x"}, "url"),
    ],
)
async def test_a_configuration_that_cannot_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], field: str
) -> None:
    # A secret reaches the plugin without having been held against the schema.
    monkeypatch.setattr("tests.plugins.harness.schema_faults", lambda *_: [])
    error = await refusal("alertmanager", changes)
    assert error.code == "INVALID_CONFIG"
    assert f"config.{field} is" in error.message
    assert "hidden" not in error.message


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"url": "127.0.0.1:9093"},
        {"url": "http://a/?x=1"},
        {"url": "http://a", "resolve": "always"},
        {"url": "http://a", "expires": 5},
        {"url": "http://a", "resolve_on": "up"},
        {"url": "http://a", "labels": {"alertname": "x"}},
        {"url": "http://a", "labels": {"a-b": "x"}},
        {"url": "http://a", "labels": {"a": ""}},
        {"url": "http://a", "headers": {"a": "b\r\nc"}},
    ],
)
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults("alertmanager", bad)
