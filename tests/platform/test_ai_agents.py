"""AI agents on a platform: a rule gives them a task, what they call is run by others, and people approve it."""

import json
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.local.agents.support import GATEWAY
from tests.platform.harness import Platform, eventually, running
from tests.platform.hook import Hook
from tests.servers.mcp_servers import McpServerProcess

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
PROGRAM = (
    GATEWAY
    + """
task = json.load(sys.stdin)
body = task["event"]["data"]["body"]
print("task", body, file=sys.stderr, flush=True)
if body.get("sleep"):
    time.sleep(body["sleep"])
if body.get("fail"):
    sys.exit(4)
said = post("/v1/chat/completions", {"model": "default", "messages": [{"role": "user", "content": "down"}]})
found = [tool(*call) for call in body.get("tools", [])]
print(json.dumps({"said": said["choices"][0]["message"]["content"], "tools": found, "question": task.get("question")}))
"""
)
STEP = "{agent: triage, with: {question: why}, timeout: 60s}"


def declare(hook: Hook, *tools: dict[str, Any], **more: Any) -> None:
    folder = hook.platform.folder
    (folder / "triage.py").write_text(PROGRAM)
    (folder / "answers.yaml").write_text("- say: restart it\n")
    spec = {
        "agent": {"command": [sys.executable, "triage.py"]},
        "llm": {"routes": [{"alias": "default"}], "offline": {"script": "answers.yaml"}},
        "tools": list(tools),
        **more,
    }
    text = {"apiVersion": "outrider.dev/v1alpha1", "kind": "AgentType", "metadata": {"name": "triage"}, "spec": spec}
    hook.declare(STEP, action='operations: ["host.file_*"]')
    (folder / "triage.yaml").write_text(yaml.safe_dump(text))


def detail(platform: Platform, rule: str = "on-post") -> dict[str, Any]:
    run = next(row for row in platform.runs() if row["rule"] == rule)
    found: dict[str, Any] = platform.json("runs", "show", run["id"])
    return found


def done(platform: Platform, count: int) -> bool:
    mine = [row for row in platform.runs() if row["rule"] == "on-post"]
    return len(mine) >= count and all(row["state"] != "running" for row in mine)


def result(platform: Platform) -> dict[str, Any]:
    run = detail(platform)
    assert run["run"]["state"] == "completed", (run["run"]["message"], run["steps"][0]["log"])
    found: dict[str, Any] = run["steps"][0]["result"]["result"]
    return found


def test_an_agent_is_given_a_task_and_calls_operations(hook: Hook) -> None:
    note = hook.out / "note"
    declare(
        hook,
        {"operation": "host.file_read", "arguments": {"path": f"{hook.platform.folder}/*"}},
        {"operation": "host.file_write", "runOn": "hands", "requireApproval": {"from": ["oncall"]}},
    )
    with running(hook.platform):
        assert {row["name"]: row["kind"] for row in hook.platform.json("agents")}["triage"] == "agent"
        calls = [
            ["host_file_read", {"path": f"{hook.platform.folder}/answers.yaml"}],
            ["host_file_read", {"path": "/etc/passwd"}],
            ["host_file_write", {"path": str(note), "content": "restarted"}],
        ]
        hook.post({"tools": calls})
        (question,) = eventually(lambda: hook.platform.json("approvals", "list"), what="a question")
        assert "host.file_write" in question["question"]
        assert not note.exists()
        hook.platform.command("approvals", "approve", question["instruction"])
        eventually(lambda: done(hook.platform, 1), what=hook.platform.logs())
        found = result(hook.platform)
        read, refused, written = found["result"]["tools"]
        assert found["result"]["said"] == "restart it"
        assert found["result"]["question"] == "why"
        assert found["offline"]
        assert read["content"] == "- say: restart it\n"
        assert refused["code"] == "DENIED"
        assert written["created"]
        assert note.read_text() == "restarted"
        steps = [detail["steps"][0] for row in hook.platform.runs() if row["rule"] == "triage"
                 for detail in [hook.platform.json("runs", "show", row["id"])]]  # fmt: skip
        assert {(step["name"], step["attempts"][0]["agent"]) for step in steps} == {
            ("host.file_read", "hands"), ("host.file_write", "hands"),
        }  # fmt: skip
        log = detail(hook.platform)["steps"][0]["log"]
        assert any("uses host_file_write   ok" in line for line in log)
        assert hook.platform.json("audit", "verify")


