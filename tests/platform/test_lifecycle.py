import os
import shutil
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.platform.harness import ROOT, Platform, eventually, running
from tests.servers.ports import free_port

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

SERVICE = """
apiVersion: outrider.dev/v1alpha1
kind: Platform
metadata: {{name: {name}}}
spec:
  services:
  - {{name: sleeper, command: [sh, -c, "trap '' TERM; sh -c 'sleep 1000' & setsid sleep 1000 & wait"], stopGrace: 300ms}}
---
apiVersion: outrider.dev/v1alpha1
kind: ActionAgent
metadata: {{name: hands}}
spec: {{plugins: [service-restart], operations: ["host.*"]}}
"""


def test_the_demo_heals_a_killed_service(platform: Platform) -> None:
    ignored = shutil.ignore_patterns(".outrider", "*.log", "*.jsonl")
    shutil.copytree(ROOT / "examples" / "self-healing", platform.folder, dirs_exist_ok=True, ignore=ignored)
    done = platform.command("demo", "self-healing")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "web answered again" in done.stdout
    for kind in ("event ", "rule ", "instruction ", "action ", "output "):
        assert kind in done.stdout


def test_nothing_is_left_after_the_command_is_killed(platform: Platform) -> None:
    platform.write(SERVICE.format(name="killed"))
    process = platform.up()
    assert len(platform.processes()) > 5
    process.kill()
    process.communicate()
    eventually(lambda: not platform.processes(), seconds=1.5, what=str(platform.processes()))


def test_two_platforms_do_not_collide(platform: Platform, tmp_path: Path) -> None:
    other = Platform(tmp_path / "other", Path(platform.environment["XDG_CACHE_HOME"]))
    other.folder.mkdir()
    platform.write(SERVICE.format(name="first"))
    other.write(SERVICE.format(name="second"))
    with running(platform), running(other):
        assert platform.json("status")["name"] == "first"
        assert other.json("status")["name"] == "second"


def test_a_second_start_is_refused(platform: Platform) -> None:
    platform.write(SERVICE.format(name="twice"))
    with running(platform):
        done = platform.command("up", ".")
        assert done.returncode == 5
        assert "running already" in done.stderr


def test_down_purge_removes_the_state(platform: Platform) -> None:
    platform.write(SERVICE.format(name="purged"))
    assert platform.command("up", ".", "--detach").returncode == 0
    assert platform.command("down", ".", "--purge").returncode == 0
    assert not (platform.folder / ".outrider").exists()
    eventually(lambda: not platform.processes(), seconds=3)


def restarted(platform: Platform, name: str, previous: int) -> bool:
    return platform.part(name)["pid"] not in (0, previous)


def test_a_killed_part_comes_back(platform: Platform) -> None:
    platform.write(SERVICE.format(name="parts"))
    with running(platform):
        for name in ("orchestrator", "hands"):
            pid = platform.part(name)["pid"]
            os.kill(pid, signal.SIGKILL)
            eventually(partial(restarted, platform, name, pid), what=f"{name} restarted")
        eventually(lambda: platform.json("status")["state"] == "ready", seconds=30, what="ready again")


def test_services_are_restarted_by_operation(platform: Platform) -> None:
    platform.write(SERVICE.format(name="services"))
    with running(platform):
        before = platform.part("sleeper")["pid"]
        done = platform.command("host", "service_restart", "sleeper", "--yes", "-o", "json")
        assert done.returncode == 0, done.stderr
        assert platform.part("sleeper")["pid"] not in (0, before)


def test_a_write_without_terminal_shows_its_plan_and_exits_6(platform: Platform) -> None:
    platform.write(SERVICE.format(name="plans"))
    with running(platform):
        done = platform.command("host", "service_restart", "sleeper")
        assert done.returncode == 6
        assert "outrider apply" in done.stdout


def test_a_busy_port_is_named(platform: Platform) -> None:
    port = free_port()
    platform.write(
        f"apiVersion: outrider.dev/v1alpha1\nkind: Platform\nmetadata: {{name: busy}}\nspec: {{listen: '127.0.0.1:{port}'}}\n"
    )
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        done = platform.command("up", ".")
    assert done.returncode == 5, done.stderr
    assert str(port) in done.stderr
    assert "fix" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_named(platform: Platform) -> None:
    platform.write(SERVICE.format(name="readonly"))
    platform.folder.chmod(0o555)
    try:
        done = platform.command("up", ".")
    finally:
        platform.folder.chmod(0o755)
    assert done.returncode == 1
    assert "state folder" in done.stderr


def test_bad_yaml_starts_nothing(platform: Platform) -> None:
    platform.write("apiVersion: outrider.dev/v1alpha1\nkind: Rule\nmetadata: {name: x}\nspec: {wen: {}}\n")
    done = platform.command("up", ".")
    assert done.returncode == 2
    assert "outrider.yaml:4:" in done.stderr
    assert "did you mean 'when'?" in done.stderr
    assert not (platform.folder / ".outrider").exists()


def test_a_crash_loop_is_named(platform: Platform) -> None:
    platform.write(
        "apiVersion: outrider.dev/v1alpha1\nkind: Platform\nmetadata: {name: loop}\n"
        "spec: {services: [{name: bad, command: [sh, -c, 'exit 3'], restart: always}]}\n"
    )
    with running(platform):
        found = eventually(lambda: [p for p in platform.json("status")["problems"] if "crash-loop" in p], seconds=30)
        assert "exit code 3" in found[0]


def test_the_wheel_runs_the_demo(tmp_path: Path, platform: Platform) -> None:
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            str(tmp_path),
            str(ROOT),
        ],
        check=True,
    )
    (wheel,) = tmp_path.glob("outrider-*.whl")
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel)], check=True
    )
    environment = {**platform.environment, "PYTHONPATH": str(site)}
    command = [sys.executable, "-m", "outrider", "demo", "self-healing"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (Path(environment["XDG_CACHE_HOME"]) / "outrider" / "demo" / "self-healing" / "incidents.jsonl").is_file()
