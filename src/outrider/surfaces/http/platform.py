"""Routes of the platform's own API, passed on to it with its token."""

import asyncio
from typing import Annotated, Any

from litestar import Controller, Request, Response, delete, get, post
from litestar.params import Parameter

from outrider.core.errors import UnavailableError
from outrider.core.events import EventOutcomes
from outrider.orchestrator.wire import (
    AgentRow,
    ApplyAnswer,
    ApprovalRow,
    AuditHeads,
    DeadLetter,
    EventRow,
    HoldRow,
    ObjectRow,
    QueueAnswer,
    RunDetail,
    RunRow,
    ScheduleRow,
    StatusAnswer,
    TimelineAnswer,
    WhyAnswer,
)
from outrider.runtime.client import PlatformClient, connect_to, read_endpoint
from outrider.runtime.contexts import Endpoint, PlatformContext
from outrider.surfaces.http.answers import gives

# The longest that the platform lets a caller wait for the timeline, and some more.
TIMEOUT = 40.0
_PASSED_ON = ("content-type", "accept", "traceparent")
AnyRequest = Request[Any, Any, Any]


class PlatformGate:
    """The running platform; when it was started anew, it is reached anew.

    Args:
        context: The platform, if one is known.
    """

    def __init__(self, context: PlatformContext | None) -> None:
        self._context = context
        self._endpoint: Endpoint | None = None
        self._client: PlatformClient | None = None

    async def forward(self, request: AnyRequest) -> Response[bytes]:
        """Pass a request on and its answer back.

        Raises:
            UnavailableError: No platform is running.
        """
        client = await self.connected()
        target = request.scope["raw_path"].decode("ascii")
        query = request.scope["query_string"].decode("ascii")
        fields = {
            name: value for name, value in request.headers.items() if name in _PASSED_ON or name.startswith("ce-")
        }
        answer = await client.forward(
            request.method, f"{target}?{query}" if query else target, await request.body(), fields, timeout=TIMEOUT
        )
        kept = {name: value for name, value in answer.headers if name == "retry-after"}
        return Response(
            answer.content, status_code=answer.status, headers=kept,
            media_type=answer.headers.get("content-type") or "application/json",
        )  # fmt: skip

    async def connected(self) -> PlatformClient:
        """Return a client of the platform as it runs now.

        Raises:
            UnavailableError: None is running.
        """
        if self._context is None:
            raise UnavailableError(
                "no platform is known here",
                suggestions=["start one: outrider up DIR", "name one: outrider --context NAME serve"],
            )
        endpoint = await asyncio.to_thread(read_endpoint, self._context.state)
        if self._client is None or endpoint != self._endpoint:
            await self.close()
            self._client, self._endpoint = connect_to(self._context), endpoint
        return self._client

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None


