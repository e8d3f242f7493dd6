import os
import re
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.platform.harness import eventually, running
from tests.platform.hook import Hook, finished

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


def test_an_event_becomes_a_run_with_log_and_result(hook: Hook) -> None:
    hook.declare()
    with running(hook.platform):
        assert hook.post({"hello": 1}) == 202
        eventually(lambda: finished(hook.platform, 1), what=hook.platform.logs())
        (row,) = hook.platform.runs()
        detail = hook.platform.json("runs", "show", row["id"])
        assert row["state"] == "completed"
        assert detail["steps"][0]["log"] == ["recorded"]
        assert detail["event"]["data"]["body"] == {"hello": 1}
        assert [(record["entry"]["phase"], record["entry"]["action"]) for record in detail["audit"]] == [
            ("fact", "rule.match"), ("intent", "plugin.recorder"), ("outcome", "plugin.recorder"), ("fact", "instruction.completed"),
        ]  # fmt: skip
        shown = hook.platform.command("runs", "show", row["id"]).stdout
        assert re.search(r"action/hands +outcome  plugin.recorder  recorder  ok  by rule:", shown)


def test_a_failing_step_is_tried_again_and_then_fails(hook: Hook) -> None:
    hook.declare("{plugin: recorder, with: {fail: true}, retry: {attempts: 3, backoff: 200ms}}")
    with running(hook.platform):
        hook.post()
        eventually(lambda: finished(hook.platform, 1), what="run finished")
        assert hook.platform.runs()[0]["state"] == "failed"
        assert [attempt for _, attempt in hook.executed()] == [1, 2, 3]


def test_a_step_waits_for_its_approval(hook: Hook) -> None:
    hook.declare("{plugin: recorder, requireApproval: {from: [oncall], expire: 1m}}")
    with running(hook.platform):
        hook.post()
        (question,) = eventually(lambda: hook.platform.json("approvals", "list"), what="a question")
        assert hook.executed() == []
        assert hook.platform.command("approvals", "approve", question["instruction"]).returncode == 0
        eventually(hook.executed, what="executed after the approval")


def test_a_rejected_step_never_runs(hook: Hook) -> None:
    hook.declare("{plugin: recorder, requireApproval: {from: [oncall], expire: 1m}}")
    with running(hook.platform):
        hook.post()
        (question,) = eventually(lambda: hook.platform.json("approvals", "list"), what="a question")
        assert hook.platform.command("approvals", "reject", question["instruction"]).returncode == 0
        eventually(lambda: finished(hook.platform, 1), what="run finished")
        assert hook.platform.runs()[0]["state"] == "cancelled"
        assert hook.executed() == []
        again = hook.platform.command("approvals", "approve", question["instruction"])
        assert again.returncode == 5


def test_a_policy_denies_a_plugin(hook: Hook) -> None:
    policy = """
apiVersion: outrider.dev/v1alpha1
kind: Policy
metadata: {name: no-recorder}
spec: {principals: ["rule:*"], operations: [plugin.recorder], effect: deny}
"""
    hook.declare(more=policy)
    with running(hook.platform):
        hook.post()
        eventually(lambda: finished(hook.platform, 1), what="run finished")
        (row,) = hook.platform.runs()
        assert row["state"] == "failed"
        assert "Policy/no-recorder" in row["message"]
        assert hook.executed() == []


def test_an_operation_is_called_by_a_rule(hook: Hook) -> None:
    flag = hook.out / "flag"
    step = f"{{call: host.file_write, mode: apply, with: {{path: {flag}, content: hi}}}}"
    hook.declare(step, action='operations: ["host.file_*"]')
    with running(hook.platform):
        hook.post()
        eventually(lambda: finished(hook.platform, 1), what=hook.platform.logs())
        assert hook.platform.runs()[0]["state"] == "completed", hook.platform.runs()
        assert flag.read_text() == "hi"


def test_once_per_key_lets_one_run_through(hook: Hook) -> None:
    hook.declare(rule="  oncePer: {key: event.data.body.host, period: 1h}")
    with running(hook.platform):
        for host in ("a", "a", "b", "a"):
            hook.post({"host": host})
        eventually(lambda: len(hook.platform.json("events")) == 4, what="all events")
        eventually(lambda: finished(hook.platform, 2), what="two runs")
        assert len(hook.platform.runs()) == 2


def test_a_lost_agent_is_told_by_on_lost(hook: Hook) -> None:
    hook.declare("{plugin: recorder, with: {seconds: 60}, timeout: 2m, onLost: manual}")
    with running(hook.platform):
        hook.post()
        eventually(hook.executed, what="executing")
        os.kill(hook.platform.part("hands")["pid"], signal.SIGKILL)
        eventually(lambda: finished(hook.platform, 1), seconds=30, what=hook.platform.logs())
        assert hook.platform.runs()[0]["state"] == "unknown"
        assert len(hook.executed()) == 1


@pytest.mark.parametrize("victim", ["orchestrator", "ears", "hands"])
def test_nothing_accepted_is_lost_when_a_process_is_killed(hook: Hook, victim: str) -> None:
    hook.declare("{plugin: recorder, onLost: retry, retry: {attempts: 5, backoff: 200ms}}")
    with running(hook.platform):
        accepted = _flow(hook, victim)
        eventually(
            lambda: _runs(hook) >= accepted and _idle(hook), seconds=60, what=f"{_runs(hook)} of {accepted} runs"
        )
        executed = Counter(key for key, _ in hook.executed())
        assert len(executed) >= accepted
        repeats = [key for key, count in executed.items() if count > 1]
        assert all(any(k == key and attempt > 1 for k, attempt in hook.executed()) for key in repeats)
        verified = hook.platform.command("audit", "verify")
        assert verified.returncode == 0, verified.stderr


def _runs(hook: Hook) -> int:
    return len(hook.platform.runs())


def _idle(hook: Hook) -> bool:
    return all(row["state"] != "running" for row in hook.platform.runs())


def _flow(hook: Hook, victim: str) -> int:
    """Send events for some seconds, kill a process in the middle, and return how many were accepted."""
    accepted = 0
    pid = hook.platform.part(victim)["pid"]
    killer = threading.Timer(1.0, os.kill, (pid, signal.SIGKILL))
    killer.start()
    end = time.monotonic() + 4
    while time.monotonic() < end:
        try:
            accepted += hook.post() == 202
        except OSError:
            time.sleep(0.05)  # the trigger itself is starting again
        time.sleep(0.01)
    killer.join()
    return accepted


def test_the_audit_chain_shows_a_changed_record(hook: Hook) -> None:
    hook.declare()
    with running(hook.platform):
        hook.post()
        eventually(lambda: finished(hook.platform, 1), what="run finished")
    assert hook.platform.command("audit", "verify").returncode == 0
    path = hook.platform.folder / ".outrider" / "agents" / "hands" / "audit.jsonl"
    path.write_text(path.read_text().replace("plugin.recorder", "plugin.innocent"))
    changed = hook.platform.command("audit", "verify")
    assert changed.returncode == 1
    assert "does not follow" in changed.stderr


def test_records_can_be_read_when_the_platform_is_stopped(hook: Hook, tmp_path: Path) -> None:
    hook.declare()
    with running(hook.platform):
        hook.post({"kept": True})
        eventually(lambda: finished(hook.platform, 1), what="run finished")
    (event,) = hook.platform.json("events")
    assert event["event"]["data"]["body"] == {"kept": True}
    assert hook.platform.json("status")["state"] == "stopped"
