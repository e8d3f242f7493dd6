"""What a sidecar tells those who watch: spans, metrics, health and readiness."""

import http.client
import json
import queue
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from outrider.sidecar.activity import RefusedCall, ToolUse
from outrider.sidecar.llm.ledger import Entry
from outrider.sidecar.llm.status import BudgetStatus, GatewayStatus
from outrider.sidecar.totals import Totals
from tests.ports.telemetry.collector import Collector, collecting
from tests.servers.models import INPUT, OUTPUT, ModelServer
from tests.servers.ports import free_port
from tests.sidecar.process import started

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def entry(**more: Any) -> Entry:
    usual = {
        "id": "1",
        "time": 0.0,
        "agent": "a",
        "endpoint": "chat",
        "alias": "default",
        "provider": "p",
        "outcome": "whole",
    }
    return Entry(**{**usual, **more})


def samples(
    totals: Totals, budget: BudgetStatus | None = None, guarded: dict[str, int] | None = None
) -> dict[tuple[str, ...], float]:
    gateway = GatewayStatus(
        agent="a", running=0, ledger="", offline=False, budget=budget, routes=[], guarded=guarded or {}
    )
    text = totals.render(gateway, "USD").decode()
    return {
        (sample.name, *(f"{key}={value}" for key, value in sorted(sample.labels.items()) if value)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_calls_are_added_up() -> None:
    totals = Totals()
    for seconds in (0.002, 0.3, 99.0):
        totals.called(entry(seconds=seconds, input=10, output=5, cost=10**9))
    totals.called(entry(outcome="failed", status=503))
    totals.refused(RefusedCall(alias="default", code="budget_exceeded", message="no money"))
    totals.used(ToolUse(tool="add", server="s", outcome="ok", seconds=0.1))
    totals.used(ToolUse(tool="who knows", server="", outcome="NOT_FOUND", seconds=0.0))
    found = samples(totals, BudgetStatus(limit=5 * 10**9, spent=3 * 10**9, reserved=0))
    labels = ("gen_ai_operation_name=chat", "gen_ai_provider_name=p", "gen_ai_request_model=default")
    assert found["gen_ai_client_operation_duration_seconds_count", *labels] == 3
    assert found["gen_ai_client_operation_duration_seconds_bucket", *labels, "le=0.5"] == 2
    assert found["gen_ai_client_token_usage_total", *labels, "gen_ai_token_type=input"] == 30
    assert found["outrider_model_cost_total", "currency=USD", *labels] == 3.0
    assert found["outrider_model_budget", "currency=USD", "state=spent"] == 3.0
    assert found["gen_ai_client_operation_duration_seconds_count", "error_type=failed", *labels] == 1
    assert found["outrider_refused_calls_total", "code=budget_exceeded"] == 1
    tool = (
        "gen_ai_client_operation_duration_seconds_count",
        "gen_ai_operation_name=execute_tool",
        "gen_ai_tool_name=add",
    )
    assert found[tool] == 1
    assert not any("who knows" in part for name in found for part in name), "names that agents make up are no labels"


def test_nothing_is_told_of_nothing() -> None:
    assert samples(Totals()) == {}


def get(address: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


@pytest.mark.real
@pytest.mark.timeout(120)
def test_a_sidecar_tells_who_watches(tmp_path: Path) -> None:
    admin = f"127.0.0.1:{free_port()}"
    (tmp_path / "key").write_text("sk-real")
    (tmp_path / "seen").mkdir()
    with ModelServer("sk-real") as provider, collecting() as collector:
        one = {
            "provider": "p",
            "dialect": "openai",
            "url": f"{provider.url}/v1",
            "model": "m",
            "key": {"secret": "key"},
        }
        settings = {
            "agent": "triage", "state": str(tmp_path / "state"), "admin": admin, "traceparent": PARENT,
            "secret_sources": {"key": {"file": str(tmp_path / "key")}},
            "wrapper": {"seen": str(tmp_path / "seen"), "required": True},
            "llm": {"routes": [{"alias": "default", "providers": [one]}]},
        }  # fmt: skip
        tracing = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        with started(tmp_path, settings, tracing) as sidecar:
            assert get(admin, "/health")[0] == 200
            status, body = get(admin, "/ready")
            assert status == 503
            assert b"wrapper was not seen" in body
            (tmp_path / "seen" / "python-1").touch()
            assert get(admin, "/ready")[0] == 200
            sidecar.call(model="default", messages=[{"role": "user", "content": "a secret question"}])
            assert b"gen_ai_client_token_usage_total" in get(admin, "/metrics")[1]
            assert json.loads(get(admin, "/status")[1])["models"]["agent"] == "triage"
            assert get(admin, "/activity")[0] == get(admin, "/approvals/1")[0] == 404
            span = first_span(collector, "chat default")
    attributes = {one.key: one.value for one in span.attributes}
    assert span.trace_id.hex() == TRACE
    assert attributes["gen_ai.usage.input_tokens"].int_value == INPUT
    assert attributes["gen_ai.usage.output_tokens"].int_value == OUTPUT
    assert attributes["gen_ai.response.model"].string_value == "m"
    assert span.end_time_unix_nano > span.start_time_unix_nano
    assert "a secret question" not in str(span)


def first_span(collector: Collector, name: str) -> Any:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            _, _, body = collector.requests.get(timeout=1)
        except queue.Empty:
            continue
        for group in body.resource_spans:
            for scope in group.scope_spans:
                for span in scope.spans:
                    if span.name == name:
                        return span
    raise AssertionError(f"no span {name}")


def test_what_was_found_by_guards_is_counted() -> None:
    assert samples(Totals(), guarded={"email": 2}) == {("outrider_guarded_total", "name=email"): 2.0}
