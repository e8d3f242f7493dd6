"""Objects of a running platform: applied in part, looked at, removed."""

import pytest
import yaml

from tests.platform.harness import eventually, running
from tests.platform.hook import Hook, finished

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
SECOND_RULE = """
apiVersion: outrider.dev/v1alpha1
kind: Rule
metadata: {name: second}
spec:
  when: {any: [{trigger: TRIGGER}]}
  do: [{plugin: recorder}]
"""


def test_objects_are_applied_looked_at_and_removed(hook: Hook) -> None:
    hook.declare()
    extra = hook.platform.folder / "later"
    extra.mkdir()
    rule = extra / "second.yaml"
    run = hook.platform.command
    with running(hook.platform):
        # A file alone is checked together with what the platform has.
        rule.write_text(SECOND_RULE.replace("TRIGGER", "ears/hok"))
        wrong = run("apply", "-f", str(rule))
        assert wrong.returncode == 2
        assert "second.yaml:6:" in wrong.stderr
        assert "ears/hook" in wrong.stderr
        rule.write_text(SECOND_RULE.replace("TRIGGER", "ears/hook"))
        assert run("apply", "-f", str(rule)).stdout == "Rule/second created\n"

        rows = hook.platform.json("get", "rules")
        assert [(row["name"], row["generation"]) for row in rows] == [("on-post", 1), ("second", 1)]
        assert run("get", "-o", "name").stdout.split() == [
            "ActionAgent/hands", "Platform/test", "Rule/on-post", "Rule/second", "SensorAgent/ears",
        ]  # fmt: skip
        hook.post()
        eventually(lambda: finished(hook.platform, 2), what="a run of each rule")
        shown = run("describe", "rule", "second").stdout
        assert yaml.safe_load(shown)["spec"]["when"] == {"any": [{"trigger": "ears/hook"}]}
        assert "completed" in shown

        named = run("delete", "sensoragent", "ears", "--yes")
        assert named.returncode == 5
        assert "Rule/on-post" in named.stderr
        assert run("delete", "rule", "second").returncode == 2, "nobody can be asked"
        assert run("delete", "rule", "second", "--yes").stdout == "Rule/second deleted\n"
        gone = run("get", "rule", "second")
        assert gone.returncode == 3
        assert "on-post" in gone.stderr
        hook.post()
        eventually(lambda: finished(hook.platform, 3), what="a run of the rule that is left")
        assert run("audit", "verify").returncode == 0
    # What is stopped can be looked at too.
    assert [row["name"] for row in hook.platform.json("get", "rule")] == ["on-post"]


def test_a_rule_is_switched_off_and_on(hook: Hook) -> None:
    hook.declare()
    run = hook.platform.command
    with running(hook.platform):
        switched = run("rules", "disable", "on-post")
        assert (switched.returncode, switched.stdout) == (0, "on-post is disabled\n")
        assert "spec.enabled" in switched.stderr
        assert hook.platform.json("rules", "list") == [
            {"name": "on-post", "state": "disabled", "when": "ears/hook", "does": "recorder"}
        ]
        hook.post()
        eventually(lambda: len(hook.platform.json("events")) == 1, what="the event")
        assert run("rules", "enable", "on-post").returncode == 0
        hook.post()
        eventually(lambda: finished(hook.platform, 1), what="a run of the second event")
        assert len(hook.platform.runs()) == 1
        assert run("rules", "disable", "on-pots").returncode == 3


def test_an_agent_that_is_removed_does_nothing_any_more(hook: Hook) -> None:
    hook.declare()
    with running(hook.platform):
        assert hook.platform.command("delete", "rule", "on-post", "--yes").returncode == 0
        done = hook.platform.command("delete", "sensoragents", "ears", "--yes")
        assert (done.returncode, done.stdout) == (0, "SensorAgent/ears deleted\n")
        eventually(lambda: not hook.listens(), seconds=30, what=hook.platform.logs())
