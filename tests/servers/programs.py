"""Starts the programs that tests talk to over TCP."""

import os
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

WAIT = 30.0


class ServerProcess(ABC):
    """A program that serves as long as a test is within it."""

    _process: "subprocess.Popen[bytes] | None" = None

    @abstractmethod
    def begin(self) -> "subprocess.Popen[bytes]":
        """Start it, and wait until it takes connections."""

    def __enter__(self) -> Self:
        self._process = self.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


def start(
    command: Sequence[str | Path], port: int, log: Path, *, host: str = "127.0.0.1", **more: str
) -> "subprocess.Popen[bytes]":
    """Start a program and wait until it takes connections on a port.

    Args:
        command: It and its arguments.
        port: Where it is to listen.
        log: File to which what it says is added.
        host: At which address.
        more: Further variables of its environment.
    """
    with log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env={**os.environ, **more})
    deadline = time.monotonic() + WAIT
    while True:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise AssertionError(log.read_text()) from None
            time.sleep(0.05)
        else:
            return process
