"""MCP over standard input and output: one message per line, answers in the order in which they are ready."""

import asyncio

from outrider.core.mcp.messages import Notification, ProtocolError, Reply, Request, RequestId, read_message
from outrider.core.mcp.protocol import INVALID_REQUEST
from outrider.core.mcp.routing import Router, ToolCall
from outrider.core.trace import TRACEPARENT, parse_traceparent
from outrider.ports.process.streams import StandardStreams
from outrider.surfaces.mcp.desk import ToolDesk

LONGEST_MESSAGE = 4 * 1024 * 1024
# How long calls may run on after the client closed its end.
LAST_SECONDS = 5.0


class StdioServer:
    """Serves the client at the other end of the standard streams.

    Args:
        router: Answers.
        desk: Runs tools.
    """

    def __init__(self, router: Router, desk: ToolDesk) -> None:
        self._router = router
        self._desk = desk
        self._streams = StandardStreams(LONGEST_MESSAGE)
        self._running: dict[RequestId, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Serve until the input ends."""
        await self._streams.open()
        try:
            async for line in self._streams.lines():
                await self._receive(line)
            if self._running:
                await asyncio.wait(self._running.values(), timeout=LAST_SECONDS)
        except (BrokenPipeError, ConnectionResetError):
            return  # the client has gone, and nobody is left to answer
        finally:
            for task in self._running.values():
                task.cancel()

    async def _receive(self, line: bytes | None) -> None:
        if line is not None and not line.strip():
            return
        try:
            if line is None:
                raise ProtocolError(INVALID_REQUEST, f"a message of more than {LONGEST_MESSAGE} bytes")
            message = read_message(line)
            match message:
                case Request():
                    await self._handle(message)
                case Notification(method="notifications/cancelled", params=params):
                    self._cancel(params.get("requestId"))
                case Notification() | Reply():
                    return
        except ProtocolError as error:
            await self._streams.write(error.body())

    async def _handle(self, request: Request) -> None:
        if request.id in self._running:
            raise ProtocolError(INVALID_REQUEST, "id: a request with this id is running", request_id=request.id)
        answer = self._router.route(request, self._desk.tools() if request.method == "tools/list" else [])
        if isinstance(answer, bytes):
            await self._streams.write(answer)
            return
        task = asyncio.create_task(self._call(answer))
        self._running[request.id] = task
        task.add_done_callback(lambda _: self._running.pop(request.id, None))

    def _cancel(self, request_id: object) -> None:
        task = self._running.get(request_id) if isinstance(request_id, str | int) else None
        if task is not None:
            task.cancel()

    async def _call(self, call: ToolCall) -> None:
        trace_id = parse_traceparent(str(call.request.meta.get(TRACEPARENT, ""))).trace_id
        result = await self._desk.call(call.name, call.arguments, trace_id)
        await self._streams.write(self._router.answer(call, result))
