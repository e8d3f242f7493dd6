"""MCP over HTTP: one message per POST, one JSON answer; nothing is kept between requests."""

from typing import Any

from litestar import Request, Response, post

from outrider.core.mcp.messages import ProtocolError, read_message
from outrider.core.mcp.messages import Request as McpRequest
from outrider.core.mcp.routing import Router
from outrider.core.trace import TRACEPARENT, parse_traceparent
from outrider.surfaces.http.answers import JSON
from outrider.surfaces.mcp.desk import ToolDesk

ACCEPTED = 202


class McpEndpoint:
    """Answers MCP requests.

    Args:
        router: Answers what needs no tool.
        desk: Runs tools.
    """

    def __init__(self, router: Router, desk: ToolDesk) -> None:
        self._router = router
        self._desk = desk

    async def answer(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """Answer one POST."""
        try:
            message = read_message(await request.body())
            if not isinstance(message, McpRequest):
                return Response(b"", status_code=ACCEPTED)
            return Response(await self._handle(message, dict(request.headers)), media_type=JSON, status_code=200)
        except ProtocolError as error:
            return Response(error.body(), media_type=JSON, status_code=error.status)

    async def _handle(self, message: McpRequest, headers: dict[str, str]) -> bytes:
        tools = self._desk.tools() if message.method == "tools/list" else []
        answer = self._router.route(message, tools, headers)
        if isinstance(answer, bytes):
            return answer
        parent = headers.get(TRACEPARENT) or str(message.meta.get(TRACEPARENT, ""))
        result = await self._desk.call(answer.name, answer.arguments, parse_traceparent(parent).trace_id)
        return self._router.answer(answer, result)


@post("/mcp", include_in_schema=False, status_code=200)
async def mcp_route(mcp: McpEndpoint, request: Request[Any, Any, Any]) -> Response[bytes]:
    """Serve MCP clients."""
    return await mcp.answer(request)
