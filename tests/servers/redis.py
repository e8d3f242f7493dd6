"""A Redis server of its own, on a free port of 127.0.0.1, from the system's package."""

import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
import redis

from tests.servers.ports import free_port

START_SECONDS = 20.0


def program() -> str:
    """Return the server's program; without it the test fails, and says what installs it."""
    found = shutil.which("redis-server")
    if found is None:
        pytest.fail("Redis is missing: apt-get install redis-server")
    return found


class RedisServer:
    """The server; its files go when the context ends.

    Args:
        arguments: Further ones of the program, such as `--appendonly yes`.
        password: That of the default user.
        port: By default a free one. Of a server that takes TLS only it is given with the arguments, and ours is 0.
    """

    def __init__(self, *arguments: str, password: str = "", port: int | None = None) -> None:
        self._program = program()
        self._arguments = arguments
        self._password = password
        self.port = free_port() if port is None else port

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="outrider-redis-"))
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start it and wait until it takes commands."""
        with (self._folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder),
                 "--save", "", *(["--requirepass", self._password] if self._password else []), *self._arguments],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/",
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while b"Ready to accept connections" not in (text := self._log()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(text.decode())
            time.sleep(0.02)

    def _log(self) -> bytes:
        """Return what it wrote since its last start."""
        return (self._folder / "server.log").read_bytes().rpartition(b"Redis is starting")[2]

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it, by default at once and without a word to its clients."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(START_SECONDS)

    def call(self, *words: Any, db: int = 0) -> Any:
        """Send a command and return the reply as it is, with its bytes as text."""
        password = self._password or None
        with redis.Redis(port=self.port, db=db, password=password, protocol=2, decode_responses=True) as client:
            client.response_callbacks.clear()
            return client.execute_command(*words)
