"""The operations that an agent is granted, as an MCP server on a unix socket beside its sidecar."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.core.mcp.messages import Notification, ProtocolError, Reply, read_message
from outrider.core.mcp.routing import Router, ToolCall
from outrider.core.mcp.tools import Tool, ToolResult
from outrider.core.trace import TRACEPARENT, parse_traceparent
from outrider.ports.http.routing import Router as Routes
from outrider.ports.http.server import Server
from outrider.ports.telemetry import logger
from outrider.version import __version__

SOCKET = "operations.sock"
KEEP_SECONDS = 60.0
_JSON = Headers({"content-type": "application/json"})
_log = logger(__name__)


class OperationDesk(Protocol):
    """Runs operations as tools."""

    def tools(self) -> list[Tool]:
        """Return those that are granted."""
        ...

    async def call(self, name: str, arguments: dict[str, Any], trace_id: str = "") -> ToolResult:
        """Run one; a failure is a result too."""
        ...


class OperationServer:
    """Answers MCP requests of the sidecar.

    Args:
        desk: Runs what is asked for.
    """

    def __init__(self, desk: OperationDesk) -> None:
        self._desk = desk
        self._router = Router(name="operations", version=__version__, instructions="", keep_seconds=KEEP_SECONDS)

    def routes(self) -> Routes:
        """Return the routes."""
        routes = Routes(_log)
        routes.add("POST", "/mcp", self._post)
        return routes

    async def _post(self, request: Request) -> Response:
        try:
            message = read_message(request.body)
            if isinstance(message, Notification | Reply):
                return Response(202, Headers(), b"")
            found = self._router.route(message, self._desk.tools(), dict(request.headers))
        except ProtocolError as error:
            return Response(error.status, _JSON, error.body())
        if isinstance(found, ToolCall):
            trace_id = parse_traceparent(str(message.meta.get(TRACEPARENT, ""))).trace_id
            found = self._router.answer(found, await self._desk.call(found.name, found.arguments, trace_id))
        return Response(200, _JSON, found)


@asynccontextmanager
async def served(desk: OperationDesk, folder: Path) -> AsyncIterator[Path]:
    """Serve operations for as long as the block lasts, at a unix socket that only its user may open."""
    server = Server(OperationServer(desk).routes())
    path = folder / SOCKET
    await server.start_unix(path)
    try:
        yield path
    finally:
        await server.stop(0)
