"""One trace from the event to the operation, sent by the parts themselves to a real collector."""

import queue
from typing import Any

import pytest

from tests.platform.harness import eventually, running
from tests.platform.hook import Hook, finished
from tests.ports.telemetry.collector import Collector, collecting

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
WANTED = {
    "event webhook",
    "call host.file_write",
    "host.file_write",
    "POST /agents/v1/{agent}/instructions/{instruction}/result",
}


def test_parts_tell_one_story(hook: Hook) -> None:
    step = f"{{call: host.file_write, mode: apply, with: {{path: {hook.out}/flag, content: hi}}}}"
    hook.declare(step, action='operations: ["host.file_*"]')
    with collecting() as collector:
        hook.platform.environment |= {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        with running(hook.platform):
            hook.post()
            eventually(lambda: finished(hook.platform, 1), what=hook.platform.logs())
            (row,) = hook.platform.runs()
            trace_id = hook.platform.json("runs", "show", row["id"])["trace_id"]
            spans: dict[str, Any] = {}
            eventually(
                lambda: _collect(collector, trace_id, spans).keys() >= WANTED, what=f"{WANTED} in {spans.keys()}"
            )
    call, operation = spans["call host.file_write"], spans["host.file_write"]
    assert operation.parent_span_id == call.span_id
    assert spans["POST /agents/v1/{agent}/instructions/{instruction}/result"].parent_span_id == call.span_id


def _collect(collector: Collector, trace_id: str, spans: dict[str, Any]) -> dict[str, Any]:
    """Add what came in of a trace."""
    while True:
        try:
            _, _, body = collector.requests.get_nowait()
        except queue.Empty:
            return spans
        for group in body.resource_spans:
            for scope in group.scope_spans:
                spans |= {span.name: span for span in scope.spans if span.trace_id.hex() == trace_id}
