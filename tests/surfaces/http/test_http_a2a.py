"""A2A over HTTP where no platform runs: who may come in, and what every caller is told."""

from typing import Any

import pytest

from tests.surfaces.http.serving import Answer, Served

pytestmark = pytest.mark.real
CARD = "/a2a/triage/.well-known/agent-card.json"
SEND = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]}}


def post(served: Served, body: Any, **more: Any) -> Answer:
    return served.ask("POST", "/a2a/triage", body, **more)


def test_nobody_comes_in_without_the_token(served: Served) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": SEND}
    for token in ("", "other"):
        answer = post(served, body, token=token)
        assert (answer.status, answer.code) == (401, "UNAUTHENTICATED")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert post(served, body, headers={"origin": "https://other.internal"}).status == 403
    assert served.ask("GET", CARD, headers={"host": "other.internal"}).status == 403


def test_a_platform_that_is_not_running(served: Served) -> None:
    card = served.ask("GET", CARD, token="")
    assert (card.status, card.code) == (503, "UNAVAILABLE"), "a card needs no token"
    for method in ("SendMessage", "SendStreamingMessage", "message/send", "message/stream"):
        answer = post(served, {"jsonrpc": "2.0", "id": 7, "method": method, "params": SEND})
        assert (answer.status, answer.json["id"], answer.json["error"]["code"]) == (200, 7, -32603)
        assert "is not running" in answer.json["error"]["message"]
        assert "outrider up" in answer.json["error"]["data"][0]["metadata"]["remedy"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        ([], -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "Nothing"}, -32601),
        ({"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {}}, -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "../objects"}}, -32001),
        ({"jsonrpc": "2.0", "id": 1, "method": "ListTasks"}, -32004),
        ({"jsonrpc": "2.0", "id": 1, "method": "GetExtendedAgentCard"}, -32004),
        ({"jsonrpc": "2.0", "id": 1, "method": "CreateTaskPushNotificationConfig"}, -32003),
        ({"jsonrpc": "2.0", "id": 1, "method": "tasks/pushNotificationConfig/list"}, -32003),
        (b'{"a": "' + b"x" * (9 * 1024 * 1024) + b'"}', -32600),
    ],
)
def test_errors_of_the_protocol(served: Served, body: Any, code: int) -> None:
    answer = post(served, body)
    assert (answer.status, answer.json["error"]["code"]) == (200, code)


def test_names_that_no_agent_has(served: Served) -> None:
    for name in ("Triage", "a%2Fb", "a%0A", "x" * 200):
        assert served.ask("GET", f"/a2a/{name}/.well-known/agent-card.json").status == 404
        call = served.ask("POST", f"/a2a/{name}", {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": SEND})
        assert call.status == 404 or call.json["error"]["code"] == -32602
    assert served.ask("GET", "/a2a/triage").status == 405
