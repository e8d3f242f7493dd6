"""Drives the MCP SDK 1.x: orders as JSON on standard input, what it saw as JSON on standard output."""

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from typing import Any

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client


async def main(orders: dict[str, Any]) -> None:
    async with AsyncExitStack() as stack:
        if orders["url"]:
            fields = {"authorization": f"Bearer {orders['token']}"}
            transport = streamablehttp_client(orders["url"], headers=fields)
            read, write, _ = await stack.enter_async_context(transport)
        else:
            command, *arguments = orders["command"]
            server = StdioServerParameters(command=command, args=arguments, env=orders["environment"])
            read, write = await stack.enter_async_context(stdio_client(server))
        session = await stack.enter_async_context(ClientSession(read, write))
        version = (await session.initialize()).protocolVersion
        tools = (await session.list_tools()).tools
        results = []
        heard: list[Any] = []

        async def hear(progress: float, total: float | None, message: str | None) -> None:
            heard.append([progress, total, message])

        for name, arguments in orders["calls"]:
            result = await session.call_tool(name, arguments, progress_callback=hear)
            results.append({"failed": result.isError, "content": result.structuredContent})
        await session.send_ping()
        seen = {
            "version": version,
            "tools": [tool.model_dump() for tool in tools],
            "results": results,
            "progress": heard,
        }
        print(json.dumps(seen))


asyncio.run(main(json.load(sys.stdin)))
