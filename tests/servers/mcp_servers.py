"""MCP servers on the official SDKs, as processes."""

import subprocess
from pathlib import Path

from tests.peers.environments import install
from tests.peers.mcp_client import ENVIRONMENTS
from tests.servers.ports import free_port
from tests.servers.programs import ServerProcess, start

PROGRAMS = Path(__file__).parents[1] / "peers" / "programs"


class McpServerProcess(ServerProcess):
    """A server, on a free port of 127.0.0.1.

    Args:
        sdk: `mcp1` or `mcp2`.
        log: File for what it says.
        port: Where it listens; a free one if absent.
    """

    def __init__(self, sdk: str, log: Path, port: int = 0) -> None:
        self._sdk, self._log = sdk, log
        self.port = port or free_port()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/mcp"

    def begin(self) -> "subprocess.Popen[bytes]":
        """Start it."""
        python = install(self._sdk, ENVIRONMENTS[self._sdk]) / "python"
        return start([python, PROGRAMS / f"{self._sdk}_server.py", str(self.port)], self.port, self._log)
