"""Pause, silence and drain on a running platform."""

import threading

import pytest

from tests.platform.harness import eventually, running
from tests.platform.hook import Hook, finished

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


def test_a_platform_is_paused_and_goes_on(hook: Hook) -> None:
    hook.declare()
    run = hook.platform.command
    with running(hook.platform):
        assert "paused until" in run("pause", "--for", "1h", "--comment", "moving house").stdout
        assert run("pause").returncode == 5
        assert "held: pause until" in run("status").stdout
        assert run("status").returncode == 0
        hook.post()
        eventually(
            lambda: "not run" in str(hook.platform.json("events", "list")) or hook.platform.json("events", "list")
        )
        assert hook.platform.runs() == []
        assert run("resume").returncode == 0
        assert run("resume").returncode == 3
        hook.post()
        eventually(lambda: finished(hook.platform, 1), what="a run after the pause")
        assert len(hook.executed()) == 1

        silence = run("silences", "add", "--rule", "on-*", "--comment", "noise").stdout.strip()
        hook.post()
        eventually(lambda: len(hook.platform.json("events", "list")) == 3, what="the third event")
        assert len(hook.platform.runs()) == 1
        (row,) = hook.platform.json("silences", "list")
        assert (row["id"], row["comment"]) == (silence, "noise")
        assert run("silences", "remove", silence).returncode == 0
        assert run("silences", "add").returncode == 2
        assert run("audit", "verify").returncode == 0


def test_an_agent_is_drained(hook: Hook) -> None:
    hook.declare(step="{plugin: recorder, with: {seconds: 3}}")
    run = hook.platform.command
    with running(hook.platform):
        hook.post()
        eventually(lambda: hook.platform.runs() and hook.executed(), what="the step to begin")
        impatient = run("agents", "drain", "hands", "--timeout", "100ms")
        assert (impatient.returncode, "1 steps under way" in impatient.stderr) == (7, True)
        later = threading.Thread(target=hook.post)
        later.start()
        drained = run("agents", "drain", "hands", "--timeout", "30s")
        assert drained.returncode == 0, drained.stderr
        later.join()
        eventually(lambda: len(hook.platform.runs()) == 2, what="a second run")
        assert len(hook.executed()) == 1, "the drained agent is given nothing"
        assert run("agents", "uncordon", "hands").returncode == 0
        eventually(lambda: finished(hook.platform, 2), what="the second run")
        assert run("agents", "cordon", "nobody").returncode == 2
