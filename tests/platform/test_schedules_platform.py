"""A scheduled call on a running platform."""

import pytest

from tests.platform.harness import Platform, eventually, running

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
OBJECTS = """\
apiVersion: outrider.dev/v1alpha1
kind: Platform
metadata: {{name: test}}
---
apiVersion: outrider.dev/v1alpha1
kind: OperatorCall
metadata: {{name: note}}
spec:
  operator: {{call: host.file_write, with: {{path: {path}, content: "{content}"}}}}
  schedule: "* * * * *"
  timeZone: Asia/Kathmandu
  mode: {mode}
"""


def test_a_change_is_made_on_time_and_planned_where_it_says_so(platform: Platform) -> None:
    note = platform.folder.parent / "note"
    platform.write(OBJECTS.format(path=note, content="made", mode="apply"))
    with running(platform):
        (row,) = platform.json("schedules", "list")
        assert (row["name"], row["operation"], row["executions"]) == ("note", "host.file_write", 0)
        assert row["next"].endswith(":00.000Z")
        eventually(
            lambda: platform.json("schedules", "list")[0]["last_state"] == "completed", seconds=75, what="a call"
        )
        assert note.read_text() == "made"
        # What is only to be planned is not made, and its run tells what it would be.
        platform.write(OBJECTS.format(path=note, content="other", mode="plan"))
        assert platform.command("apply", "-f", str(platform.folder / "outrider.yaml")).returncode == 0
        eventually(
            lambda: len(platform.runs()) == 2 and platform.runs()[0]["state"] == "completed", seconds=75, what="a plan"
        )
        assert note.read_text() == "made"
        steps = platform.json("runs", "show", platform.runs()[0]["id"])["steps"]
        assert steps[0]["result"]["result"]["difference"] == [{"path": "content", "before": "made", "after": "other"}]
        assert "schedule:note" in platform.command("audit", "list").stdout
        assert "completed" in platform.command("describe", "operatorcall", "note").stdout
        assert platform.command("audit", "verify").returncode == 0
    assert platform.json("schedules", "list")[0]["executions"] == 2, "what is stopped can be looked at too"
