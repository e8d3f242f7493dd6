"""Between the versions of A2A: what is turned into 0.3 and back is the same again."""

from typing import Any

import pytest

from outrider.core.a2a.older import (
    newer_message,
    newer_params,
    newer_result,
    newer_task,
    older_event,
    older_message,
    older_params,
    older_task,
)
from outrider.core.a2a.protocol import STATES, WORKING, full_state, short_state

MESSAGE: dict[str, Any] = {
    "messageId": "m",
    "role": "ROLE_USER",
    "contextId": "c",
    "parts": [{"text": "a"}, {"data": {"b": 1}}],
}
TASK: dict[str, Any] = {
    "id": "t", "contextId": "c", "status": {"state": "TASK_STATE_INPUT_REQUIRED", "message": {**MESSAGE, "role": "ROLE_AGENT"}},
    "artifacts": [{"artifactId": "r", "parts": [{"text": "x"}]}],
}  # fmt: skip


def known(value: Any) -> Any:
    """Return a value without what only 0.3 says."""
    if isinstance(value, dict):
        return {
            key: known(one) for key, one in value.items() if key not in ("kind", "blocking", "pushNotificationConfig")
        }
    return [known(one) for one in value] if isinstance(value, list) else value


def test_there_and_back() -> None:
    assert known(newer_message(older_message(MESSAGE))) == MESSAGE
    assert known(newer_task(older_task(TASK))) == TASK
    params = {"message": MESSAGE, "configuration": {"returnImmediately": True}}
    assert known(newer_params(older_params(params))) == params
    assert known(newer_result(older_task(TASK))) == {"task": TASK}
    assert known(newer_result(older_message(MESSAGE))) == {"message": MESSAGE}


@pytest.mark.parametrize("state", sorted(STATES))
def test_states(state: str) -> None:
    assert full_state(short_state(state)) == state
    assert full_state(state) == state


@pytest.mark.parametrize("state", ["", "unknown", "TASK_STATE_NEW", None, 3, []])
def test_a_state_that_is_not_known_is_no_end(state: object) -> None:
    assert full_state(state) == WORKING


def test_events() -> None:
    ids = {"taskId": "t", "contextId": "c"}
    working = older_event({"statusUpdate": {**ids, "status": {"state": "TASK_STATE_WORKING"}}})
    assert working == {**ids, "kind": "status-update", "status": {"state": "working"}, "final": False}
    assert older_event({"statusUpdate": {**ids, "status": {"state": "TASK_STATE_FAILED"}}})["final"]
    artifact = older_event({"artifactUpdate": {**ids, "artifact": {"artifactId": "r", "parts": [{"data": [1]}]}}})
    assert artifact["kind"] == "artifact-update"
    assert artifact["artifact"]["parts"] == [{"kind": "data", "data": {"value": [1]}}], "data is an object in 0.3"
    assert older_event({"task": TASK})["kind"] == "task"


def test_whether_to_wait() -> None:
    def immediately(**configuration: Any) -> Any:
        return newer_params({"configuration": configuration})["configuration"].get("returnImmediately")

    assert [immediately(blocking=True), immediately(blocking=False), immediately()] == [False, True, None]
    assert older_params({"configuration": {}})["configuration"] == {"blocking": True}


def test_files() -> None:
    parts = [
        {"kind": "file", "file": {"bytes": "AA", "name": "a", "mimeType": "image/png"}},
        {"kind": "file", "file": {"uri": "https://x"}}, {"kind": "other", "x": 1}, 5, {"text": "as 1.0 has it"},
    ]  # fmt: skip
    assert newer_message({"parts": parts})["parts"] == [
        {"raw": "AA", "filename": "a", "mediaType": "image/png"}, {"url": "https://x"}, {}, 5, {"text": "as 1.0 has it"},
    ]  # fmt: skip


@pytest.mark.parametrize("wrong", [{"message": 5}, {"message": {"parts": "x", "role": []}}, {"configuration": [1]}, {}])
def test_what_is_of_the_wrong_form_stays(wrong: dict[str, Any]) -> None:
    assert known(newer_params(wrong)) == wrong


@pytest.mark.parametrize("wrong", [{"status": 5}, {"artifacts": [5, {"parts": 3}]}, {"history": {}}])
def test_a_task_of_the_wrong_form_stays(wrong: dict[str, Any]) -> None:
    assert newer_task(wrong) == wrong
