"""A server on the MCP SDK 1.x, with its defaults: sessions, and answers as events. Its port is the first argument, or `stdio`."""

import sys
import time

import uvicorn
from mcp.server.fastmcp import FastMCP


def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


def fail(reason: str) -> str:
    """Fails."""
    raise ValueError(reason)


def wait(seconds: float) -> str:
    """Takes its time."""
    time.sleep(seconds)
    return "waited"


def hidden() -> str:
    """Nobody is granted this one."""
    return "seen"


server = FastMCP("shop")
for tool in (add, fail, wait, hidden):
    server.add_tool(tool)
if sys.argv[1] == "stdio":
    server.run("stdio")
else:
    uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
