"""Answers and errors: what else than the SDKs can be asked about them."""

import json
from typing import Any

import pytest

from outrider.core.errors import ExecutionFailedError
from outrider.sidecar.llm.translation.translate import Form, Translation
from tests.sidecar.llm.translation.answers import answer
from tests.sidecar.llm.translation.samples import FORMS, PAIRS, REQUESTS, Document


def translated(client: Form, provider: Form, document: Any) -> Document:
    found: Document = json.loads(Translation(client, provider).answer(json.dumps(document).encode()))
    return found


@pytest.mark.parametrize("arguments", ["{,", "[1]", '"x"', "{} {}"])
def test_arguments_that_are_no_object(arguments: str) -> None:
    calls = [["call_1", "weather", arguments]]
    with pytest.raises(ExecutionFailedError, match="the arguments for weather are no JSON object"):
        translated("messages", "chat", answer("chat", calls=calls))
    [call] = translated("responses", "chat", answer("chat", said="", calls=calls))["output"]
    assert call["arguments"] == arguments, "text stays as it is"


@pytest.mark.parametrize("provider", ["chat", "responses"])
def test_a_call_without_arguments(provider: Form) -> None:
    document = answer(provider, said="", calls=[["call_1", "now", ""]])
    [block] = translated("messages", provider, document)["content"]
    assert block["input"] == {}


def test_an_answer_that_calls_tools_says_so() -> None:
    document = answer("chat", "stop", calls=[["call_1", "now", "{}"]])
    assert translated("messages", "chat", document)["stop_reason"] == "tool_use"


def test_a_refusal_is_one_whatever_the_provider_calls_it() -> None:
    document = answer("chat", "stop", said="")
    document["choices"][0]["message"]["refusal"] = "No."
    found = translated("messages", "chat", document)
    assert (found["content"], found["stop_reason"]) == ([{"type": "text", "text": "No."}], "refusal")
    document = answer("responses", "stop")
    document["output"][1]["content"] = [{"type": "refusal", "refusal": "No."}]
    found = translated("chat", "responses", document)["choices"][0]
    assert (found["message"]["content"], found["finish_reason"]) == ("No.", "content_filter")


def test_reasons_that_only_one_dialect_knows() -> None:
    for word, wanted in (("stop_sequence", "stop"), ("model_context_window_exceeded", "length")):
        found = translated("chat", "messages", {**answer("messages"), "stop_reason": word})
        assert found["choices"][0]["finish_reason"] == wanted
    with pytest.raises(ExecutionFailedError, match="pause_turn"):
        translated("chat", "messages", {**answer("messages"), "stop_reason": "pause_turn"})


def test_an_answer_without_usage() -> None:
    document = answer("chat", "stop")
    del document["usage"]
    assert translated("responses", "chat", document)["usage"] is None
    assert translated("messages", "chat", document)["usage"]["output_tokens"] == 0
    assert "usage" not in translated("chat", "messages", {**answer("messages"), "usage": None})


def test_responses_tell_again_what_was_asked() -> None:
    translation = Translation("responses", "chat", created=7)
    translation.request(json.dumps(REQUESTS["responses"]).encode(), "m")
    found = json.loads(translation.answer(json.dumps(answer("chat")).encode()))
    asked = REQUESTS["responses"]
    assert {key: found[key] for key in ("tools", "tool_choice", "instructions", "text", "parallel_tool_calls")} == {
        key: asked[key] for key in ("tools", "tool_choice", "instructions", "text", "parallel_tool_calls")
    }
    assert (found["created_at"], found["store"]) == (7, False)


BROKEN: list[tuple[Form, Any, str]] = [
    ("chat", {"choices": []}, "no choices"),
    ("chat", [], "Expected"),
    ("responses", {**answer("responses"), "status": "failed", "error": {"message": "out of luck"}}, "out of luck"),
    ("responses", {**answer("responses"), "status": "cancelled"}, "cancelled"),
    ("responses", {**answer("responses"), "output": [{"type": "web_search_call"}]}, "web_search_call"),
    ("messages", {**answer("messages"), "content": [{"type": "server_tool_use"}]}, "server_tool_use"),
    ("messages", {**answer("messages"), "content": 3}, "content"),
]


@pytest.mark.parametrize(("provider", "document", "why"), BROKEN)
def test_an_answer_that_cannot_be_read(provider: Form, document: Any, why: str) -> None:
    for client in FORMS:
        if client != provider:
            with pytest.raises(ExecutionFailedError, match=why):
                translated(client, provider, document)


def test_what_is_no_json() -> None:
    with pytest.raises(ExecutionFailedError):
        Translation("chat", "messages").answer(b"<html>")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":"no"}', "no"),
        (b'{"message":"no"}', "no"),
        (b'{"detail":"no"}', "no"),
        (b'"no"', "no"),
        (b"<html>Bad Gateway</html>", "<html>Bad Gateway</html>"),
        (b"\xff", "\ufffd"),
        (b"", "the provider answered with status 503"),
        (b'{"error":{"message":3}}', "the provider answered with status 503"),
        (b"[]", "the provider answered with status 503"),
    ],
)
def test_errors_of_any_shape(body: bytes, message: str) -> None:
    for client, provider in PAIRS:
        found = json.loads(Translation(client, provider).error(503, body))
        assert found["error"]["message"] == message
    assert json.loads(Translation("messages", "chat").error(503, b""))["error"]["type"] == "overloaded_error"
