"""Agents of a platform, called by the official A2A SDK through `outrider serve`."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.local.agents.support import GATEWAY
from tests.peers.a2a_peer import ask
from tests.platform.harness import eventually, running
from tests.platform.hook import Hook
from tests.sidecar.process import started
from tests.sidecar.tools.test_real_servers import ask as post

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
PROGRAM = (
    GATEWAY
    + """
task = json.load(sys.stdin)
given = {name: task[name] for name in task if name != "event"}
text = given.get("input")
if text == "fail":
    sys.exit(4)
if text == "sleep":
    time.sleep(60)
if text == "silent":
    sys.exit(0)
if text == "model":
    said = post("/v1/chat/completions", {"model": "default", "messages": [{"role": "user", "content": "down"}]})
    print(json.dumps(said["choices"][0]["message"]["content"]))
    sys.exit(0)
written = tool("host_file_write", given["write"]) if "write" in given else None
print(json.dumps({"given": given, "session": os.environ.get("OUTRIDER_SESSION"), "written": written}))
"""
)


class Agent:
    """The agent `triage` behind `outrider serve`."""

    def __init__(self, hook: Hook, address: str, token: str) -> None:
        self.hook, self.address, self.token = hook, address, token
        self.url = f"{address}/a2a/triage"

    def ask(self, *orders: dict[str, Any], version: str = "1.0") -> list[Any]:
        return ask(self.url, self.token, *orders, version=version)

    def send(
        self, body: Any, *, agent: str = "triage", method: str = "POST", path: str = "", **headers: str
    ) -> tuple[int, Any]:  # fmt: skip
        """Send what no SDK sends."""
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=60)
        fields = {
            "authorization": f"Bearer {self.token}",
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        path = path or f"/a2a/{agent}" + ("/.well-known/agent-card.json" if method == "GET" else "")
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            connection.request(method, path, data, fields)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def call(self, name: str, params: Any, **headers: str) -> Any:
        """Call a method and return its error, else its result."""
        status, answer = self.send({"jsonrpc": "2.0", "id": "x", "method": name, "params": params}, **headers)
        assert status == 200, answer
        assert answer["id"] == "x"
        return answer.get("error", answer.get("result"))


def declare(hook: Hook, **more: Any) -> None:
    folder = hook.platform.folder
    (folder / "triage.py").write_text(PROGRAM)
    (folder / "answers.yaml").write_text("- say: restart it\n")
    spec = {
        "agent": {"command": [sys.executable, "triage.py"]},
        "llm": {"routes": [{"alias": "default"}], "offline": {"script": "answers.yaml"}},
        "tools": [{"operation": "host.file_write", "runOn": "hands", "requireApproval": {"from": ["oncall"]}}],
        **more,
    }
    about = {"name": "triage", "annotations": {"outrider.dev/description": "Looks after the web."}}
    text = {"apiVersion": "outrider.dev/v1alpha1", "kind": "AgentType", "metadata": about, "spec": spec}
    hook.declare("{agent: triage, timeout: 60s}", action='operations: ["host.file_*"]')
    (folder / "triage.yaml").write_text(yaml.safe_dump(text))


@pytest.fixture
def agent(hook: Hook) -> Iterator[Agent]:
    declare(hook)
    command = [sys.executable, "-m", "outrider", "serve", "--listen", "127.0.0.1:0"]
    with (
        running(hook.platform),
        subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=hook.platform.environment, cwd=hook.platform.folder.parent
        ) as process,
    ):
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            assert line.startswith("serving "), line + process.stderr.read()
            token = hook.platform.folder.parent / "state" / "outrider" / "serve" / "token"
            yield Agent(hook, line.split()[1], token.read_text())
        finally:
            process.terminate()


@pytest.mark.parametrize("version", ["1.0", "0.3"])
def test_the_sdk_calls_an_agent(agent: Agent, version: str) -> None:
    card, model, data, got, failed, silent, stream = agent.ask(
        {"do": "card"},
        {"do": "send", "text": "model"},
        {"do": "send", "data": {"x": [1]}, "context": "talk-1"},
        {"do": "get", "task": "$2"},
        {"do": "send", "text": "fail"},
        {"do": "send", "text": "silent"},
        {"do": "send", "text": "hi", "stream": True},
        version=version,
    )
    assert (card["name"], card["description"], card["capabilities"]["streaming"]) == (
        "triage",
        "Looks after the web.",
        True,
    )
    assert [one["url"] for one in card["supportedInterfaces"]] == [agent.url]
    assert card["securitySchemes"]["bearer"]["httpAuthSecurityScheme"]["scheme"] == "Bearer"
    assert [skill["description"] for skill in card["skills"]] == ["Looks after the web."]

    assert model["task"]["status"] == {"state": "TASK_STATE_COMPLETED"}
    assert model["task"]["artifacts"][0]["parts"] == [{"text": "restart it"}]
    assert model["task"]["metadata"]["offline"] is True
    assert data["task"]["contextId"] == "talk-1"
    (part,) = data["task"]["artifacts"][0]["parts"]
    assert part["data"] == {"given": {"x": [1]}, "session": "talk-1", "written": None}
    assert got == data["task"]
    assert failed["task"]["status"]["state"] == "TASK_STATE_FAILED"
    assert "exit code 4" in failed["task"]["status"]["message"]["parts"][0]["text"]
    assert silent["task"]["status"]["state"] == "TASK_STATE_COMPLETED"
    assert "artifacts" not in silent["task"]

    begun, artifact, ended = stream[0], stream[-2], stream[-1]
    assert begun["task"]["status"] == {"state": "TASK_STATE_SUBMITTED"}
    ids = (begun["task"]["id"], begun["task"]["contextId"])
    assert [(one["taskId"], one["contextId"]) for one in (artifact["artifactUpdate"], ended["statusUpdate"])] == [
        ids,
        ids,
    ]
    assert artifact["artifactUpdate"]["artifact"]["parts"][0]["data"]["session"] == ids[1]
    assert ended["statusUpdate"]["status"] == {"state": "TASK_STATE_COMPLETED"}
    run = agent.hook.platform.json("runs", "show", ids[0])
    assert (run["run"]["state"], run["event"]["source"]) == ("completed", "user:triage")
    assert agent.hook.platform.json("audit", "verify")


@pytest.mark.parametrize("version", ["1.0", "0.3"])
def test_tasks_are_cancelled_and_missed(agent: Agent, version: str) -> None:
    begun, running, cancelled, again, ended, missing, other, more = agent.ask(
        {"do": "send", "text": "sleep", "immediately": True},
        {"do": "get", "task": "$0"},
        {"do": "cancel", "task": "$0"},
        {"do": "cancel", "task": "$0"},
        {"do": "subscribe", "task": "$0"},
        {"do": "get", "task": "nope"},
        {"do": "cancel", "task": "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
        {"do": "send", "text": "more", "task": "$0"},
        version=version,
    )
    assert begun["task"]["status"] == {"state": "TASK_STATE_SUBMITTED"}
    assert running["status"]["state"] == "TASK_STATE_WORKING"
    assert cancelled["status"]["state"] == "TASK_STATE_CANCELED"
    assert [found["error"] for found in (again, ended, missing, other, more)] == [
        "TaskNotCancelableError", "UnsupportedOperationError", "TaskNotFoundError", "TaskNotFoundError", "UnsupportedOperationError",
    ]  # fmt: skip


def message(text: str = "", name: str = "m1", **data: Any) -> dict[str, Any]:
    part = {"text": text} if text else {"data": data}
    return {"messageId": name, "role": "ROLE_USER", "parts": [part]}


def test_an_approval_that_is_awaited_is_told(agent: Agent) -> None:
    note, platform = agent.hook.out / "note", agent.hook.platform
    write = {"path": str(note), "content": "x"}
    params = {"message": message(write=write), "configuration": {"returnImmediately": True}}
    begun = agent.call("SendMessage", params)["task"]
    (question,) = eventually(lambda: platform.json("approvals", "list"), what="a question")
    queued = agent.call("SendMessage", {**params, "message": message(text="hi", name="m2")})["task"]
    waits = agent.call("GetTask", {"id": begun["id"]})["status"]
    assert waits["state"] == "TASK_STATE_WORKING"
    text = waits["message"]["parts"][0]["text"]
    assert "waits for an approval of host.file_write" in text
    assert f"outrider approvals approve {question['instruction']}" in text
    turn = agent.call("GetTask", {"id": queued["id"]})["status"]
    assert turn["message"]["parts"] == [{"text": "waits for its turn"}]
    # Whoever subscribes now hears of it at once, and of the end.
    connection = http.client.HTTPConnection(urlsplit(agent.address).netloc, timeout=60)
    ask_for = {"jsonrpc": "2.0", "id": 1, "method": "tasks/resubscribe", "params": {"id": begun["id"]}}
    connection.request("POST", "/a2a/triage", json.dumps(ask_for), {"authorization": f"Bearer {agent.token}"})
    stream = connection.getresponse()
    assert (stream.headers["content-type"].partition(";")[0], stream.status) == ("text/event-stream", 200)
    first = json.loads(stream.readline().removeprefix(b"data: "))
    assert first["result"]["status"]["message"]["parts"] == [{"kind": "text", "text": text}]
    platform.command("approvals", "approve", question["instruction"])
    events = [json.loads(line.removeprefix(b"data: "))["result"] for line in stream.read().splitlines() if line]
    connection.close()
    assert events[-1]["status"] == {"state": "completed"}
    assert events[-1]["final"] is True
    assert events[-2]["artifact"]["parts"][0]["data"]["written"]["created"] is True
    assert note.read_text() == "x"


def test_whoever_waits_and_goes_away_leaves_the_task(agent: Agent) -> None:
    connection = http.client.HTTPConnection(urlsplit(agent.address).netloc, timeout=60)
    wait = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": message("sleep")}}
    connection.request("POST", "/a2a/triage", json.dumps(wait), {"authorization": f"Bearer {agent.token}"})
    (run,) = eventually(lambda: [one for one in agent.hook.platform.runs() if one["rule"] == "triage"], what="the run")
    connection.close()
    assert agent.call("GetTask", {"id": run["id"]})["status"]["state"] == "TASK_STATE_WORKING"
    assert agent.call("CancelTask", {"id": run["id"]})["status"]["state"] == "TASK_STATE_CANCELED"


def test_what_is_refused(agent: Agent) -> None:
    assert agent.call("SendMessage", {"message": message("hi")})["task"]["status"]["state"] == "TASK_STATE_COMPLETED"
    again = agent.call("SendMessage", {"message": message("hi")})
    assert (again["code"], again["message"]) == (-32602, "this was asked for already")
    nobody = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": message("hi")}}
    for name in ("nobody", "hands"):
        status, answer = agent.send(nobody, agent=name)
        assert (status, answer["error"]["code"]) == (200, -32602)
        assert f"no AgentType is called '{name}'" in answer["error"]["message"]
        assert agent.send(None, agent=name, method="GET")[0] == 404
    (other,) = [run for run in agent.hook.platform.runs() if run["rule"] == "triage"]
    assert agent.call("GetTask", {"id": other["id"]})["id"] == other["id"]
    assert agent.hook.post({}) == 202
    (foreign,) = eventually(
        lambda: [run for run in agent.hook.platform.runs() if run["rule"] == "on-post"], what="a run of a rule"
    )
    for method in ("GetTask", "CancelTask"):
        assert agent.call(method, {"id": foreign["id"]})["code"] == -32001, "not a task that somebody has given"


def test_a_policy_holds_for_callers_too(agent: Agent) -> None:
    spec = {"principals": ["user:*"], "operations": ["agent.triage"], "effect": "deny"}
    policy = {"apiVersion": "outrider.dev/v1alpha1", "kind": "Policy", "metadata": {"name": "none"}, "spec": spec}
    (agent.hook.platform.folder / "policy.yaml").write_text(yaml.safe_dump(policy))
    agent.hook.platform.command("reload", "--yes")
    task = agent.call("SendMessage", {"message": message("hi")})["task"]
    assert task["status"]["state"] == "TASK_STATE_REJECTED"
    assert "none" in task["status"]["message"]["parts"][0]["text"]


def test_an_agent_calls_an_agent(agent: Agent, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Both halves: a sidecar, whose tool is the agent of a platform."""
    folder = tmp_path_factory.mktemp("caller")
    for name, value in (("key", "sk-virtual"), ("serve", agent.token)):
        (folder / name).write_text(value)
    server = {"name": "triage", "transport": "a2a", "url": agent.url, "version": "1", "token": {"secret": "serve"}}
    told = {
        "agent": "caller", "state": str(folder / "state"), "keys": [{"secret": "key"}],
        "secret_sources": {name: {"file": str(folder / name)} for name in ("key", "serve")},
        "tools": {"servers": [server], "grants": [{"server": "triage", "tools": ["send"], "prefix": "triage_", "timeout": 60}]},
    }  # fmt: skip
    with started(folder, told) as sidecar:
        (tool,) = post(sidecar, "GET", "/v1/tools")[1]["tools"]
        assert "Looks after the web." in tool["description"]
        said = post(sidecar, "POST", "/v1/tools/triage_send", {"message": "why?", "data": {"n": 1}})[1]
        found = said["structuredContent"]
        assert found["state"] == "completed"
        assert found["data"][0]["given"] == {"input": "why?", "n": 1}
        assert found["data"][0]["session"] == found["context"]
        again = post(sidecar, "POST", "/v1/tools/triage_send", {"message": "and?", "context": found["context"]})[1]
        assert again["structuredContent"]["data"][0]["session"] == found["context"]
        failed = post(sidecar, "POST", "/v1/tools/triage_send", {"message": "fail"})[1]
        assert failed["isError"]
        assert "exit code 4" in failed["structuredContent"]["text"]


def test_a_session_of_an_event_is_none(agent: Agent) -> None:
    """Whoever sends events from outside must not enter a conversation of others."""
    event = {"source": "ears/hook", "data": {"session": "talk-1"}}
    assert agent.send(event, path="/v1/events")[1]["outcomes"][0]["outcome"] == "accepted"
    run = eventually(
        lambda: next((one for one in agent.hook.platform.runs() if one["state"] == "completed"), None), what="the run"
    )
    result = agent.hook.platform.json("runs", "show", run["id"])["steps"][0]["result"]["result"]["result"]
    assert result["session"] is None
