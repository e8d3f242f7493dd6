"""What a called agent answers: a message, or a task that goes on."""

from collections.abc import Iterator
from typing import Any

import msgspec

from outrider.core.a2a.older import newer_result, newer_task
from outrider.core.a2a.protocol import AGENT, COMPLETED, TERMINAL, WORKING, full_state
from outrider.core.errors import ExecutionFailedError


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """How far an agent is.

    Attributes:
        task: Id of the task; empty where the agent made none.
        context: The conversation.
        state: Of the task, as 1.0 writes it.
        texts: What it has said.
        data: What it has given as data.
    """

    task: str = ""
    context: str = ""
    state: str = COMPLETED
    texts: list[str]
    data: list[Any]


def read_reply(result: dict[str, Any], *, older: bool) -> Reply:
    """Return what answers a message.

    Raises:
        ExecutionFailedError: It is neither a task nor a message.
    """
    found = newer_result(result) if older else result
    message = found.get("message")
    if not isinstance(message, dict):
        return _task(found.get("task"))
    texts, data = _said([message])
    return Reply(context=_text(message.get("contextId")), texts=texts, data=data)


def read_task(result: dict[str, Any], *, older: bool) -> Reply:
    """Return what answers a question for a task.

    Raises:
        ExecutionFailedError: It is none.
    """
    return _task(newer_task(result) if older else result)


def _task(task: object) -> Reply:
    if not isinstance(task, dict) or not _text(task.get("id")) or not isinstance(task.get("status"), dict):
        raise ExecutionFailedError(
            "the agent's answer is no task",
            found=repr(task)[:200],
            expected="a task with an id and a status, or a message",
        )
    status = task["status"]
    state = full_state(status.get("state")) if "state" in status else WORKING
    texts, data = _said(_sayings(task, status, state))
    return Reply(task=task["id"], context=_text(task.get("contextId")), state=state, texts=texts, data=data)


def _sayings(task: dict[str, Any], status: dict[str, Any], state: str) -> list[dict[str, Any]]:
    """Return what holds what an agent says: its artifacts, else its last word; where it did not come to its end both."""
    artifacts = _dicts(task.get("artifacts"))
    words = (
        _dicts([status.get("message")])
        or [one for one in _dicts(task.get("history")) if one.get("role") == AGENT and state in TERMINAL][-1:]
    )
    if state == COMPLETED:
        return artifacts or words
    return [*words, *artifacts]


def _said(holders: list[dict[str, Any]]) -> tuple[list[str], list[Any]]:
    parts = [part for holder in holders for part in _dicts(holder.get("parts"))]
    return list(_texts(parts)), [part["data"] for part in parts if "data" in part]


def _texts(parts: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what can be read; of a file that there is one."""
    for part in parts:
        if isinstance(part.get("text"), str):
            yield part["text"]
        elif "raw" in part or "url" in part:
            about = (_text(part.get(name)) for name in ("filename", "mediaType", "url"))
            yield f"[{' '.join(('file', *filter(None, about)))}]"


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
