"""What an agent's program sends of telemetry goes to the collector, with the collector's key, which the program does not have."""

import http.server
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.local.agents.support import AgentFolder
from tests.servers.http_threads import answering

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
# OpenTelemetry's own exporter; it knows of Outrider only what its environment says.
PROGRAM = """
import os
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
with provider.get_tracer("report").start_as_current_span("thinks"):
    pass
provider.shutdown()
print([name for name in os.environ if "sk-collector" in os.environ[name]])
"""


class Collector(http.server.BaseHTTPRequestHandler):
    """Keeps what it gets."""

    seen: ClassVar[list[tuple[str, dict[str, str], bytes]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@contextmanager
def collector() -> Iterator[tuple[int, list[tuple[str, dict[str, str], bytes]]]]:
    seen: list[tuple[str, dict[str, str], bytes]] = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Collector,), {"seen": seen}))
    with answering(server) as port:
        yield port, seen


def test_spans_of_a_program_reach_the_collector(tmp_path: Path) -> None:
    with collector() as (port, seen):
        otlp = {"url": f"http://127.0.0.1:{port}/base", "headers": {"x-key": {"secret": "otel"}, "x-team": "ops"}}
        agent = AgentFolder(tmp_path, PROGRAM, telemetry={"otlp": otlp})
        agent.declare("Platform", "here", {"secrets": {"otel": {"file": "../otel"}}})
        (tmp_path / "otel").write_text("sk-collector")
        result = agent.run("--offline")
    assert (result["state"], result["result"]) == ("succeeded", [])
    ((path, headers, body),) = seen
    assert path == "/base/v1/traces"
    assert (headers["x-key"], headers["x-team"]) == ("sk-collector", "ops")
    assert "authorization" not in headers
    (spans,) = ExportTraceServiceRequest.FromString(body).resource_spans
    names = {one.key: one.value.string_value for one in spans.resource.attributes}
    assert names["service.name"] == "triage"
    assert spans.scope_spans[0].spans[0].name == "thinks"


def test_a_collector_that_is_away_costs_the_program_nothing(tmp_path: Path) -> None:
    otlp = {"url": "http://127.0.0.1:1"}
    agent = AgentFolder(tmp_path, "print(1)", telemetry={"otlp": otlp})
    assert agent.run("--offline")["result"] == 1
