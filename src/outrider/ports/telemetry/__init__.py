"""Logs, metrics and traces of a process."""

from outrider.ports.telemetry.logs import configure_logging, logger
from outrider.ports.telemetry.metrics import Metrics
from outrider.ports.telemetry.traces import (
    current_trace_id,
    current_traceparent,
    record_span,
    span,
    start_tracing,
    stop_tracing,
    traces,
)

__all__ = [
    "Metrics",
    "configure_logging",
    "current_trace_id",
    "current_traceparent",
    "logger",
    "record_span",
    "span",
    "start_tracing",
    "stop_tracing",
    "traces",
]
