"""A server on the MCP SDK 2.x that wants tokens: its port and the authorization server are its arguments."""

import asyncio
import json
import sys
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings

PORT, ISSUER = sys.argv[1], sys.argv[2]
RESOURCE = f"http://127.0.0.1:{PORT}/mcp"


class Introspecting:
    """Asks the authorization server about each token (RFC 7662)."""

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return what it says of one."""
        said = await asyncio.to_thread(self._ask, token)
        if not said["active"]:
            return None
        return AccessToken(
            token=token,
            client_id=said["client_id"],
            scopes=said.get("scope", "").split(),
            expires_at=said["exp"],
            resource=said["aud"],
        )

    def _ask(self, token: str) -> dict[str, Any]:
        shown = b64encode(b"server:of-the-server").decode()
        asked = Request(
            f"{ISSUER}/token/introspection", urlencode({"token": token}).encode(), {"authorization": f"Basic {shown}"}
        )
        with urlopen(asked, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


def whoami() -> str:
    """Says whose token it got."""
    found = get_access_token()
    assert found is not None
    return str(found.client_id)


def token() -> str:
    """Says which token it got."""
    found = get_access_token()
    assert found is not None
    return str(found.token)


server = MCPServer(
    "shop",
    token_verifier=Introspecting(),
    auth=AuthSettings(
        issuer_url=ISSUER, resource_server_url=RESOURCE, required_scopes=["tools.read"], validate_token_resource=True
    ),
)
for tool in (whoami, token):
    server.add_tool(tool)
uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(PORT), log_level="warning")
