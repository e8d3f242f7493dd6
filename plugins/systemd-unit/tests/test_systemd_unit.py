import contextlib
import functools
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import NotFoundError, UnavailableError
from outrider.core.identity import Principal
from outrider.operators.host import services
from outrider.operators.host.tests.world import world
from outrider.runtime.audit import AuditLog
from outrider.runtime.discovery import registry
from outrider.runtime.invoker import CallOptions, Invoker
from tests.plugins.harness import Running, faults, module, on_this_host, running, until

OWNER = CallOptions(principal=Principal("default", "user", "ana"), owner=True)
CONFIG = {"unit": "nginx.service", "every": "10ms"}
# Stands for systemd, which does not run everywhere: it writes what the real one writes, and takes nothing else.
SYSTEMCTL = """#!/bin/sh
case $* in
"--no-pager show --property=LoadState,ActiveState,SubState,MainPID nginx.service") cat {answer} ;;
*) echo "unexpected: $*" >&2; exit 1 ;;
esac
"""


def service(state: str, *, pid: int = 0, problem: str = "", manager: str = "systemd") -> dict[str, Any]:
    return {"name": "nginx.service", "state": state, "pid": pid, "problem": problem, "manager": manager}


def show(answer: Path, lines: str) -> None:
    new = answer.with_suffix(".new")
    new.write_text(lines)
    new.rename(answer)


def statuses(plugin: Running) -> list[tuple[str, str]]:
    return [(event.data["status"], event.data["state"]) for event in plugin.events]


@pytest.mark.parametrize(
    ("state", "problem", "expected"),
    [("active (running)", "", "active"), ("active (exited)", "", "active"), ("reloading (reload)", "", "active"),
     ("running", "", "active"), ("inactive (dead)", "", "inactive"), ("stopped", "", "inactive"),
     ("failed (failed)", "", "failed"), ("failed", "exit 1", "failed"), ("crash-loop", "exit 1", "failed"),
     ("starting", "exit 1; starts again in 0.2 s", "failed"), ("activating (auto-restart)", "", "failed"),
     ("activating (auto-restart-queued)", "", "failed"), ("activating (start)", "", ""),
     ("deactivating (stop-sigterm)", "", ""), ("starting", "", ""), ("unknown (unknown)", "", ""), ("", "", "")],
)  # fmt: skip
def test_states_of_both_managers(monkeypatch: pytest.MonkeyPatch, state: str, problem: str, expected: str) -> None:
    assert module("systemd-unit", "systemd_unit", monkeypatch).status_of(state, problem) == expected


@pytest.mark.real
async def test_it_reports_every_change_of_status_once() -> None:
    now: list[Any] = [service("activating (start)")]
    changes = [("active (running)", 7), ("failed (failed)", 0), ("inactive (dead)", 0), ("active (running)", 8)]
    async with running("systemd-unit", CONFIG, operations={"host.service": lambda _: now[0]}) as plugin:
        for count, (state, pid) in enumerate(changes, 1):
            now[0] = service(state, pid=pid)
            await plugin.seen(count)
            now[0] = service("deactivating (stop)")
            enough = len(plugin.calls) + 5
            await until(functools.partial(lambda calls: len(plugin.calls) > calls, enough))
    assert statuses(plugin) == [("active", "up"), ("failed", "down"), ("inactive", "down"), ("active", "up")]
    assert [event.unhealthy for event in plugin.events] == [False, True, True, False]
    assert [event.severity for event in plugin.events] == ["low", "high", "high", "low"]
    assert {event.key for event in plugin.events} == {"nginx.service"}
    assert plugin.events[1].data == {
        "state": "down",
        "unit": "nginx.service",
        "status": "failed",
        "manager": "systemd",
        "detail": "failed (failed)",
        "pid": 0,
        "problem": "systemd says: failed (failed)",
        "summary": "nginx.service down: systemd says: failed (failed)",
    }
    assert plugin.events[3].data["summary"] == "nginx.service up: active (running), pid 8"
    assert plugin.calls[0].params == {"service": "nginx.service"}


@pytest.mark.real
async def test_a_oneshot_unit_is_up_while_it_is_inactive() -> None:
    now = [service("inactive (dead)")]
    config = {**CONFIG, "oneshot": True, "severity": "medium"}
    async with running("systemd-unit", config, operations={"host.service": lambda _: now[0]}) as plugin:
        await plugin.seen(1)
        now[0] = service("failed (failed)")
        await plugin.seen(2)
        now[0] = service("inactive (dead)")
        await plugin.seen(3)
    assert statuses(plugin) == [("inactive", "up"), ("failed", "down"), ("inactive", "up")]
    assert plugin.events[1].severity == "medium"
    assert plugin.events[0].data["problem"] == ""


