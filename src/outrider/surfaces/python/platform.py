"""A running platform, from Python."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from outrider.core.calls import normalise
from outrider.core.plans import ItemOutcome, Plan
from outrider.orchestrator.wire import AgentRow, EventRow, RunDetail, RunRow
from outrider.runtime.client import PlatformClient, connect_to
from outrider.runtime.contexts import Contexts, PlatformContext, user_state_folder
from outrider.runtime.discovery import registry
from outrider.runtime.plans import Planner, PlanStore
from outrider.surfaces.python.calls import local_invoker, local_options, platform_spec


class Platform:
    """A platform on this machine; made by `connect`."""

    def __init__(self, context: PlatformContext) -> None:
        self.context = context
        self._client: PlatformClient = connect_to(context)
        self._planner = Planner(
            local_invoker(context, platform_spec(context)), PlanStore(user_state_folder() / "plans")
        )

    async def runs(self, *, limit: int = 50) -> list[RunRow]:
        """Return the newest runs, newest first."""
        return await self._client.get(f"/v1/runs?limit={limit}", list[RunRow])

    async def run(self, run: str) -> RunDetail:
        """Return one run with its steps."""
        return await self._client.get(f"/v1/runs/{run}", RunDetail)

    async def events(self, *, after: int = 0, limit: int = 50) -> list[EventRow]:
        """Return events, oldest first."""
        return await self._client.get(f"/v1/events?after={after}&limit={limit}", list[EventRow])

    async def agents(self) -> list[AgentRow]:
        """Return the agents."""
        return await self._client.get("/v1/agents", list[AgentRow])

    async def plan(self, operation: str, *arguments: Any, **params: Any) -> Plan:
        """Find out what an operation would change; nothing is changed."""
        call = normalise(registry(), operation, [*arguments, params] if params else list(arguments))
        return await self._planner.plan([call], local_options())

    async def apply(self, plan: Plan) -> list[ItemOutcome]:
        """Do exactly what a plan says, once."""
        return await self._planner.apply(plan, local_options())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._client.close()


def connect(name: str | None = None, *, folder: Path | None = None) -> Platform:
    """Return a running platform by its context's name, by its folder, or the one that was started last.

    Raises:
        NotFoundError: None is known.
        UnavailableError: It is not running.
    """
    return Platform(Contexts().select(name, folder))
