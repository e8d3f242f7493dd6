import http.client
import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.platform.harness import Platform, eventually, running
from tests.servers.ports import free_port

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


def sensor(trigger: str, *, more: str = "", platform: str = "{}") -> str:
    return f"""
apiVersion: outrider.dev/v1alpha1
kind: Platform
metadata: {{name: faults}}
spec: {platform}
---
apiVersion: outrider.dev/v1alpha1
kind: SensorAgent
metadata: {{name: eyes}}
spec: {{triggers: [{trigger}]}}
{more}
"""


def plugin(platform: Platform, name: str, program: str, **manifest: str) -> None:
    """Write a trigger plugin into the platform's own catalogue."""
    folder = platform.folder / "plugins" / name
    folder.mkdir(parents=True)
    limits = manifest.get("limits", "{memory: 64MB, processes: 8}")
    (folder / "plugin.yaml").write_text(
        f"id: {name}\ntype: trigger\nversion: 1.0.0\nsummary: misbehaves\n"
        f"runtime: {{type: python, entry_point: plugin.py}}\nlimits: {limits}\n"
    )
    (folder / "plugin.py").write_text(program)


def plugin_problem(platform: Platform) -> str:
    """Return what the status says of the one plugin."""
    problems = [line for line in platform.json("status")["problems"] if line.startswith("plugin ")]
    return problems[0] if problems else ""


