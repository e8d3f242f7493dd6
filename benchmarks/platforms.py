"""A platform for measuring, started as a user would: `outrider up FOLDER`."""

import os
import shutil
import signal
import socket
import string
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from benchmarks.system import descendants, wait_until
from outrider.local.control import SupervisorStatus
from outrider.local.layout import Layout
from outrider.runtime.client import PlatformClient, connect_to
from outrider.runtime.contexts import PlatformContext
from tests.servers.ports import free_port

SOURCE = Path(__file__).resolve().parent / "platform"
READY_SECONDS = 60.0
STOP_SECONDS = 30.0


class Start(NamedTuple):
    """One start of the action."""

    number: int
    at: float
    attempt: int
    key: str


class BenchmarkPlatform:
    """The platform of `benchmarks/platform`, in a folder of its own; runs while the context lasts.

    Args:
        folder: Gets its files and its state.
        sync: Whether each start of the action is synced to the disk.
        takes: Seconds that the action goes on after that.
        more: Further objects.
        platform: Spec of the Platform.
    """

    def __init__(
        self, folder: Path, *, sync: bool = False, takes: float = 0.0, more: str = "", platform: str = "{}"
    ) -> None:
        self.port = free_port()
        self._layout = Layout(folder)
        self._record = folder / "record" / "starts.log"  # in a folder of its own, which the plugin may write
        self._record.parent.mkdir()
        self._record.touch()
        shutil.copytree(SOURCE / "plugins", folder / "plugins")
        text = string.Template((SOURCE / "outrider.yaml").read_text())
        values = {
            "port": self.port,
            "record": self._record,
            "sync": str(sync).lower(),
            "takes": takes,
            "platform": platform,
        }
        (folder / "outrider.yaml").write_text(text.substitute(values) + more)

    def __enter__(self) -> Self:
        log = (self._layout.folder / "up.log").open("wb")
        with log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "outrider", "up", str(self._layout.folder)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            wait_until(self._ready, READY_SECONDS, f"the platform is up; its log is {log.name}")
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _ready(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError((self._layout.folder / "up.log").read_text())
        return self._layout.endpoint.exists() and self._status().ready

    def _stop(self) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _status(self) -> SupervisorStatus:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(STOP_SECONDS)
            connection.connect(str(self._layout.socket))
            connection.sendall(b"GET /status HTTP/1.1\r\nHost: supervisor\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        return msgspec.json.decode(answer.partition(b"\r\n\r\n")[2], type=SupervisorStatus)

    def client(self) -> PlatformClient:
        """Return a client of the platform's API."""
        layout = self._layout
        return connect_to(PlatformContext(name="benchmark", folder=layout.folder, state=layout.state))

    def pid(self, part: str) -> int:
        """Return the process of the orchestrator or of an agent."""
        return next(status.pid for status in self._status().parts if status.name == part)

    def hosts(self, agent: str) -> list[int]:
        """Return the processes of an agent's plugin hosts; the last one is the plugin itself."""
        return descendants(self.pid(agent))

    def starts(self) -> list[Start]:
        """Return every start of the action so far."""
        lines = (line.split() for line in self._record.read_text().splitlines())
        return [Start(int(number), float(at), int(attempt), key) for number, at, attempt, key in lines]
