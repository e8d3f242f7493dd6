"""Which level is chosen, with what is really there and with what is missing, blocked or old."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest

from outrider.core.errors import SandboxUnavailableError
from outrider.runtime.sandbox.cache import MAX_AGE_SECONDS, ReportCache
from outrider.runtime.sandbox.machine import Machine, detect
from outrider.runtime.sandbox.matrix import matrix
from outrider.runtime.sandbox.model import Level
from outrider.runtime.sandbox.probe import probe, strongest_level
from outrider.runtime.sandbox.remedies import remedy_for
from outrider.runtime.sandbox.report import ProbeReport
from tests.runtime.sandbox.box import offered

pytestmark = pytest.mark.real
LEVELS = pytest.mark.parametrize("level", offered(), ids=lambda level: level.label)
ROOT = os.geteuid() == 0


def fake_bwrap(folder: Path, script: str) -> str:
    folder.mkdir()
    (folder / "bwrap").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "bwrap").chmod(0o755)
    return str(folder / "bwrap")


def changed(machine: Machine, **facts: object) -> Machine:
    return msgspec.structs.replace(machine, **facts)


@LEVELS
async def test_everything_ends_as_a_sandbox_should_have_it(machine: Machine, level: Level) -> None:
    report = await probe(level, machine)
    assert (report.usable, report.reason, report.surprises) == (True, "", [])
    kinds = [attempt.kind for attempt in report.attempts]
    assert kinds.count("forbidden") >= 28
    assert kinds.count("needed") == 8
    watched = dict.fromkeys(machine.watched(level), True)
    assert report.limits == machine.limits(level) | watched | {"ports": True}
    assert all(attempt.detail for attempt in report.attempts if not attempt.succeeded)


async def test_without_a_sandbox_the_same_attempts_succeed(machine: Machine) -> None:
    """Else the probe would prove nothing."""
    report = await probe(Level.NONE, machine)
    assert not report.usable
    possible = {attempt.name for attempt in report.surprises}
    assert {
        "read the agent's key", "write the shared temporary folder", "signal the agent", "trace the agent", "UDP to the host",
        "TCP to the host", "set limits of the agent", "abstract socket of the agent", "path socket of the agent",
        "path socket by a redirected pair", "list processes of the host", "read the agent's environment", "keyctl",
        "System V shared memory", "granted: connect to another port", "granted: UDP",
    } <= possible  # fmt: skip
    assert {"read /etc/shadow", "write /etc", "mount", "bpf"} <= possible or not ROOT


async def test_the_strongest_level_is_chosen(machine: Machine) -> None:
    level, report = await strongest_level(Level.LANDLOCK, machine=machine)
    assert level is max(offered())
    assert report.level == level.label


async def test_without_bubblewrap(tmp_path: Path) -> None:
    machine = detect(search_path=str(tmp_path))
    assert machine.bubblewrap == ""
    assert (await strongest_level(Level.LANDLOCK, machine=machine))[0] is Level.LANDLOCK
    with pytest.raises(SandboxUnavailableError) as caught:
        await strongest_level(Level.NAMESPACED, machine=machine)
    assert "bwrap is not installed" in caught.value.found
    assert caught.value.hint == "apt-get install bubblewrap"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            "echo 'bwrap: Creating new namespace failed: Operation not permitted' >&2; exit 1",
            "Creating new namespace failed",
        ),
        ("exit 1", "without an answer"),
        ("exec /nonexistent", "nonexistent"),
        ("echo '[]'; exit 0", "without an answer"),
    ],
)
async def test_a_bubblewrap_that_fails(machine: Machine, tmp_path: Path, script: str, words: str) -> None:
    blocked = changed(machine, bubblewrap=fake_bwrap(tmp_path / "bin", script))
    assert (await strongest_level(Level.LANDLOCK, machine=blocked))[0] is Level.LANDLOCK
    with pytest.raises(SandboxUnavailableError, match="no sandbox of level 'namespaced'") as caught:
        await strongest_level(Level.NAMESPACED, machine=blocked)
    assert words in caught.value.found
    assert caught.value.suggestions


async def test_a_bubblewrap_that_confines_nothing(machine: Machine, tmp_path: Path) -> None:
    """Without namespaces and Landlock the system call filter alone is not enough."""
    script = 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'
    pretended = changed(machine, bubblewrap=fake_bwrap(tmp_path / "bin", script), landlock=0)
    report = await probe(Level.NAMESPACED, pretended)
    assert not report.usable
    assert report.reason
    assert report.remedy


async def test_without_anything(machine: Machine) -> None:
    bare = changed(machine, landlock=0, bubblewrap="")
    with pytest.raises(SandboxUnavailableError) as caught:
        await strongest_level(Level.LANDLOCK, machine=bare)
    assert [cause.found for cause in caught.value.causes] == [
        "bwrap is not installed",
        "the kernel offers no Landlock",
    ] or (len(caught.value.causes) == 2)
    assert len(caught.value.suggestions) == 2


async def test_the_first_landlock_is_not_enough_for_a_user_alone(machine: Machine) -> None:
    """It scopes no signals: only another uid keeps the agent out of reach, and only root can give that."""
    old = changed(machine, landlock=1, bubblewrap="")
    if ROOT:
        level, report = await strongest_level(Level.LANDLOCK, machine=old)
        assert (level, report.limits["ports"]) == (Level.LANDLOCK, False)
    else:
        with pytest.raises(SandboxUnavailableError, match="landlock") as caught:
            await strongest_level(Level.LANDLOCK, machine=old)
        assert "signal the agent: possible" in caught.value.found
        assert "Landlock 6" in caught.value.suggestions[-1]


async def test_the_first_landlock_inside_namespaces(machine: Machine) -> None:
    if Level.NAMESPACED in offered():
        level, report = await strongest_level(Level.LANDLOCK, machine=changed(machine, landlock=1))
        assert (level, report.limits["ports"]) == (Level.NAMESPACED, False)
    else:
        assert machine.bubblewrap == "" or not (await probe(Level.NAMESPACED, machine)).usable


async def test_results_are_kept_for_an_hour(machine: Machine, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    level, report = await strongest_level(Level.LANDLOCK, machine=machine, cache=folder)
    again = await strongest_level(Level.LANDLOCK, machine=machine, cache=folder)
    assert again == (level, report)
    file = folder / f"sandbox-{level.label}.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ReportCache(folder).landlock() == machine.landlock
    assert ReportCache(folder).find(level, machine) == report
    age(file, report, MAX_AGE_SECONDS + 1)
    assert ReportCache(folder).find(level, machine) is None


def age(file: Path, report: ProbeReport, seconds: float) -> None:
    text = file.read_text()
    older = text.replace(f'"measured_at":{report.measured_at}', f'"measured_at":{report.measured_at - seconds}')
    assert older != text
    file.write_text(older)


async def test_results_of_other_circumstances_are_not_believed(machine: Machine, tmp_path: Path) -> None:
    level, _ = await strongest_level(Level.LANDLOCK, machine=machine, cache=tmp_path)
    cache, file = ReportCache(tmp_path), tmp_path / f"sandbox-{level.label}.json"
    assert cache.find(level, changed(machine, landlock=machine.landlock + 1)) is None
    assert cache.find(level, changed(machine, bubblewrap=sys.executable)) is None
    file.chmod(0o666)
    assert cache.find(level, machine) is None
    file.chmod(0o600)
    file.write_text("{")
    assert cache.find(level, machine) is None
    assert cache.landlock() is None


async def test_a_folder_that_cannot_be_written_is_no_error(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    level, _ = await strongest_level(Level.LANDLOCK, machine=machine, cache=tmp_path / "file")
    assert level is max(offered())


async def test_unusable_levels_are_tried_again(machine: Machine, tmp_path: Path) -> None:
    without = changed(machine, bubblewrap="")
    with pytest.raises(SandboxUnavailableError):
        await strongest_level(Level.NAMESPACED, machine=without, cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_matrix_on_the_command_line() -> None:
    command = [sys.executable, "-m", "outrider.runtime.sandbox.probe"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert text.startswith("| attempt | none | landlock | namespaced |\n|---|---|---|---|\n")
    assert "| read the agent's key | yes |" in text
    assert "none: confines nothing" in text
    reports = msgspec.json.decode(
        subprocess.run([*command, "--json"], check=True, capture_output=True).stdout, type=list[ProbeReport]
    )
    assert [report.level for report in reports] == [level.label for level in Level]
    assert "not tried" not in matrix(reports) or len(offered()) < 2


@pytest.mark.parametrize(
    ("log", "setting", "value", "expected"),
    [
        (
            "bwrap: setting up uid map: Permission denied",
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "AppArmor",
        ),
        ("bwrap: No permissions to create new namespace", "kernel/unprivileged_userns_clone", "0", "sysctl"),
        ("bwrap: Creating new namespace failed", "user/max_user_namespaces", "0", "max_user_namespaces=10000"),
        ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", "x/y", "0", "docker"),
        ("Segmentation fault", "x/y", "0", "python -m outrider.runtime.sandbox.probe"),
    ],
)
def test_remedies(tmp_path: Path, log: str, setting: str, value: str, expected: str) -> None:
    (tmp_path / setting).parent.mkdir()
    (tmp_path / setting).write_text(f"{value}\n")
    assert expected in remedy_for(log, tmp_path)


async def test_a_probe_that_cannot_be_set_up(machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    report = await probe(Level.LANDLOCK, machine)
    assert not report.usable
    assert "cannot be set up" in report.reason