def post(port: int, token: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/", "{}", {"Authorization": f"Bearer {token}"})
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_secret_reaches_its_plugin_and_nothing_else(platform: Platform) -> None:
    port = free_port()
    config = f'{{listen: "127.0.0.1:{port}", token: {{secret: hook-token}}}}'
    platform.write(
        sensor(
            f"{{name: hook, plugin: webhook, config: {config}}}", platform="{secrets: {hook-token: {env: HOOK_TOKEN}}}"
        )
    )
    platform.environment["HOOK_TOKEN"] = "s3cret-value-of-the-hook"
    with running(platform):
        assert post(port, "wrong") in (401, 403)
        assert post(port, "s3cret-value-of-the-hook") == 202
        leaks = [
            path
            for path in (platform.folder / ".outrider").rglob("*")
            if path.is_file() and b"s3cret-value" in path.read_bytes()
        ]
        assert leaks == []


def test_a_missing_secret_is_named_with_its_command(platform: Platform) -> None:
    config = f'{{listen: "127.0.0.1:{free_port()}", token: {{secret: nowhere}}}}'
    platform.write(sensor(f"{{name: hook, plugin: webhook, config: {config}}}"))
    with running(platform):
        problem = eventually(lambda: plugin_problem(platform), what=platform.logs())
        assert "secret 'nowhere' is not known" in problem
        assert "outrider secret set nowhere" in problem


MISBEHAVIOUR = {
    "garbage": ("print('this is no JSON', flush=True)\nimport time; time.sleep(60)", "line protocol"),
    "exits": ("raise SystemExit(3)", "exit status 3"),
    "mute": ("import time; time.sleep(600)", "no answer"),
    "long-line": ("import sys; sys.stdout.write('x' * 10_000_000); sys.stdout.flush()", "bytes"),
}


@pytest.mark.parametrize("kind", MISBEHAVIOUR)
def test_a_misbehaving_plugin_is_named_and_the_platform_goes_on(platform: Platform, kind: str) -> None:
    program, expected = MISBEHAVIOUR[kind]
    plugin(platform, kind, program)
    platform.write(sensor(f"{{name: bad, plugin: {kind}}}, {{name: good, plugin: schedule, config: {{every: 1s}}}}"))
    with running(platform):
        problem = eventually(lambda: plugin_problem(platform), seconds=40, what=platform.logs())
        assert expected in problem
        eventually(lambda: platform.json("events", "--source", "eyes/good"), what="the other trigger works")


GREEDY = """
from outrider_plugin import Trigger, main


class Greedy(Trigger):
    def run(self):
        import os
        hoard = []
        while not self.wait(0.001):
            {work}


main(Greedy)
"""


@pytest.mark.parametrize(
    "work",
    ["hoard.append(bytearray(8_000_000))", "hoard.append(os.fork()) or (hoard[-1] == 0 and self.wait(100))"],
    ids=["memory", "forks"],
)
def test_a_greedy_plugin_is_stopped_by_its_limits(platform: Platform, work: str) -> None:
    plugin(platform, "greedy", GREEDY.format(work=work))
    platform.write(sensor("{name: bad, plugin: greedy}"))
    with running(platform):
        eventually(lambda: plugin_problem(platform), seconds=40, what=platform.logs())
        assert len(platform.processes()) < 60


FLOOD = """
from outrider_plugin import Trigger, main


class Flood(Trigger):
    def run(self):
        for number in range(10_000):
            if not self.event({"number": number}):
                return
        self.wait(600)


main(Flood)
"""


def test_ten_thousand_events_at_once_all_arrive(platform: Platform) -> None:
    plugin(platform, "flood", FLOOD)
    platform.write(sensor("{name: flood, plugin: flood}"))
    with running(platform):
        eventually(
            lambda: (newest := platform.json("events", "--limit", "1")) and newest[0]["sequence"] == 10_000, seconds=90
        )
        assert platform.json("events", "--limit", "1")[0]["event"]["data"]["number"] == 9_999


HUGE = """
from outrider_plugin import Trigger, main


class Huge(Trigger):
    def run(self):
        try:
            self.event({"blob": "x" * 10_000_000})
        except Exception as error:
            self.log(f"refused: {error}")
        self.event({"small": True})
        self.wait(600)


main(Huge)
"""


def test_a_ten_megabyte_event_is_refused_and_the_next_one_arrives(platform: Platform) -> None:
    plugin(platform, "huge", HUGE)
    platform.write(sensor("{name: huge, plugin: huge}"))
    with running(platform):
        (event,) = eventually(lambda: platform.json("events"), what=platform.logs())
        assert event["event"]["data"] == {"small": True}
        assert "refused" in (platform.folder / ".outrider" / "logs" / "eyes.log").read_text()


def test_a_token_file_that_is_gone_is_named(platform: Platform) -> None:
    platform.write(sensor("{name: tick, plugin: schedule, config: {every: 1h}}"))
    with running(platform):
        (platform.folder / ".outrider" / "token").rename(platform.folder / ".outrider" / "token.away")
        done = platform.command("runs", "list")
        (platform.folder / ".outrider" / "token.away").rename(platform.folder / ".outrider" / "token")
    assert done.returncode == 3
    assert "token" in done.stderr
    assert "fix" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_is_told_and_work_goes_on_when_there_is_room(platform: Platform, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], check=True)
    try:
        port = free_port()
        platform.write(sensor(f'{{name: hook, plugin: webhook, config: {{listen: "127.0.0.1:{port}"}}}}'))
        platform.folder.joinpath(".outrider").symlink_to(disk)
        with running(platform):
            assert post(port, "") == 202
            filler = disk / "filler"
            with filler.open("wb") as file:
                try:
                    while True:
                        file.write(b"x" * 65536)
                        file.flush()
                except OSError:
                    pass
            assert post(port, "") == 503
            filler.unlink()
            eventually(lambda: _post_or_zero(port) == 202, seconds=30, what="accepted again")
            eventually(lambda: len(platform.json("events")) >= 2, what="both accepted events are stored")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def _post_or_zero(port: int) -> int:
    try:
        return post(port, "")
    except OSError:
        time.sleep(0.1)
        return 0


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_read_only_folder_is_named(platform: Platform) -> None:
    platform.write(sensor("{name: tick, plugin: schedule, config: {every: 1h}}"))
    subprocess.run(["mount", "--bind", str(platform.folder), str(platform.folder)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(platform.folder)], check=True)
        done = platform.command("up", ".", "-h")
        assert done.returncode == 0
        done = platform.command("up", ".")
        assert done.returncode == 1
        assert "state folder cannot be made" in done.stderr
        assert "--state" in done.stderr
    finally:
        subprocess.run(["umount", "-l", str(platform.folder)], check=True)


def test_json_errors_are_one_object_on_stderr(platform: Platform) -> None:
    done = platform.command("host", "http_check", "http://127.0.0.1:1/", "-o", "json")
    assert done.stdout == ""
    assert json.loads(done.stderr)["error"]["code"] == "CONNECTION_FAILED"
    assert done.returncode == 7
