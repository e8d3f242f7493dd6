"""A proxy on the MCP SDK itself: its server hands every call on through one client. Arguments: its port, the server's address."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from mcp import Client
from mcp.server.lowlevel import Server


@asynccontextmanager
async def connected(_: Any) -> AsyncIterator[Any]:
    """Keep one client for all calls."""
    async with Client(sys.argv[2]) as client:
        yield client


async def list_tools(context: Any, _: Any) -> Any:
    """Ask the server behind."""
    return await context.lifespan_context.list_tools()


async def call_tool(context: Any, params: Any) -> Any:
    """Hand a call on."""
    return await context.lifespan_context.call_tool(params.name, params.arguments)


server = Server("proxy", lifespan=connected, on_list_tools=list_tools, on_call_tool=call_tool)
uvicorn.run(
    server.streamable_http_app(json_response=True, stateless_http=True),
    host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", http="httptools", log_level="warning", access_log=False,
)  # fmt: skip
