"""What an AI agent does, in words."""

from outrider.core.visible import visible
from outrider.sidecar.activity import RefusedCall, ToolUse
from outrider.sidecar.llm.ledger import Entry


def call_text(call: Entry) -> str:
    """Return a call of a model on one line."""
    who = call.model if call.model == call.provider else f"{call.provider}/{call.model}"
    about = "≈" if call.estimated else ""
    outcome = "" if call.outcome == "whole" else f"   {call.outcome}"
    tokens = f"{about}{call.input:,} in / {call.output:,} out tokens"
    return f"asks {call.alias} ({who if call.provider else 'nobody answered'})   {tokens}   {call.seconds * 1000:.0f} ms{outcome}"


def refused_text(call: RefusedCall) -> str:
    """Return a call of a model that was refused on one line."""
    return f"asks {visible(call.alias) or 'a model'}   {call.code}   {visible(call.message)}"


def tool_text(use: ToolUse) -> str:
    """Return a call of a tool on one line."""
    approved = f"   approved by {use.approved}" if use.approved else ""
    problem = f"   {visible(use.problem)}" if use.problem else ""
    return f"uses {visible(use.tool)}   {use.outcome}   {use.seconds * 1000:.0f} ms{approved}{problem}"
