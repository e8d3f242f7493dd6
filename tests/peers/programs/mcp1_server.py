"""A server on the MCP SDK 1.x, with its defaults: sessions, and answers as events. Its port is the first argument."""

import sys
import time

import uvicorn
from mcp.server.fastmcp import FastMCP

server = FastMCP("shop")


@server.tool()
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@server.tool()
def fail(reason: str) -> str:
    """Fails."""
    raise ValueError(reason)


@server.tool()
def wait(seconds: float) -> str:
    """Takes its time."""
    time.sleep(seconds)
    return "waited"


@server.tool()
def hidden() -> str:
    """Nobody is granted this one."""
    return "seen"


uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
