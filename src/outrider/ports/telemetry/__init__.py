"""Logs, metrics and traces of a process."""

from outrider.ports.telemetry.logs import configure_logging, logger
from outrider.ports.telemetry.metrics import Metrics
from outrider.ports.telemetry.traces import current_trace_id, current_traceparent, span, start_tracing, stop_tracing

__all__ = [
    "Metrics",
    "configure_logging",
    "current_trace_id",
    "current_traceparent",
    "logger",
    "span",
    "start_tracing",
    "stop_tracing",
]
