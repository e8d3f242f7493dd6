"""The command line as a person sees it on a terminal, and as a program reads it from a pipe."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.platform.harness import Platform, eventually, running
from tests.platform.hook import Hook, finished
from tests.platform.terminals import terminal

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


def test_a_step_is_approved_on_the_terminal_of_up(hook: Hook) -> None:
    hook.declare("{plugin: recorder, requireApproval: {from: [oncall], expire: 1m}}")
    with terminal(hook.platform, "up") as up:
        up.wait_for("is running")
        hook.post()
        up.wait_for("approve? [y/n]")
        up.type("perhaps")
        up.wait_for("type y to approve")
        assert hook.executed() == []
        up.type("y")
        up.wait_for("approved by")
        eventually(hook.executed, what="executed after the approval")


def test_a_step_is_rejected_on_the_terminal_of_up(hook: Hook) -> None:
    hook.declare("{plugin: recorder, requireApproval: {from: [oncall], expire: 1m}}")
    with terminal(hook.platform, "up") as up:
        up.wait_for("is running")
        hook.post()
        up.wait_for("approve? [y/n]")
        up.type("n")
        up.wait_for("rejected by")
        eventually(lambda: finished(hook.platform, 1), what="run finished")
        assert hook.executed() == []


def test_without_input_nothing_is_asked(hook: Hook) -> None:
    hook.declare("{plugin: recorder, requireApproval: {from: [oncall], expire: 1m}}")
    with terminal(hook.platform, "up", "--no-input") as up:
        up.wait_for("is running")
        hook.post()
        up.wait_for("waits for oncall")
        assert "approve? [y/n]" not in up.shown


def test_quiet_shows_no_timeline(hook: Hook) -> None:
    hook.declare()
    with terminal(hook.platform, "up", "--quiet") as up:
        up.wait_for("is running")
        hook.post()
        eventually(lambda: finished(hook.platform, 1), what="run finished")
    assert "recorder" not in up.shown


def test_a_watched_list_goes_on(hook: Hook) -> None:
    hook.declare()
    with running(hook.platform):
        hook.post({"number": 1})
        eventually(lambda: finished(hook.platform, 1), what="run finished")
        with watching(hook.platform, "events", "--json", "sequence,event.data") as events:
            assert next(events)["event.data"]["body"] == {"number": 1}
            hook.post({"number": 2})
            assert next(events)["event.data"]["body"] == {"number": 2}
        with watching(hook.platform, "runs", "list") as runs:
            known = {next(runs)["id"], next(runs)["id"]}
            hook.post({"number": 3})
            fresh = next(run for run in runs if run["id"] not in known)
            ended = fresh if fresh["state"] == "completed" else next(runs)
            assert (ended["id"], ended["state"]) == (fresh["id"], "completed")


def test_the_timeline_of_a_running_platform_is_watched_in_colour(hook: Hook) -> None:
    hook.declare()
    with running(hook.platform):
        hook.post()
        eventually(lambda: finished(hook.platform, 1), what="run finished")
        with terminal(hook.platform, "watch", "--kind", "action", "--kind", "event") as watched:
            watched.wait_for("\x1b[32maction")
            watched.shown = ""
            hook.post()
            watched.wait_for("\x1b[36mevent")
            watched.wait_for(" ms\r\n")
        assert "instruction" not in watched.shown


def test_a_timeline_that_is_piped_has_no_colour_and_goes_on_after_a_crash(hook: Hook) -> None:
    hook.declare()
    with running(hook.platform):
        hook.post()
        eventually(lambda: finished(hook.platform, 1), what="run finished")
        with subprocess.Popen(
            [sys.executable, "-m", "outrider", "watch", "--last", "1"],
            cwd=hook.platform.folder, env=hook.platform.environment, stdout=subprocess.PIPE, text=True,
        ) as watched:  # fmt: skip
            assert watched.stdout is not None
            seen = [next(watched.stdout)]
            os.kill(hook.platform.part("orchestrator")["pid"], signal.SIGKILL)
            seen.append(next(line for line in watched.stdout if "answers again" in line))
            hook.post()
            seen.append(next(line for line in watched.stdout if "action" in line))
            watched.send_signal(signal.SIGINT)
            assert sum("does not answer" in line for line in (*seen, *watched.stdout)) <= 1
    assert "\x1b" not in "".join(seen)
    assert watched.returncode == 130


def test_a_timeline_for_programs(hook: Hook) -> None:
    hook.declare()
    with running(hook.platform):
        hook.post({"number": 1})
        eventually(lambda: finished(hook.platform, 1), what="run finished")
        with watching(hook.platform, "watch", "--kind", "action", "--json", "kind,subject,run", flags=()) as lines:
            assert next(lines)["subject"] == "recorder"
            hook.post({"number": 2})
            assert next(lines)["kind"] == "action"


@contextmanager
def watching(
    platform: Platform, *arguments: str, flags: tuple[str, ...] = ("--watch",)
) -> Iterator[Iterator[dict[str, Any]]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "outrider", *arguments, *flags],
        cwd=platform.folder, env=platform.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield map(json.loads, process.stdout)
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert (process.returncode, said.strip()) == (130, "interrupted")


def test_a_watch_needs_a_platform(hook: Hook) -> None:
    hook.declare()
    with running(hook.platform):
        hook.post()
    done = hook.platform.command("events", "--watch")
    assert (done.returncode, done.stdout) == (7, "")
