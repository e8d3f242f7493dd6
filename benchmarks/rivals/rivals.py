"""ansible-rulebook: installed into .cache/rivals of the checkout, and run with one rule."""

import datetime as dt
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from benchmarks.system import wait_until
from tests.peers import environments
from tests.servers.ports import free_port

REQUIREMENTS = Path(__file__).with_name("requirements-rivals.txt")
READY_SECONDS = 60.0
STOP_SECONDS = 10.0
RULEBOOK = """
- name: benchmark
  hosts: all
  sources:
  - eda.builtin.webhook: {{host: 127.0.0.1, port: {port}}}
  rules:
  - name: every event
    condition: event.payload is defined
    action:
      debug:
        msg: "started {{{{ event.payload.n }}}}"
"""
_BANNER = re.compile(r"\*\* (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) \[debug\]")
_STARTED = re.compile(r"started (\d+)")


class RivalError(Exception):
    """The rival cannot be used on this machine; the message says what to install."""


def install() -> Path:
    """Install the rival where it is not yet, and return the folder of its programs.

    Raises:
        RivalError: Java is missing, or the installation failed.
    """
    if shutil.which("java") is None:
        raise RivalError("ansible-rulebook needs Java 17 or later: apt-get install default-jre-headless")
    try:
        return environments.install("rivals", REQUIREMENTS)
    except environments.PeerError as error:
        raise RivalError(str(error)) from error


class Rulebook:
    """ansible-rulebook with a webhook and a rule that starts a `debug` action for every event.

    `debug` is its lightest visible action; the start is the time that it prints itself, so that our reading it costs it nothing.

    Args:
        folder: Gets its files.
        port: Where it listens; a free port if absent.
    """

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.port = port or free_port()
        self.starts: list[tuple[int, float]] = []
        self._folder = folder

    def __enter__(self) -> Self:
        programs = install()
        (self._folder / "rulebook.yml").write_text(RULEBOOK.format(port=self.port))
        (self._folder / "inventory").write_text("localhost ansible_connection=local\n")
        environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(self._folder), "TZ": "UTC"}
        self._process = subprocess.Popen(
            [programs / "ansible-rulebook", "--rulebook", "rulebook.yml", "--inventory", "inventory"],
            cwd=self._folder, env=environment, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,))
        self._reader.start()
        try:
            wait_until(self._listens, READY_SECONDS, "ansible-rulebook waits for events")
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def kill(self) -> None:
        """End it as a crash would, and keep what it had printed."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_SECONDS)
        self._reader.join()

    def _listens(self) -> bool:
        if self._process.poll() is not None:
            raise RivalError("ansible-rulebook ended by itself")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _read(self, output: IO[str]) -> None:
        # It prints wall-clock time; starts are kept on the monotonic clock, as everything else here.
        offset = time.time() - time.monotonic()
        at = 0.0
        for line in output:
            if banner := _BANNER.match(line):
                at = dt.datetime.fromisoformat(banner[1]).replace(tzinfo=dt.UTC).timestamp() - offset
            elif started := _STARTED.match(line):
                self.starts.append((int(started[1]), at))
