"""The endpoint of the tools: MCP at `/mcp`, and the same over plain HTTP at `/v1/tools`."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import unquote_to_bytes

from outrider.core.codec import decode_document, encode
from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.mcp.messages import ProtocolError, read_message
from outrider.core.mcp.messages import Request as McpRequest
from outrider.core.mcp.protocol import HEADER_MISMATCH
from outrider.core.mcp.routing import Router, ToolCall
from outrider.core.schema import convert
from outrider.ports.telemetry import logger
from outrider.sidecar.proxy.exchange import Exchange
from outrider.sidecar.proxy.gate import Attempt
from outrider.sidecar.proxy.messages import JSON_FIELDS, Request
from outrider.sidecar.tools.desk import ToolDesk
from outrider.sidecar.tools.progress import listening, stream_for
from outrider.version import __version__

MCP, REST = b"/mcp", b"/v1/tools"
# How long a client waits for the first look at the servers; a slow one is left out then.
FIRST_LOOK_SECONDS = 10.0
KEEP_SECONDS = 30.0
_log = logger(__name__)


class _Running(Attempt):
    """A call that runs; the client's leaving ends it."""

    __slots__ = ("_task",)

    def __init__(self, task: "asyncio.Task[None]") -> None:
        super().__init__()
        self._task = task

    def abandoned(self, *, sent: bool) -> None:
        """End the call for which nobody waits any more."""
        del sent
        self._task.cancel()

    def ended(self, problem: str) -> None:
        """End it also where its client has left after it had heard of its progress."""
        del problem
        self._task.cancel()


class ToolGate:
    """Answers requests for tools.

    Args:
        desk: Runs them.
        admits: Whether a request carries a key of the agent, or needs none.
        keyless: Whether no request needs one, so that a web page must be told from the agent.
    """

    def __init__(self, desk: ToolDesk, admits: Callable[[Request], bool], *, keyless: bool) -> None:
        self._desk, self._admits, self._keyless = desk, admits, keyless
        self._router = Router(name="outrider", version=__version__, instructions="", keep_seconds=KEEP_SECONDS)
        self._tasks: set[asyncio.Task[None]] = set()

    def decide(self, exchange: Exchange) -> None:
        """Answer now or, where a server must be asked, later."""
        request = exchange.request
        path = request.target.partition(b"?")[0]
        if not self._admits(request):
            exchange.refuse(401, "invalid_api_key", "the key is not one of this gateway")
        elif request.origin and self._keyless:
            exchange.refuse(403, "origin_refused", "web pages may not call a gateway without keys")
        elif path == MCP:
            self._mcp(exchange)
        elif path == REST and request.method == b"GET":
            self._later(exchange, self._list(exchange))
        elif path.startswith(REST + b"/") and request.method == b"POST":
            self._later(exchange, self._plain_call(exchange, path[len(REST) + 1 :]))
        else:
            exchange.refuse(
                404, "not_found", f"{request.method.decode('latin-1')} {path.decode('latin-1')} is not offered"
            )

    def _mcp(self, exchange: Exchange) -> None:
        request = exchange.request
        if request.method != b"POST":
            exchange.answer(405, [*JSON_FIELDS, (b"allow", b"POST")], b"{}")
            return
        try:
            message = read_message(request.body)
            if not isinstance(message, McpRequest):
                exchange.answer(202, [], b"")
                return
            if message.method == "tools/list":
                self._later(exchange, self._mcp_list(exchange, message))
                return
            self._route(exchange, message, [])
        except ProtocolError as error:
            exchange.answer(error.status, JSON_FIELDS, error.body())

    def _route(self, exchange: Exchange, message: McpRequest, tools: list[dict[str, Any]]) -> None:
        found = self._router.route(message, tools, _headers(exchange.request, message))
        if isinstance(found, ToolCall):
            self._later(exchange, self._mcp_call(exchange, found))
        else:
            exchange.answer(200, JSON_FIELDS, found)

    async def _mcp_list(self, exchange: Exchange, message: McpRequest) -> None:
        await self._looked()
        try:
            self._route(exchange, message, [one.shown() for one in self._desk.catalogue.listed()])
        except ProtocolError as error:
            exchange.answer(error.status, JSON_FIELDS, error.body())

    async def _mcp_call(self, exchange: Exchange, call: ToolCall) -> None:
        exchange.request.body = b""  # a call may wait for long
        await self._looked(call.name)
        calling = self._desk.call(call.name, call.request.params, answers=call.modern)
        stream = stream_for(exchange, call.request.params, asyncio.get_running_loop().time)
        if stream is None:
            exchange.answer(200, JSON_FIELDS, self._router.respond(call, await calling))
            return
        with listening(stream.heard):
            body = self._router.respond(call, await calling)
        if not stream.end(body):
            exchange.answer(200, JSON_FIELDS, body)

    async def _list(self, exchange: Exchange) -> None:
        await self._looked()
        exchange.answer(200, JSON_FIELDS, encode({"tools": [one.shown() for one in self._desk.catalogue.listed()]}))

    async def _plain_call(self, exchange: Exchange, raw_name: bytes) -> None:
        try:
            arguments = convert(_json(exchange.request.body), dict[str, Any])
        except OutriderError as error:
            exchange.refuse(400, "invalid_request_error", error.message)
            return
        exchange.request.body = b""
        name = unquote_to_bytes(raw_name).decode("utf-8", "replace")
        await self._looked(name)
        result = await self._desk.call(name, {"arguments": arguments})
        exchange.answer(200, JSON_FIELDS, encode(result))

    async def _looked(self, name: str = "") -> None:
        """Wait until all servers were asked for their tools once, or long enough; not for a tool that is there already."""
        catalogue = self._desk.catalogue
        if catalogue.looked.is_set() or catalogue.find(name) is not None:
            return
        try:
            async with asyncio.timeout(FIRST_LOOK_SECONDS):
                await catalogue.looked.wait()
        except TimeoutError:
            _log.warning("not every server of tools has answered: %s", ", ".join(sorted(catalogue.silent)))
            catalogue.looked.set()  # who comes later has waited long enough too

    def _later(self, exchange: Exchange, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._guarded(exchange, work))
        exchange.attempt = _Running(task)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, exchange: Exchange, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except asyncio.CancelledError:
            _give_up(exchange, 503, "ending", "the sidecar ends")  # where the client has left, nobody hears it
            raise
        except Exception:  # noqa: BLE001 - the HTTP edge
            _log.exception("a tool failed")
            _give_up(exchange, 500, "internal_error", "a fault of the sidecar; its log has the report")

    async def close(self, grace: float) -> None:
        """Let what runs come to its end for so many seconds, and end the rest."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


def _give_up(exchange: Exchange, status: int, code: str, message: str) -> None:
    if exchange.begun:
        exchange.cut()
    else:
        exchange.refuse(status, code, message)


def _headers(request: Request, message: McpRequest) -> dict[str, str]:
    """Return MCP's headers; one that stands twice could be read in two ways."""
    found: dict[str, str] = {}
    for raw_name, value in request.fields:
        if not raw_name.startswith(b"mcp-"):
            continue
        name = raw_name.decode("latin-1")
        if name in found:
            raise ProtocolError(HEADER_MISMATCH, f"header {name} stands twice", request_id=message.id)
        found[name] = value.decode("latin-1")
    return found


def _json(body: bytes) -> Any:
    if not body:
        raise InvalidConfigError("the body is empty; the arguments of the tool are a JSON object")
    return decode_document(body)
