"""A command on a pseudo terminal, as a person has it before them."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.platform.harness import Platform


class Terminal:
    """A command on a pseudo terminal of its own."""

    def __init__(self, platform: Platform, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", sys.executable, "-m", "outrider", *arguments],
            cwd=platform.folder, env=platform.environment, stdin=slave, stdout=slave, stderr=slave,
        )  # fmt: skip
        os.close(slave)
        self.shown = ""

    def wait_for(self, text: str, seconds: float = 45) -> None:
        """Read until a text was shown."""
        deadline = time.monotonic() + seconds
        while text not in self.shown:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._master], [], [], left)[0]:
                raise AssertionError(f"'{text}' was not shown:\n{self.shown}")
            try:
                self.shown += os.read(self._master, 65536).decode()
            except OSError as error:  # the command has ended
                raise AssertionError(f"'{text}' was not shown before the end:\n{self.shown}") from error

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._master, f"{text}\n".encode())

    def close(self) -> None:
        """End the command and the terminal."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        os.close(self._master)


@contextmanager
def terminal(platform: Platform, *arguments: str) -> Iterator[Terminal]:
    opened = Terminal(platform, *arguments)
    try:
        yield opened
    finally:
        opened.close()
