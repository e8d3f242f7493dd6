"""Spans. Every span has a trace id, so that logs and audit can name it; spans are recorded and sent only where
OTEL_EXPORTER_OTLP_ENDPOINT is set (OpenTelemetry's environment variables; OTLP over HTTP).
"""

import os
from collections.abc import Mapping
from contextvars import ContextVar, Token
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from outrider.core.errors import MissingRequirementError, OutriderError
from outrider.core.trace import (
    TraceParent,
    format_traceparent,
    is_trace_id,
    new_span_id,
    new_trace_id,
    parse_traceparent,
)

if TYPE_CHECKING:
    from outrider.ports.telemetry.otlp import Recorder, Recording

ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
_STOP_TIMEOUT = 5.0
_current: ContextVar["Span | None"] = ContextVar("outrider_span", default=None)


class Span:
    """A piece of work, as a context manager; what ends with an exception is recorded as failed.

    Attributes:
        place: Where it stands in its trace.
    """

    __slots__ = ("_recording", "_token", "place")

    def __init__(self, place: TraceParent, recording: "Recording | None") -> None:
        self.place = place
        self._recording = recording
        self._token: Token[Span | None] | None = None

    @property
    def trace_id(self) -> str:
        """The trace that it belongs to."""
        return self.place.trace_id

    @property
    def traceparent(self) -> str:
        """The header by which others continue the trace."""
        return format_traceparent(self.place.trace_id, self.place.span_id, sampled=self.place.sampled)

    def set(self, name: str, value: Any) -> None:
        """Record an attribute; never give it a secret's value."""
        if self._recording is not None:
            self._recording.set(name, value)

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            _current.reset(self._token)
        if self._recording is not None:
            # The message may quote input; the type or code says enough.
            self._recording.end(error.code if isinstance(error, OutriderError) else kind.__name__ if kind else "")


def span(name: str, attributes: Mapping[str, Any] | None = None, *, parent: str = "", trace_id: str = "") -> Span:
    """Begin a piece of work; the result is used as a context manager.

    Args:
        name: What is done; few different ones.
        attributes: Facts, never a secret's value.
        parent: A `traceparent` header from outside; a malformed one is replaced by a new trace.
        trace_id: The trace it belongs to, where only that is known; ignored if malformed.

    Raises:
        MissingRequirementError: Spans are to be sent and the packages for that are absent.
    """
    place = _place(parent, trace_id)
    recorder = _recorder()
    if recorder is None:
        return Span(place if place.span_id else TraceParent(place.trace_id, new_span_id(), place.sampled), None)
    recording = recorder.begin(name, attributes or {}, place)
    return Span(recording.place, recording)


def record_span(
    name: str, attributes: Mapping[str, Any], *, began: float, seconds: float, parent: str = "", fault: str = ""
) -> None:
    """Record a piece of work that is over, where spans are sent.

    Args:
        name: What was done; few different ones.
        attributes: Facts, never a secret's value.
        began: When, in seconds since the epoch.
        seconds: How long it took.
        parent: A `traceparent` header.
        fault: Code or type of the error; empty if there was none.

    Raises:
        MissingRequirementError: As for `span`.
    """
    recorder = _recorder()
    if recorder is not None:
        recorder.begin(name, attributes, _place(parent, ""), began=began).end(fault, at=began + seconds)


def traces() -> bool:
    """Return whether spans are sent."""
    return _recorder() is not None


def current_trace_id() -> str:
    """Return the trace id of the work that is being done; empty outside of any."""
    current = _current.get()
    return current.trace_id if current is not None else ""


def current_traceparent() -> str:
    """Return the header by which others continue the trace of the work that is being done; empty outside of any."""
    current = _current.get()
    return current.traceparent if current is not None else ""


def start_tracing() -> None:
    """Make ready to send spans if the environment asks for it, so that a missing package is told at the start.

    Raises:
        MissingRequirementError: As for `span`.
    """
    _recorder()


def stop_tracing(timeout: float = _STOP_TIMEOUT) -> None:
    """Send what is left and stop; what cannot be sent within the timeout (seconds) is dropped."""
    recorder = _recorder() if _recorder.cache_info().currsize else None
    if recorder is not None:
        recorder.stop(timeout)
        _recorder.cache_clear()


def _place(parent: str, trace_id: str) -> TraceParent:
    if parent:
        return parse_traceparent(parent)
    current = _current.get()
    if is_trace_id(trace_id) and (current is None or current.trace_id != trace_id):
        return TraceParent(trace_id)
    return current.place if current is not None else TraceParent(new_trace_id())


@cache
def _recorder() -> "Recorder | None":
    """Return what records spans in this process; the environment is read once."""
    if not os.environ.get(ENDPOINT_VARIABLE):
        return None
    try:
        from outrider.ports.telemetry.otlp import Recorder  # noqa: PLC0415 - 20 MB that only a process that sends spans pays
    except ModuleNotFoundError as error:
        raise MissingRequirementError(
            f"{ENDPOINT_VARIABLE} is set, and Python package '{error.name}' is absent: spans cannot be sent",
            found=f"no package '{error.name}'",
            expected="opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http",
            suggestions=["pip install 'outrider[otlp]'", f"unset {ENDPOINT_VARIABLE}"],
        ) from error
    return Recorder()
