"""Scheduled calls on a running platform."""

import pytest

from tests.platform.harness import Platform, eventually, running

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
PLATFORM = """\
apiVersion: outrider.dev/v1alpha1
kind: Platform
metadata: {name: test}
"""
CALL = """\
---
apiVersion: outrider.dev/v1alpha1
kind: OperatorCall
metadata: {{name: {name}}}
spec:
  operator: {{call: host.file_write, with: {{path: {path}, content: "made"}}}}
  schedule: "* * * * *"
  timeZone: Asia/Kathmandu
  mode: {mode}
"""


def test_a_change_is_made_on_time_and_planned_where_it_says_so(platform: Platform) -> None:
    made, planned = platform.folder.parent / "made", platform.folder.parent / "planned"
    calls = CALL.format(name="make", path=made, mode="apply") + CALL.format(name="draft", path=planned, mode="plan")
    platform.write(PLATFORM + calls)
    with running(platform):
        draft, make = platform.json("schedules", "list")
        assert (draft["name"], make["name"], make["operation"]) == ("draft", "make", "host.file_write")
        assert make["next"].endswith(":00.000Z")
        states = ["completed", "completed"]
        eventually(
            lambda: [row["last_state"] for row in platform.json("schedules", "list")] == states,
            seconds=75,
            what="calls",
        )
        assert made.read_text() == "made"
        assert not planned.exists()
        steps = {run["rule"]: platform.json("runs", "show", run["id"])["steps"] for run in platform.runs()}
        difference = steps["draft"][0]["result"]["result"]["difference"]
        assert difference == [{"path": "content", "before": None, "after": "made"}]
        assert "schedule:make" in platform.command("audit", "list").stdout
        assert "completed" in platform.command("describe", "operatorcall", "make").stdout
        assert platform.command("audit", "verify").returncode == 0
    assert platform.json("schedules", "list")[1]["executions"] >= 1, "what is stopped can be looked at too"