class PlatformController(Controller):
    """What a platform knows and what it can be told."""

    path = "/v1"
    tags = ("platform",)

    @get("/status", **gives(StatusAnswer, "Show the platform at a glance"))
    async def status(self, platform: PlatformGate, request: AnyRequest) -> Response[bytes]:
        return await platform.forward(request)

    @get("/objects", **gives(list[ObjectRow], "List applied objects"))
    async def objects(
        self, platform: PlatformGate, request: AnyRequest, *, kind: str = "", name: str = ""
    ) -> Response[bytes]:
        del kind, name  # the platform reads them from the query; here they stand for the document
        return await platform.forward(request)

    @post("/objects", **gives(ApplyAnswer, "Apply objects"))
    async def apply_objects(self, platform: PlatformGate, request: AnyRequest) -> Response[bytes]:
        return await platform.forward(request)

    @delete("/objects/{kind:str}/{name:str}", **gives(ApplyAnswer, "Remove an object"))
    async def delete_object(
        self, platform: PlatformGate, request: AnyRequest, *, kind: str, name: str
    ) -> Response[bytes]:
        del kind, name
        return await platform.forward(request)

    @get("/events", **gives(list[EventRow], "List events"))
    async def events(
        self,
        platform: PlatformGate,
        request: AnyRequest,
        *,
        after: int | None = None,
        limit: int = 50,
        source: str = "",
    ) -> Response[bytes]:
        del after, limit, source
        return await platform.forward(request)

    @post("/events", **gives(EventOutcomes, "Send events, in Outrider's form or as CloudEvents 1.0"))
    async def send_events(self, platform: PlatformGate, request: AnyRequest) -> Response[bytes]:
        return await platform.forward(request)

    @get("/events/{event:str}/why", **gives(WhyAnswer, "Say what the rules made of an event"))
    async def why(self, platform: PlatformGate, request: AnyRequest, *, event: str) -> Response[bytes]:
        del event
        return await platform.forward(request)

    @get("/runs", **gives(list[RunRow], "List runs, the newest first"))
    async def runs(
        self,
        platform: PlatformGate,
        request: AnyRequest,
        *,
        limit: int = 50,
        rule: str = "",
        run_state: Annotated[str, Parameter(query="state")] = "",
    ) -> Response[bytes]:
        del limit, rule, run_state
        return await platform.forward(request)

    @get("/runs/{run:str}", **gives(RunDetail, "Show a run with its steps"))
    async def run(self, platform: PlatformGate, request: AnyRequest, run: str) -> Response[bytes]:
        del run
        return await platform.forward(request)

    @post("/runs/{run:str}/cancel", **gives(dict[str, Any], "Cancel what is left of a run"))
    async def cancel_run(self, platform: PlatformGate, request: AnyRequest, run: str) -> Response[bytes]:
        del run
        return await platform.forward(request)

    @get("/schedules", **gives(list[ScheduleRow], "List scheduled calls"))
    async def schedules(self, platform: PlatformGate, request: AnyRequest) -> Response[bytes]:
        return await platform.forward(request)

    @get("/queue", **gives(QueueAnswer, "Show the queue"))
    async def queue(self, platform: PlatformGate, request: AnyRequest) -> Response[bytes]:
        return await platform.forward(request)

    @get("/queue/dead", **gives(list[DeadLetter], "List the dead letters of the inbox"))
    async def dead_letters(
        self, platform: PlatformGate, request: AnyRequest, *, after: int = 0, limit: int = 50
    ) -> Response[bytes]:
        del after, limit
        return await platform.forward(request)

    @get("/queue/dead/{sequence:int}", **gives(DeadLetter, "Show a dead letter"))
    async def dead_letter(self, platform: PlatformGate, request: AnyRequest, *, sequence: int) -> Response[bytes]:
        del sequence
        return await platform.forward(request)

    @post("/queue/dead/{sequence:int}/retry", **gives(dict[str, int], "Put a dead letter into the inbox again"))
    async def retry_letter(self, platform: PlatformGate, request: AnyRequest, *, sequence: int) -> Response[bytes]:
        del sequence
        return await platform.forward(request)

    @delete("/queue/dead/{sequence:int}", **gives(dict[str, int], "Remove a dead letter"))
    async def drop_letter(self, platform: PlatformGate, request: AnyRequest, *, sequence: int) -> Response[bytes]:
        del sequence
        return await platform.forward(request)

    @get("/holds", **gives(list[HoldRow], "List what is held back"))
    async def holds(self, platform: PlatformGate, request: AnyRequest) -> Response[bytes]:
        return await platform.forward(request)

    @post("/holds", **gives(HoldRow, "Pause the platform, cordon an agent, silence rules"))
    async def hold(self, platform: PlatformGate, request: AnyRequest) -> Response[bytes]:
        return await platform.forward(request)

    @delete("/holds/{hold:str}", **gives(HoldRow, "End a hold"))
    async def lift(self, platform: PlatformGate, request: AnyRequest, hold: str) -> Response[bytes]:
        del hold
        return await platform.forward(request)

    @get("/agents", **gives(list[AgentRow], "List agents"))
    async def agents(self, platform: PlatformGate, request: AnyRequest) -> Response[bytes]:
        return await platform.forward(request)

    @get("/approvals", **gives(list[ApprovalRow], "List the questions that wait for an answer"))
    async def approvals(
        self, platform: PlatformGate, request: AnyRequest, *, show_all: Annotated[bool, Parameter(query="all")] = False
    ) -> Response[bytes]:
        del show_all
        return await platform.forward(request)

    @post("/approvals/{instruction:str}", **gives(dict[str, str], "Answer a question: approved or rejected"))
    async def decide(self, platform: PlatformGate, request: AnyRequest, instruction: str) -> Response[bytes]:
        del instruction
        return await platform.forward(request)

    @get("/audit/heads", **gives(AuditHeads, "Show the heads of the audit chains"))
    async def audit_heads(self, platform: PlatformGate, request: AnyRequest) -> Response[bytes]:
        return await platform.forward(request)

    @get("/timeline", **gives(TimelineAnswer, "Wait for what happens next"))
    async def timeline(
        self, platform: PlatformGate, request: AnyRequest, *, after: int = 0, wait: int = 0, of: int = 0
    ) -> Response[bytes]:
        del after, wait, of
        return await platform.forward(request)
