"""A systemd-journald of its own, in a namespace of the journal; it needs root, and no systemd that runs."""

import contextlib
import shutil
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

START_SECONDS = 10.0
PROGRAM = Path("/lib/systemd/systemd-journald")


class Journald:
    """The daemon; its journal goes when the context ends."""

    def __enter__(self) -> Self:
        if not PROGRAM.is_file() or shutil.which("journalctl") is None:
            pytest.fail("the journal's daemon is missing: apt-get install systemd")
        self.namespace = f"test{uuid.uuid4().hex[:12]}"
        self._socket = Path(f"/run/systemd/journal.{self.namespace}/socket")
        self._process = subprocess.Popen([str(PROGRAM), self.namespace], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while not self._socket.exists():
            assert time.monotonic() < deadline, "systemd-journald did not start"
            time.sleep(0.02)
        self.write(MESSAGE="the first entry", PRIORITY="6")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(START_SECONDS)
        shutil.rmtree(self._socket.parent, ignore_errors=True)
        for folder in (
            *Path("/var/log/journal").glob(f"*.{self.namespace}"),
            *Path("/run/log/journal").glob(f"*.{self.namespace}"),
        ):
            shutil.rmtree(folder, ignore_errors=True)

    def write(self, **fields: str | bytes) -> None:
        """Write an entry in the native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL), and wait until it can be read."""
        body = b""
        for name, value in fields.items():
            data = value if isinstance(value, bytes) else value.encode()
            body += name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as channel:
            channel.sendto(body, str(self._socket))
        subprocess.run(["journalctl", f"--namespace={self.namespace}", "--sync"], check=False, capture_output=True)
