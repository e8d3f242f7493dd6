"""Requests: what is translated, what is left out, and what is refused and how."""

import json

import pytest

from outrider.sidecar.llm.translation.neutral import Conversation, Text, ToolCall, ToolResult
from outrider.sidecar.llm.translation.translate import Form, Translation
from tests.sidecar.llm.translation.samples import (
    CALLED,
    EMPTY,
    KEYS,
    OTHER,
    PAIRS,
    READ,
    REQUESTS,
    SAMPLING,
    VERDICT,
    Document,
    said,
    translated,
    user,
)


def neutral(form: Form) -> Conversation:
    found: Conversation = READ[form](REQUESTS[form])
    return found


def test_all_dialects_say_the_same() -> None:
    assert neutral("responses") == neutral("chat")
    assert neutral("chat").format is not None
    found = neutral("messages")
    assert found.format is not None
    found.format.name = "answer"
    assert found == neutral("chat")


@pytest.mark.parametrize(("client", "provider"), PAIRS)
def test_what_the_provider_gets_says_what_the_client_said(client: Form, provider: Form) -> None:
    body = translated(client, provider, REQUESTS[client], anthropic_version=SAMPLING)
    found: Conversation = READ[provider](body)
    wanted = neutral(client)
    assert body["model"] == "m"
    for conversation in (found, wanted):
        assert conversation.format is not None
        conversation.format.name = ""
        for tool in conversation.tools:
            tool.strict = tool.strict or None
    assert found == wanted


@pytest.mark.parametrize("form", KEYS)
def test_what_only_tunes_is_left_out(form: Form) -> None:
    more = dict.fromkeys(KEYS[form].left_out, "x")
    assert translated(form, OTHER[form], {**REQUESTS[form], **more}) == translated(form, OTHER[form], REQUESTS[form])


def test_anthropic_is_told_how_long_an_answer_may_be() -> None:
    assert translated("chat", "messages", said(user()))["max_tokens"] == 4096
    assert translated("chat", "messages", said(user()), max_tokens=9)["max_tokens"] == 9
    assert translated("chat", "messages", {**said(user()), "max_tokens": 7}, max_tokens=9)["max_tokens"] == 7
    assert "max_completion_tokens" not in translated("responses", "chat", {"input": "hi"})


def test_how_tokens_are_chosen_is_told_to_the_older_version_only() -> None:
    body = {**said(user()), "temperature": 0, "top_p": 0.5}
    assert {"temperature", "top_p"} & set(translated("chat", "messages", body)) == set()
    old = Translation("chat", "messages", anthropic_version=SAMPLING)
    assert json.loads(old.request(json.dumps(body).encode(), "m"))["temperature"] == 0
    assert old.fields() == [(b"anthropic-version", SAMPLING.encode())]
    assert Translation("chat", "messages").fields() == [(b"anthropic-version", b"2026-10-21")]
    assert Translation("messages", "chat").fields() == []
    assert [Translation("chat", form).path() for form in ("responses", "messages")] == [b"/responses", b"/v1/messages"]


def test_turns_of_one_side_become_one_and_results_stand_first() -> None:
    calls = {"role": "assistant", "content": "", "tool_calls": [{**CALLED, "id": "functions.f:0"}]}
    body = said(user("a"), user("b"), calls, {"role": "assistant", "content": "wait"}, {"role": "tool", "tool_call_id": "functions.f:0", "content": ""}, user("c"))  # fmt: skip
    found = translated("chat", "messages", body)["messages"]
    assert [message["role"] for message in found] == ["user", "assistant", "user"]
    assert [block["text"] for block in found[0]["content"]] == ["a", "b"]
    assert found[1]["content"] == [
        {"type": "tool_use", "id": "functions_f_0", "name": "f", "input": {}},
        {"type": "text", "text": "wait"},
    ]
    assert found[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "functions_f_0"},
        {"type": "text", "text": "c"},
    ]


def test_what_the_system_says_later_on() -> None:
    later = {"role": "developer", "content": [{"type": "text", "text": "In French."}]}
    body = said({"role": "system", "content": "Be brief."}, user("a"), later, user("b"))
    found = translated("chat", "messages", body)
    assert found["system"] == "Be brief.\n\nIn French."
    assert [block["text"] for block in found["messages"][0]["content"]] == ["a", "b"]
    roles = [item["role"] for item in translated("chat", "responses", body)["input"]]
    assert roles == ["system", "user", "system", "user"], "in its place where the dialect has one"
    back = translated("messages", "chat", said(user("a"), {"role": "system", "content": "In French."}, user("b")))
    assert [message["role"] for message in back["messages"]] == ["user", "system", "user"]


def test_a_failed_tool_is_told_in_words_where_there_is_no_flag() -> None:
    failed = {"type": "tool_result", "tool_use_id": "t", "is_error": True, "content": "no such city"}
    body = said({"role": "user", "content": [failed]})
    [message] = translated("messages", "chat", body)["messages"]
    assert "".join(part["text"] for part in message["content"]) == "The tool failed:no such city"
    [item] = translated("messages", "responses", body)["input"]
    assert [part["text"] for part in item["output"]] == ["The tool failed:", "no such city"]


