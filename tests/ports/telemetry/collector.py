"""A real HTTP listener that understands OTLP traces."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.servers.http_threads import answering


class Collector:
    """Requests as they came in."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.requests: queue.Queue[tuple[str, str, ExportTraceServiceRequest]] = queue.Queue()

    def spans(self) -> dict[str, Any]:
        """Return the spans of the next request by name."""
        _, _, body = self.requests.get(timeout=20)
        return {span.name: span for group in body.resource_spans for scope in group.scope_spans for span in scope.spans}


@contextmanager
def collecting() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
            collector.requests.put((self.path, self.headers["Content-Type"], body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with answering(server) as port:
        collector = Collector(port)
        yield collector
