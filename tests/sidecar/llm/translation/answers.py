"""One answer, as each dialect writes it, in one piece and in events."""

import json

from outrider.sidecar.llm.translation.translate import Form
from tests.sidecar.llm.translation.samples import Document

SAID = "Let me look. \U0001f50d"
CALLS = [["call_1", "weather", '{"city":"Oslo"}'], ["call_2", "now", "{}"]]
_CHAT_USAGE = {
    "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 20}, "completion_tokens_details": {"reasoning_tokens": 40},
}  # fmt: skip
_RESPONSES_USAGE = {
    "input_tokens": 100, "output_tokens": 50, "total_tokens": 150,
    "input_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 20}, "output_tokens_details": {"reasoning_tokens": 40},
}  # fmt: skip
_MESSAGES_USAGE = {
    "input_tokens": 50, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 20, "output_tokens": 50,
    "output_tokens_details": {"thinking_tokens": 40},
}  # fmt: skip
# As a program reads it off, whatever the provider spoke: OpenAI counts caches in the input, Anthropic beside it.
USAGE: dict[Form, Document] = {"chat": _CHAT_USAGE, "responses": _RESPONSES_USAGE, "messages": _MESSAGES_USAGE}
REASONS: dict[Form, dict[str, str]] = {
    "chat": {"stop": "stop", "length": "length", "calls": "tool_calls", "refused": "content_filter"},
    "responses": {"stop": "completed", "length": "max_output_tokens", "calls": "completed", "refused": "content_filter"},
    "messages": {"stop": "end_turn", "length": "max_tokens", "calls": "tool_use", "refused": "refusal"},
}  # fmt: skip