def test_a_rejected_call_is_an_answer_for_the_agent(hook: Hook) -> None:
    declare(hook, {"operation": "host.file_write", "requireApproval": {"from": ["oncall"]}})
    with running(hook.platform):
        hook.post({"tools": [["host_file_write", {"path": str(hook.out / "note"), "content": "x"}]]})
        (question,) = eventually(lambda: hook.platform.json("approvals", "list"), what="a question")
        hook.platform.command("approvals", "reject", question["instruction"])
        eventually(lambda: done(hook.platform, 1), what=hook.platform.logs())
        (refused,) = result(hook.platform)["result"]["tools"]
        assert "reject" in refused["message"]
        assert not (hook.out / "note").exists()


def test_a_plugin_is_a_tool_of_its_agent(hook: Hook) -> None:
    folder = hook.platform.folder
    (folder / "logs").mkdir()
    (folder / "logs" / "web.log").write_text("ERROR out of memory\n")
    declare(hook, {"server": "logs", "version": ">=1", "tools": ["*"]})
    spec = {"transport": {"plugin": {"id": "log-search", "config": {"folder": "logs"}}}}
    tool = {"apiVersion": "outrider.dev/v1alpha1", "kind": "Tool", "metadata": {"name": "logs"}, "spec": spec}
    (folder / "logs.yaml").write_text(yaml.safe_dump(tool))
    with running(hook.platform):
        hook.post({"tools": [["logs_log-search", {"text": "memory"}]]})
        eventually(lambda: done(hook.platform, 1), what=hook.platform.logs())
        (found,) = result(hook.platform)["result"]["tools"]
        assert found["lines"] == [{"file": "web.log", "text": "ERROR out of memory"}]


SHOP = {
    "apiVersion": "outrider.dev/v1alpha1", "kind": "Tool", "metadata": {"name": "shop"},
}  # fmt: skip


def declare_shop(hook: Hook, url: str, approval: dict[str, Any], *, by_tool: bool = False) -> None:
    asking = {"requireApproval": approval}
    declare(hook, {"server": "shop", "tools": ["add"], **({} if by_tool else asking)})
    spec = {"version": "1.0", "transport": {"http": {"url": url}}, **({"access": asking} if by_tool else {})}
    (hook.platform.folder / "shop.yaml").write_text(yaml.safe_dump({**SHOP, "spec": spec}))


def asked(platform: Platform, text: str) -> dict[str, Any] | None:
    return next((row for row in platform.json("approvals", "list") if row["question"] == text), None)


@pytest.mark.parametrize("by_tool", [False, True], ids=["agenttype", "tool"])
def test_people_approve_tools_of_servers(hook: Hook, tmp_path: Path, by_tool: bool) -> None:
    with McpServerProcess("mcp2", tmp_path / "shop.log") as server:
        declare_shop(hook, server.url, {"from": ["oncall"]}, by_tool=by_tool)
        with running(hook.platform):
            hook.post({"tools": [["shop_add", {"a": 1, "b": 2}], ["shop_add", {"a": 3, "b": 4}]]})
            answers = {'shop_add {"a":1,"b":2}': "approve", 'shop_add {"a":3,"b":4}': "reject"}
            for text, answer in answers.items():
                question = eventually(partial(asked, hook.platform, text), what=hook.platform.logs())
                assert question["groups"] == ["oncall"]
                hook.platform.command("approvals", answer, question["instruction"])
            eventually(lambda: done(hook.platform, 1), what=hook.platform.logs())
            sum_of, refused = result(hook.platform)["result"]["tools"]
            assert sum_of == {"result": 3}
            assert (refused["code"], "rejected the call" in refused["message"]) == ("DENIED", True)
            assert hook.platform.json("audit", "verify")


def test_people_are_asked_of_changes_where_no_grant_asks_them(hook: Hook, tmp_path: Path) -> None:
    with McpServerProcess("mcp2", tmp_path / "shop.log") as server:
        declare(
            hook, {"server": "shop", "tools": ["add"]}, {"operation": "host.file_read"}, {"operation": "host.file_write"},
            approval={"from": ["oncall"]},
        )  # fmt: skip
        spec = {"version": "1.0", "transport": {"http": {"url": server.url}}}
        (hook.platform.folder / "shop.yaml").write_text(yaml.safe_dump({**SHOP, "spec": spec}))
        note = str(hook.out / "note")
        with running(hook.platform):
            calls = [
                ["host_file_write", {"path": note, "content": "x"}],
                ["host_file_read", {"path": note}],
                ["shop_add", {"a": 1, "b": 2}],
            ]
            hook.post({"tools": calls})
            for text in ("host.file_write", "shop_add"):
                question = eventually(partial(asking, hook.platform, text), what=hook.platform.logs())
                assert question["groups"] == ["oncall"]
                hook.platform.command("approvals", "approve", question["instruction"])
            eventually(lambda: done(hook.platform, 1), what=hook.platform.logs())
            written, read, added = result(hook.platform)["result"]["tools"]
            assert (written["created"], read["content"], added) == (True, "x", {"result": 3})


