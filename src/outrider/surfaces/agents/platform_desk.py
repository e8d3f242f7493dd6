"""The operations that an AgentType grants, run by its platform: each call is a run there, with its approval and its agent."""

import os
from collections.abc import Iterable
from typing import Any

from outrider.core.codec import to_builtins
from outrider.core.errors import OutriderError, UnknownOperationError
from outrider.core.events import CallRequest
from outrider.core.identifiers import time_ordered
from outrider.core.mcp.tools import Tool, ToolResult
from outrider.edge.link import Link
from outrider.kinds.agenttype.tools import ToolUse
from outrider.ports.clock import Clock
from outrider.runtime.discovery import registry
from outrider.surfaces.agents.asking import ask
from outrider.surfaces.agents.granted import granted_operations


class PlatformDesk:
    """Operations of one agent.

    Args:
        link: The orchestrator, as the agent.
        uses: The grants.
        clock: Gives ids their time.

    Raises:
        OutriderError: An operation is not known here.
    """

    def __init__(self, link: Link, uses: Iterable[ToolUse], clock: Clock) -> None:
        self._link, self._clock = link, clock
        self._granted = granted_operations(uses, registry())

    def tools(self) -> list[Tool]:
        """Return the tools."""
        return [one.tool for one in self._granted.values()]

    async def call(self, name: str, arguments: dict[str, Any], trace_id: str = "") -> ToolResult:
        """Have an operation run; a failure is a result too, so that the model can correct itself."""
        del trace_id  # the run begins a trace, which its instruction and its audit share
        try:
            if name not in self._granted:
                raise UnknownOperationError(f"no operation is granted as '{name}'", found=name)
            key = time_ordered(self._clock.now(), os.urandom(10))
            request = CallRequest(id=key, operation=self._granted[name].operation, input_data=arguments)
            answer = await ask(self._link, request)
        except OutriderError as error:
            return ToolResult(to_builtins(error.body()), failed=True)
        if answer.error is not None:
            return ToolResult(to_builtins(answer.error), failed=True)
        return ToolResult(answer.result)
