"""Changed files of a running platform: shown as a plan, taken over live; overlays."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.platform.harness import Platform, eventually, running
from tests.platform.hook import Hook, finished

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
SLEEPER = 'services: [{name: sleeper, command: [sleep, "1000"]}]'
SECOND = """
---
apiVersion: outrider.dev/v1alpha1
kind: Rule
metadata: {name: second}
spec:
  when: {any: [{trigger: ears/hook}]}
  do: [{plugin: recorder}]
---
apiVersion: outrider.dev/v1alpha1
kind: ActionAgent
metadata: {name: more-hands}
spec: {plugins: [service-restart]}
"""


def rewrite(platform: Platform, old: str, new: str) -> None:
    """Change the text of the platform's file."""
    text = (platform.folder / "outrider.yaml").read_text()
    assert old in text
    platform.write(text.replace(old, new))


def pids(platform: Platform) -> dict[str, int]:
    """Return the processes of all parts."""
    return {part["name"]: part["pid"] for part in platform.json("status")["parts"]}


def test_changed_files_are_shown_as_a_plan_and_taken_over(hook: Hook) -> None:
    hook.declare()
    platform, run = hook.platform, hook.platform.command
    with running(platform):
        before = pids(platform)
        assert run("reload").stderr == "nothing has changed\n"
        hook.declare(more=SECOND)
        rewrite(platform, "groups:", f"{SLEEPER[:-1]}], groups:")
        shown = run("reload")
        assert shown.returncode == 6
        assert "--yes takes it over" in shown.stderr
        assert "+ ActionAgent/more-hands\n" in shown.stdout
        assert "+ Rule/second\n" in shown.stdout
        assert '~ Platform/test\n    spec.services.sleeper  not set -> {"name":"sleeper"' in shown.stdout
        assert [row["name"] for row in platform.json("get", "rules")] == ["on-post"], "a plan changes nothing"
        done = run("reload", "--yes").stdout
        assert "Rule/second created\n" in done
        assert "sleeper started\nmore-hands started\n" in done
        after = pids(platform)
        assert before.items() <= after.items(), "what has not changed goes on"
        assert after.keys() - before.keys() == {"sleeper", "more-hands"}
        hook.post()
        eventually(lambda: finished(platform, 2), what="a run of each rule")

        rewrite(platform, 'command: [sleep, "1000"]', 'command: [sleep, "2000"]')
        assert "sleeper started\n" in run("reload", "--yes").stdout
        assert pids(platform)["sleeper"] != after["sleeper"]
        hook.declare()
        gone = run("reload", "--yes").stdout
        assert "Rule/second deleted\n" in gone
        assert "sleeper stopped\nmore-hands stopped\n" in gone
        assert pids(platform) == before
        assert run("status").returncode == 0


def test_what_cannot_be_taken_over_changes_nothing(hook: Hook) -> None:
    hook.declare()
    platform, run = hook.platform, hook.platform.command
    with running(platform):
        before = pids(platform)
        hook.declare(more=SECOND.replace("ears/hook", "ears/hok"))
        wrong = run("reload", "--yes")
        assert wrong.returncode == 2
        assert "outrider.yaml:" in wrong.stderr
        assert "ears/hook" in wrong.stderr
        hook.declare(more=SECOND)
        rewrite(platform, "groups:", "listen: 127.0.0.1:1, groups:")
        conflict = run("reload", "--yes")
        assert conflict.returncode == 5
        assert "spec.listen cannot be changed while it runs" in conflict.stderr
        assert [row["name"] for row in platform.json("get", "rules")] == ["on-post"]
        assert pids(platform) == before


@contextmanager
def watching(platform: Platform, *options: str) -> Iterator[Path]:
    """Run `outrider up` with its output in a file, and give that."""
    output = platform.folder.parent / "up.log"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "outrider", "up", str(platform.folder), *options],
            cwd=platform.folder, env=platform.environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
        )  # fmt: skip
    try:
        eventually(lambda: "is running" in output.read_text(), seconds=45, what="the platform")
        yield output
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        eventually(lambda: not platform.processes(), seconds=3, what=f"left over: {platform.processes()}")


def test_up_says_what_changed_files_would_do(hook: Hook) -> None:
    hook.declare()
    with watching(hook.platform) as output:
        hook.declare(more=SECOND)
        eventually(lambda: "take it over: outrider reload" in output.read_text(), what="the plan")
        assert "+ Rule/second" in output.read_text()
        assert [row["name"] for row in hook.platform.json("get", "rules")] == ["on-post"]


def test_up_watch_takes_changed_files_over_and_refuses_wrong_ones(hook: Hook) -> None:
    hook.declare()
    with watching(hook.platform, "--watch") as output:
        hook.declare(more="when: [")
        eventually(lambda: "not taken over: outrider.yaml:" in output.read_text(), what="the fault")
        hook.declare(more=SECOND)
        eventually(lambda: "more-hands started" in output.read_text(), what="the take-over")
        assert [row["name"] for row in hook.platform.json("get", "rules")] == ["on-post", "second"]


def test_reload_asks_on_a_terminal(hook: Hook) -> None:
    hook.declare()
    platform = hook.platform
    with running(platform):
        hook.declare(more=SECOND)
        leader, follower = pty.openpty()
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "outrider", "reload"], cwd=platform.folder,
                env={**platform.environment, "TERM": "dumb"}, stdin=follower, stdout=follower, stderr=follower,
            )  # fmt: skip
            os.write(leader, b"y\n")
            assert process.wait(30) == 0
        finally:
            os.close(leader)
            os.close(follower)
        assert [row["name"] for row in platform.json("get", "rules")] == ["on-post", "second"]


def test_an_overlay_is_taken_by_up_status_doors_and_reload(hook: Hook) -> None:
    hook.declare()
    platform, run = hook.platform, hook.platform.command
    overlay = platform.folder / "overlays" / "quiet"
    overlay.mkdir(parents=True)
    patch = "apiVersion: outrider.dev/v1alpha1\nkind: Rule\nmetadata: {name: on-post}\nspec: {enabled: false}\n"
    (overlay / "quiet.yaml").write_text(patch)
    assert run("validate", "--overlay", "quite").returncode == 3
    assert run("validate", "--overlay", "quiet").returncode == 0
    with watching(platform, "--overlay", "quiet"):
        (rule,) = platform.json("get", "rules")
        assert rule["document"]["spec"]["enabled"] is False
        assert run("reload").stderr == "nothing has changed\n"
        (overlay / "quiet.yaml").write_text(patch.replace("enabled: false", "rateLimit: {count: 1, period: 1h}"))
        assert "~ Rule/on-post\n    spec.enabled  false -> not set\n" in run("reload").stdout
        assert run("reload", "--yes").returncode == 0
        (rule,) = platform.json("get", "rules")
        assert rule["document"]["spec"]["rateLimit"]["count"] == 1
