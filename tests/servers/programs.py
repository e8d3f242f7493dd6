"""Starts the programs that tests talk to over TCP."""

import os
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

WAIT = 30.0


def start(command: Sequence[str | Path], port: int, log: Path, **more: str) -> "subprocess.Popen[bytes]":
    """Start a program and wait until it takes connections on a port of 127.0.0.1.

    Args:
        command: It and its arguments.
        port: Where it is to listen.
        log: File to which what it says is added.
        more: Further variables of its environment.
    """
    with log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env={**os.environ, **more})
    deadline = time.monotonic() + WAIT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise AssertionError(log.read_text()) from None
            time.sleep(0.05)
        else:
            return process
