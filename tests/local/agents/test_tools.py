"""Tools of AI agents: operations that are granted, and the people who approve them."""

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.local.agents.support import GATEWAY, AgentFolder
from tests.peers.a2a_peer import A2aAgent
from tests.peers.environments import install
from tests.peers.mcp_client import ENVIRONMENTS
from tests.servers.mcp_servers import PROGRAMS, McpServerProcess

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
CALLS = f"{GATEWAY}print(json.dumps([tool(*call) for call in json.load(sys.stdin)]))\n"
# The MCP SDK inside the sandbox, unchanged.
SDK = """
import asyncio, json, os
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
async def main():
    headers = {"authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
    async with streamablehttp_client(os.environ["OUTRIDER_MCP_URL"], headers=headers) as (read, write, _):
        async with ClientSession(read, write) as session:
            await session.initialize()
            tools = [tool.name for tool in (await session.list_tools()).tools]
            result = await session.call_tool("shop_add", {"a": 1, "b": 2})
            print(json.dumps({"tools": tools, "result": result.structuredContent}))
asyncio.run(main())
"""


def granted(folder: Path, *tools: dict[str, Any], program: str = CALLS, **spec: Any) -> AgentFolder:
    return AgentFolder(folder, program, tools=list(tools), **spec)


def run(agent: AgentFolder, calls: list[Any], *arguments: str) -> list[dict[str, Any]]:
    (agent.folder / "calls.json").write_text(json.dumps(calls))
    result = agent.run("--offline", "--input", "@calls.json", *arguments)
    found: list[dict[str, Any]] = result["result"]
    assert result["tools"] == len(found)
    return found


def test_only_what_is_granted_is_called(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("ERROR out of memory\n")
    agent = granted(tmp_path, {"operation": "host.file_tail", "arguments": {"path": f"{tmp_path}/*"}})
    calls = [
        ["host_file_tail", {"path": str(log)}],
        ["host_file_tail", {"path": "/etc/passwd"}],
        ["host_file_tail", {"path": f"{tmp_path}/../../../etc/passwd"}],
        ["host_file_read", {"path": str(log)}],
        ["host_file_tail", {"path": str(log), "lines": "many"}],
    ]
    read, other, climbing, unknown, wrong = run(agent, calls)
    assert read["lines"] == ["ERROR out of memory"]
    assert other["code"] == climbing["code"] == "DENIED"
    assert unknown["code"] == "NOT_FOUND"
    assert wrong["code"] == "INVALID_CONFIG"


def test_a_change_waits_for_a_yes(tmp_path: Path) -> None:
    note = tmp_path / "note"
    agent = granted(tmp_path, {"operation": "host.file_write", "requireApproval": {"from": ["oncall"]}})
    calls = [["host_file_write", {"path": str(note), "content": "restarted"}]]
    (refused,) = run(agent, calls)
    assert refused["code"] == "DENIED"
    assert not note.exists()
    (done,) = run(agent, calls, "--yes")
    assert done["created"]
    assert note.read_text() == "restarted"


@pytest.mark.parametrize(("answer", "said"), [(b"y\n", "created"), (b"\n", "DENIED")])
def test_a_person_is_asked_on_a_terminal(tmp_path: Path, answer: bytes, said: str) -> None:
    note = tmp_path / "note"
    agent = granted(tmp_path, {"operation": "host.file_write", "requireApproval": {"from": ["oncall"]}})
    (agent.folder / "calls.json").write_text(json.dumps([["host_file_write", {"path": str(note), "content": "x"}]]))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "outrider", "agent", "run", "--offline", "--input", "@calls.json"], cwd=agent.folder,
        env=agent.environment, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    shown = b""
    while b"approve? [y/N]" not in shown:
        piece = os.read(process.stderr.fileno(), 1024)
        assert piece, shown
        shown += piece
    assert b"host_file_write" in shown
    os.write(ours, answer)
    output, _ = process.communicate(timeout=30)
    os.close(ours)
    os.close(theirs)
    assert said in output.decode()
    assert note.exists() is (said == "created")


def test_a_policy_can_still_deny(tmp_path: Path) -> None:
    agent = granted(tmp_path, {"operation": "host.disk"})
    policy = {"principals": ["agent:triage"], "operations": ["host.*"], "effect": "deny"}
    agent.declare("Policy", "none", policy)
    (refused,) = run(agent, [["host_disk", {"path": "/"}]])
    assert refused["code"] == "DENIED"


