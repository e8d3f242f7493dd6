"""Documents of OpenAPI, and servers over them."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.core.tool_settings import OpenApiServerSettings
from outrider.ports.http.server import Server
from outrider.ports.secrets import Resolver
from outrider.sidecar.tools.servers.openapi.document import Document
from outrider.sidecar.tools.servers.openapi.operation import Operation
from outrider.sidecar.tools.servers.openapi.reading import Offer, read_operations
from outrider.sidecar.tools.servers.openapi.requests import Asked, build
from outrider.sidecar.tools.servers.openapi.server import OpenApiServer

JSON = Headers({"content-type": "application/json"})


def document(paths: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return a document."""
    return {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths, **more}


def offer(paths: Mapping[str, Any], fixed: frozenset[str] = frozenset(), **more: Any) -> Offer:
    """Return what a document offers."""
    return read_operations(Document(document(paths, **more)), fixed)


def operation(path: str = "/x", method: str = "get", *, components: Any = None, **said: Any) -> Operation:
    """Return the one operation of a document."""
    found = offer({path: {method: {"operationId": "op", **said}}}, components=components or {})
    assert not found.left_out, found.left_out
    return found.operations["op"]


def schema(value: Any, components: Any = None) -> Any:
    """Return what becomes of the schema of a body."""
    content = {"application/json": {"schema": value}}
    made = operation(method="post", requestBody={"content": content}, components={"schemas": components or {}})
    return made.definition["inputSchema"]


def sent(
    path: str, parameters: list[dict[str, Any]], fixed: Mapping[str, str] | None = None, **arguments: Any
) -> Asked:
    """Return the request of a call."""
    return build(operation(path, parameters=parameters), arguments, fixed or {})


class Service:
    """A service that answers as a test says.

    Attributes:
        requests: What it was asked.
        paths: Of its document; `said` is the rest of that.
        answer: To all but its document.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.paths: dict[str, Any] = {"/ping": {"get": {"operationId": "ping"}}}
        self.said: dict[str, Any] = {}
        self.answer = Response(200, JSON, b'{"a":1}')
        self.raw: Response | None = None
        self.etag = ""
        self.url = ""
        self.fetched: list[Request] = []

    async def handle(self, request: Request) -> Response:
        if request.path != "/openapi.json":
            self.requests.append(request)
            return self.answer
        self.fetched.append(request)
        if self.raw is not None:
            return self.raw
        if self.etag and request.headers.get("if-none-match") == self.etag:
            return Response(304)
        headers = Headers([("content-type", "application/json"), *([("etag", self.etag)] if self.etag else [])])
        return Response(200, headers, json.dumps(document(self.paths, **self.said)).encode())


@asynccontextmanager
async def service() -> AsyncIterator[Service]:
    """Run a service."""
    made = Service()
    server = Server(made.handle)
    made.url = f"http://127.0.0.1:{await server.start_tcp('127.0.0.1', 0)}"
    try:
        yield made
    finally:
        await server.stop(0)


@asynccontextmanager
async def asking(folder: Path, **settings: Any) -> AsyncIterator[OpenApiServer]:
    """Have a server of tools, with a secret `tok` in a folder."""
    (folder / "tok").write_text("sk-pets")
    secrets = Resolver.declared({"tok": {"file": "tok"}}, folder=folder)
    made = OpenApiServer(OpenApiServerSettings(name="pets", **settings), secrets)
    try:
        yield made
    finally:
        await made.close()
