"""FastMCP's own proxy of an MCP server, with one connected client for all calls. Arguments: its port, the server's address."""

import asyncio
import sys

import uvicorn
import uvloop
from fastmcp import Client
from fastmcp.server import create_proxy


async def serve() -> None:
    """Serve until ended. Given an address in place of a client, the proxy would connect anew for each call, which takes 40 ms."""
    async with Client(sys.argv[2]) as client:
        app = create_proxy(client).http_app(json_response=True, stateless_http=True)
        config = uvicorn.Config(
            app, host="127.0.0.1", port=int(sys.argv[1]), http="httptools", log_level="warning", access_log=False
        )
        await uvicorn.Server(config).serve()


with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(serve())
