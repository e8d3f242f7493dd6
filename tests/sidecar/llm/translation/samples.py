"""One conversation, as each dialect writes it, and what the tests of requests share."""

import json
from typing import Any

from outrider.sidecar.llm.translation import chat, messages, responses
from outrider.sidecar.llm.translation.chat import wire as chat_wire
from outrider.sidecar.llm.translation.messages import wire as messages_wire
from outrider.sidecar.llm.translation.responses import wire as responses_wire
from outrider.sidecar.llm.translation.translate import Form, Translation

FORMS: tuple[Form, ...] = ("chat", "responses", "messages")
PAIRS: list[tuple[Form, Form]] = [(client, provider) for client in FORMS for provider in FORMS if client != provider]
Document = dict[str, Any]
PNG = "iVBORw0KGgo="
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
EMPTY: Document = {"type": "object", "properties": {}}
VERDICT = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
SAID = "Let me look. \U0001f50d"

REQUESTS: dict[Form, Document] = {
    "chat": {
        "model": "agent",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is it?"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
                    {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
                ],
            },
            {
                "role": "assistant",
                "content": SAID,
                "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}},
                    {"id": "call_2", "type": "function", "function": {"name": "now", "arguments": "{}"}},
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
            {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "noon"}]},
            {"role": "user", "content": "And now?"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "weather", "description": "Tells it.", "parameters": WEATHER, "strict": True},
            },
            {"type": "function", "function": {"name": "now", "parameters": EMPTY}},
        ],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "parallel_tool_calls": False,
        "response_format": {
            "type": "json_schema", "json_schema": {"name": "answer", "schema": VERDICT, "strict": True},
        },
        "max_completion_tokens": 500,
        "temperature": 0.5,
        "top_p": 0.9,
        "reasoning_effort": "high",
        "seed": 7,
        "user": "u",
        "n": 1,
        "logprobs": None,
    },
    "responses": {
        "model": "agent",
        "instructions": "Be brief.",
        "input": [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What is it?"},
                    {"type": "input_image", "detail": "low", "image_url": f"data:image/png;base64,{PNG}"},
                    {"type": "input_image", "detail": "auto", "image_url": "https://example.org/a.png"},
                    {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
                ],
            },
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "secret"},
            {
                "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": SAID, "annotations": []}],
            },
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Oslo"}'},
            {"type": "function_call", "call_id": "call_2", "name": "now", "arguments": "{}", "status": "completed"},
            {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
            {
                "type": "function_call_output", "call_id": "call_2", "output": [{"type": "input_text", "text": "noon"}],
            },
            {"type": "message", "role": "user", "content": "And now?"},
        ],
        "tools": [
            {"type": "function", "name": "weather", "description": "Tells it.", "parameters": WEATHER, "strict": True},
            {"type": "function", "name": "now", "parameters": EMPTY, "strict": None},
        ],
        "tool_choice": {"type": "function", "name": "weather"},
        "parallel_tool_calls": False,
        "text": {"format": {"type": "json_schema", "name": "answer", "schema": VERDICT, "strict": True}},
        "max_output_tokens": 500,
        "temperature": 0.5,
        "top_p": 0.9,
        "reasoning": {"effort": "high", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "store": False,
        "truncation": "disabled",
    },
    "messages": {
        "model": "agent",
        "max_tokens": 500,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is it?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                    {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
                    {
                        "type": "document", "title": "a.pdf",
                        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
                    },
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "sig"},
                    {"type": "text", "text": SAID},
                    {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Oslo"}},
                    {"type": "tool_use", "id": "call_2", "name": "now", "input": {}, "caller": {"type": "direct"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": "rain"},
                    {"type": "tool_result", "tool_use_id": "call_2", "content": [{"type": "text", "text": "noon"}]},
                    {"type": "text", "text": "And now?"},
                ],
            },
        ],
        "tools": [
            {"name": "weather", "description": "Tells it.", "input_schema": WEATHER, "strict": True},
            {"name": "now", "input_schema": EMPTY, "type": "custom"},
        ],
        "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
        "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": VERDICT}},
        "thinking": {"type": "adaptive"},
        "temperature": 0.5,
        "top_p": 0.9,
        "metadata": {"user_id": "u"},
    },
}  # fmt: skip

CALLED = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
READ: dict[Form, Any] = {
    "chat": chat.read_request,
    "responses": responses.read_request,
    "messages": messages.read_request,
}
KEYS = {"chat": chat_wire.KEYS, "responses": responses_wire.KEYS, "messages": messages_wire.KEYS}
OTHER: dict[Form, Form] = {"chat": "messages", "responses": "messages", "messages": "chat"}
SAMPLING = "2023-06-01"


def translated(client: Form, provider: Form, body: Document, **settings: Any) -> Document:
    found: Document = json.loads(Translation(client, provider, **settings).request(json.dumps(body).encode(), "m"))
    return found


def said(*messages: Document) -> Document:
    return {"model": "agent", "messages": list(messages)}


def user(text: str = "hi") -> Document:
    return {"role": "user", "content": text}
