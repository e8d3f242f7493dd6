"""A Redis server of its own, on a free port of 127.0.0.1, from the system's package."""

import shutil
import subprocess
import time
from typing import Any

import pytest
import redis

from tests.servers.own import OwnServer
from tests.servers.ports import free_port


def program() -> str:
    """Return the server's program; without it the test fails, and says what installs it."""
    found = shutil.which("redis-server")
    if found is None:
        pytest.fail("Redis is missing: apt-get install redis-server")
    return found


class RedisServer(OwnServer):
    """The server; its files go when the context ends.

    Args:
        arguments: Further ones of the program, such as `--appendonly yes`.
        password: That of the default user.
        port: By default a free one. Of a server that takes TLS only it is given with the arguments, and ours is 0.
    """

    name = "redis"

    def __init__(self, *arguments: str, password: str = "", port: int | None = None) -> None:
        self._program = program()
        self._arguments = arguments
        self._password = password
        self.port = free_port() if port is None else port

    def start(self) -> None:
        """Start it and wait until it takes commands."""
        with (self._folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder),
                 "--save", "", *(["--requirepass", self._password] if self._password else []), *self._arguments],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/",
            )  # fmt: skip
        deadline = time.monotonic() + self.start_seconds
        while b"Ready to accept connections" not in (text := self._log()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(text.decode())
            time.sleep(0.02)

    def _log(self) -> bytes:
        """Return what it wrote since its last start."""
        return (self._folder / "server.log").read_bytes().rpartition(b"Redis is starting")[2]

    def call(self, *words: Any, db: int = 0) -> Any:
        """Send a command and return the reply as it is, with its bytes as text."""
        password = self._password or None
        with redis.Redis(port=self.port, db=db, password=password, protocol=2, decode_responses=True) as client:
            client.response_callbacks.clear()
            return client.execute_command(*words)
