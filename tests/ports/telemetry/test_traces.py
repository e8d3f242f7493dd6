import asyncio
import socket
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from outrider.core.errors import MissingRequirementError, NotFoundError
from outrider.core.secrets import SecretValue
from outrider.core.trace import TraceParent, is_trace_id, parse_traceparent
from outrider.ports.telemetry import current_trace_id, span, start_tracing, stop_tracing
from outrider.ports.telemetry.traces import ENDPOINT_VARIABLE, _recorder
from tests.ports.telemetry.collector import Collector, collecting

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
HEADER = f"00-{TRACE}-{SPAN}-01"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(ENDPOINT_VARIABLE, raising=False)
    _recorder.cache_clear()
    yield
    stop_tracing()
    _recorder.cache_clear()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as found:
        monkeypatch.setenv(ENDPOINT_VARIABLE, found.endpoint)
        start_tracing()
        yield found


def attributes(found: object) -> dict[str, object]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in found.attributes}  # type: ignore[attr-defined]  # a protobuf message


def test_span_without_exporter_has_a_trace() -> None:
    with span("work") as work:
        assert is_trace_id(work.trace_id)
        assert current_trace_id() == work.trace_id
    assert current_trace_id() == ""


def test_inner_span_belongs_to_the_outer() -> None:
    with span("outer") as outer, span("inner") as inner:
        assert inner.trace_id == outer.trace_id
        assert parse_traceparent(inner.traceparent) == outer.place


def test_parent_is_passed_through_without_exporter() -> None:
    with span("work", parent=HEADER) as work:
        assert work.traceparent == HEADER
    with span("work", parent=HEADER[:-1] + "0") as work:
        assert work.traceparent == HEADER[:-1] + "0"


@pytest.mark.parametrize("parent", ["garbage", f"00-{'0' * 32}-{SPAN}-01"])
def test_malformed_parent_is_replaced(parent: str) -> None:
    with span("work", parent=parent) as work:
        assert is_trace_id(work.trace_id)
        assert parse_traceparent(work.traceparent) == work.place


def test_known_trace_is_used() -> None:
    with span("work", trace_id=TRACE) as work:
        assert work.trace_id == TRACE
    with span("work", trace_id="no trace id") as work:
        assert is_trace_id(work.trace_id)


async def test_tasks_have_their_own_spans() -> None:
    async def work() -> tuple[str, str]:
        with span("work") as mine:
            await asyncio.sleep(0)
            return mine.trace_id, current_trace_id()

    for mine, seen in await asyncio.gather(work(), work()):
        assert mine == seen


def test_nothing_is_imported_without_exporter() -> None:
    with span("work") as work:
        work.set("k", "v")
    assert _recorder() is None


def test_spans_arrive(collector: Collector) -> None:
    with span("outer", {"outrider.mode": "apply", "n": 3, "secret": SecretValue("hidden")}) as outer:
        with span("inner"):
            pass
        outer.set("ok", True)
    stop_tracing()
    path, kind, body = collector.requests.get(timeout=20)
    collector.requests.put((path, kind, body))
    spans = collector.spans()
    assert (path, kind) == ("/v1/traces", "application/x-protobuf")
    assert attributes(body.resource_spans[0].resource)["service.name"] == "outrider"
    assert attributes(spans["outer"]) == {"outrider.mode": "apply", "n": 3, "secret": "***", "ok": True}
    assert spans["outer"].trace_id.hex() == outer.trace_id
    assert spans["inner"].trace_id == spans["outer"].trace_id
    assert (spans["outer"].parent_span_id, spans["inner"].parent_span_id) == (b"", spans["outer"].span_id)


def test_remote_parent_is_continued(collector: Collector) -> None:
    with span("work", parent=HEADER) as work:
        place = work.place
    stop_tracing()
    found = collector.spans()["work"]
    assert (found.trace_id.hex(), found.parent_span_id.hex()) == (TRACE, SPAN)
    assert place == TraceParent(TRACE, found.span_id.hex(), True)


def test_known_trace_begins_with_its_own_id(collector: Collector) -> None:
    with span("work", trace_id=TRACE):
        pass
    stop_tracing()
    found = collector.spans()["work"]
    assert (found.trace_id.hex(), found.parent_span_id) == (TRACE, b"")


def test_unsampled_parent_is_not_recorded(collector: Collector) -> None:
    with span("quiet", parent=HEADER[:-1] + "0") as quiet:
        assert quiet.traceparent.endswith("-00")
    with span("loud"):
        pass
    stop_tracing()
    assert list(collector.spans()) == ["loud"]


def test_failure_is_recorded_without_its_message(collector: Collector) -> None:
    with pytest.raises(NotFoundError), span("ours"):
        raise NotFoundError("hidden")
    with pytest.raises(ZeroDivisionError), span("other"):
        raise ZeroDivisionError("hidden")
    stop_tracing()
    spans = collector.spans()
    assert [spans[name].status.code for name in ("ours", "other")] == [2, 2]
    assert [attributes(spans[name])["error.type"] for name in ("ours", "other")] == ["NOT_FOUND", "ZeroDivisionError"]
    assert "hidden" not in str(spans)


def test_stop_is_bounded_when_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        monkeypatch.setenv(ENDPOINT_VARIABLE, f"http://127.0.0.1:{silent.getsockname()[1]}")
        with span("work"):
            pass
        start = time.monotonic()
        stop_tracing(timeout=0.3)
        assert time.monotonic() - start < 3
    stopping = [thread for thread in threading.enumerate() if thread.name == "outrider-stop-tracing"]
    for thread in stopping:  # the listener is gone, and nothing is tried again
        thread.join(10)
    assert [thread.is_alive() for thread in stopping] == [False]


def test_missing_packages_are_named_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT_VARIABLE, "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.delitem(sys.modules, "outrider.ports.telemetry.otlp", raising=False)
    with pytest.raises(MissingRequirementError, match=r"'opentelemetry\.sdk\.trace' is absent") as caught:
        start_tracing()
    assert caught.value.suggestions[0] == "pip install 'outrider[otlp]'"
