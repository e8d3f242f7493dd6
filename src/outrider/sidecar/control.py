"""The sidecar's own API, on a unix socket that only its user may open: for whoever runs the agent."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

import msgspec

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.core.sidecar_settings import WrapperSettings
from outrider.ports.http.routing import Router, json_response, number_argument, read_json
from outrider.ports.telemetry import logger
from outrider.ports.telemetry.metrics import CONTENT_TYPE
from outrider.sidecar.activity import ActivityFeed
from outrider.sidecar.llm.status import GatewayStatus
from outrider.sidecar.tools.status import Decision, ToolsStatus

CONTROL_SOCKET, DOORS_SOCKET = "control.sock", "doors.sock"
WAIT_SECONDS = 20.0
RUNTIMES = ("nodejs", "python")
_METRICS = Headers({"content-type": CONTENT_TYPE})
_log = logger(__name__)


class WrapperStatus(msgspec.Struct, kw_only=True):
    """What is known of the wrapper in the agent's process.

    Attributes:
        state: `none` where none is put in; `not_seen` until it has left its sign.
        runtimes: Those that left one.
    """

    state: Literal["none", "seen", "not_seen"]
    runtimes: list[str] = []


class Task(msgspec.Struct, kw_only=True):
    """A task that begins, and the trace in which its calls stand."""

    traceparent: str


class SidecarStatus(msgspec.Struct, kw_only=True):
    """A sidecar at a glance; amounts of money are in nano-units of the currency.

    Attributes:
        problem: Why the agent should not be given work; empty where nothing is wrong.
        generation: Of the settings by which it serves, from 1 on.
        refused: Why newer settings were not taken over; empty where they were.
        cost: What calls of models have cost since the start.
        egress: Connections to other hosts, by what became of them.
    """

    problem: str
    generation: int = 1
    refused: str = ""
    currency: str
    cost: int = 0
    wrapper: WrapperStatus
    models: GatewayStatus
    tools: ToolsStatus
    egress: dict[str, int] = {}


def wrapper_status(settings: WrapperSettings | None) -> WrapperStatus:
    """Look for signs of the wrapper."""
    if settings is None:
        return WrapperStatus(state="none")
    found = [runtime for runtime in RUNTIMES if _left(settings.seen, runtime)]
    return WrapperStatus(state="seen" if found else "not_seen", runtimes=found)


def _left(folder: Path, runtime: str) -> bool:
    """Return whether a runtime has left its sign; the folder is the program's, so it may be full of anything."""
    try:
        return next(folder.glob(f"{runtime}-[0-9]*"), None) is not None
    except OSError:
        return False


class Control:
    """Routes for whoever runs the agent.

    Args:
        status: Returns the sidecar's status.
        feed: What it has done.
        decide: Answers a question by its id.
        metrics: Returns the metrics in Prometheus' text format.
        begin: Hears of a task that begins.
        program: Says why the program takes no work; empty where it does.
    """

    def __init__(
        self,
        status: Callable[[], SidecarStatus],
        feed: ActivityFeed,
        decide: Callable[[str, Decision], None],
        metrics: Callable[[], bytes],
        begin: Callable[[Task], None] = lambda _: None,
        *,
        program: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self._status = status
        self._feed = feed
        self._decide = decide
        self._metrics = metrics
        self._task_begins = begin
        self._program = program

    def admin(self) -> Router:
        """Return the routes that only tell, for whoever watches the machine."""
        router = Router(_log)
        router.add("GET", "/health", self._get_health)
        router.add("GET", "/ready", self._get_ready)
        router.add("GET", "/status", self._get_status)
        router.add("GET", "/metrics", self._get_metrics)
        return router

    def router(self) -> Router:
        """Return all routes, for whoever runs the agent."""
        router = self.admin()
        router.add("GET", "/activity", self._get_activity)
        router.add("POST", "/task", self._post_task)
        router.add("POST", "/approvals/{question}", self._post_approval)
        return router

    async def _get_health(self, _: Request) -> Response:
        return json_response({"status": "ok"})

    async def _get_ready(self, _: Request) -> Response:
        """Answer 503 with the reason while the agent should not be given work."""
        problem = self._status().problem
        if not problem and self._program is not None:
            problem = await self._program()
        return json_response({"ready": not problem, "problem": problem}, 503 if problem else 200)

    async def _get_metrics(self, _: Request) -> Response:
        return Response(200, _METRICS, self._metrics())

    async def _get_status(self, _: Request) -> Response:
        return json_response(self._status())

    async def _get_activity(self, request: Request) -> Response:
        """Answer with what was done after the number `after`, as soon as there is something.

        A long story is told in parts: whoever asks goes on after the last number that it got.
        """
        wait = min(WAIT_SECONDS, number_argument(request, "wait_ms", 0) / 1000)
        return json_response(await self._feed.after(number_argument(request, "after", 0), wait))

    async def _post_task(self, request: Request) -> Response:
        self._task_begins(read_json(request, Task))
        return json_response({"begun": True})

    async def _post_approval(self, request: Request) -> Response:
        self._decide(request.params["question"], read_json(request, Decision))
        return json_response({"decided": True})
