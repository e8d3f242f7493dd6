"""The door by which tasks come to a program beside its sidecar: it has a time, an id, and as many at a time as are good for it."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from outrider.core.errors import LimitedError, OutriderError, UnavailableError
from outrider.core.http.headers import Headers
from outrider.core.http.limits import KIB, Limits
from outrider.core.http.messages import Request, Response
from outrider.core.identifiers import time_ordered
from outrider.core.sidecar_settings import TaskSettings
from outrider.core.trace import TRACEPARENT
from outrider.ports.http.client import Client
from outrider.ports.http.routing import Router
from outrider.ports.http.server import Server
from outrider.ports.telemetry import logger

# Of a task, and of its result.
LARGEST = 4 * KIB * KIB
# Connections besides those of tasks: who is refused hears that.
_MORE_CONNECTIONS = 16
# The header under which a program finds the id of its task, and whoever sent it finds it in the answer.
RUN_HEADER = "outrider-run"
_PASSED = ("content-type", "accept", TRACEPARENT, "idempotency-key")
_PROBE_SECONDS = 1.0
_log = logger(__name__)


class TaskDoor:
    """Passes tasks on to a program.

    Args:
        settings: Where it is, and how it takes them.
    """

    def __init__(self, settings: TaskSettings) -> None:
        self._settings = settings
        self._client = Client(
            settings.url, timeout=settings.timeout, limits=Limits(body=LARGEST), max_connections=settings.most
        )
        self._prober = Client(settings.url, timeout=_PROBE_SECONDS, max_connections=1)
        self._under_way = 0

    async def problem(self) -> str:
        """Return why the program takes no work; empty where it does. One that is at work is well."""
        if self._under_way:
            return ""
        ready = self._settings.ready
        if not ready:
            return await self._listening()
        try:
            answer = await self._prober.request("GET", ready)
        except OutriderError as error:
            return f"the program does not answer: {error.message}"
        if not 200 <= answer.status < 300:
            return f"the program is not ready: GET {ready} answers with status {answer.status}"
        return ""

    async def _listening(self) -> str:
        """Return why the program takes no connection; to ask for the path of tasks might begin one."""
        host, _, port = self._settings.url.rpartition("://")[2].rpartition(":")
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                _, writer = await asyncio.open_connection(host, int(port))
        except (OSError, TimeoutError) as error:
            return f"the program does not answer: {self._settings.url}: {str(error) or 'no connection in time'}"
        writer.close()
        return ""

    def router(self) -> Router:
        """Return its routes."""
        router = Router(_log)
        router.add("POST", "/", self._post)
        return router

    async def close(self) -> None:
        """Drop all connections to the program."""
        await self._client.close()
        await self._prober.close()

    async def _post(self, request: Request) -> Response:
        """Pass a task on, and its answer back.

        Raises:
            LimitedError: As many as it takes at a time are under way.
            UnavailableError: The program does not answer; it may have begun.
        """
        if self._under_way >= self._settings.most:
            raise LimitedError(f"{self._settings.most} tasks are under way", retry_after=1.0)
        run = time_ordered(time.time(), os.urandom(10))
        passed = [(name, value) for name, value in request.headers if name in _PASSED]
        self._under_way += 1
        try:
            answer = await self._client.request(
                "POST", self._settings.path, headers=Headers([*passed, (RUN_HEADER, run)]), body=request.body
            )
        except OutriderError as error:
            raise UnavailableError(
                f"task {run}: {error.message}", suggestions=["look at the log of the container `agent`"]
            ) from error
        finally:
            self._under_way -= 1
        kind = answer.headers.get("content-type", "") or "application/octet-stream"
        return Response(answer.status, Headers({"content-type": kind, RUN_HEADER: run}), answer.content)


@asynccontextmanager
async def open_door(settings: TaskSettings | None) -> AsyncIterator[TaskDoor | None]:
    """Let tasks in for as long as the block lasts, if there is a door."""
    if settings is None:
        yield None
        return
    host, _, port = settings.listen.rpartition(":")
    door = TaskDoor(settings)
    server = Server(door.router(), limits=Limits(body=LARGEST), max_connections=settings.most + _MORE_CONNECTIONS)
    try:
        await server.start_tcp(host, int(port))
        yield door
    finally:
        await server.stop(0)
        with contextlib.suppress(asyncio.CancelledError):
            await door.close()
