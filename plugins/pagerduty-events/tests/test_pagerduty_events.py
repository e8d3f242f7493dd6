import asyncio
import contextlib
import json
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import OutriderError
from tests.plugins.harness import PLUGINS, Running, faults, module, refusal, running, until
from tests.ports.http.authority import Authority
from tests.servers.ports import free_port

KEY = "0123456789abcdef0123456789ABCDEF"
OK = b'HTTP/1.1 202 Accepted\r\n\r\n{"status":"success","message":"Event processed"}'


def report(state: str = "failed", **changes: Any) -> dict[str, Any]:
    return {
        "run": "01K0RUN",
        "rule": "heal-web",
        "state": state,
        "message": "restart: no such service",
        "finished": "2026-07-01T10:00:09.500Z",
        "event": {
            "source": "watch/web",
            "type": "http-probe",
            "severity": "high",
            "time": "2026-07-01T10:00:00.000Z",
            "data": {"state": "down", "latency_ms": 1.5, "summary": "down: refused"},
        },
        "steps": [{"name": "restart", "state": "failed", "result": {"error": {"message": "no such service"}}}],
        **changes,
    }


class Server:
    """Answers every request with given bytes; None answers never."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.requests: list[tuple[bytes, bytes]] = []
        self.handlers: list[asyncio.Task[Any] | None] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.handlers.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:-2])
            self.requests.append((head, await reader.readexactly(int(fields[b"content-length"]))))
            if self.answer is None:
                await reader.read()
            else:
                writer.write(self.answer)
        writer.close()

    @property
    def events(self) -> list[Any]:
        return [checked(json.loads(body)) for _, body in self.requests]


def checked(event: dict[str, Any]) -> dict[str, Any]:
    """Hold an event against what the service documents of its API, and return it."""
    assert event["event_action"] in {"trigger", "resolve"}
    assert 1 <= len(event["dedup_key"]) <= 255
    assert set(event) <= {"routing_key", "event_action", "dedup_key", "client", "payload"}
    assert len(json.dumps(event, ensure_ascii=False).encode()) <= 512 * 1024
    if event["event_action"] == "trigger":
        payload = event["payload"]
        assert 1 <= len(payload["summary"]) <= 1024
        assert payload["source"]
        assert payload["severity"] in {"info", "warning", "error", "critical"}
        assert isinstance(payload["custom_details"], dict)
        if "timestamp" in payload:
            assert datetime.fromisoformat(payload["timestamp"]).tzinfo is not None
    return event


@asynccontextmanager
async def serving(answer: bytes | None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(answer)
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server
    await asyncio.gather(*filter(None, server.handlers))


@asynccontextmanager
async def calling(answer: bytes | None = OK, **config: Any) -> AsyncIterator[tuple[Running, Server]]:
    async with serving(answer) as server:
        url = f"http://127.0.0.1:{server.port}/v2/enqueue"
        async with running("pagerduty-events", {"routing_key": KEY, "url": url, "timeout": "2s", **config}) as plugin:
            yield plugin, server


async def failure(send: Awaitable[Any]) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        await send
    return caught.value


@pytest.fixture(scope="module")
def loaded() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        yield module("pagerduty-events", "pagerduty_events", patch)


@pytest.mark.real
async def test_a_failed_run_triggers_and_a_completed_one_resolves() -> None:
    async with calling() as (plugin, server):
        first = await plugin.send(report())
        second = await plugin.send(report("completed"))
    assert [head.split(b"\r\n")[0] for head, _ in server.requests] == [b"POST /v2/enqueue HTTP/1.1"] * 2
    trigger, resolve = server.events
    dedup_key = "outrider/heal-web/watch/web"
    assert resolve == {"routing_key": KEY, "event_action": "resolve", "dedup_key": dedup_key}
    assert trigger == {
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": dedup_key,
        "client": "Outrider",
        "payload": {
            "summary": "heal-web failed: down: refused",
            "source": "watch/web",
            "severity": "error",
            "group": "heal-web",
            "class": "http-probe",
            "timestamp": "2026-07-01T10:00:00+00:00",
            "custom_details": {
                "run": "01K0RUN",
                "rule": "heal-web",
                "state": "failed",
                "message": "restart: no such service",
                "steps": ["restart: failed - no such service"],
                "event": {"state": "down", "latency_ms": 1.5, "summary": "down: refused"},
            },
        },
    }
    assert first == {"action": "trigger", "dedup_key": dedup_key, "status": 202,
                     "summary": f"127.0.0.1:{server.port} answered 202, trigger"}  # fmt: skip
    assert second["action"] == "resolve"


@pytest.mark.real
@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, {"completed": "resolve", "failed": "trigger", "unknown": "trigger", "cancelled": "none", "odd": "none"}),
        (
            {"trigger_on": ["cancelled"], "resolve_on": []},
            {"completed": "none", "failed": "none", "cancelled": "trigger"},
        ),
        ({"trigger_on": [], "resolve_on": ["failed"]}, {"completed": "none", "failed": "resolve"}),
    ],
)
async def test_how_a_run_ended_decides(config: dict[str, Any], expected: dict[str, str]) -> None:
    async with calling(**config) as (plugin, server):
        found = {state: (await plugin.send(report(state)))["action"] for state in expected}
    assert found == expected
    assert [event["event_action"] for event in server.events] == [word for word in expected.values() if word != "none"]


@pytest.mark.parametrize(
    ("severity", "expected"), [("low", "info"), ("medium", "warning"), ("high", "error"), ("critical", "critical"),
                               (None, "warning"), ("odd", "warning")]
)  # fmt: skip
def test_severities(loaded: ModuleType, severity: str | None, expected: str) -> None:
    event = {} if severity is None else {"severity": severity}
    assert loaded.payload(loaded.Report({"event": event}), {})["severity"] == expected


@pytest.mark.real
async def test_rule_source_and_prefix_make_the_incident() -> None:
    long = {"rule": "r" * 200, "event": {"source": "s" * 200}}
    async with calling(dedup_prefix="one") as (plugin, server):
        for changes in ({}, {"run": "other"}, {"rule": "b"}, {"event": {"source": "b/c"}}, long, {**long, "run": "x"},
                        {**long, "rule": "r" * 201}):  # fmt: skip
            await plugin.send(report(**changes))
    keys = [event["dedup_key"] for event in server.events]
    assert keys[:4] == ["one/heal-web/watch/web", "one/heal-web/watch/web", "one/b/watch/web", "one/heal-web/b/c"]
    assert keys[4] == keys[5] != keys[6]
    assert re.fullmatch("one/[0-9a-f]{64}", keys[4])


@pytest.mark.real
async def test_an_older_report_that_comes_late_does_not_undo_a_newer_one() -> None:
    async with calling(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n") as (plugin, server):
        older = report(finished="2026-07-01T10:00:00Z")
        assert (await failure(plugin.send(older))).code == "UNAVAILABLE"
        server.answer = OK
        await plugin.send(report("completed", finished="2026-07-01T12:00:01+02:00"))
        assert (await plugin.send(older, attempt=2))["action"] == "none"
        assert (await plugin.send({**older, "rule": "other"}))["action"] == "trigger"
        assert (await plugin.send(report(finished="2026-07-01T10:00:01Z")))["action"] == "trigger"


@pytest.mark.real
async def test_a_report_that_lacks_what_it_should_have() -> None:
    async with calling(trigger_on=["unknown"]) as (plugin, server):
        await plugin.send({})
        await plugin.send({"state": "unknown", "event": 3, "steps": 4, "finished": "x"})
    first, second = (event["payload"] for event in server.events)
    assert first["summary"] == "unknown unknown: unknown unknown"
    assert (second["source"], second["severity"]) == ("unknown", "warning")


TEXTS = st.text(max_size=40) | st.sampled_from(["😀" * 3000, '"' * 3000, "\r\n\x00\u2028", "\ud800"])
DATA = st.dictionaries(TEXTS, TEXTS | st.lists(TEXTS, max_size=3) | st.integers() | st.none(), max_size=4)


@settings(max_examples=60, deadline=None)
@given(rule=TEXTS, source=TEXTS, message=TEXTS, data=DATA)
def test_any_report_fits(loaded: ModuleType, rule: str, source: str, message: str, data: dict[str, Any]) -> None:
    plugin = loaded.PagerdutyEvents.__new__(loaded.PagerdutyEvents)
    plugin.config = {"routing_key": KEY, "dedup_prefix": "outrider"}
    seen = loaded.Report(report(rule=rule, message=message, event={"source": source, "data": data}))
    raw = plugin.event(seen, "trigger", plugin.dedup_key(seen))
    assert isinstance(raw, bytes)
    checked(json.loads(raw))


@pytest.mark.real
@pytest.mark.parametrize(("characters", "kept"), [(500_000, ["summary", "text"]), (516_000, ["cut"])])
async def test_data_that_is_too_long_is_cut_and_the_rest_stays(characters: int, kept: list[str]) -> None:
    data = {"summary": "big", "text": "x" * characters}
    async with calling() as (plugin, server):
        await plugin.send(report(event={"source": "a/b", "data": data}))
        await plugin.send(report(steps=[{"name": "s"}] * 60))
    big, steps = (event["payload"] for event in server.events)
    assert list(big["custom_details"]["event"]) == kept
    assert big["summary"] == "heal-web failed: big"
    assert steps["custom_details"]["steps"][49:] == ["s: unknown", "… and 10 more steps"]


@pytest.mark.parametrize("data", [{"text": "x" * 600_000}, {"text": "\u0001" * 90_000}, {"n": list(range(150_000))}])
def test_an_event_that_is_too_long_has_its_data_cut(loaded: ModuleType, data: dict[str, Any]) -> None:
    plugin = loaded.PagerdutyEvents.__new__(loaded.PagerdutyEvents)
    plugin.config = {"routing_key": KEY, "dedup_prefix": "outrider"}
    seen = loaded.Report(report(event={"source": "a/b", "data": data}))
    event = checked(json.loads(plugin.event(seen, "trigger", "key")))
    details = event["payload"]["custom_details"]
    assert list(details["event"]) == ["cut"]
    assert len(details["event"]["cut"]) == 10_000
    assert details["message"] == "restart: no such service"


@pytest.mark.real
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "UNAVAILABLE"),
        (b"HTTP/1.1 429 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", "LIMITED"),
        (b'HTTP/1.1 400 Bad\r\n\r\n{"status":"invalid event","errors":["routing_key"]}', "EXECUTION_FAILED"),
        (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "EXECUTION_FAILED"),
        (b"HTTP/1.1 301 No\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "EXECUTION_FAILED"),
        (b"SSH-2.0-nothing\r\n", "CONNECTION_FAILED"),
        (b"", "CONNECTION_FAILED"),
    ],
)
async def test_failures_say_whether_to_try_again(answer: bytes, code: str) -> None:
    async with calling(answer) as (plugin, _):
        error = await failure(plugin.send(report()))
    assert error.code == code
    assert error.body().retryable == (code != "EXECUTION_FAILED")
    assert error.retry_after == (7 if code == "LIMITED" else None)
    assert KEY not in error.message


@pytest.mark.real
async def test_nobody_listens_and_a_silent_server() -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    async with running("pagerduty-events", {"routing_key": KEY, "url": url}) as plugin:
        assert (await failure(plugin.send(report()))).code == "CONNECTION_FAILED"
    async with calling(None, timeout="200ms") as (plugin, _):
        assert (await failure(plugin.send(report()))).code == "TIMEOUT"


@pytest.mark.real
async def test_cancellation_ends_the_request_and_the_plugin_lives() -> None:
    async with calling(None) as (plugin, server):
        number, answer = plugin.host.execute("send", {"input": report()}, 30)
        await until(lambda: len(server.requests) == 1)
        await plugin.host.cancel(number, answer)
        assert (await failure(answer)).code == "CANCELLED"
        server.answer = OK
        assert (await plugin.send(report()))["action"] == "trigger"


@pytest.mark.real
async def test_stop_while_busy() -> None:
    async with calling(None) as (plugin, server):
        _, answer = plugin.host.execute("send", {"input": report()}, 30)
        await until(lambda: len(server.requests) == 1)
    assert answer.exception() is not None


@pytest.mark.real
async def test_tls_with_a_private_authority_and_without(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue("events", dns=("localhost",)))
    async with serving(OK, context) as server:
        options = {"routing_key": KEY, "url": f"https://localhost:{server.port}/v2/enqueue"}
        async with running("pagerduty-events", {**options, "ca_file": str(authority.file)}) as plugin:
            assert await plugin.send(report())
        async with running("pagerduty-events", options) as plugin:
            assert "certificate" in (await failure(plugin.send(report()))).message.lower()
    assert len(server.requests) == 1


@pytest.mark.real
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"routing_key": "hidden"}, "routing_key"),
        ({"routing_key": KEY + "\n"}, "routing_key"),
        ({"trigger_on": ["failed"], "resolve_on": ["completed", "failed"]}, "resolve_on"),
        ({"url": "http://a:99999/"}, "url"),
        ({"ca_file": "/dev/null"}, "ca_file"),
    ],
)
async def test_a_configuration_that_cannot_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], field: str
) -> None:
    # A secret reaches the plugin without having been held against the schema.
    monkeypatch.setattr("tests.plugins.harness.schema_faults", lambda *_: [])
    error = await refusal("pagerduty-events", {"routing_key": KEY, **changes})
    assert error.code == "INVALID_CONFIG"
    assert f"config.{field} is" in error.message
    assert "hidden" not in error.message


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"routing_key": "short"},
        {"routing_key": KEY, "url": "ftp://a/"},
        {"routing_key": KEY, "trigger_on": ["done"]},
        {"routing_key": KEY, "trigger_on": "failed"},
        {"routing_key": KEY, "dedup_prefix": ""},
        {"routing_key": KEY, "timeout": 3},
        {"routing_key": KEY, "severity": "info"},
    ],
)
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults("pagerduty-events", bad)


def test_the_default_url_is_the_services_own() -> None:
    text = (PLUGINS / "pagerduty-events" / "plugin.yaml").read_text()
    assert 'default: "https://events.pagerduty.com/v2/enqueue"' in text
