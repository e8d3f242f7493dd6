"""Answers of chat completions, read and written."""

from typing import Any

import msgspec

from outrider.sidecar.llm.translation.neutral import Answer, Document, Reason, Text, ToolCall, answer_reason
from outrider.sidecar.llm.translation.reading import read_leniently, texts, unreadable, usage_of
from outrider.sidecar.llm.usage import Usage

_REASONS: dict[str, Reason] = {
    "stop": "stop", "length": "length", "tool_calls": "calls", "content_filter": "refused",
}  # fmt: skip
REASONS: dict[Reason, str] = {reason: word for word, reason in _REASONS.items()}


class _Function(msgspec.Struct):
    name: str
    arguments: str | None = None


class _Call(msgspec.Struct):
    function: _Function
    id: str = ""


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Answer(msgspec.Struct):
    choices: list[_Choice]
    id: str = ""
    model: str = ""
    usage: Document | None = None


def reason_of(word: str, *, refusal: bool, calls: bool) -> Reason:
    """Return why an answer ended: a refusal is one, whatever the provider calls it."""
    if word not in _REASONS:
        raise unreadable(f"it ended for the reason {word!r}")
    return "refused" if refusal else answer_reason(_REASONS[word], calls=calls)


def read_answer(document: Any) -> Answer:
    """Return what a provider answered.

    Raises:
        ExecutionFailedError: It is no answer of chat completions.
    """
    answer = read_leniently(document, _Answer)
    if not answer.choices:
        raise unreadable("it has no choices")
    choice = answer.choices[0]
    message = choice.message
    calls = [
        ToolCall(call.id, call.function.name, call.function.arguments or "{}") for call in message.tool_calls or []
    ]
    return Answer(
        id=answer.id,
        model=answer.model,
        parts=[*texts(message.content), *texts(message.refusal), *calls],
        reason=reason_of(choice.finish_reason or "stop", refusal=bool(message.refusal), calls=bool(calls)),
        usage=usage_of(answer.usage),
    )


def written_usage(usage: Usage) -> Document:
    """Return the usage; what came from a cache or went into one is among the tokens of the prompt."""
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.written},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def write_answer(answer: Answer, _: Document, created: int) -> Document:
    """Return what the client gets.

    Args:
        answer: Of the provider.
        _: The client's request, of which nothing is told again.
        created: When, in seconds since the epoch.
    """
    said = "".join(part.text for part in answer.parts if isinstance(part, Text))
    message: Document = {"role": "assistant", "content": said or None, "refusal": None}
    calls = [
        {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": part.arguments}}
        for part in answer.parts
        if isinstance(part, ToolCall)
    ]
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "finish_reason": REASONS[answer.reason], "logprobs": None}
    document: Document = {
        "id": answer.id, "object": "chat.completion", "created": created, "model": answer.model, "choices": [choice],
    }  # fmt: skip
    if answer.usage is not None:
        document["usage"] = written_usage(answer.usage)
    return document