def test_arguments_are_text_for_the_one_and_an_object_for_the_other() -> None:
    body = said(user(), {"role": "assistant", "tool_calls": [{**CALLED, "function": {"name": "f", "arguments": " "}}]}, user())  # fmt: skip
    assert translated("chat", "messages", body)["messages"][1]["content"][0]["input"] == {}
    big = {"type": "tool_use", "id": "t", "name": "f", "input": {"n": 2**70}}
    found = translated("messages", "chat", said({"role": "assistant", "content": [big]}, user()))
    assert found["messages"][0]["tool_calls"][0]["function"]["arguments"] == f'{{"n":{2**70}}}'


def test_messages_that_a_client_sends_back_as_it_got_them() -> None:
    got = {
        "role": "assistant", "content": None, "refusal": None, "annotations": [], "audio": None, "function_call": None,
        "tool_calls": [{**CALLED, "index": 0}], "reasoning_content": "hm",
    }  # fmt: skip
    turns = READ["chat"](said(user(), got, {"role": "assistant", "content": "", "refusal": "No."})).turns
    assert turns[1].parts == [ToolCall("c", "f", "{}"), Text("No.")]


def test_white_space_alone_is_nothing_said_to_anthropic() -> None:
    body = said(user(), {"role": "assistant", "content": "\n\n", "tool_calls": [CALLED]}, user("\t"), user("a"))
    found = translated("chat", "messages", body)["messages"]
    assert [[block["type"] for block in message["content"]] for message in found] == [["text"], ["tool_use"], ["text"]]


def test_what_the_model_refused_before_is_a_text() -> None:
    refusal = {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
    assert READ["chat"](said(user(), refusal)).turns[1].parts == [Text("No.")]
    assert READ["responses"]({"input": [user(), refusal]}).turns[1].parts == [Text("No.")]


def test_a_pdf_by_its_address() -> None:
    source = {"type": "url", "url": "https://example.org/a.pdf"}
    body = said({"role": "user", "content": [{"type": "document", "source": source}]})
    [item] = translated("messages", "responses", body)["input"]
    assert item["content"] == [{"type": "input_file", "file_url": "https://example.org/a.pdf"}]


def test_thinking_is_no_turn_of_its_own() -> None:
    thinking = {"role": "assistant", "content": [{"type": "redacted_thinking", "data": "x"}]}
    [turn] = READ["messages"](said(user("a"), thinking, user("b"))).turns
    assert turn.parts == [Text("a"), Text("b")]


@pytest.mark.parametrize(
    ("choice", "parallel", "wanted"),
    [
        ("required", None, {"type": "any"}),
        ("none", False, {"type": "none"}),
        ("auto", True, {"type": "auto", "disable_parallel_tool_use": False}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (None, None, None),
    ],
)
def test_which_tools_to_call(choice: str | None, parallel: bool | None, wanted: Document | None) -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    body = {**said(user()), "tools": [tool], "tool_choice": choice, "parallel_tool_calls": parallel}
    found = translated("chat", "messages", body)
    assert found.get("tool_choice") == wanted
    assert found["tools"] == [{"name": "f", "input_schema": EMPTY}]


@pytest.mark.parametrize(
    ("effort", "wanted"),
    [
        ("none", {"thinking": {"type": "disabled"}}),
        ("minimal", {"output_config": {"effort": "low"}}),
        ("max", {"output_config": {"effort": "max"}}),
    ],
)
def test_how_much_to_think(effort: str, wanted: Document) -> None:
    found = translated("chat", "messages", {**said(user()), "reasoning_effort": effort})
    assert {key: found.get(key) for key in ("thinking", "output_config") if key in found} == wanted


@pytest.mark.parametrize(("budget", "effort"), [(1024, "low"), (4096, "medium"), (32000, "high")])
def test_a_budget_of_thinking_is_an_effort(budget: int, effort: str) -> None:
    thinking = {"type": "enabled", "budget_tokens": budget}
    assert translated("messages", "chat", {**said(user()), "thinking": thinking})["reasoning_effort"] == effort
    assert READ["messages"]({**said(user()), "thinking": {"type": "disabled"}}).effort == "none"
    assert READ["messages"]({**said(user()), "thinking": {"type": "adaptive"}}).effort is None


def test_json_without_a_schema() -> None:
    body = {**said(user()), "response_format": {"type": "json_object"}}
    assert translated("chat", "responses", body)["text"] == {"format": {"type": "json_object"}}
    found = translated("responses", "chat", {"input": "hi", "text": {"format": {"type": "json_object"}, "verbosity": "low"}})  # fmt: skip
    assert (found["response_format"], found["verbosity"]) == ({"type": "json_object"}, "low")
    plain = {"input": "hi", "text": {"format": {"type": "text"}}}
    assert "response_format" not in translated("responses", "chat", plain)
    schema = {**said(user()), "output_config": {"format": {"type": "json_schema", "schema": VERDICT}}}
    assert translated("messages", "chat", schema)["response_format"]["json_schema"]["strict"] is True


def test_a_stream_of_chat_is_asked_for_its_usage() -> None:
    found = translated("messages", "chat", {**said(user()), "stream": True})
    assert found["stream_options"] == {"include_usage": True}
    assert translated("messages", "responses", said(user()))["store"] is False


def test_results_with_images_where_the_dialect_takes_them() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://a"}}
    body = said({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [image]}]})
    [item] = translated("messages", "responses", body)["input"]
    assert item["output"] == [{"type": "input_image", "detail": "auto", "image_url": "https://a"}]
    [turn] = READ["responses"]({"input": [item]}).turns
    assert isinstance(turn.parts[0], ToolResult)
