"""An agent on the official A2A SDK, with the sidecar before it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.peers.a2a_peer import A2aAgent
from tests.platform.harness import eventually
from tests.sidecar.process import Sidecar, started
from tests.sidecar.tools.test_real_servers import ask

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


def settings(folder: Path, agent: A2aAgent, **grant: Any) -> dict[str, Any]:
    secrets = {"key": "sk-virtual", "other": "sk-other"}
    for name, value in secrets.items():
        (folder / name).write_text(value)
    server = {"name": "echo", "transport": "a2a", "url": agent.url, "version": "1", "token": {"secret": "other"}}
    return {
        "agent": "triage",
        "state": str(folder / "state"),
        "keys": [{"secret": "key"}],
        "secret_sources": {name: {"file": str(folder / name)} for name in secrets},
        "tools": {"servers": [server], "grants": [{"server": "echo", "tools": ["send"], "prefix": "echo_"} | grant]},
    }


def send(sidecar: Sidecar, message: str, **more: Any) -> Any:
    status, result = ask(sidecar, "POST", "/v1/tools/echo_send", {"message": message, **more})
    assert status == 200, result
    return result


@pytest.mark.parametrize("version", ["1.0", "0.3"])
def test_a_talk_with_another_agent(tmp_path: Path, version: str) -> None:
    with (
        A2aAgent(tmp_path / "agent.log", version, "sk-other") as agent,
        started(tmp_path, settings(tmp_path, agent)) as sidecar,
    ):
        (tool,) = ask(sidecar, "GET", "/v1/tools")[1]["tools"]
        assert tool["name"] == "echo_send"
        assert "Says what it hears." in tool["description"]
        assert "- echo: Says it again. For example: echo hello" in tool["description"]

        said = send(sidecar, "echo hello", data={"a": 1}, context="talk-1")
        assert not said["isError"]
        assert said["structuredContent"]["text"] == "talk-1: hello"
        assert said["structuredContent"]["context"] == "talk-1"
        assert said["structuredContent"]["data"] == [{"given": 1}]
        assert send(sidecar, "plain yes")["content"] == [{"type": "text", "text": "yes"}]
        assert send(sidecar, "slow 0.5")["structuredContent"]["text"] == "done"
        failed = send(sidecar, "fail no disk")
        assert (failed["isError"], failed["structuredContent"]["text"]) == (True, "no disk")

        asked = send(sidecar, "ask")["structuredContent"]
        assert (asked["state"], asked["text"]) == ("input-required", "which one?")
        more = send(sidecar, "ask web", task=asked["task"], context=asked["context"])
        assert more["structuredContent"]["task"] == asked["task"]
        assert more["structuredContent"]["state"] == "completed"
        gone = send(sidecar, "echo more", task=asked["task"])
        assert gone["isError"], "the task has ended"

        audit = [json.loads(line)["entry"] for line in (tmp_path / "state/audit.jsonl").read_text().splitlines()]
        assert {entry["action"] for entry in audit} == {"tool.echo.send"}
        assert [entry["phase"] for entry in audit][:2] == ["intent", "outcome"]


def test_grants_hold_for_agents_too(tmp_path: Path) -> None:
    told = {"arguments": {"message": "echo *"}, "calls_per_minute": 1, "timeout": 20}
    with (
        A2aAgent(tmp_path / "agent.log", token="sk-other") as agent,
        started(tmp_path, settings(tmp_path, agent, **told)) as sidecar,
    ):
        assert send(sidecar, "wait")["structuredContent"]["code"] == "DENIED"
        assert not send(sidecar, "echo 1")["isError"]
        assert send(sidecar, "echo 2")["structuredContent"]["code"] == "LIMITED"


def test_a_task_that_takes_too_long_is_cancelled_there(tmp_path: Path) -> None:
    log = tmp_path / "agent.log"
    with A2aAgent(log, token="sk-other") as agent, started(tmp_path, settings(tmp_path, agent, timeout=2)) as sidecar:
        assert send(sidecar, "wait")["structuredContent"]["code"] == "TIMEOUT"
        eventually(lambda: "cancelled" in log.read_text(), what="the cancellation")


def test_a_token_that_is_not_taken(tmp_path: Path) -> None:
    with (
        A2aAgent(tmp_path / "agent.log", token="sk-third") as agent,
        started(tmp_path, settings(tmp_path, agent)) as sidecar,
    ):
        assert ask(sidecar, "GET", "/v1/tools")[1]["tools"] == []
        unknown = send(sidecar, "echo 1")["structuredContent"]
        assert any("does not accept its credentials" in remedy for remedy in unknown["suggestions"])
