"""What a script answers, in the form in which each dialect's clients read it. Every answer says that it is one."""

from collections.abc import Callable, Iterator
from typing import Any

from outrider.core.codec import encode
from outrider.sidecar.llm.script import Entry
from outrider.sidecar.llm.usage import Usage
from outrider.sidecar.proxy.messages import Field

MODEL = "scripted"
MARK: Field = (b"x-outrider-offline", MODEL.encode())
JSON: Field = (b"content-type", b"application/json")
EVENTS: Field = (b"content-type", b"text/event-stream")
EMBEDDINGS = "embeddings"
Document = dict[str, Any]


def usage_of(prompt: int, entry: Entry) -> Usage:
    """Return what an answer is taken for: four bytes of the prompt make a token, and each word of the answer is one."""
    return Usage(
        input=prompt // 4, output=len(entry.say.split()) + sum(len(call.arguments) + 2 for call in entry.calls)
    )


def serves(endpoint: str) -> bool:
    """Return whether a script answers at an endpoint."""
    return endpoint in _FORMS or endpoint == EMBEDDINGS


def render(endpoint: str, entry: Entry, usage: Usage, call_id: str, *, stream: bool, tell_usage: bool) -> bytes:
    """Return the body of an answer.

    Args:
        endpoint: Name of the endpoint.
        entry: What is answered.
        usage: What it is taken for.
        call_id: Of the call.
        stream: Whether it comes in events.
        tell_usage: Whether a stream of OpenAI's chat tells its usage; all others do.
    """
    whole, events = _FORMS[endpoint]
    if not stream:
        return encode(whole(entry, usage, call_id))
    body = b"".join(events(entry, usage, call_id))
    if endpoint != "chat":
        return body
    told = {
        "id": call_id,
        "object": "chat.completion.chunk",
        "created": 0,
        "model": MODEL,
        "choices": [],
        "usage": _chat_usage(usage),
    }
    return body + (_event(told) if tell_usage else b"") + b"data: [DONE]\n\n"


def _event(document: Document, name: str = "") -> bytes:
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + encode(document) + b"\n\n"


def _words(text: str) -> list[str]:
    """Return a text in the pieces in which a model would say it."""
    words = text.split(" ")
    return [word if number == 0 else f" {word}" for number, word in enumerate(words)] if text else []


# OpenAI: chat completions.


def _chat_usage(usage: Usage) -> Document:
    return {"prompt_tokens": usage.input, "completion_tokens": usage.output, "total_tokens": usage.input + usage.output}


def _chat_calls(entry: Entry, call_id: str) -> list[Document]:
    return [
        {"index": number, "id": f"call_{call_id}_{number}", "type": "function",
         "function": {"name": call.name, "arguments": encode(call.arguments).decode()}}
        for number, call in enumerate(entry.calls)
    ]  # fmt: skip


def _chat(entry: Entry, usage: Usage, call_id: str) -> Document:
    message: Document = {"role": "assistant", "content": entry.say or None}
    if entry.calls:
        message["tool_calls"] = [
            {key: value for key, value in call.items() if key != "index"} for call in _chat_calls(entry, call_id)
        ]
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if entry.calls else "stop"}
    return {
        "id": call_id,
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [choice],
        "usage": _chat_usage(usage),
    }


