"""What the real SDKs make of what the translation makes: of each ordered pair of dialects, requests, answers, streams and errors."""

import json
from typing import Any

import pytest

from outrider.sidecar.llm.translation.chat import wire as chat
from outrider.sidecar.llm.translation.messages import wire as messages
from outrider.sidecar.llm.translation.responses import wire as responses
from outrider.sidecar.llm.translation.translate import Form, Translation
from tests.sidecar.llm.translation.answers import CALLS, REASONS, SAID, USAGE, answer, event, stream
from tests.sidecar.llm.translation.samples import FORMS, PAIRS, REQUESTS
from tests.sidecar.llm.translation.sdk import Sdk

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
WIRES: dict[Form, Any] = {"chat": chat, "responses": responses, "messages": messages}
pairs = pytest.mark.parametrize(("client", "provider"), PAIRS)


def asked(client: Form, provider: Form, **more: Any) -> Translation:
    translation = Translation(client, provider, created=5)
    translation.request(json.dumps({**REQUESTS[client], **more}).encode(), "m")
    return translation


def check(found: dict[str, Any], client: Form, reason: str) -> None:
    """Compare what a program has read off an answer."""
    assert (found["id"], found["model"], found["text"]) == ("id", "m", SAID)
    calls = [[call_id, name, json.loads(text)] for call_id, name, text in found["calls"]]
    wanted = CALLS if reason == "calls" else []
    assert calls == [[call_id, name, json.loads(text)] for call_id, name, text in wanted]
    assert found["reason"] == REASONS[client][reason]


def check_usage(found: Any, wanted: dict[str, Any]) -> None:
    for key, value in wanted.items():
        if isinstance(value, dict):
            check_usage(found[key], value)
        else:
            assert found[key] == value, key


@pytest.mark.parametrize("form", FORMS)
def test_every_key_of_a_request_is_known(sdk: Sdk, form: Form) -> None:
    wire = WIRES[form]
    ways = [set(wire.Request.__struct_fields__), set(wire.KEYS.left_out), set(wire.KEYS.refused)]
    assert sdk.keys(form) - set.union(*ways) == set()
    assert sum(map(len, ways)) == len(set.union(*ways)), "each in one way"


@pytest.mark.parametrize("form", FORMS)
def test_the_requests_of_these_tests_are_such_as_clients_send(sdk: Sdk, form: Form) -> None:
    sampling = ("temperature", "top_p") if form == "messages" else ()
    sdk.check_request(form, json.dumps({k: v for k, v in REQUESTS[form].items() if k not in sampling}).encode())


@pairs
@pytest.mark.parametrize("streams", [False, True])
def test_requests(sdk: Sdk, client: Form, provider: Form, streams: bool) -> None:
    body = json.dumps({**REQUESTS[client], "stream": streams}).encode()
    sdk.check_request(provider, Translation(client, provider).request(body, "m"))


@pairs
@pytest.mark.parametrize("reason", ["stop", "length", "calls", "refused"])
def test_answers(sdk: Sdk, client: Form, provider: Form, reason: str) -> None:
    body = asked(client, provider).answer(json.dumps(answer(provider, reason)).encode())
    found = sdk.read(client, body)
    check(found, client, reason)
    check_usage(found["usage"], USAGE[client])


@pairs
@pytest.mark.parametrize("reason", ["stop", "length", "calls", "refused"])
def test_streams(sdk: Sdk, client: Form, provider: Form, reason: str) -> None:
    translated = asked(client, provider, stream=True).stream()
    body = translated.feed(stream(provider, reason)) + translated.end()
    assert (translated.whole, translated.problem) == (True, "")
    found = sdk.read_stream(client, body)
    check(found, client, reason)
    if client != "chat":
        told = {key: value for key, value in USAGE[client].items() if client == "responses" or "details" not in key}
        check_usage(found["usage"], told)


@pytest.mark.parametrize("provider", ["responses", "messages"])
def test_chat_tells_the_usage_of_a_stream_when_asked(sdk: Sdk, provider: Form) -> None:
    translated = asked("chat", provider, stream=True, stream_options={"include_usage": True}).stream()
    body = translated.feed(stream(provider))
    assert body.endswith(b"data: [DONE]\n\n")
    check_usage(sdk.read_stream("chat", body)["usage"], USAGE["chat"])
    assert b'"choices":[]' not in asked("chat", provider, stream=True).stream().feed(stream(provider))


@pairs
def test_a_stream_that_is_cut_is_an_error_for_the_sdk(sdk: Sdk, client: Form, provider: Form) -> None:
    body = stream(provider)
    translated = asked(client, provider, stream=True).stream()
    half = translated.feed(body[: len(body) // 2])
    found = sdk.read_stream(client, half + translated.end())
    assert "ended before its answer was whole" in found["message"]
    assert found["kinds"], "some of it came before"
    assert not translated.whole
    assert translated.problem


FAULTS: dict[Form, dict[str, Any]] = {
    "chat": {"error": {"message": "too much to do", "type": "server_error", "code": None}},
    "responses": {"type": "error", "code": "server_error", "message": "too much to do", "param": None},
    "messages": {"type": "error", "error": {"type": "overloaded_error", "message": "too much to do"}},
}


@pairs
def test_an_error_in_a_stream_reaches_the_sdk(sdk: Sdk, client: Form, provider: Form) -> None:
    translated = asked(client, provider, stream=True).stream()
    body = translated.feed(event(FAULTS[provider])) + translated.feed(stream(provider)) + translated.end()
    found = sdk.read_stream(client, body)
    assert "too much to do" in found["message"]
    assert found["kinds"] == []


@pairs
@pytest.mark.parametrize(("status", "name"), [(400, "BadRequestError"), (429, "RateLimitError"), (401, "AuthenticationError")])  # fmt: skip
def test_errors_keep_status_and_message(sdk: Sdk, client: Form, provider: Form, status: int, name: str) -> None:
    body = Translation(client, provider).error(status, json.dumps(FAULTS[provider]).encode())
    found = sdk.read(client, body, status)
    assert (found["error"], found["status"]) == (name, status)
    assert "too much to do" in found["message"]
