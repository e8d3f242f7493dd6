"""What an AI agent does, in words."""

from outrider.core.visible import visible
from outrider.sidecar.activity import Activity, RefusedCall, ToolUse
from outrider.sidecar.llm.ledger import Entry


def activity_text(activity: Activity) -> str:
    """Return what was done on one line; empty for a question and its end, which are told of where they are asked."""
    if activity.call is not None:
        return _call_text(activity.call)
    if activity.refused is not None:
        return _refused_text(activity.refused)
    return _tool_text(activity.tool) if activity.tool is not None else ""


def _call_text(call: Entry) -> str:
    """Return a call of a model on one line."""
    who = call.model if call.model == call.provider else f"{call.provider}/{call.model}"
    about = "≈" if call.estimated else ""
    outcome = "" if call.outcome == "whole" else f"   {call.outcome}"
    tokens = f"{about}{call.input:,} in / {call.output:,} out tokens"
    return f"asks {call.alias} ({who if call.provider else 'nobody answered'})   {tokens}   {call.seconds * 1000:.0f} ms{outcome}"


def _refused_text(call: RefusedCall) -> str:
    """Return a call of a model that was refused on one line."""
    return f"asks {visible(call.alias) or 'a model'}   {call.code}   {visible(call.message)}"


def _tool_text(use: ToolUse) -> str:
    """Return a call of a tool on one line."""
    approved = f"   approved by {use.approved}" if use.approved else ""
    problem = f"   {visible(use.problem)}" if use.problem else ""
    return f"uses {visible(use.tool)}   {use.outcome}   {use.seconds * 1000:.0f} ms{approved}{problem}"
