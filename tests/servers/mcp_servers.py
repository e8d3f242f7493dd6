"""MCP servers on the official SDKs, as processes."""

import subprocess
from pathlib import Path

from tests.peers.environments import install
from tests.peers.mcp_client import ENVIRONMENTS
from tests.servers.ports import free_port
from tests.servers.programs import ServerProcess, start

PROGRAMS = Path(__file__).parents[1] / "peers" / "programs"


class McpServerProcess(ServerProcess):
    """A server, on a free port.

    Args:
        sdk: `mcp1` or `mcp2`.
        log: File for what it says.
        port: Where it listens; a free one if absent.
        host: Address at which it listens.
    """

    def __init__(self, sdk: str, log: Path, port: int = 0, *, host: str = "127.0.0.1") -> None:
        self._sdk, self._log, self._host = sdk, log, host
        self.port = port or free_port()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{self._host}:{self.port}/mcp"

    def begin(self) -> "subprocess.Popen[bytes]":
        """Start it."""
        python = install(self._sdk, ENVIRONMENTS[self._sdk]) / "python"
        command: list[str | Path] = [python, PROGRAMS / f"{self._sdk}_server.py", str(self.port)]
        elsewhere = [] if self._host == "127.0.0.1" else [self._host]
        return start([*command, *elsewhere], self.port, self._log, host=self._host)
