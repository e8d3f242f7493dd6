"""Answers of messages, read and written."""

from typing import Any

import msgspec

from outrider.core.codec import encode
from outrider.core.errors import UnsupportedError
from outrider.sidecar.llm.translation.neutral import Answer, Document, Reason, Text, ToolCall
from outrider.sidecar.llm.translation.reading import arguments_of, read_leniently, texts, unreadable, usage_of
from outrider.sidecar.llm.usage import Usage

_REASONS: dict[str, Reason] = {
    "end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "model_context_window_exceeded": "length",
    "tool_use": "calls", "refusal": "refused",
}  # fmt: skip
REASONS: dict[Reason, str] = {"stop": "end_turn", "length": "max_tokens", "calls": "tool_use", "refused": "refusal"}
_THINKING = ("thinking", "redacted_thinking")


class Block(msgspec.Struct):
    """A part of an answer, of any type."""

    type: str
    text: str = ""
    id: str = ""
    name: str = ""
    input: Document = {}


class _Answer(msgspec.Struct):
    content: list[Block]
    id: str = ""
    model: str = ""
    stop_reason: str | None = None
    usage: Document | None = None


def reason_of(word: str | None) -> Reason:
    """Return why an answer ended.

    Raises:
        ExecutionFailedError: The reason is none that another dialect knows.
    """
    if word not in _REASONS:
        raise unreadable(f"it ended for the reason {word!r}")
    return _REASONS[word]


def is_shown(block: Block) -> bool:
    """Return whether a block is for clients of another dialect, and not the model's thinking.

    Raises:
        ExecutionFailedError: It is one that was not asked for.
    """
    if block.type not in ("text", "tool_use", *_THINKING):
        raise unreadable(f"it holds a {block.type!r}")
    return block.type not in _THINKING


def read_answer(document: Any) -> Answer:
    """Return what a provider answered.

    Raises:
        ExecutionFailedError: It is none of messages.
    """
    answer = read_leniently(document, _Answer)
    return Answer(
        id=answer.id,
        model=answer.model,
        parts=[part for block in answer.content if is_shown(block) for part in _parts(block)],
        reason=reason_of(answer.stop_reason),
        usage=usage_of(answer.usage),
    )


def _parts(block: Block) -> list[Text | ToolCall]:
    if block.type == "text":
        return [*texts(block.text)]
    return [ToolCall(block.id, block.name, encode(block.input).decode())]


def written_usage(usage: Usage | None) -> Document:
    """Return the usage; what came from a cache or went into one is told beside the input."""
    told = usage or Usage()
    return {
        "input_tokens": max(0, told.input - told.cached - told.written),
        "cache_read_input_tokens": told.cached,
        "cache_creation_input_tokens": told.written,
        "output_tokens": told.output,
        "output_tokens_details": {"thinking_tokens": told.reasoning},
    }


def begun(answer_id: str, model: str) -> Document:
    """Return an answer of which nothing is there yet."""
    return {
        "id": answer_id, "type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": written_usage(None),
    }  # fmt: skip


def called_with(text: str, name: str) -> Document:
    """Return the arguments of a call.

    Raises:
        ExecutionFailedError: The model wrote none that this dialect could hold.
    """
    try:
        return arguments_of(text, name)
    except UnsupportedError as error:
        raise unreadable(f"the arguments for {name} are no JSON object") from error


def write_answer(answer: Answer, _: Document, __: int) -> Document:
    """Return what the client gets.

    Args:
        answer: Of the provider.
        _: The client's request, of which nothing is told again.
        __: When, which this dialect does not tell.

    Raises:
        ExecutionFailedError: The model called a tool with something that is no JSON object.
    """
    content: list[Document] = []
    for part in answer.parts:
        if isinstance(part, Text):
            content.append({"type": "text", "text": part.text})
        else:
            arguments = called_with(part.arguments, part.name)
            content.append({"type": "tool_use", "id": part.id, "name": part.name, "input": arguments})
    told = {"content": content, "stop_reason": REASONS[answer.reason], "usage": written_usage(answer.usage)}
    return {**begun(answer.id, answer.model), **told}
