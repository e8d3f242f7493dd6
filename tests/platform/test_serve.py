"""A running platform, seen through `outrider serve`."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.platform.harness import Platform, eventually, running
from tests.platform.hook import Hook, finished

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


class Served:
    def __init__(self, address: str, token: str) -> None:
        self._address = address
        self._token = token

    def ask(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> tuple[int, Any]:
        fields = {"Authorization": f"Bearer {self._token}", "Content-Type": content_type}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._address}{path}", data, fields, method=method)
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def get(self, path: str) -> Any:
        status, answer = self.ask("GET", path)
        assert status == 200, answer
        return answer


@pytest.fixture
def served(hook: Hook) -> Iterator[Served]:
    hook.declare()
    command = [sys.executable, "-m", "outrider", "serve", "--listen", "127.0.0.1:0"]
    environment = hook.platform.environment
    with running(hook.platform):
        process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=environment, cwd=hook.platform.folder.parent
        )
        with process:
            try:
                assert process.stderr is not None
                line = process.stderr.readline()
                assert line.startswith("serving "), line + process.stderr.read()
                token = hook.platform.folder.parent / "state" / "outrider" / "serve" / "token"
                yield Served(line.split()[1], token.read_text())
            finally:
                process.terminate()


def test_an_event_is_sent_and_its_run_is_seen(hook: Hook, served: Served) -> None:
    body = {"source": "ears/hook", "data": {"state": "down"}, "id": "E1"}
    status, answer = served.ask("POST", "/v1/events", body)
    assert (status, answer["outcomes"][0]["outcome"]) == (200, "accepted")
    eventually(lambda: finished(hook.platform, 1), what="the run")
    (run,) = served.get("/v1/runs?limit=5&state=completed")
    assert served.get(f"/v1/runs/{run['id']}")["run"]["id"] == run["id"]
    assert served.get("/v1/runs?rule=nothing") == []
    assert served.get("/v1/events?source=ears/hook")[0]["event"]["id"] == "E1"
    assert served.get("/v1/timeline?after=0")["entries"]
    assert len(hook.executed()) == 1


def test_cloudevents_are_passed_on_as_they_are(served: Served) -> None:
    event = {"specversion": "1.0", "id": "C1", "type": "sent", "source": "ears/hook", "data": {"state": "down"}}
    status, answer = served.ask("POST", "/v1/events", [event], "application/cloudevents-batch+json")
    assert (status, answer["outcomes"][0]["outcome"]) == (200, "accepted")


def test_the_platform_is_seen_and_told(hook: Hook, served: Served) -> None:
    assert {agent["name"] for agent in served.get("/v1/status")["agents"]} == {
        agent["name"] for agent in served.get("/v1/agents")
    }
    assert served.get("/v1/audit/heads")["heads"]
    assert served.get("/v1/approvals?all=true") == []
    policy = {
        "apiVersion": "outrider.dev/v1alpha1", "kind": "Policy", "metadata": {"name": "p"},
        "spec": {"principals": ["user:x"], "operations": ["*"], "effect": "deny"},
    }  # fmt: skip
    assert served.ask("POST", "/v1/objects", {"objects": [policy]}) == (200, {"changes": ["Policy/p created"]})
    assert [row["name"] for row in served.get("/v1/objects?kind=Policy")] == ["p"]
    assert served.ask("DELETE", "/v1/objects/Policy/p")[0] == 200


def test_faults_of_the_platform_come_through(served: Served) -> None:
    for method, path, body, expected in (
        ("GET", "/v1/runs/ABCDEF", None, (404, "NOT_FOUND")),
        ("POST", "/v1/events", {"source": 5}, (400, "INVALID_CONFIG")),
        ("POST", "/v1/approvals/ABCDEF", {"decision": "maybe"}, (400, "INVALID_CONFIG")),
        ("GET", "/v1/events?limit=many", None, (400, "INVALID_CONFIG")),
    ):
        status, answer = served.ask(method, path, body)
        assert (status, answer["error"]["code"]) == expected, (path, answer)
        assert answer["error"]["message"]


def test_a_platform_that_was_started_anew_is_found_again(hook: Hook, served: Served) -> None:
    platform: Platform = hook.platform
    before = served.get("/v1/status")["agents"]
    assert platform.command("down").returncode == 0
    status, answer = served.ask("GET", "/v1/status")
    assert (status, answer["error"]["code"]) in ((503, "UNAVAILABLE"), (502, "CONNECTION_FAILED"))
    with running(platform):
        assert len(served.get("/v1/status")["agents"]) == len(before)
