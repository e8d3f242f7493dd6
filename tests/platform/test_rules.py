"""Rules over time on a running platform, through the real commands."""

import json
import os
import signal
from typing import Any

import pytest

from tests.platform.harness import Platform, eventually, running
from tests.platform.hook import Hook, finished

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
RULES = """
---
apiVersion: outrider.dev/v1alpha1
kind: Rule
metadata: {name: five-of-a-kind}
spec:
  when: {any: [{type: login, if: '!event.data.ok'}], count: 5, within: 10m, by: event.data.user}
  oncePer: {key: event.data.user, period: 1h}
---
apiVersion: outrider.dev/v1alpha1
kind: Rule
metadata: {name: up-then-down}
spec:
  when:
    then: [{type: deploy, by: event.data.service}, {type: alarm, by: event.data.target}]
    within: 10m
---
apiVersion: outrider.dev/v1alpha1
kind: Rule
metadata: {name: no-answer}
spec:
  shadow: true
  when: {any: [{type: question}], notWithin: {period: 2s, any: [{type: answer}]}}
"""
CASES = """
- name: five logins of one user
  events:
  - {source: a/b, type: login, data: {user: eve, ok: false}}
  - {at: 1m, source: a/b, type: login, data: {user: eve, ok: false}}
  - {at: 2m, source: a/b, type: login, data: {user: bob, ok: false}}
  - {at: 3m, source: a/b, type: login, data: {user: eve, ok: false}}
  - {at: 4m, source: a/b, type: login, data: {user: eve, ok: false}}
  - {at: 5m, source: a/b, type: login, data: {user: eve, ok: false}}
  expect:
  - {rule: five-of-a-kind, at: 5m, key: eve}
- name: a question that is not answered
  events:
  - {source: a/b, type: question}
  then: 2s
  expect:
  - {rule: no-answer, outcome: would start}
"""


def send(platform: Platform, kind: str, event: str, **data: Any) -> None:
    """Send an event of a type, with an id of its own."""
    words = ("events", "send", "a/b", "--type", kind, "--data", json.dumps(data), "--id", event)
    done = platform.command(*words)
    assert done.returncode == 0, done.stderr


def kill_orchestrator(platform: Platform) -> None:
    """Kill it with SIGKILL and wait until another one answers."""
    part = platform.part("orchestrator")
    os.kill(part["pid"], signal.SIGKILL)

    def anew() -> bool:
        now = platform.part("orchestrator")
        return now["pid"] != part["pid"] and platform.command("events", "--limit", "1").returncode == 0

    eventually(anew, seconds=30, what="another orchestrator")


def test_windows_survive_kill_9_of_the_orchestrator(hook: Hook) -> None:
    hook.declare(more=RULES)
    platform = hook.platform
    with running(platform):
        for number in range(4):
            send(platform, "login", f"L{number}", user="eve", ok=False)
            if number % 2:
                kill_orchestrator(platform)
        send(platform, "deploy", "D", service="shop")
        kill_orchestrator(platform)
        send(platform, "login", "L3", user="eve", ok=False)  # known already: it does not count twice
        assert platform.runs() == []
        send(platform, "login", "L4", user="eve", ok=False)
        send(platform, "alarm", "A", target="shop")
        eventually(lambda: finished(platform, 2), what="two runs")
        runs = {run["rule"]: platform.json("runs", "show", run["id"])["matched"] for run in platform.runs()}
        assert runs == {"five-of-a-kind": ["L0", "L1", "L2", "L3", "L4"], "up-then-down": ["D", "A"]}
        said = platform.command("rules", "why", "L4").stdout
        assert "five-of-a-kind  started  run " in said
        assert "holds: !event.data.ok  (event.data.ok is false)" in said
        assert "wait for other events: no-answer, on-post, up-then-down" in said
        assert "4 of 5 events within 10m" in platform.command("rules", "why", "L3").stdout


def test_a_wait_ends_after_the_orchestrator_was_killed(hook: Hook) -> None:
    hook.declare(more=RULES.replace("shadow: true", "enabled: true"))
    platform = hook.platform
    with running(platform):
        send(platform, "question", "Q")
        kill_orchestrator(platform)
        eventually(lambda: finished(platform, 1), what="a run")
        assert platform.json("runs", "show", platform.runs()[0]["id"])["matched"] == ["Q"]


def test_rules_are_tried_on_what_a_platform_has_stored_on_a_file_and_on_cases(hook: Hook) -> None:
    hook.declare(more=RULES)
    platform = hook.platform
    with running(platform):
        for number in range(5):
            send(platform, "login", f"L{number}", user="eve", ok=False)
        stored = platform.command("events", "-o", "json")
    hook.declare(more=RULES.replace("count: 5", "count: 2").replace("period: 1h", "period: 1ms"))
    tried = platform.json("rules", "test", "--rule", "five-of-a-kind")
    assert [row["events"] for row in tried if row["outcome"] == "would start"] == [["L0", "L1"], ["L2", "L3"]]
    (platform.folder / "events.json").write_text(stored.stdout)
    assert platform.json("rules", "test", "--rule", "five-of-a-kind", "--from", "events.json") == tried
    lines = "\n".join(json.dumps(row["event"]) for row in json.loads(stored.stdout))
    by_lines = platform.command("rules", "test", "--from", "-", "-o", "json", stdin=lines)
    assert len([row for row in json.loads(by_lines.stdout) if row["outcome"] == "would start"]) == 2
    hook.declare(more=RULES)
    (platform.folder / "cases.yml.txt").write_text(CASES)
    judged = platform.command("rules", "test", "--cases", "cases.yml.txt")
    assert judged.returncode == 1
    assert judged.stdout.splitlines() == [
        "passed  five logins of one user",
        "FAILED  a question that is not answered",
        "        expect[0].outcome: expected would start, found shadow",
    ]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("rules", "test", "--from", "nothing.json"), 2, "nothing.json cannot be read"),
        (("rules", "test", "--rule", "no-such"), 3, "no rule is called 'no-such'"),
        (("rules", "test"), 3, "no store yet"),
        (("rules", "test", "--from", "outrider.yaml"), 2, "is not JSON"),
        (("rules", "test", "--then", "soon"), 2, "soon"),
        (("rules", "test", "--cases", "outrider.yaml"), 2, "unknown field"),
    ],
)
def test_what_cannot_be_tried_says_why(hook: Hook, words: tuple[str, ...], code: int, said: str) -> None:
    hook.declare(more=RULES)
    done = hook.platform.command(*words)
    assert said in done.stderr
    assert (done.returncode, done.stdout) == (code, "")
