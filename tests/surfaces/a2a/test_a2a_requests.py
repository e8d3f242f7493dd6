"""What callers of A2A send, and what becomes of it."""

import json
from typing import Any

import pytest

from outrider.core.a2a.protocol import OLDER_NAMES, A2aError
from outrider.core.errors import ConflictError, ErrorBody, NotFoundError, UnavailableError
from outrider.core.events import CallAnswer
from outrider.surfaces.a2a.requests import read_body, read_call, read_id, read_said
from outrider.surfaces.a2a.tasks import refusal, task_of, updates

TEXT = {"text": "why?"}


def code_of(read: Any, *arguments: Any) -> int:
    with pytest.raises(A2aError) as raised:
        read(*arguments)
    assert raised.value.message
    (info,) = raised.value.body()["data"]
    assert info["reason"].isupper()
    return raised.value.code


def sent(*parts: Any, **more: Any) -> dict[str, Any]:
    return {"message": {"messageId": "m1", "role": "ROLE_USER", "parts": list(parts), **more}}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700), (b"{", -32700), (b"\xff", -32700), (b"[" * 100_000, -32700), (b"[]", -32600), (b"3", -32600), (b'[{"id": 1}]', -32600),
        (b'{"id": true}', -32600), (b'{"id": 1.5}', -32600), (b'{"id": {}}', -32600),
    ],
)  # fmt: skip
def test_bodies_that_are_no_request(body: bytes, code: int) -> None:
    assert code_of(read_body, body) == code


@pytest.mark.parametrize("number", [None, 0, -5, "a", ""])
def test_ids(number: Any) -> None:
    assert read_body(json.dumps({"id": number}).encode())[1] == number


@pytest.mark.parametrize(
    ("message", "version", "code"),
    [
        ({"method": "GetTask"}, "", -32600), ({"jsonrpc": "1.0", "method": "GetTask"}, "", -32600),
        ({"jsonrpc": "2.0"}, "", -32600), ({"jsonrpc": "2.0", "method": 5}, "", -32600),
        ({"jsonrpc": "2.0", "method": "Nothing"}, "", -32601), ({"jsonrpc": "2.0", "method": "tasks/list"}, "0.3", -32601),
        ({"jsonrpc": "2.0", "method": "GetTask", "params": []}, "1.0", -32602),
        ({"jsonrpc": "2.0", "method": "GetTask"}, "2.0", -32009), ({"jsonrpc": "2.0", "method": "GetTask"}, "1.05", -32009),
    ],
)  # fmt: skip
def test_requests_that_are_none(message: Any, version: str, code: int) -> None:
    assert code_of(read_call, message, version) == code


@pytest.mark.parametrize(("new", "old"), OLDER_NAMES.items())
def test_both_names_of_a_method(new: str, old: str) -> None:
    assert read_call({"jsonrpc": "2.0", "method": new}, "1.0.2") == (new, {}, False)
    assert read_call({"jsonrpc": "2.0", "method": old}, "") == (new, {}, True)


@pytest.mark.parametrize(
    ("parts", "given"),
    [
        ([TEXT], {"input": "why?"}),
        ([TEXT, {"text": "now?", "mediaType": "text/plain"}], {"input": "why?\n\nnow?"}),
        ([{"data": {"a": 1.0, "b": [2.0, 2.5, True], "c": 1e300}}], {"a": 1, "b": [2, 2.5, True], "c": 1e300}),
        ([{"data": [1]}], {"input": [1]}),
        ([{"data": {"a": 1}}, TEXT], {"a": 1, "input": "why?"}),
        ([{"text": ""}], {"input": ""}),
    ],
)
def test_what_a_task_is_given(parts: list[Any], given: dict[str, Any]) -> None:
    found = read_said(sent(*parts)).given
    assert found == given
    assert [type(one) for one in found.values()] == [type(one) for one in given.values()]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, -32602), ({"message": "hi"}, -32602), (sent(), -32602), (sent(5), -32602), ({"message": {"messageId": "m"}}, -32602),
        (sent(TEXT, messageId=""), -32602), (sent(TEXT, messageId=5), -32602), (sent(TEXT, contextId=5), -32602),
        (sent(TEXT, contextId="a\n"), -32602), (sent(TEXT, contextId="ä"), -32602), (sent(TEXT, contextId="x" * 257), -32602),
        (sent({"raw": "AAAA"}), -32005), (sent(TEXT, {"url": "https://x/"}), -32005), (sent({}), -32005), (sent({"text": 5}), -32005),
        (sent(TEXT, {"data": {"input": 1}}), -32602), (sent({"data": {"a": 1}}, {"data": {"a": 2}}), -32602),
        ({**sent(TEXT), "configuration": 5}, -32602),
        ({**sent(TEXT), "configuration": {"taskPushNotificationConfig": {"url": "https://x/"}}}, -32003),
    ],
)  # fmt: skip
def test_messages_that_are_not_taken(params: Any, code: int) -> None:
    assert code_of(read_said, params) == code


