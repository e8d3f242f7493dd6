"""A service on Litestar, as a process."""

import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.servers.own import OwnServer
from tests.servers.ports import free_port

PROGRAM = Path(__file__).parents[1] / "peers" / "programs" / "litestar_service.py"


class WebService(OwnServer):
    """A service, on a free port of 127.0.0.1."""

    name = "web-service"

    def __init__(self) -> None:
        self.port = free_port()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def document(self) -> str:
        """That of its document."""
        return f"{self.url}/schema/openapi.json"

    def start(self) -> None:
        """Start it and wait until it has a document."""
        log = self._folder / "log"
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, str(PROGRAM), str(self.port)],
                stdout=file,
                stderr=file,
                env={**os.environ, "LITESTAR_WARN_IMPLICIT_SYNC_TO_THREAD": "0"},
            )
        deadline = time.monotonic() + self.start_seconds
        while True:
            try:
                urllib.request.urlopen(self.document, timeout=5).close()
            except OSError:
                assert time.monotonic() < deadline, log.read_text()
                assert self.process.poll() is None, log.read_text()
                time.sleep(0.05)
            else:
                return
