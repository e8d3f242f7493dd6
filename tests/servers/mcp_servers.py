"""MCP servers on the official SDKs, as processes."""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.peers.environments import install
from tests.peers.mcp_client import ENVIRONMENTS
from tests.servers.ports import free_port
from tests.servers.programs import start

PROGRAMS = Path(__file__).parents[1] / "peers" / "programs"


class McpServerProcess:
    """A server, on a free port of 127.0.0.1.

    Args:
        sdk: `mcp1` or `mcp2`.
        log: File for what it says.
        port: Where it listens; a free one if absent.
    """

    def __init__(self, sdk: str, log: Path, port: int = 0) -> None:
        self._sdk, self._log = sdk, log
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/mcp"

    def __enter__(self) -> Self:
        python = install(self._sdk, ENVIRONMENTS[self._sdk]) / "python"
        self._process = start([python, PROGRAMS / f"{self._sdk}_server.py", str(self.port)], self.port, self._log)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
