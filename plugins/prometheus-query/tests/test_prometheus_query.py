import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.plugins.harness import Running, faults, refusal, running, until
from tests.servers.ports import free_port

pytestmark = pytest.mark.real
Labels = dict[str, str]


def success(kind: str, result: Any, **more: Any) -> tuple[int, bytes]:
    return 200, json.dumps({"status": "success", "data": {"resultType": kind, "result": result}, **more}).encode()


def vector(*series: tuple[Labels, str], **more: Any) -> tuple[int, bytes]:
    return success("vector", [{"metric": labels, "value": [1435781430.781, value]} for labels, value in series], **more)


def error(status: int, kind: str, text: str) -> tuple[int, bytes]:
    return status, json.dumps({"status": "error", "errorType": kind, "error": text}).encode()


class Prometheus(ThreadingHTTPServer):
    """Answers queries as the HTTP API of Prometheus documents it."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.daemon_threads = False
        self.answer: tuple[int, bytes] | None = vector()
        self.queries: list[tuple[str, dict[str, list[str]], dict[str, str]]] = []
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    async def asked(self, times: int = 2) -> None:
        """Wait until the present answer was surely given and taken."""
        count = len(self.queries)
        await until(lambda: len(self.queries) > count + times)

    def close(self) -> None:
        self.ending.set()
        self.shutdown()
        self.thread.join()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    server: Prometheus

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = parse_qs(body, strict_parsing=True)
        self.server.queries.append((self.path, form, {name.lower(): value for name, value in self.headers.items()}))
        if self.server.answer is None:
            self.server.ending.wait(30)
            return
        status, text = self.server.answer
        with contextlib.suppress(ConnectionError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def server() -> Iterator[Prometheus]:
    server = Prometheus()
    yield server
    server.close()


def config(server: Prometheus, **more: Any) -> dict[str, Any]:
    bounds = {} if {"above", "below"} & set(more) else {"above": 5}
    return {"url": server.url, "query": "errors", "every": "20ms", "timeout": "3s", **bounds, **more}


def seen(plugin: Running) -> list[tuple[str, str]]:
    return [(event.data["state"], event.data["series"]) for event in plugin.events]


A, B, C = ({"__name__": "errors", "job": job} for job in "abc")
NAME_A, NAME_B, NAME_C = (f'errors{{job="{job}"}}' for job in "abc")


async def test_each_series_is_a_state_of_its_own(server: Prometheus) -> None:
    server.answer = vector((A, "1"), (B, "5"), (C, "5.5"))
    async with running("prometheus-query", config(server)) as plugin:
        await server.asked(3)
        assert seen(plugin) == [("up", ""), ("bad", NAME_C)]
        server.answer = vector((A, "1e+06"), (B, "5"), (C, "7"))
        await plugin.seen(3)
        server.answer = vector((A, "7"), (B, "8"), (C, "5"))
        await plugin.seen(5)
        server.answer = vector((A, "4"), (B, "9"))
        await plugin.seen(6)
        server.answer = vector()
        await plugin.seen(7)
        await server.asked()
    assert seen(plugin) == [
        ("up", ""),
        ("bad", NAME_C),
        ("bad", NAME_A),
        ("good", NAME_C),
        ("bad", NAME_B),
        ("good", NAME_A),
        ("good", NAME_B),
    ]
    assert [event.unhealthy for event in plugin.events] == [False, True, True, False, True, False, False]
    assert [event.severity for event in plugin.events] == ["low", "high", "high", "low", "high", "low", "low"]
    assert [event.key for event in plugin.events] == [server.url, NAME_C, NAME_A, NAME_C, NAME_B, NAME_A, NAME_B]
    assert plugin.events[0].data["summary"] == f"{server.url} up: 3 series"
    assert plugin.events[2].data == {
        "state": "bad", "url": server.url, "query": "errors", "condition": "above 5", "series": NAME_A, "labels": A,
        "value": 1e6, "detail": "1e+06 is above 5", "summary": f"{NAME_A} bad: 1e+06 is above 5",
    }  # fmt: skip
    assert plugin.events[3].data["detail"] == "5 is not above 5"
    assert (plugin.events[6].data["detail"], plugin.events[6].data["value"]) == ("the series is gone", None)
    assert plugin.events[6].data["labels"] == B


async def test_the_request_is_the_documented_one(server: Prometheus) -> None:
    query = 'sum by (job) (rate(errors_total{path!~"/x&y=%2B+ü"}[5m])) > 0'
    more = {"url": server.url + "/prometheus/", "query": query, "headers": {"Authorization": "Bearer x"}}
    async with running("prometheus-query", config(server, **more)) as plugin:
        await plugin.seen(1)
    path, form, headers = server.queries[0]
    assert path == "/prometheus/api/v1/query"
    assert form == {"query": [query]}
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert headers["authorization"] == "Bearer x"


@pytest.mark.parametrize(
    ("bounds", "values", "bad"),
    [
        ({"above": 5}, ["5", "+Inf", "-Inf", "NaN"], ["+Inf"]),
        ({"below": 5}, ["5", "+Inf", "-Inf", "NaN"], ["-Inf"]),
        ({"above": 5, "below": 1}, ["0.9", "1", "5", "5.1"], ["0.9", "5.1"]),
        ({"above": 1, "below": 1}, ["0", "1", "2"], ["0", "2"]),
    ],
)
async def test_bounds(server: Prometheus, bounds: dict[str, float], values: list[str], bad: list[str]) -> None:
    server.answer = vector(*[({"v": value}, value) for value in values])
    async with running("prometheus-query", config(server, **bounds)) as plugin:
        await plugin.seen(1 + len(bad))
        await server.asked()
    found = [event.data for event in plugin.events[1:]]
    assert sorted(data["labels"]["v"] for data in found) == sorted(bad)
    for data in found:
        assert data["value"] == (None if "Inf" in data["labels"]["v"] else float(data["labels"]["v"]))
        assert data["detail"].startswith(data["labels"]["v"] + " is ")


async def test_nan_ends_a_bad_state(server: Prometheus) -> None:
    server.answer = vector((A, "6"))
    async with running("prometheus-query", config(server)) as plugin:
        await plugin.seen(2)
        server.answer = vector((A, "NaN"))
        await plugin.seen(3)
    assert seen(plugin)[2] == ("good", NAME_A)
    assert plugin.events[2].data["summary"] == f"{NAME_A} good: NaN is not above 5"


async def test_a_scalar_is_a_series_without_labels(server: Prometheus) -> None:
    server.answer = success("scalar", [1435781430.781, "6"])
    async with running("prometheus-query", config(server)) as plugin:
        await plugin.seen(2)
        server.answer = success("scalar", [1435781430.781, "1"])
        await plugin.seen(3)
    assert seen(plugin) == [("up", ""), ("bad", "{}"), ("good", "{}")]


async def test_bad_series_stay_bad_while_the_server_is_down(server: Prometheus) -> None:
    server.answer = vector((A, "6"), (B, "6"))
    async with running("prometheus-query", config(server)) as plugin:
        await plugin.seen(3)
        server.answer = error(503, "timeout", "query timed out in expression evaluation")
        await plugin.seen(4)
        await server.asked()
        server.answer = vector((A, "6"))
        await plugin.seen(6)
        await server.asked()
    assert seen(plugin) == [("up", ""), ("bad", NAME_A), ("bad", NAME_B), ("down", ""), ("up", ""), ("good", NAME_B)]
    down = plugin.events[3]
    assert (down.unhealthy, down.severity, down.key, down.data["labels"]) == (True, "high", server.url, {})
    assert down.data["detail"] == "timeout: query timed out in expression evaluation"


async def test_what_may_be_missing_is_not_gone(server: Prometheus) -> None:
    server.answer = vector((A, "6"), (B, "6"))
    async with running("prometheus-query", config(server)) as plugin:
        await plugin.seen(3)
        server.answer = vector((B, "1"), warnings=["one of the stores did not answer"])
        await plugin.seen(4)
        await server.asked()
        assert seen(plugin)[3:] == [("good", NAME_B)]
        server.answer = vector(warnings=["PromQL info: metric might not be a counter"], infos=["x"])
        await plugin.seen(5)
        await server.asked()
    assert seen(plugin)[4:] == [("good", NAME_A)]
    assert [line for line in plugin.lines if "warns" in line] == [
        "the server warns: one of the stores did not answer",
        "the server warns: PromQL info: metric might not be a counter",
    ]


async def test_there_is_a_bound_on_bad_series(server: Prometheus) -> None:
    server.answer = vector((A, "6"), (B, "7"), (C, "8"))
    async with running("prometheus-query", config(server, max_series=2)) as plugin:
        await plugin.seen(3)
        await server.asked()
        assert seen(plugin) == [("up", ""), ("bad", NAME_A), ("bad", NAME_B)]
        await until(lambda: any("1 more series are bad" in line for line in plugin.lines))
        server.answer = vector((B, "7"), (C, "8"))
        await plugin.seen(5)
    assert seen(plugin)[3:] == [("good", NAME_A), ("bad", NAME_C)]
    assert sum("more series are bad" in line for line in plugin.lines) <= 2


async def test_many_series_wait_for_credit(server: Prometheus) -> None:
    server.answer = vector(*[({"n": str(number)}, "6") for number in range(300)])
    async with running("prometheus-query", config(server, max_series=300), credit=3) as plugin:
        await plugin.seen(301)
        await server.asked()
    assert len({event.key for event in plugin.events}) == 301
    assert plugin.host.fault is None


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (error(400, "bad_data", 'invalid parameter "query": 1:1: parse error'), "bad_data: invalid parameter"),
        (error(422, "execution", "many-to-many matching not allowed"), "execution: many-to-many"),
        (error(200, "execution", "late" * 100), "execution: late"),
        ((502, b"<html>"), "the server answered 502"),
        ((500, b'{"status": "success"}'), "the server answered 500"),
        ((302, b""), "the server answered 302"),
        ((200, b"<html>"), "the answer is no JSON: "),
        ((200, b'{"status": "success", "data": null}'), "the result is a None"),
        ((200, b"[1]"), "the answer is none of the Prometheus API"),
        ((200, b'{"status": "error", "errorType": "\\ud800"}'), "?: None"),
        (success("string", [0, "a"]), "the result is a string, expected a vector or a scalar"),
        (success("matrix", []), "the result is a matrix"),
        (success("vector", [{"metric": {}, "histogram": [0, {"count": "1"}]}]), "{} has no number as value"),
        ((200, b" " * (1024 * 1024 + 1)), "the answer has more than 1048576 bytes"),
    ],
)  # fmt: skip
async def test_what_cannot_be_judged_is_down(server: Prometheus, answer: tuple[int, bytes], detail: str) -> None:
    server.answer = answer
    async with running("prometheus-query", config(server)) as plugin:
        await plugin.seen(1)
    assert seen(plugin) == [("down", "")]
    assert plugin.events[0].data["detail"].startswith(detail)
    assert len(plugin.events[0].data["detail"]) <= 200


async def test_labels_without_a_utf8_form_are_reported(server: Prometheus) -> None:
    server.answer = 200, vector(({"a": "X", "Y": "b"}, "6"))[1].replace(b"X", b"\\ud800").replace(b"Y", b"\\udfff")
    async with running("prometheus-query", config(server)) as plugin:
        await plugin.seen(2)
    assert plugin.events[1].data["labels"] == {"a": "?", "?": "b"}


async def test_nobody_listens_until_somebody_does() -> None:
    port = free_port()
    given = {"url": f"http://127.0.0.1:{port}", "query": "up", "below": 1, "every": "20ms", "severity": "critical"}
    async with running("prometheus-query", given) as plugin:
        await plugin.seen(1)
        server = Prometheus(port)
        await plugin.seen(2)
    server.close()
    assert seen(plugin) == [("down", ""), ("up", "")]
    assert plugin.events[0].data["detail"] == "connection refused"
    assert plugin.events[0].severity == "critical"


async def test_a_silent_server_is_down_in_time(server: Prometheus) -> None:
    server.answer = None
    async with running("prometheus-query", config(server, timeout="100ms")) as plugin:
        await plugin.seen(1)
    assert plugin.events[0].data["detail"] == "no answer within 100ms"


async def test_it_stops_at_once_while_a_server_is_silent(server: Prometheus) -> None:
    server.answer = None
    async with running("prometheus-query", config(server, timeout="1h")) as plugin:
        await until(lambda: bool(server.queries))
    assert plugin.events == []
    assert plugin.host.fault is None


async def test_it_stops_at_once_while_it_waits_for_credit(server: Prometheus) -> None:
    server.answer = vector((A, "6"), (B, "6"))
    async with running("prometheus-query", config(server), credit=1, commit=False) as plugin:
        await plugin.seen(1)
        await until(lambda: bool(server.queries))
    assert len(plugin.events) == 1
    assert plugin.host.fault is None


@pytest.mark.parametrize(
    ("bad", "words"),
    [({"above": 1, "below": 2}, "config.below"), ({"every": "0s"}, "config.every"), ({"timeout": "0s"}, "config.timeout"),
     ({"url": "http://127.0.0.1:99999"}, "config.url"), ({"headers": {"X-A": "\u00fc"}}, "config.headers"),
     ({"ca_file": "/nowhere/ca.pem"}, "config.ca_file")],
)  # fmt: skip
async def test_what_only_the_plugin_can_tell_is_refused(bad: dict[str, Any], words: str) -> None:
    error = await refusal("prometheus-query", {"url": "http://127.0.0.1:1", "query": "up", "above": 1, **bad})
    assert error.code == "INVALID_CONFIG"
    assert words in error.message


@pytest.mark.parametrize(
    "bad",
    [{"url": "http://a/?x=1"}, {"url": "http://a/#x"}, {"url": "http://user:x@a"}, {"url": "a:9090"}, {"query": ""},
     {"above": "5"}, {"max_series": 0}, {"headers": {"a b": "c"}}],
)  # fmt: skip
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    good = {"url": "https://a.example:9090/some/path/", "query": "up"}
    assert not faults("prometheus-query", {**good, "above": 1, "below": 1})
    assert faults("prometheus-query", good)
    assert faults("prometheus-query", {**good, "above": 1, **bad})
