"""A platform in a folder of its own, started by the real command and looked at through the real command."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 45.0


def eventually(check: Callable[[], Any], *, seconds: float = 15.0, what: str = "") -> Any:
    """Return the first true value of `check`; fail when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = check()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what or check}")


class Platform:
    """One platform folder and the commands on it."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder.parent),
            "XDG_CACHE_HOME": str(cache),
            "XDG_STATE_HOME": str(folder.parent / "state"),
        }

    def write(self, text: str, name: str = "outrider.yaml") -> None:
        """Write a file of objects."""
        (self.folder / name).write_text(text)

    def command(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run `outrider ...` in the folder."""
        return subprocess.run(
            [sys.executable, "-m", "outrider", *arguments],
            cwd=self.folder, env=self.environment, input=stdin, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def json(self, *arguments: str) -> Any:
        """Run a command with `-o json` and return what it printed."""
        done = self.command(*arguments, "-o", "json")
        assert done.returncode in (0, 6), done.stderr
        return json.loads(done.stdout)

    def up(self) -> "subprocess.Popen[str]":
        """Start `outrider up` and return once it is ready."""
        process = subprocess.Popen(
            [sys.executable, "-m", "outrider", "up", str(self.folder)],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        first = process.stdout.readline()
        if "is running" not in first:
            process.kill()
            raise AssertionError(first + process.communicate()[0] + self.logs())
        return process

    def part(self, name: str) -> dict[str, Any]:
        """Return the status of a supervised process."""
        parts: list[dict[str, Any]] = self.json("status")["parts"]
        return next(part for part in parts if part["name"] == name)

    def runs(self) -> list[dict[str, Any]]:
        """Return the runs, newest first."""
        rows: list[dict[str, Any]] = self.json("runs", "list", "--limit", "500")
        return rows

    def logs(self) -> str:
        """Return all logs, for a failed assertion."""
        logs = (self.folder / ".outrider" / "logs").glob("*.log")
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-4000:]}" for path in logs)

    def processes(self) -> list[str]:
        """Return the command lines of all processes that belong to this folder."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    here = str((entry / "cwd").readlink())
                except OSError:
                    continue
                if str(self.folder) in line or here.startswith(str(self.folder)):
                    found.append(f"{entry.name} {line}")
        return found


@contextmanager
def running(platform: Platform) -> "Iterator[subprocess.Popen[str]]":
    """Run a platform for the block; in the end nothing of it may be left."""
    process = platform.up()
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        eventually(lambda: not platform.processes(), seconds=3, what=f"left over: {platform.processes()}")
