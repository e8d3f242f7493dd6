"""The endpoint of the tools, while servers are slow and requests are odd."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from outrider.ports.http.client import Client
from outrider.sidecar.tools import gate
from tests.sidecar.proxy.support import eventually
from tests.sidecar.tools.support import ONCALL, Desk, desk, endpoint, scripted

WAIT = 10.0


@asynccontextmanager
async def gated(made: Desk) -> AsyncIterator[Client]:
    """Run the endpoint of a desk, and give a client of it."""
    async with endpoint(made) as port:
        client = Client(f"http://127.0.0.1:{port}", timeout=WAIT)
        try:
            yield client
        finally:
            await client.close()


async def listed(client: Client) -> list[str]:
    found: dict[str, Any] = await client.request_json("GET", "/v1/tools", None, dict[str, Any])
    return [one["name"] for one in found["tools"]]


async def called(client: Client, tool: str) -> dict[str, Any]:
    return await client.request_json("POST", f"/v1/tools/{tool}", {"text": "a"}, dict[str, Any])


async def test_a_list_waits_for_the_first_look(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path) as made:
        made.catalogue.looked.clear()
        made.catalogue._exposed = {}
        async with gated(made) as client:
            asking = asyncio.ensure_future(listed(client))
            await asyncio.sleep(0.05)
            assert not asking.done()
            await made.catalogue.refresh()
            assert await asking == ["echo"]


async def test_a_list_shows_what_is_there_when_it_has_waited_long_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "FIRST_LOOK_SECONDS", 0.05)
    async with scripted() as server, desk(server, tmp_path) as made:
        made.catalogue.looked.clear()
        async with gated(made) as client:
            assert await listed(client) == ["echo"]
            monkeypatch.setattr(gate, "FIRST_LOOK_SECONDS", 3600.0)
            assert await listed(client) == ["echo"], "the next one does not wait again"


async def test_a_call_of_a_tool_that_is_there_does_not_wait(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path) as made:
        made.catalogue.looked.clear()
        async with gated(made) as client:
            assert "isError" not in await called(client, "echo")
            unknown = asyncio.ensure_future(called(client, "other"))
            await asyncio.sleep(0.05)
            assert not unknown.done()
            made.catalogue.looked.set()
            assert (await unknown)["structuredContent"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize("name", ["Mcp-Method", "Mcp-Name", "MCP-Protocol-Version", "Mcp-Param-Region"])
@pytest.mark.parametrize("values", [("a", "b"), ("a", "a")])
async def test_a_header_of_mcp_that_stands_twice_is_refused(tmp_path: Path, name: str, values: tuple[str, str]) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": {"name": "echo"}}).encode()
    async with scripted() as server, desk(server, tmp_path) as made, gated(made) as client:
        reader, writer = await asyncio.open_connection(*client._address.authority.split(":"))
        twice = "".join(f"{name}: {value}\r\n" for value in values)
        writer.write(f"POST /mcp HTTP/1.1\r\nhost: x\r\n{twice}content-length: {len(body)}\r\n\r\n".encode() + body)
        assert b" 400 " in await reader.readline()
        document = (await reader.readuntil(b"}}")).partition(b"\r\n\r\n")[2]
        writer.close()
        answer = json.loads(document)
        assert (answer["id"], answer["error"]["code"]) == (5, -32020)
        assert made.used == []


async def test_a_client_that_leaves_ends_its_call(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path, approval=ONCALL) as made, gated(made) as client:
        calling = asyncio.ensure_future(called(client, "echo"))
        await eventually(lambda: bool(made.asked))
        calling.cancel()
        await eventually(lambda: bool(made.used))
        assert made.used[0].outcome == "CANCELLED"
        assert (made.approvals.questions(), made.ended) == ([], [made.asked[0].id])