def answer(form: Form, reason: str = "calls", *, said: str = SAID, calls: list[list[str]] | None = None) -> Document:
    """Return an answer of a provider, with thinking where its dialect shows any."""
    calls = CALLS if calls is None and reason == "calls" else calls or []
    if form == "chat":
        message = {
            "role": "assistant", "content": said, "refusal": None, "reasoning_content": "hm",
            "tool_calls": [
                {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
                for call_id, name, arguments in calls
            ],
        }  # fmt: skip
        choice = {"index": 0, "message": message, "finish_reason": REASONS[form][reason], "logprobs": None}
        return {"id": "id", "object": "chat.completion", "created": 5, "model": "m", "choices": [choice], "usage": _CHAT_USAGE}  # fmt: skip
    if form == "responses":
        told = REASONS[form][reason]
        status = "completed" if told == "completed" else "incomplete"
        output: list[Document] = [
            {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}]}
        ]
        output.append({"type": "message", "id": "msg", "role": "assistant", "status": status, "content": [_text(said)]})
        output += [_call(call) for call in calls]
        return {
            "id": "id", "object": "response", "created_at": 5, "model": "m", "status": status, "output": output, "usage": _RESPONSES_USAGE,
            "incomplete_details": {"reason": told} if status == "incomplete" else None, "error": None,
        }  # fmt: skip
    content: list[Document] = [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": said}]
    content += [
        {"type": "tool_use", "id": call_id, "name": name, "input": json.loads(arguments)}
        for call_id, name, arguments in calls
    ]
    return {
        "id": "id", "type": "message", "role": "assistant", "model": "m", "content": content, "stop_reason": REASONS[form][reason],
        "stop_sequence": None, "usage": _MESSAGES_USAGE,
    }  # fmt: skip


def _text(said: str) -> Document:
    return {"type": "output_text", "text": said, "annotations": []}


def _call(call: list[str]) -> Document:
    return {"type": "function_call", "id": f"fc_{call[0]}", "call_id": call[0], "name": call[1], "arguments": call[2]}


def event(document: Document, *, newline: str = "\n") -> bytes:
    """Return an event of a provider."""
    kind = document.get("type", "")
    name = f"event: {kind}{newline}" if kind else ""
    return f"{name}data: {json.dumps(document, ensure_ascii=False)}{newline}{newline}".encode()


def halves(text: str) -> list[str]:
    """Return a text in two pieces."""
    return [text[: len(text) // 2], text[len(text) // 2 :]]


def stream(form: Form, reason: str = "calls", *, newline: str = "\n") -> bytes:
    """Return the same answer in events, with thinking, its text and the arguments of its calls in two pieces each."""
    events = {"chat": _chat_stream, "responses": _responses_stream, "messages": _messages_stream}[form](reason)
    body = b": a comment\n\n" + b"".join(event(one, newline=newline) for one in events)
    return body + (b"data: [DONE]\n\n" if form == "chat" else b"")


def _chat_stream(reason: str) -> list[Document]:
    def chunk(delta: Document, word: str | None = None) -> Document:
        choice = {"index": 0, "delta": delta, "finish_reason": word}
        return {"id": "id", "object": "chat.completion.chunk", "created": 5, "model": "m", "choices": [choice], "usage": None}  # fmt: skip

    chunks = [chunk({"role": "assistant", "content": ""}), chunk({"reasoning_content": "hm"})]
    chunks += [chunk({"content": half}) for half in halves(SAID)]
    for number, (call_id, name, arguments) in enumerate(CALLS if reason == "calls" else []):
        begun = {"index": number, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
        chunks.append(chunk({"tool_calls": [begun]}))
        chunks += [
            chunk({"tool_calls": [{"index": number, "function": {"arguments": half}}]}) for half in halves(arguments)
        ]
    chunks.append(chunk({}, REASONS["chat"][reason]))
    return [*chunks, {**chunk({}), "choices": [], "usage": _CHAT_USAGE}]


def _responses_stream(reason: str) -> list[Document]:
    whole = answer("responses", reason)
    thought, said, *calls = whole["output"]
    events: list[Document] = [{"type": "response.created", "response": {**whole, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}}]  # fmt: skip
    events.append({"type": "response.output_item.added", "output_index": 0, "item": {**thought, "summary": []}})
    events.append({"type": "response.reasoning_summary_text.delta", "item_id": "rs", "output_index": 0, "summary_index": 0, "delta": "hm"})  # fmt: skip
    events.append({"type": "response.output_item.done", "output_index": 0, "item": thought})
    place = {"item_id": "msg", "output_index": 1, "content_index": 0}
    events.append({"type": "response.output_item.added", "output_index": 1, "item": {**said, "content": []}})
    events.append({"type": "response.content_part.added", **place, "part": _text("")})
    events += [{"type": "response.output_text.delta", **place, "delta": half, "logprobs": []} for half in halves(SAID)]
    events.append({"type": "response.output_text.done", **place, "text": SAID, "logprobs": []})
    events.append({"type": "response.content_part.done", **place, "part": said["content"][0]})
    events.append({"type": "response.output_item.done", "output_index": 1, "item": said})
    for number, call in enumerate(calls, 2):
        place = {"item_id": call["id"], "output_index": number}
        events.append({"type": "response.output_item.added", "output_index": number, "item": {**call, "arguments": ""}})
        events += [
            {"type": "response.function_call_arguments.delta", **place, "delta": half}
            for half in halves(call["arguments"])
        ]
        events.append({"type": "response.output_item.done", "output_index": number, "item": call})
    return [*events, {"type": f"response.{whole['status']}", "response": whole}]


def _messages_stream(reason: str) -> list[Document]:
    whole = answer("messages", reason)
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**_MESSAGES_USAGE, "output_tokens": 1}}
    events: list[Document] = [{"type": "message_start", "message": begun}, {"type": "ping"}]
    for number, block in enumerate(whole["content"]):
        if block["type"] == "thinking":
            opened: Document = {"type": "thinking", "thinking": "", "signature": ""}
            deltas: list[Document] = [{"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "s"}]  # fmt: skip
        elif block["type"] == "text":
            opened = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": half} for half in halves(block["text"])]
        else:
            opened = {**block, "input": {}}
            text = json.dumps(block["input"], separators=(",", ":")) if block["input"] else ""
            deltas = [{"type": "input_json_delta", "partial_json": half} for half in ["", *halves(text)]]
        events.append({"type": "content_block_start", "index": number, "content_block": opened})
        events += [{"type": "content_block_delta", "index": number, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": number})
    usage = {"output_tokens": 50, "output_tokens_details": {"thinking_tokens": 40}}
    delta = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    return [*events, {"type": "message_delta", "delta": delta, "usage": usage}, {"type": "message_stop"}]