def test_the_same_message_has_the_same_key() -> None:
    keys = [read_said(sent(TEXT, **more)).key for more in ({}, {}, {"messageId": "m2"}, {"contextId": "c"})]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert all(len(key) < 80 for key in keys)


@pytest.mark.parametrize("params", [{}, {"id": ""}, {"id": 5}])
def test_a_task_must_be_named(params: Any) -> None:
    assert code_of(read_id, params) == -32602


def ended(state: str, code: str = "") -> CallAnswer:
    error = ErrorBody(code=code, message="no", suggestions=["do it"]) if code else None
    return CallAnswer(
        run="R", state=state, error=error, session="C", result={} if code else {"result": "ok", "calls": 2}
    )


@pytest.mark.parametrize(
    ("answer", "state", "text"),
    [
        (CallAnswer(run="R"), "WORKING", None), (CallAnswer(run="R", waits="waits for an approval"), "WORKING", "waits for an approval"),
        (ended("completed"), "COMPLETED", None), (ended("failed", "TIMEOUT"), "FAILED", "no\ndo it"), (ended("failed", "DENIED"), "REJECTED", "no\ndo it"),
        (ended("cancelled", "CANCELLED"), "CANCELED", "no\ndo it"), (ended("unknown", "OUTCOME_UNKNOWN"), "FAILED", "no\ndo it"),
    ],
)  # fmt: skip
def test_how_far_a_task_is(answer: CallAnswer, state: str, text: str | None) -> None:
    task = task_of(answer)
    assert task["status"]["state"] == f"TASK_STATE_{state}"
    assert task["status"].get("message", {"parts": [{"text": None}]})["parts"] == [{"text": text}]
    assert task["contextId"] == (answer.session or "R")
    assert ("artifacts" in task) is (answer.state == "completed")


def test_a_result_is_text_or_data() -> None:
    def parts(result: Any) -> Any:
        found = task_of(CallAnswer(run="R", state="completed", result={"result": result, "calls": 1}))
        assert found["metadata"] == {"calls": 1}
        return [part for artifact in found.get("artifacts", []) for part in artifact["parts"]]

    assert parts("a") == [{"text": "a"}]
    assert parts({"a": 1}) == [{"data": {"a": 1}}]
    assert parts([1]) == [{"data": [1]}]
    assert parts(0) == [{"data": 0}]
    assert parts(None) == []


def test_what_a_stream_says() -> None:
    running, waits = CallAnswer(run="R"), CallAnswer(run="R", waits="its turn")
    assert updates(running, running) == []
    assert [list(one) for one in updates(running, waits)] == [["statusUpdate"]]
    assert [list(one) for one in updates(waits, ended("completed"))] == [["artifactUpdate"], ["statusUpdate"]]
    assert [list(one) for one in updates(waits, ended("failed", "TIMEOUT"))] == [["statusUpdate"]]


def test_what_the_platform_refuses() -> None:
    assert [refusal(error).code for error in (NotFoundError("x"), ConflictError("x"), UnavailableError("x"))] == [
        -32001,
        -32602,
        -32603,
    ]
    body = refusal(UnavailableError("away", found="there", suggestions=["start it"])).body()
    assert body["message"] == "away"
    assert body["data"][0]["metadata"] == {"code": "UNAVAILABLE", "found": "there", "remedy": "start it"}
