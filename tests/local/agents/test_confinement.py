"""What an agent that is not to be trusted gets at."""

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.core.errors import InvalidConfigError
from outrider.kinds.agenttype.render import Workload
from outrider.local.agents.starters.confinement import wanted
from outrider.runtime.sandbox.program import FoundProgram
from outrider.runtime.sandbox.sight import Sight, sight
from tests.kinds.agenttype.support import rendered
from tests.local.agents.support import AgentFolder

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
ATTACKER = (Path(__file__).parent / "attacker.py").read_text()
SECRET = "sk-of-the-provider"
LEVELS = {"namespaced": os.environ["PATH"], "landlock": "/nonexistent"}


@pytest.mark.parametrize("level", LEVELS)
def test_an_agent_gets_at_nothing_but_its_sidecar(tmp_path: Path, level: str) -> None:
    agent = AgentFolder(tmp_path, ATTACKER, wrapper={"hooks": ["hook.py"]})
    (agent.folder / "hook.py").write_text("")
    (agent.folder / "keys").mkdir()
    (agent.folder / "keys" / "provider").write_text(SECRET)
    (agent.folder / "keys" / "public").write_text("open")
    sources = {"provider": {"file": "keys/provider"}, "other": {"env": "OTHER"}}
    agent.declare("Platform", "here", {"secrets": sources})
    agent.outrider("secret", "set", "stored")
    workload = agent.state / "workloads" / "triage"
    with socket.create_server(("127.0.0.1", 0)) as other:
        given = {
            "secrets": [
                str(agent.folder / "keys/provider"),
                str(workload / "key"),
                str(workload / "sidecar.json"),
                str(workload / "sidecar/address"),
                str(tmp_path / "state/outrider/secrets"),
                "/etc/shadow",
            ],
            "fixed": [str(agent.folder / "program.py"), str(workload / "shared/wrapper/python/sitecustomize.py"),
                      str(workload / "shared/hooks/0-hook.py")],
            "sockets": [str(workload / "control/control.sock"), str(workload / "control/doors.sock")],
            "ports": [other.getsockname()[1]],
            "pids": [os.getpid()],
            "value": SECRET,
        }  # fmt: skip
        (agent.folder / "task.json").write_text(json.dumps(given))
        result = agent.run("--offline", "--input", "@task.json", env={"OTHER": SECRET, "PATH": LEVELS[level]})
    assert result["state"] == "succeeded", agent.outrider("agent", "logs").stdout
    assert result["sandbox"] == level
    assert result["egress"] == ("sealed" if level == "namespaced" else "advisory")
    assert result["result"]["got"] == []
    assert {"program.py", "keys"} <= set(result["result"]["listed"])


def test_what_must_be_sealed_does_not_run_otherwise(tmp_path: Path) -> None:
    agent = AgentFolder(tmp_path, egress={"minLevel": "sealed"})
    done = agent.outrider("agent", "run", "--offline", env={"PATH": "/nonexistent"})
    assert "SANDBOX_UNAVAILABLE" in done.stderr
    assert "bubblewrap" in done.stderr


def test_files_are_granted_by_name(tmp_path: Path) -> None:
    program = "open('out/made', 'w').write(open('../data/in').read()); print('done')"
    agent = AgentFolder(tmp_path, program)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "in").write_text("from outside")
    (agent.folder / "out").mkdir()
    assert agent.run("--offline")["state"] == "failed"
    files = {"read": ["../data"], "write": ["out"]}
    spec: dict[str, Any] = {"agent": {"command": [sys.executable, "program.py"]}, "isolation": {"files": files},
            "llm": {"offline": {"script": "answers.yaml"}}}  # fmt: skip
    agent.declare("AgentType", "triage", spec)
    assert agent.run("--offline")["result"] == "done"
    assert (agent.folder / "out" / "made").read_text() == "from outside"
    spec["isolation"] = {"files": {"read": ["nowhere"]}}
    agent.declare("AgentType", "triage", spec)
    assert "nowhere" in agent.outrider("agent", "run", "--offline").stderr


def workload_in(folder: Path) -> Workload:
    return msgspec.structs.replace(rendered({"agent": {"command": ["a"]}}), folder=folder)


def seen_in(folder: Path, base: Path, protected: list[Path]) -> Sight:
    return sight(wanted(workload_in(folder), base, protected), FoundProgram([], [], []))


def test_a_folder_is_seen_without_what_is_protected(tmp_path: Path) -> None:
    for name in ("a/b/secret", "a/b/open", "a/c/open", "d/open", "top"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "link").symlink_to("/etc")
    seen = seen_in(tmp_path, tmp_path, [tmp_path / "a/b/secret"])
    assert seen.readable == [tmp_path / "a/b/open", tmp_path / "a/c", tmp_path / "d", tmp_path / "top"]
    assert seen.listed == [tmp_path, tmp_path / "a", tmp_path / "a/b"]
    assert seen_in(tmp_path, tmp_path, []).readable == [tmp_path]
    assert seen_in(tmp_path / "d", tmp_path, [tmp_path]).readable == []


def test_a_home_is_no_folder_of_an_agent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    for folder in (tmp_path / "home", tmp_path):
        with pytest.raises(InvalidConfigError, match="not its own"):
            seen_in(folder, folder, [])


@pytest.mark.parametrize(
    ("read", "write", "folder"),
    [
        (["data/in"], ["data"], "."), (["data/in/deeper"], ["data"], "."), ([], ["data", "data/in"], "."),
        (["link"], ["data"], "."), ([], ["data"], "data/in"),
    ],
)  # fmt: skip
def test_what_the_program_could_put_a_link_in_place_of_is_not_granted(
    tmp_path: Path, read: list[str], write: list[str], folder: str
) -> None:
    base, keys = tmp_path / "agent", tmp_path / "keys"
    (base / "data").mkdir(parents=True)
    (keys / "deeper").mkdir(parents=True)
    (base / "data" / "in").symlink_to(keys)  # as an earlier task has left it
    (base / "link").symlink_to("data/in")
    files = {"files": {"read": read, "write": write}}
    workload = msgspec.structs.replace(
        rendered({"agent": {"command": ["a"]}, "isolation": files}), folder=base / folder
    )
    asked = wanted(workload, base, [])
    with pytest.raises(InvalidConfigError, match="not its own"):
        sight(asked, FoundProgram([], [], []))
    if folder == ".":
        with pytest.raises(InvalidConfigError, match="not its own"):
            (asked.readable(), asked.writable())
