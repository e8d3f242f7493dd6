"""Requests that are refused, and how."""

import pytest

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.sidecar.llm.translation.translate import Form, Translation
from tests.sidecar.llm.translation.samples import (
    CALLED,
    EMPTY,
    KEYS,
    OTHER,
    PAIRS,
    REQUESTS,
    Document,
    said,
    translated,
    user,
)


@pytest.mark.parametrize(("form", "key"), [(form, key) for form, keys in KEYS.items() for key in keys.refused])
def test_what_has_no_translation_is_refused_by_its_name(form: Form, key: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        translated(form, OTHER[form], {**REQUESTS[form], key: "x"})
    assert (caught.value.path, caught.value.found) == (key, "x")
    assert caught.value.hint
    for harmless in (None, *KEYS[form].refused[key].harmless):
        translated(form, OTHER[form], {**REQUESTS[form], key: harmless})


REFUSED: list[tuple[Form, Document, str]] = [
    ("chat", {"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
    ("chat", {"tool_choice": {"type": "custom", "custom": {"name": "x"}}}, "tool_choice.type"),
    ("chat", {"reasoning_effort": "boundless"}, "reasoning_effort"),
    ("chat", {"response_format": {"type": "grammar"}}, "response_format.type"),
    ("chat", {"response_format": {"type": "json_object"}}, "response_format"),
    ("chat", {"new_key": 1}, "new_key"),
    ("chat", said({"role": "function", "name": "f", "content": "x"}), "messages[0].role"),
    ("chat", said({**user(), "name": "a"}, {**user(), "name": "b"}), "messages[1].name"),
    ("chat", said({**user(), "content": [{"type": "input_audio"}]}), "messages[0].content[0].type"),
    ("chat", said({**user(), "content": [{"type": "file", "file": {"file_id": "f"}}]}), "messages[0].content[0].file.file_id"),
    ("chat", said({**user(), "content": [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]}), "messages[0].content[0].image_url.url"),
    ("chat", said(user(), {"role": "assistant", "audio": {"id": "a"}}), "messages[1].audio"),
    ("chat", said(user(), {"role": "assistant", "content": "so"}), "messages"),
    ("chat", said({"role": "system", "content": "x"}), "messages"),
    ("chat", said({"role": "assistant", "tool_calls": [{**CALLED, "function": {"name": "f", "arguments": "{,"}}]}, user()), "arguments of the call c of f"),
    ("chat", said({"role": "assistant", "tool_calls": [{**CALLED, "function": {"name": "f", "arguments": "[]"}}]}, user()), "arguments of the call c of f"),
    ("responses", {"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ("responses", {"tools": [{"type": "function", "name": "f", "parameters": EMPTY, "defer_loading": True}]}, "tools[0].defer_loading"),
    ("responses", {"tools": [{"type": "function", "name": "f", "parameters": EMPTY, "async": True}]}, "tools[0].async"),
    ("responses", {"include": ["message.output_text.logprobs"]}, "include[0]"),
    ("responses", {"reasoning": {"mode": "pro"}}, "reasoning.mode"),
    ("responses", {"input": [{"type": "item_reference", "id": "i"}]}, "input[0].type"),
    ("responses", {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f", "detail": "low"}]}]}, "input[0].content[0].file_id"),
    ("responses", {"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "", "namespace": "n"}]}, "input[0].namespace"),
    ("messages", {"tools": [{"type": "web_search_20260318", "name": "web_search"}]}, "tools[0].type"),
    ("messages", {"tools": [{"name": "f", "input_schema": EMPTY, "input_examples": [{}]}]}, "tools[0].input_examples"),
    ("messages", {"tools": [{"name": "f", "input_schema": EMPTY, "allowed_callers": ["code_execution_20260521"]}]}, "tools[0].allowed_callers[0]"),
    ("messages", {"mcp_servers": []}, "mcp_servers"),
    ("messages", said({"role": "assistant", "content": [{"type": "image", "source": {"type": "url", "url": "https://a"}}]}, user()), "messages[0].content"),
    ("responses", {"input": [{"role": "assistant", "content": [{"type": "input_image", "image_url": "https://a", "detail": "low"}]}]}, "input[0].content"),
    ("messages", said(user(), {"role": "assistant", "content": "It is"}), "messages[1]"),
    ("messages", said({"role": "user", "content": [{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}]}), "messages[0].content[0].source.type"),
    ("messages", said({"role": "user", "content": [{"type": "document", "source": {"type": "url", "url": "https://a.example/b.pdf"}}]}), "document.source.url"),
    ("messages", said({"role": "user", "content": [{"type": "document", "citations": {"enabled": True}, "source": {"type": "url", "url": "https://a"}}]}), "messages[0].content[0].citations"),
    ("messages", said({"role": "user", "content": [{"type": "server_tool_use", "id": "s", "name": "n", "input": {}}]}), "messages[0].content[0].type"),
    ("messages", said({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": {"type": "url", "url": "https://a"}}]}]}), "result of t"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "more", "path"), REFUSED)
def test_what_lies_deeper_is_refused_by_its_place(form: Form, more: Document, path: str) -> None:
    base = {"model": "a", "input" if form == "responses" else "messages": [user()]}
    with pytest.raises(UnsupportedError) as caught:
        translated(form, OTHER[form], {**base, **more})
    assert caught.value.path == path
    assert caught.value.found
    assert caught.value.hint


def test_responses_know_no_stop_sequences() -> None:
    with pytest.raises(UnsupportedError, match="stop"):
        translated("chat", "responses", {**said(user()), "stop": "END"})
    assert translated("chat", "messages", {**said(user()), "stop": "END"})["stop_sequences"] == ["END"]


@pytest.mark.parametrize(
    ("more", "path"),
    [({"messages": 3}, "messages"), ({"max_tokens": "many"}, "max_tokens"), ({"messages": [{"role": "user"}]}, "messages[0]")],
)  # fmt: skip
def test_what_is_wrong_is_named(more: Document, path: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        translated("chat", "messages", {**said(user()), **more})
    assert caught.value.path == path


@pytest.mark.parametrize("body", [b"", b"[]", b"3", b"null", b'"x"', b"{", b'{"a":"\xff"}', b"[" * 5000])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    for client, provider in PAIRS:
        with pytest.raises(InvalidConfigError):
            Translation(client, provider).request(body, "m")
