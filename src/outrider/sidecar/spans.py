"""Calls of models and tools as spans; recorded only where spans are sent."""

from outrider.ports.telemetry import record_span
from outrider.sidecar.activity import ToolUse
from outrider.sidecar.llm.attempt import Record
from outrider.sidecar.llm.conventions import (
    AGENT,
    CACHED_TOKENS,
    EXECUTE_TOOL,
    INPUT_TOKENS,
    OPERATION,
    OPERATIONS,
    OUTPUT_TOKENS,
    PROVIDER,
    REASONING_TOKENS,
    REQUEST_MODEL,
    RESPONSE_MODEL,
    TOOL,
)
from outrider.sidecar.llm.ledger import Entry


class Spans:
    """Tells spans.

    Args:
        agent: Whose calls.
        parent: As the attribute.

    Attributes:
        parent: The trace of the task, as a `traceparent`, for calls that bring none; empty for none.
    """

    def __init__(self, agent: str, parent: str) -> None:
        self._agent, self.parent = agent, parent

    def called(self, record: Record, entry: Entry) -> None:
        """Tell of a call of a model; what was said is never told."""
        operation = OPERATIONS.get(entry.endpoint, entry.endpoint)
        attributes = {
            OPERATION: operation, PROVIDER: entry.provider, REQUEST_MODEL: entry.alias, RESPONSE_MODEL: entry.model,
            AGENT: self._agent, INPUT_TOKENS: entry.input, OUTPUT_TOKENS: entry.output, CACHED_TOKENS: entry.cached,
            REASONING_TOKENS: entry.reasoning, "outrider.call": entry.id, "outrider.estimated": entry.estimated,
        }  # fmt: skip
        fault = "" if entry.outcome == "whole" and entry.status < 400 else str(entry.status or entry.outcome)
        parent = record.traceparent.decode("latin-1") or self.parent
        record_span(
            f"{operation} {entry.alias}",
            attributes,
            began=entry.time,
            seconds=entry.seconds,
            parent=parent,
            fault=fault,
        )

    def used(self, use: ToolUse, moment: float) -> None:
        """Tell of a call of a tool that ends now."""
        attributes = {OPERATION: EXECUTE_TOOL, TOOL: use.tool, AGENT: self._agent, "outrider.server": use.server}
        fault = "" if use.outcome == "ok" else use.outcome
        record_span(
            f"{EXECUTE_TOOL} {use.tool}", attributes, began=moment - use.seconds, seconds=use.seconds,
            parent=self.parent, fault=fault,
        )  # fmt: skip
