"""A server of tools that answers as a test says."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.core.policy import ApprovalTerms
from outrider.core.tool_settings import HttpServerSettings, ToolGrantSettings
from outrider.ports.clock import SystemClock
from outrider.ports.http.server import Server
from outrider.ports.secrets import Resolver
from outrider.runtime.audit import AuditLog
from outrider.sidecar.activity import Question, QuestionEnd, ToolUse
from outrider.sidecar.proxy.proxy import Proxy
from outrider.sidecar.tools.approvals import Approvals
from outrider.sidecar.tools.catalogue import Catalogue
from outrider.sidecar.tools.desk import ToolDesk
from outrider.sidecar.tools.elicitation import Elicitation
from outrider.sidecar.tools.gate import ToolGate
from outrider.sidecar.tools.grants import Grant
from outrider.sidecar.tools.search.server import ToolSearch
from outrider.sidecar.tools.servers.http import HttpWire
from outrider.sidecar.tools.servers.mcp import McpServer
from outrider.sidecar.tools.servers.wire import MIB
from outrider.sidecar.tools.tool_server import ToolServer

JSON = Headers({"content-type": "application/json"})
Answer = Callable[[dict[str, Any]], Any]


def definition(name: str, **more: Any) -> dict[str, Any]:
    """Return what a server says of a tool."""
    schema = {"type": "object", "properties": {"text": {"type": "string"}}}
    return {"name": name, "description": f"does {name}", "inputSchema": schema, **more}


class ScriptedServer:
    """An MCP server of today's revision.

    Attributes:
        tools: What it lists.
        call: What it answers to a call; an exception of the protocol is returned as `{"error": ...}`.
        requests: What it was asked: headers and body.
    """

    def __init__(self) -> None:
        self.tools: list[dict[str, Any]] = [definition("echo")]
        self.call: Answer = lambda params: {"content": [{"type": "text", "text": json.dumps(params["arguments"])}]}
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.raw: Callable[[dict[str, Any]], Response | None] = lambda _: None
        self.delay = 0.0
        self.url = ""

    async def handle(self, request: Request) -> Response:
        body = json.loads(request.body)
        self.requests.append((dict(request.headers), body))
        await asyncio.sleep(self.delay)
        raw = self.raw(body)
        if raw is not None:
            return raw
        result = self._result(body["method"], body.get("params", {}))
        key = "error" if set(result) == {"code", "message"} else "result"
        return Response(200, JSON, json.dumps({"jsonrpc": "2.0", "id": body.get("id"), key: result}).encode())

    def _result(self, method: str, params: dict[str, Any]) -> Any:
        if method in self.answers:
            return self.answers[method](params)
        if method == "server/discover":
            return {"supportedVersions": ["2026-07-28"], "capabilities": {}}
        if method == "tools/list":
            return {"tools": self.tools}
        return self.call(params)


@asynccontextmanager
async def scripted() -> AsyncIterator[ScriptedServer]:
    """Run a scripted server."""
    made = ScriptedServer()
    server = Server(made.handle)
    port = await server.start_tcp("127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{port}/mcp"
    try:
        yield made
    finally:
        await server.stop(0)


class Desk:
    """A desk over one scripted server.

    Args:
        url: Of the server.
        folder: For pins and audit.
        version: Of the server.
        more: Further grants.
        search: Finds tools.
        grant: What is granted, over every tool of it.
    """

    def __init__(
        self, url: str, folder: Path, version: str = "1", more: Sequence[dict[str, Any]] = (),
        search: ToolSearch | None = None, **grant: Any,
    ) -> None:  # fmt: skip
        self.used: list[ToolUse] = []
        self.asked: list[Question] = []
        self.ended: list[str] = []
        clock = SystemClock()
        settings = HttpServerSettings(name="s", url=url, version=version)
        granted = [
            Grant(ToolGrantSettings(**{"server": "s", "tools": ["*"]} | one), clock.monotonic())
            for one in (grant, *more)
        ]
        self.server = McpServer("s", version, HttpWire(settings, Resolver({}), grant.get("longest_result", MIB)))
        servers: list[ToolServer] = [self.server]
        if search is not None:
            servers.append(search)
            granted.insert(0, Grant(search.grant(), clock.monotonic()))
        self.catalogue = Catalogue(servers, granted, folder / "pins.json", search)
        ids = count()
        self.approvals = Approvals(clock.now, lambda: str(next(ids)), self._heard)
        self.audit = AuditLog(folder / "audit.jsonl", "sidecar/a", clock)
        self.desk = ToolDesk(
            "a",
            self.catalogue,
            self.approvals,
            Elicitation(clock.now),
            audit=self.audit,
            now=clock.monotonic,
            told=self.used.append,
        )

    def _heard(self, said: Question | QuestionEnd) -> None:
        if isinstance(said, Question):
            self.asked.append(said)
        else:
            self.ended.append(said.id)

    async def call(self, tool: str = "echo", **arguments: Any) -> dict[str, Any]:
        """Call a tool."""
        return await self.desk.call(tool, {"arguments": arguments})

    async def code(self, tool: str = "echo", **arguments: Any) -> str:
        """Call a tool and return the code of the error that it gives."""
        result = await self.call(tool, **arguments)
        assert result["isError"], result
        code: str = result["structuredContent"]["code"]
        return code


@asynccontextmanager
async def desk(
    server: ScriptedServer, folder: Path, version: str = "1", more: Sequence[dict[str, Any]] = (),
    search: ToolSearch | None = None, **grant: Any,
) -> AsyncIterator[Desk]:  # fmt: skip
    """Look at the server once, and close everything in the end."""
    made = Desk(server.url, folder, version, more, search, **grant)
    try:
        await made.catalogue.refresh()
        yield made
    finally:
        await made.catalogue.close()
        await made.desk.close()
        made.audit.close()


def audited(folder: Path) -> list[dict[str, Any]]:
    """Return the entries of the audit."""
    return [json.loads(line)["entry"] for line in (folder / "audit.jsonl").read_text().splitlines()]


ONCALL = ApprovalTerms(groups=["oncall"])


@asynccontextmanager
async def endpoint(made: Desk) -> AsyncIterator[int]:
    """Run the endpoint of a desk, and give its port."""
    tools = ToolGate(made.desk, lambda _: True, keyless=False)
    proxy = Proxy(tools)
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    await proxy.listen(listening)
    try:
        yield listening.getsockname()[1]
    finally:
        await tools.close(0)
        await proxy.close(0)
