"""The official A2A SDK, as a client and as an agent."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.peers.environments import install
from tests.servers.ports import free_port
from tests.servers.programs import ServerProcess, start

_HERE = Path(__file__).parent
ENVIRONMENTS = {"a2a": _HERE / "requirements-a2a.txt"}
SECONDS = 100


PROGRAM = _HERE / "programs" / "a2a_server.py"


def python() -> Path:
    """Return an interpreter that has the SDK."""
    return install("a2a", ENVIRONMENTS["a2a"]) / "python"


def ask(url: str, token: str, *orders: dict[str, Any], version: str = "1.0") -> list[Any]:
    """Let a client of the SDK read the card before `url` and follow orders; return what it saw for each.

    Args:
        url: The agent's address.
        token: That is shown with each request.
        orders: `{"do": "card"}`, `{"do": "send", "text" or "data": ..., "stream": ..., "immediately": ..., "context": ...}`,
            `{"do": "get" or "cancel" or "subscribe", "task": ID}`; an id of `$N` is that of the task of order N.
        version: The protocol that the client speaks.
    """
    told = {"url": url, "token": token, "orders": orders, "version": version}
    done = subprocess.run(
        [python(), _HERE / "programs" / "a2a_client.py"],
        input=json.dumps(told), capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


class A2aAgent(ServerProcess):
    """An agent on the SDK, on a free port of 127.0.0.1.

    Args:
        log: File for what it says: a line for each cancelled task, among others.
        version: The protocol that its card names.
        token: That it wants to see.
    """

    def __init__(self, log: Path, version: str = "1.0", token: str = "") -> None:
        self.log, self._version, self._token = log, version, token
        self.port = free_port()

    @property
    def url(self) -> str:
        """The address before its card."""
        return f"http://127.0.0.1:{self.port}"

    def begin(self) -> "subprocess.Popen[bytes]":
        """Start it."""
        return start([python(), PROGRAM, str(self.port), self._version, self._token], self.port, self.log)