@pytest.mark.real
async def test_a_unit_that_is_missing_is_down_and_not_knowing_is_not() -> None:
    up = service("active (running)", pid=7)
    failing: list[Any] = [UnavailableError("no bus"), {}, None, {"state": 1}, service("maintenance", pid=7)]
    answers: list[Any] = [up] * 3 + failing * 3 + [up] * 3 + [NotFoundError("no unit is called 'nginx.service'")]
    operations = {"host.service": lambda _: answers[0] if len(answers) == 1 else answers.pop(0)}
    async with running("systemd-unit", CONFIG, operations=operations) as plugin:
        await plugin.seen(2)
    assert statuses(plugin) == [("active", "up"), ("missing", "down")]
    assert "no unit is called 'nginx.service'" in plugin.events[1].data["problem"]
    assert any("no bus" in line for line in plugin.lines)


@pytest.mark.real
async def test_a_service_of_the_platform_is_killed_comes_back_and_is_stopped() -> None:
    async with world() as (where, _):
        where.state.mkdir(exist_ok=True)
        own = Invoker(registry(), where, AuditLog(where.state / "own.jsonl", "test", where.clock))
        config = {"unit": "web", "every": "10ms"}
        async with on_this_host("systemd-unit", config, where.state, supervisor=where.supervisor) as plugin:
            await plugin.seen(1)
            first = plugin.events[0].data["pid"]
            while len(plugin.events) < 2:  # its delay grows, so that it is noticed before it is back
                now = await own.call("host.service", {"service": "web"}, options=OWNER)
                if now.pid:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(now.pid, signal.SIGKILL)
            await plugin.seen(3)
            await own.call("host.service_stop", {"service": "web"}, options=OWNER)
            await plugin.seen(4)
            await own.call("host.service_start", {"service": "web"}, options=OWNER)
            await plugin.seen(5)
    assert statuses(plugin) == [
        ("active", "up"), ("failed", "down"), ("active", "up"), ("inactive", "down"), ("active", "up"),
    ]  # fmt: skip
    assert {event.data["manager"] for event in plugin.events} == {"supervisor"}
    assert "starts again in" in plugin.events[1].data["problem"]
    assert plugin.events[2].data["pid"] not in (0, first)
    assert plugin.events[3].data["problem"] == "supervisor says: stopped"
    assert plugin.lines == []


@pytest.mark.real
async def test_a_service_that_the_platform_does_not_have_is_missing() -> None:
    async with world() as (where, _):
        where.state.mkdir(exist_ok=True)
        config = {"unit": "wbe", "every": "10ms"}
        async with on_this_host("systemd-unit", config, where.state, supervisor=where.supervisor) as plugin:
            await plugin.seen(1)
    assert statuses(plugin) == [("missing", "down")]
    assert "no service is called 'wbe'" in plugin.events[0].data["summary"]


@pytest.mark.real
async def test_what_systemctl_writes_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, program = tmp_path / "answer", tmp_path / "systemctl"
    program.write_text(SYSTEMCTL.format(answer=answer))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(services, "SYSTEMD_RUNNING", tmp_path)
    show(answer, "LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=4711\n")
    async with on_this_host("systemd-unit", CONFIG, tmp_path) as plugin:
        await plugin.seen(1)
        show(answer, "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nMainPID=0\n")
        await plugin.seen(2)
        show(answer, "LoadState=loaded\nActiveState=inactive\nSubState=dead\nMainPID=0\n")
        await plugin.seen(3)
        show(answer, "LoadState=not-found\nActiveState=inactive\nSubState=dead\nMainPID=0\n")
        await plugin.seen(4)
    assert [event.data["status"] for event in plugin.events] == ["active", "failed", "inactive", "missing"]
    assert [event.data["pid"] for event in plugin.events] == [4711, 0, 0, 0]
    assert plugin.events[0].data["detail"] == "active (running)"


@pytest.mark.parametrize(
    "bad",
    [{}, {"unit": ""}, {"unit": "-x"}, {"unit": "a b"}, {"unit": "web/../stop"}, {"unit": "a" * 256},
     {"unit": "a", "every": 5}, {"unit": "a", "oneshot": "yes"}, {"unit": "a", "units": "b"}],
)  # fmt: skip
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults("systemd-unit", bad)
