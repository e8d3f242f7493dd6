"""Answers of responses, read and written."""

from typing import Any, Literal

import msgspec

from outrider.sidecar.llm.translation.faults import message_in
from outrider.sidecar.llm.translation.neutral import Answer, Document, Reason, Text, ToolCall, answer_reason
from outrider.sidecar.llm.translation.reading import read_leniently, texts, unreadable, usage_of
from outrider.sidecar.llm.usage import Usage

_INCOMPLETE: dict[str, Reason] = {"max_output_tokens": "length", "content_filter": "refused"}
# What an answer tells again of what was asked.
_ECHOED = (
    "instructions", "max_output_tokens", "metadata", "parallel_tool_calls", "reasoning", "temperature", "text",
    "tool_choice", "tools", "top_p",
)  # fmt: skip
_UNTOLD: Document = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}


class Content(msgspec.Struct):
    """A part of a message."""

    type: str
    text: str = ""
    refusal: str = ""


class Item(msgspec.Struct):
    """Something of the output, of any type."""

    type: str
    content: list[Content] | None = None
    call_id: str = ""
    name: str = ""
    arguments: str = ""


class _Details(msgspec.Struct):
    reason: str | None = None


class Response(msgspec.Struct):
    """An answer, or where it stands."""

    id: str = ""
    model: str = ""
    status: str = "completed"
    output: list[Item] = []
    incomplete_details: _Details | None = None
    usage: Document | None = None
    error: Any = None


def read_answer(document: Any) -> Answer:
    """Return what a provider answered.

    Raises:
        ExecutionFailedError: It is none of responses, or has failed.
    """
    response = read_leniently(document, Response)
    parts = [part for item in response.output for part in _parts(item)]
    return Answer(
        id=response.id,
        model=response.model,
        parts=parts,
        reason=reason_of(response, refusal=refuses(response), calls=any(isinstance(part, ToolCall) for part in parts)),
        usage=usage_of(response.usage),
    )


def _parts(item: Item) -> list[Text | ToolCall]:
    if is_call(item):
        return [ToolCall(item.call_id, item.name, item.arguments or "{}")]
    if item.type != "message":
        return []
    return [text for part in item.content or [] for text in texts(part.text or part.refusal)]


def is_call(item: Item) -> bool:
    """Return whether an item calls a tool of the client.

    Raises:
        ExecutionFailedError: It is one that was not asked for.
    """
    if item.type not in ("message", "function_call", "reasoning"):
        raise unreadable(f"it holds a {item.type!r}")
    return item.type == "function_call"


def refuses(response: Response) -> bool:
    """Return whether the model refused."""
    return any(part.type == "refusal" for item in response.output for part in item.content or [])


def reason_of(response: Response, *, refusal: bool, calls: bool) -> Reason:
    """Return why an answer ended.

    Raises:
        ExecutionFailedError: It did not end well.
    """
    if response.status == "completed":
        return "refused" if refusal else answer_reason("stop", calls=calls)
    why = response.incomplete_details and response.incomplete_details.reason
    if response.status != "incomplete" or why not in _INCOMPLETE:
        raise unreadable(message_in({"error": response.error}) or why or f"its status is {response.status!r}")
    return _INCOMPLETE[why]


def written_usage(usage: Usage) -> Document:
    """Return the usage; what came from a cache or went into one is among the tokens of the input."""
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.written},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }


def begun(asked: Document, created: int) -> Document:
    """Return an answer of which nothing is there yet.

    Args:
        asked: The client's request.
        created: When, in seconds since the epoch.
    """
    echoed = {key: asked[key] for key in _ECHOED if asked.get(key) is not None}
    return {
        "id": "", "object": "response", "created_at": created, "status": "in_progress", "error": None, "incomplete_details": None,
        "model": "", "output": [], "usage": None, "store": False, **_UNTOLD, **echoed,
    }  # fmt: skip


def ended(reason: Reason, usage: Usage | None) -> Document:
    """Return what an answer says at its end."""
    why = {word: key for key, word in _INCOMPLETE.items()}.get(reason)
    return {
        "status": "incomplete" if why else "completed",
        "incomplete_details": {"reason": why} if why else None,
        "usage": written_usage(usage) if usage is not None else None,
    }


def message_item(item_id: str, text: str) -> Document:
    """Return a message as an item of the output."""
    return {
        "type": "message", "id": item_id, "role": "assistant", "status": "completed", "content": [text_part(text)],
    }  # fmt: skip


def text_part(text: str) -> Document:
    """Return a text as a part of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def call_item(item_id: str, call: ToolCall) -> Document:
    """Return a call of a tool as an item of the output."""
    return {
        "type": "function_call", "id": item_id, "call_id": call.id, "name": call.name, "arguments": call.arguments,
        "status": "completed",
    }  # fmt: skip


def item_id(kind: Literal["msg", "fc"], answer_id: str, number: int) -> str:
    """Return the name of a message or of a call; the provider takes none back that begins otherwise."""
    return f"{kind}_{answer_id}_{number}"


def write_answer(answer: Answer, asked: Document, created: int) -> Document:
    """Return what the client gets.

    Args:
        answer: Of the provider.
        asked: The client's request, some of which is told again.
        created: When, in seconds since the epoch.
    """
    output: list[Document] = []
    for number, part in enumerate(answer.parts):
        if isinstance(part, Text):
            output.append(message_item(item_id("msg", answer.id, number), part.text))
        else:
            output.append(call_item(item_id("fc", answer.id, number), part))
    told = {"id": answer.id, "model": answer.model, "output": output}
    return {**begun(asked, created), **told, **ended(answer.reason, answer.usage)}
