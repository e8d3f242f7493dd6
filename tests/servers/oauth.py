"""An authorization server that we did not write (oidc-provider), and an MCP server on the official SDK that takes its tokens."""

import shutil
import subprocess
import urllib.request
from base64 import b64encode
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote_plus, urlencode

from tests.peers.environments import install, install_node
from tests.peers.mcp_client import ENVIRONMENTS
from tests.servers.ports import free_port
from tests.servers.programs import WAIT, start

PROGRAMS = Path(__file__).parents[1] / "peers" / "programs"
CLIENT, SECRET = "outrider", "s3cret: %+/&"


class OAuthServers:
    """Both, on free ports of 127.0.0.1.

    Args:
        log: File for what they say.
        seconds: For which a token holds.
        jwks: Public keys of the client that signs.
    """

    def __init__(self, log: Path, *, seconds: int = 3600, jwks: str = '{"keys":[]}') -> None:
        self._log, self._seconds, self._jwks = log, seconds, jwks
        self._identity, self._server = free_port(), free_port()
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        """Of the MCP server."""
        return f"http://127.0.0.1:{self._server}/mcp"

    @property
    def issuer(self) -> str:
        """The authorization server."""
        return f"http://127.0.0.1:{self._identity}"

    def __enter__(self) -> Self:
        node = shutil.which("node")
        assert node is not None, "node is missing: apt-get install nodejs"
        program: list[str | Path] = [
            node,
            PROGRAMS / "oidc_provider.cjs",
            str(self._identity),
            self.url,
            str(self._seconds),
            self._jwks,
        ]
        self._processes.append(start(program, self._identity, self._log, NODE_PATH=str(install_node())))
        python = install("mcp2", ENVIRONMENTS["mcp2"]) / "python"
        server = PROGRAMS / "mcp2_oauth_server.py"
        self._processes.append(start([python, server, str(self._server), self.issuer], self._server, self._log))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def token(self) -> str:
        """Return a token for somebody else."""
        answer = self._ask("/token", {"grant_type": "client_credentials", "scope": "tools.read", "resource": self.url})
        return answer.partition('"access_token":"')[2].partition('"')[0]

    def revoke(self, token: str) -> None:
        """Revoke a token (RFC 7009)."""
        self._ask("/token/revocation", {"token": token})

    def _ask(self, path: str, form: dict[str, str]) -> str:
        shown = b64encode(f"{CLIENT}:{quote_plus(SECRET)}".encode()).decode()
        asked = urllib.request.Request(
            self.issuer + path, urlencode(form).encode(), {"authorization": f"Basic {shown}"}
        )
        with urllib.request.urlopen(asked, timeout=WAIT) as answer:
            text: str = answer.read().decode()
        return text