def asking(platform: Platform, text: str) -> dict[str, Any] | None:
    rows = platform.json("approvals", "list")
    return next((row for row in rows if row["question"].startswith(text)), None)


def test_a_question_for_which_nobody_waits_any_more_is_withdrawn(hook: Hook, tmp_path: Path) -> None:
    with McpServerProcess("mcp2", tmp_path / "shop.log") as server:
        declare_shop(hook, server.url, {"from": ["oncall"], "expire": "2s"})
        with running(hook.platform):
            hook.post({"tools": [["shop_add", {"a": 1, "b": 2}]]})
            eventually(lambda: hook.platform.json("approvals", "list"), what=hook.platform.logs())
            eventually(lambda: not hook.platform.json("approvals", "list"), what="the end of the question")
            eventually(lambda: done(hook.platform, 1), what=hook.platform.logs())
            (refused,) = result(hook.platform)["result"]["tools"]
            assert (refused["code"], "nobody approved" in refused["message"]) == ("DENIED", True)
            asking = [row for row in hook.platform.runs() if row["rule"] == "triage"]
            assert [row["state"] for row in asking] == ["cancelled"]


def test_what_fails_or_is_killed_fails_the_run_and_the_next_task_goes_on(hook: Hook) -> None:
    declare(hook)
    with running(hook.platform):
        hook.post({"fail": True})
        eventually(lambda: done(hook.platform, 1), what=hook.platform.logs())
        failed = detail(hook.platform)
        assert failed["run"]["state"] == "failed"
        assert "exit code 4" in failed["run"]["message"]
        hook.post({"sleep": 60})
        eventually(
            lambda: any("task" in line for line in detail(hook.platform)["steps"][0]["log"]), what="the task has begun"
        )
        os.kill(hook.platform.part("triage")["pid"], signal.SIGKILL)
        eventually(lambda: done(hook.platform, 2), seconds=60, what=hook.platform.logs())
        assert detail(hook.platform)["run"]["state"] == "failed"
        hook.post({})
        eventually(lambda: done(hook.platform, 3), seconds=60, what=hook.platform.logs())
        assert result(hook.platform)["result"]["said"] == "restart it"


def test_a_changed_agent_is_used_from_the_next_task_on(hook: Hook) -> None:
    declare(hook)
    with running(hook.platform):
        hook.post({"tools": [["host_disk", {"path": "/"}]]})
        eventually(lambda: done(hook.platform, 1), what=hook.platform.logs())
        assert detail(hook.platform)["run"]["state"] == "failed", "there are no tools, and so no such path"
        declare(hook, {"operation": "host.disk"})
        hook.platform.command("reload", "--yes")
        hook.post({"tools": [["host_disk", {"path": "/"}]]})
        eventually(lambda: done(hook.platform, 2), what=hook.platform.logs())
        assert "free" in json.dumps(result(hook.platform)["result"]["tools"][0])


TASK = (
    GATEWAY
    + """
task = json.load(sys.stdin)
if task.get("input") == "fail":
    sys.exit(4)
print(json.dumps({"task": {name: task[name] for name in task if name != "event"}, "session": os.environ.get("OUTRIDER_SESSION"),
                  "tools": [tool(*call) for call in task.get("tools", [])]}))
"""
)


def test_a_user_gives_an_agent_a_task(hook: Hook) -> None:
    note = hook.out / "note"
    declare(hook, {"operation": "host.file_write", "runOn": "hands"})
    (hook.platform.folder / "triage.py").write_text(TASK)
    with running(hook.platform):
        invoke = ("agent", "invoke", "triage")
        text = "why is ${event.data.summary} $${ down?"
        answer = hook.platform.json(*invoke, "--input", text, "--session", "s1")
        assert answer["result"]["result"]["task"] == {"input": text}
        assert answer["result"]["result"]["session"] == answer["session"] == "s1"
        # What an agent or a user gives is no template: it could become another argument than the one that was granted.
        written = {"path": str(note), "content": "${'a' + 'b'}", "x": 1}
        calls = [["host_file_write", {key: written[key] for key in ("path", "content")}]]
        answer = hook.platform.json(*invoke, "--input", json.dumps({"tools": calls}))
        assert answer["result"]["result"]["tools"][0]["created"], answer
        assert note.read_text() == "${'a' + 'b'}"
        failed = hook.platform.command("agent", "invoke", "triage", "--input", "fail")
        assert failed.returncode != 0
        assert "exit code 4" in failed.stderr
        unknown = hook.platform.command("agent", "invoke", "nobody", "--input", "x")
        assert "no AgentType is called 'nobody'" in unknown.stderr
        started = hook.platform.json(*invoke, "--no-wait", "--input", "later")
        assert started["state"] == "running"
        eventually(lambda: hook.platform.json("runs", "show", started["run"])["run"]["state"] == "completed")