def _chat_events(entry: Entry, _: Usage, call_id: str) -> Iterator[bytes]:
    common = {"id": call_id, "object": "chat.completion.chunk", "created": 0, "model": MODEL}

    def chunk(delta: Document, reason: str | None = None) -> bytes:
        return _event({**common, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

    yield chunk({"role": "assistant", "content": ""})
    for word in _words(entry.say):
        yield chunk({"content": word})
    if entry.calls:
        yield chunk({"tool_calls": _chat_calls(entry, call_id)})
    yield chunk({}, "tool_calls" if entry.calls else "stop")


# OpenAI: responses.


def _output(entry: Entry, call_id: str) -> list[Document]:
    items: list[Document] = []
    if entry.say:
        content = {"type": "output_text", "text": entry.say, "annotations": []}
        items.append(
            {
                "type": "message",
                "id": f"msg_{call_id}",
                "role": "assistant",
                "status": "completed",
                "content": [content],
            }
        )
    for number, call in enumerate(entry.calls):
        name = f"call_{call_id}_{number}"
        items.append(
            {
                "type": "function_call",
                "id": name,
                "call_id": name,
                "name": call.name,
                "arguments": encode(call.arguments).decode(),
                "status": "completed",
            }
        )
    return items


def _response(entry: Entry, usage: Usage, call_id: str) -> Document:
    told = {
        "input_tokens": usage.input, "output_tokens": usage.output, "total_tokens": usage.input + usage.output,
        "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0},
    }  # fmt: skip
    return {
        "id": call_id, "object": "response", "created_at": 0, "status": "completed", "model": MODEL, "output": _output(entry, call_id),
        "parallel_tool_calls": False, "tool_choice": "auto", "tools": [], "usage": told,
    }  # fmt: skip


def _response_events(entry: Entry, usage: Usage, call_id: str) -> Iterator[bytes]:
    whole = _response(entry, usage, call_id)
    numbers = iter(range(1_000_000))

    def event(kind: str, **fields: Any) -> bytes:
        return _event({"type": kind, "sequence_number": next(numbers), **fields}, kind)

    yield event("response.created", response={**whole, "status": "in_progress", "output": []})
    for index, item in enumerate(whole["output"]):
        yield event(
            "response.output_item.added",
            output_index=index,
            item={**item, **({"content": []} if "content" in item else {})},
        )
        if item["type"] == "message":
            place = {"item_id": item["id"], "output_index": index, "content_index": 0}
            yield event(
                "response.content_part.added", **place, part={"type": "output_text", "text": "", "annotations": []}
            )
            for word in _words(entry.say):
                yield event("response.output_text.delta", **place, delta=word, logprobs=[])
            yield event("response.output_text.done", **place, text=entry.say, logprobs=[])
            yield event("response.content_part.done", **place, part=item["content"][0])
        yield event("response.output_item.done", output_index=index, item=item)
    yield event("response.completed", response=whole)


# Anthropic: messages.


def _blocks(entry: Entry, call_id: str) -> list[Document]:
    texts: list[Document] = [{"type": "text", "text": entry.say}] if entry.say or not entry.calls else []
    return texts + [
        {"type": "tool_use", "id": f"toolu_{call_id}_{number}", "name": call.name, "input": call.arguments}
        for number, call in enumerate(entry.calls)
    ]


def _message(entry: Entry, usage: Usage, call_id: str) -> Document:
    return {
        "id": f"msg_{call_id}", "type": "message", "role": "assistant", "model": MODEL, "content": _blocks(entry, call_id),
        "stop_reason": "tool_use" if entry.calls else "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": usage.input, "output_tokens": usage.output},
    }  # fmt: skip


def _message_events(entry: Entry, usage: Usage, call_id: str) -> Iterator[bytes]:
    whole = _message(entry, usage, call_id)

    def event(kind: str, **fields: Any) -> bytes:
        return _event({"type": kind, **fields}, kind)

    begun = {**whole, "content": [], "stop_reason": None, "usage": {"input_tokens": usage.input, "output_tokens": 1}}
    yield event("message_start", message=begun)
    for index, block in enumerate(whole["content"]):
        if block["type"] == "text":
            yield event("content_block_start", index=index, content_block={"type": "text", "text": ""})
            for word in _words(entry.say):
                yield event("content_block_delta", index=index, delta={"type": "text_delta", "text": word})
        else:
            yield event("content_block_start", index=index, content_block={**block, "input": {}})
            text = encode(block["input"]).decode()
            yield event("content_block_delta", index=index, delta={"type": "input_json_delta", "partial_json": text})
        yield event("content_block_stop", index=index)
    yield event(
        "message_delta",
        delta={"stop_reason": whole["stop_reason"], "stop_sequence": None},
        usage={"output_tokens": usage.output},
    )
    yield event("message_stop")


# Gemini: generateContent.


def _gemini_usage(usage: Usage) -> Document:
    return {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output,
        "totalTokenCount": usage.input + usage.output,
    }


def _candidates(parts: list[Document], reason: str | None) -> list[Document]:
    return [{"index": 0, "content": {"role": "model", "parts": parts}, **({"finishReason": reason} if reason else {})}]


def _generated(entry: Entry, usage: Usage, call_id: str) -> Document:
    parts: list[Document] = [{"text": entry.say}] if entry.say or not entry.calls else []
    parts += [{"functionCall": {"name": call.name, "args": call.arguments}} for call in entry.calls]
    return {
        "candidates": _candidates(parts, "STOP"),
        "modelVersion": MODEL,
        "responseId": call_id,
        "usageMetadata": _gemini_usage(usage),
    }


def _generated_events(entry: Entry, usage: Usage, call_id: str) -> Iterator[bytes]:
    words = _words(entry.say)
    for word in words[:-1]:
        yield _event({"candidates": _candidates([{"text": word}], None), "modelVersion": MODEL, "responseId": call_id})
    rest = Entry(say=words[-1] if words else "", calls=entry.calls)
    yield _event(_generated(rest, usage, call_id))


_Form = tuple[Callable[[Entry, Usage, str], Document], Callable[[Entry, Usage, str], Iterator[bytes]]]
_FORMS: dict[str, _Form] = {
    "chat": (_chat, _chat_events),
    "responses": (_response, _response_events),
    "messages": (_message, _message_events),
    "generate_content": (_generated, _generated_events),
    "stream_generate_content": (_generated, _generated_events),
}
