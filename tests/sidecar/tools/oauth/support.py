"""An authorization server that answers as a test says, and a server of tools that takes its tokens."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.core.oauth_settings import OAuthSettings
from outrider.core.secrets import SecretRef
from outrider.ports.http.server import Server
from outrider.ports.secrets import Resolver
from tests.sidecar.tools.support import ScriptedServer

JSON = Headers({"content-type": "application/json"})
SECRET = "s3cret: %+/&"
Form = dict[str, str]


def answer(status: int = 200, **body: Any) -> Response:
    """Return an answer in JSON."""
    return Response(status, JSON, json.dumps(body).encode())


class Identity:
    """An authorization server.

    Attributes:
        forms: What its token endpoint was asked.
        fields: The headers with that.
        good: Tokens that hold.
        seconds: For which it says they do.
        refusal: In place of a token.
        delay: Seconds before it answers.
        documents: What else it answers, by path.
        fetched: What of that was asked for.
    """

    def __init__(self) -> None:
        self.forms: list[Form] = []
        self.fields: list[Headers] = []
        self.good: set[str] = set()
        self.seconds: Any = 3600
        self.refusal: Callable[[Form], Response | None] = lambda _: None
        self.delay = 0.0
        self.documents: dict[str, Response] = {}
        self.fetched: list[str] = []
        self.url = ""
        self._numbers = count(1)

    async def handle(self, request: Request) -> Response:
        if request.method == "GET":
            self.fetched.append(request.path)
            return self.documents.get(request.path) or answer(404, error="not_found")
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True))
        self.forms.append(form)
        self.fields.append(request.headers)
        await asyncio.sleep(self.delay)
        refused = self.refusal(form)
        if refused is not None:
            return refused
        token = f"token-{next(self._numbers)}"
        self.good.add(token)
        return answer(access_token=token, token_type="Bearer", expires_in=self.seconds)


class Guarded(ScriptedServer):
    """An MCP server that takes the tokens of an authorization server.

    Attributes:
        challenge: Of its refusals.
        status: Likewise.
        identity: Whose tokens it takes.
        shown: Tokens that it was shown.
        documents: What it answers without one, by path.
    """

    def __init__(self, identity: Identity) -> None:
        super().__init__()
        self.identity = identity
        self.challenge = 'Bearer error="invalid_token"'
        self.status = 401
        self.shown: list[str] = []
        self.documents: dict[str, Response] = {}

    async def handle(self, request: Request) -> Response:
        if request.method == "GET":
            return self.documents.get(request.path) or answer(404)
        token = (request.headers.get("authorization") or "").removeprefix("Bearer ")
        self.shown.append(token)
        if token not in self.identity.good:
            return Response(self.status, Headers({"www-authenticate": self.challenge}), b"")
        return await super().handle(request)


@asynccontextmanager
async def identity(tls: ssl.SSLContext | None = None) -> AsyncIterator[Identity]:
    """Run an authorization server."""
    made = Identity()
    server = Server(made.handle, tls=tls)
    made.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{await server.start_tcp('127.0.0.1', 0)}"
    try:
        yield made
    finally:
        await server.stop(0)


@asynccontextmanager
async def guarded() -> AsyncIterator[tuple[Identity, Guarded]]:
    """Run both."""
    async with identity() as issuer:
        made = Guarded(issuer)
        server = Server(made.handle)
        made.url = f"http://127.0.0.1:{await server.start_tcp('127.0.0.1', 0)}/mcp"
        try:
            yield issuer, made
        finally:
            await server.stop(0)


def secrets(folder: Path) -> Resolver:
    """Return a resolver of what files of a folder hold: `client`, `key` and `subject`."""
    if not (folder / "client").exists():
        (folder / "client").write_text(SECRET + "\n")
    return Resolver.declared({name: {"file": name} for name in ("client", "key", "subject")}, folder=folder)


def wanted(issuer: Identity, /, **more: Any) -> OAuthSettings:
    """Return the settings of a client with a secret."""
    usual: dict[str, Any] = {
        "client_id": "outrider",
        "client_secret": SecretRef("client"),
        "token_url": f"{issuer.url}/token",
    }
    return OAuthSettings(**(usual | more))
