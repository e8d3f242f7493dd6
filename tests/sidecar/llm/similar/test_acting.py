"""Which answers do more than to say something."""

import json
from typing import Any

import pytest

from outrider.core.codec import encode
from outrider.sidecar.llm.script import Entry, ToolCall
from outrider.sidecar.llm.scripted import render, usage_of
from outrider.sidecar.llm.similar.acting import acts

SAYS = Entry(say='The "tool_calls" of an API are called by function_call.')
CALLS = Entry(calls=[ToolCall(name="restart", arguments={"service": "web"})])
BOTH = Entry(say="I restart it.", calls=CALLS.calls)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("endpoint", ["chat", "responses", "messages", "generate_content"])
def test_each_dialect(endpoint: str, stream: bool) -> None:
    def told(entry: Entry) -> bool:
        body = render(endpoint, entry, usage_of(5, entry), "c", stream=stream, tell_usage=True)
        return acts(body, stream=stream)

    assert [told(one) for one in (SAYS, CALLS, BOTH)] == [False, True, True]


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"choices": [{"message": {"content": "hi", "tool_calls": [], "function_call": None}}]}, False),
        ({"choices": [{"message": {"content": None, "function_call": {"name": "f", "arguments": "{}"}}}]}, True),
        ({"output": [{"type": "message"}], "tools": [{"type": "function", "name": "f"}], "parallel_tool_calls": True}, False),
        ({"output": [{"type": "web_search_call", "id": "w"}, {"type": "message"}]}, True),
        ({"output": [{"type": "mcp_approval_request"}]}, True),
        ({"content": [{"type": "thinking", "thinking": "call it"}, {"type": "text", "text": "a tool_use"}]}, False),
        ({"content": [{"type": "server_tool_use"}, {"type": "text", "text": "hi"}]}, True),
        ({"candidates": [{"content": {"parts": [{"executableCode": {"code": "1"}}]}}]}, True),
        ([{"candidates": [{"content": {"parts": [{"text": "hi"}]}}]}], False),
    ],
)  # fmt: skip
def test_what_providers_answer(document: Any, found: bool) -> None:
    assert acts(encode(document), stream=False) is found
    assert acts(json.dumps(document, indent=1).encode(), stream=False) is found


@pytest.mark.parametrize(
    ("body", "stream"),
    [
        (b'{"choices":[{"message":{"tool\\u005fcalls":[{"id":"c"}]}}]}', False),
        (b'data: {"type":"response.function_call_arguments.delta"}\r\n\r\n', True),
        (b"data:{\"a\": 'call'\n\n", True),
        (b"{call", False),
        (b"[" * 5000 + b"call", False),
    ],
)
def test_what_is_spelt_otherwise_or_cannot_be_read(body: bytes, stream: bool) -> None:
    assert acts(body, stream=stream)
