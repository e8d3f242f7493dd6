"""Tasks of a platform, as A2A shows them."""

from typing import Any

from outrider.core.a2a.protocol import (
    AGENT,
    CANCELED,
    COMPLETED,
    FAILED,
    INTERNAL,
    INVALID_PARAMS,
    REJECTED,
    SUBMITTED,
    TASK_NOT_FOUND,
    UNSUPPORTED,
    WORKING,
    A2aError,
)
from outrider.core.errors import OutriderError
from outrider.core.events import CallAnswer

_ARTIFACT = "result"
_CODES = {
    "INVALID_CONFIG": INVALID_PARAMS,
    "CONFLICT": INVALID_PARAMS,
    "NOT_FOUND": TASK_NOT_FOUND,
    "UNSUPPORTED": UNSUPPORTED,
}


def task_of(answer: CallAnswer, *, is_new: bool = False) -> dict[str, Any]:
    """Return a task.

    Args:
        answer: What is known of it.
        is_new: Whether it was given just now.
    """
    made = {"id": answer.run, "contextId": context_of(answer), "status": status_of(answer, is_new=is_new)}
    artifact = artifact_of(answer)
    more = {key: value for key, value in answer.result.items() if key != "result"}
    return {**made, **({"artifacts": [artifact]} if artifact else {}), **({"metadata": more} if more else {})}


def status_of(answer: CallAnswer, *, is_new: bool = False) -> dict[str, Any]:
    """Return how far a task is; arguments as those of task_of."""
    state = SUBMITTED if is_new else _state(answer)
    text = answer.waits or _words(answer)
    if not text:
        return {"state": state}
    message = {
        "messageId": f"{answer.run}-{state}", "taskId": answer.run, "contextId": context_of(answer), "role": AGENT,
        "parts": [{"text": text}],
    }  # fmt: skip
    return {"state": state, "message": message}


def artifact_of(answer: CallAnswer) -> dict[str, Any] | None:
    """Return what a task has come to, as the agent has printed it; None where there is nothing."""
    result = answer.result.get("result")
    if answer.state != "completed" or result is None:
        return None
    part = {"text": result} if isinstance(result, str) else {"data": result}
    return {"artifactId": _ARTIFACT, "name": _ARTIFACT, "parts": [part]}


def context_of(answer: CallAnswer) -> str:
    """Return the conversation of a task; one that belongs to none is its own."""
    return answer.session or answer.run


def updates(before: CallAnswer, after: CallAnswer) -> list[dict[str, Any]]:
    """Return what a stream says when a task has gone on."""
    ids = {"taskId": after.run, "contextId": context_of(after)}
    if after.state == "running":
        return [{"statusUpdate": {**ids, "status": status_of(after)}}] if after.waits != before.waits else []
    artifact = artifact_of(after)
    result = [{"artifactUpdate": {**ids, "artifact": artifact, "lastChunk": True}}] if artifact else []
    return [*result, {"statusUpdate": {**ids, "status": status_of(after)}}]


def refusal(error: OutriderError) -> A2aError:
    """Return an error of the platform as one of the protocol."""
    told = {
        "code": error.code,
        "found": error.found,
        "expected": error.expected,
        "remedy": "; ".join(error.suggestions),
    }
    return A2aError(
        _CODES.get(error.code, INTERNAL), error.message, **{key: str(text) for key, text in told.items() if text}
    )


def _state(answer: CallAnswer) -> str:
    if answer.state == "running":
        return WORKING
    if answer.state == "completed":
        return COMPLETED
    if answer.error is not None and answer.error.code == "DENIED":
        return REJECTED
    return CANCELED if answer.state == "cancelled" else FAILED


def _words(answer: CallAnswer) -> str:
    if answer.error is None:
        return ""
    return "\n".join([answer.error.message, *answer.error.suggestions])
