"""Recording spans with the OpenTelemetry SDK and sending them by OTLP over HTTP; settings come from its OTEL_* variables."""

import os
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from outrider.core.trace import TraceParent
from outrider.core.units import NANO
from outrider.version import __version__

_chosen_trace_id: ContextVar[str] = ContextVar("outrider_chosen_trace_id")


class _Ids(RandomIdGenerator):
    """Random span ids; a trace that begins here bears the id that our logs and audit have."""

    def generate_trace_id(self) -> int:
        return int(_chosen_trace_id.get(), 16)


class Recording:
    """A span of the SDK that is being recorded.

    Attributes:
        place: Where it stands, for its children and for others.
    """

    def __init__(self, span: trace.Span) -> None:
        context = span.get_span_context()
        self.place = TraceParent(
            trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id), context.trace_flags.sampled
        )
        self._span = span

    def set(self, name: str, value: Any) -> None:
        """Record an attribute; what is no text, number or truth value is recorded as its text."""
        self._span.set_attribute(name, value if isinstance(value, str | bool | int | float) else str(value))

    def end(self, fault: str, *, at: float | None = None) -> None:
        """End the span, now or at a moment (seconds since the epoch); a fault is the code or type of an error, empty for none."""
        if fault:
            self._span.set_attribute("error.type", fault)
            self._span.set_status(trace.Status(trace.StatusCode.ERROR, fault))
        self._span.end(None if at is None else int(at * NANO))


class Recorder:
    """Records and sends in batches from a thread of its own; a full queue (OTEL_BSP_MAX_QUEUE_SIZE) drops spans."""

    def __init__(self) -> None:
        service = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": "outrider"}
        resource = Resource.create({**service, "service.version": __version__})
        self._exporter = OTLPSpanExporter()
        self._provider = TracerProvider(resource=resource, id_generator=_Ids(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("outrider", __version__)

    def begin(
        self, name: str, attributes: Mapping[str, Any], place: TraceParent, *, began: float | None = None
    ) -> Recording:
        """Begin a span below a place, now or at a moment; without a span id there the span is the first of its trace."""
        context = trace.set_span_in_context(trace.NonRecordingSpan(_span_context(place)), Context())
        token = _chosen_trace_id.set(place.trace_id)
        try:
            recording = Recording(
                self._tracer.start_span(name, context, start_time=None if began is None else int(began * NANO))
            )
        finally:
            _chosen_trace_id.reset(token)
        for key, value in attributes.items():
            recording.set(key, value)
        return recording

    def stop(self, timeout: float) -> None:
        """Send what is left; the SDK's own shutdown may wait much longer than its caller can."""
        thread = threading.Thread(target=self._provider.shutdown, name="outrider-stop-tracing", daemon=True)
        thread.start()
        thread.join(timeout)
        if thread.is_alive():
            self._exporter.shutdown()  # type: ignore[no-untyped-call]  # has no annotations; ends its retries


def _span_context(place: TraceParent) -> trace.SpanContext:
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if place.sampled else trace.TraceFlags.DEFAULT)
    return trace.SpanContext(int(place.trace_id, 16), int(place.span_id or "0", 16), is_remote=True, trace_flags=flags)
