"""Drives the MCP SDK 2.x: orders as JSON on standard input, what it saw as JSON on standard output."""

import asyncio
import json
import sys
from typing import Any

import httpx2
from mcp import StdioServerParameters
from mcp.client.client import Client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitResult


async def main(orders: dict[str, Any]) -> None:
    if orders["url"]:
        http = httpx2.AsyncClient(headers={"authorization": f"Bearer {orders['token']}"})
        transport = streamable_http_client(orders["url"], http_client=http)
    else:
        command, *arguments = orders["command"]
        transport = stdio_client(StdioServerParameters(command=command, args=arguments, env=orders["environment"]))
    asked: list[str] = []
    heard: list[Any] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append([progress, total, message])

    async def answer(_context: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        action, content = orders["answers"][len(asked) - 1]
        return ElicitResult(action=action, content=content)

    async with Client(transport, elicitation_callback=answer if orders["answers"] else None) as client:
        tools = (await client.list_tools()).tools
        results = []
        for name, arguments in orders["calls"]:
            result = await client.call_tool(name, arguments, progress_callback=hear)
            results.append({"failed": result.is_error, "content": result.structured_content})
        seen = {"version": client.protocol_version, "tools": [tool.model_dump(by_alias=True) for tool in tools],
                "results": results, "asked": asked, "progress": heard}  # fmt: skip
        print(json.dumps(seen))


asyncio.run(main(json.load(sys.stdin)))