def test_the_sdk_of_mcp_uses_a_server_through_the_sidecar(tmp_path: Path) -> None:
    with McpServerProcess("mcp2", tmp_path / "log") as server:
        python = install("mcp1", ENVIRONMENTS["mcp1"]) / "python"
        agent = granted(
            tmp_path, {"server": "shop", "version": ">=1,<2", "tools": ["add"]}, program=SDK,
            agent={"command": [str(python), "program.py"]},
        )  # fmt: skip
        agent.declare("Tool", "shop", {"version": "1.2.0", "transport": {"http": {"url": server.url}}})
        result = agent.run("--offline")
    assert result["result"] == {"tools": ["shop_add"], "result": {"result": 3}}, agent.outrider("agent", "logs").stdout


def test_a_server_that_is_a_program_beside_the_agent(tmp_path: Path) -> None:
    agent = granted(tmp_path, {"server": "shop", "tools": ["add"]})
    python = install("mcp2", ENVIRONMENTS["mcp2"]) / "python"
    (agent.folder / "server").mkdir()
    shutil.copy(PROGRAMS / "mcp2_server.py", agent.folder / "server" / "shop.py")
    stdio = {"command": [str(python), "shop.py", "stdio"], "folder": "server"}
    agent.declare("Tool", "shop", {"version": "1.0.0", "transport": {"stdio": stdio}})
    assert run(agent, [("shop_add", {"a": 1, "b": 2})]) == [{"result": 3}]


def test_another_agent_as_a_tool(tmp_path: Path) -> None:
    agent = granted(tmp_path, {"server": "echo", "tools": ["send"], "when": "size(arguments.message) < 30"})
    (agent.folder / "echo.token").write_text("sk-other")
    agent.declare("Platform", "home", {"secrets": {"echo": {"file": "echo.token"}}})
    with A2aAgent(tmp_path / "agent.log", token="sk-other") as other:
        transport = {"a2a": {"url": other.url, "token": {"secret": "echo"}}}
        agent.declare("Tool", "echo", {"version": "1.0.0", "transport": transport})
        said, long = run(
            agent, [("echo_send", {"message": "echo hi", "context": "c"}), ("echo_send", {"message": "x" * 40})]
        )
    assert (said["state"], said["text"]) == ("completed", "c: hi")
    assert long["code"] == "DENIED"


def test_plugins_as_tools(tmp_path: Path) -> None:
    """One that comes with Outrider, and one that lies beside the agent and has a secret."""
    agent = granted(
        tmp_path, {"server": "logs", "version": ">=1", "tools": ["*"], "prefix": "", "arguments": {"text": ["memory", "none"]}},
        {"server": "count", "tools": ["lines"]},
    )  # fmt: skip
    (agent.folder / "logs").mkdir()
    (agent.folder / "logs" / "web.log").write_text("all is well\nERROR out of memory\n")
    (agent.folder / "token").write_text("sk-of-the-tool")
    agent.declare("Platform", "home", {"secrets": {"token": {"file": "token"}}})
    agent.declare("Tool", "logs", {"transport": {"plugin": {"id": "log-search", "config": {"folder": "logs"}}}})
    made = agent.outrider("plugin", "new", "lines", "--type", "tool", "--lang", "nodejs")
    assert made.returncode == 0, made.stderr
    program = agent.folder / "plugins" / "lines" / "lines.js"
    program.write_text(program.read_text().replace("lines contain it`", "lines, ${config.token.length} letters`"))
    manifest = program.with_name("plugin.yaml")
    field = "    token: {type: string, description: a key}\n    path:"
    manifest.write_text(manifest.read_text().replace("    path:", field))
    config = {"path": "logs/web.log", "token": {"secret": "token"}}
    agent.declare("Tool", "count", {"version": "0.1.0", "transport": {"plugin": {"id": "lines", "config": config}}})
    assert agent.outrider("validate").returncode == 0, agent.outrider("validate").stderr
    found, denied, counted = run(
        agent, [("log-search", {"text": "memory"}), ("log-search", {"text": "well"}), ("count_lines", {"text": "l"})]
    )
    assert found["lines"] == [{"file": "web.log", "text": "ERROR out of memory"}]
    assert denied["code"] == "DENIED"
    assert counted == {"lines": 1, "summary": "1 lines, 14 letters"}
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "token"]
    assert [path for path in written if b"sk-of-the-tool" in path.read_bytes()] == []


def test_who_runs_an_agent_is_told_why_a_tool_is_not_there(tmp_path: Path) -> None:
    agent = granted(tmp_path, {"server": "logs", "tools": ["*"], "prefix": ""})
    agent.declare("Tool", "logs", {"transport": {"plugin": {"id": "log-search", "config": {"folder": "gone"}}}})
    calls = json.dumps([("log-search", {"text": "memory"})])
    told = agent.outrider("agent", "run", "--offline", "--input", calls).stderr
    reason = f"server 'logs' offers nothing now: config.folder: there is nothing at {agent.folder / 'gone'}"
    assert f"no tool is called 'log-search' - {reason}" in told
