"""A server on the MCP SDK 1.x, with its defaults: sessions, and answers as events. Its port is the first argument, or `stdio`.

It listens on 127.0.0.1, or at the address that is the second argument.
"""

import asyncio
import sys
import time

import uvicorn
from mcp.server.fastmcp import Context, FastMCP


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


async def count(context: Context, to: int) -> str:
    """Counts, and says how far it is."""
    for number in range(to):
        await context.report_progress(number + 1, to, f"at {number + 1}")
        await asyncio.sleep(0.1)
    return "counted"


def hidden() -> str:
    """Nobody is granted this one."""
    return "seen"


host = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"
server = FastMCP("shop", host=host)
for tool in (add, fail, wait, count, hidden):
    server.add_tool(tool)
if sys.argv[1] == "stdio":
    server.run("stdio")
else:
    uvicorn.run(server.streamable_http_app(), host=host, port=int(sys.argv[1]), log_level="warning")
