"""The operations that an AgentType grants, run by this process: naming one is the grant."""

from collections.abc import Iterable
from typing import Any

import msgspec

from outrider.core.calls import normalise
from outrider.core.codec import to_builtins
from outrider.core.errors import OutriderError, UnknownOperationError
from outrider.core.identity import Principal
from outrider.core.mcp.tools import Tool, ToolResult
from outrider.core.objects import DEFAULT_TENANT
from outrider.core.secrets import masked
from outrider.kinds.agenttype.granting import tool_name
from outrider.kinds.agenttype.tools import ToolUse
from outrider.runtime.implementation import load_operation
from outrider.runtime.invoker import CallOptions, Invoker
from outrider.surfaces.mcp.catalogue import operation_tool


class AgentDesk:
    """Operations of one agent; its sidecar has checked arguments, and asked who must approve.

    Args:
        invoker: Runs them; a policy can still deny one.
        agent: The agent's name; policies know it as `agent:NAME`.
        uses: The grants.

    Raises:
        OutriderError: An operation cannot be used on this machine.
    """

    def __init__(self, invoker: Invoker, agent: str, uses: Iterable[ToolUse]) -> None:
        self._invoker = invoker
        self._options = CallOptions(principal=Principal(DEFAULT_TENANT, "agent", agent), granted=True)
        self._operations: dict[str, str] = {}
        self._approved: dict[str, bool] = {}
        self._tools: dict[str, Tool] = {}
        for use in uses:
            if use.operation is None:
                continue
            name, (family, _, verb) = tool_name(use.operation), use.operation.partition(".")
            self._operations[name] = use.operation
            self._approved[name] = use.require_approval is not None
            self._tools[name] = operation_tool(name, load_operation(invoker.registry, family, verb), planned=False)

    def tools(self) -> list[Tool]:
        """Return the tools."""
        return list(self._tools.values())

    async def call(self, name: str, arguments: dict[str, Any], trace_id: str = "") -> ToolResult:
        """Run an operation; a failure is a result too, so that the model can correct itself."""
        mask = self._invoker.environment.secrets.mask
        try:
            if name not in self._operations:
                raise UnknownOperationError(f"no operation is granted as '{name}'", found=name)
            call = normalise(self._invoker.registry, self._operations[name], [arguments])
            options = msgspec.structs.replace(self._options, trace_id=trace_id, approved=self._approved[name])
            result = await self._invoker.run(call, options)
        except OutriderError as error:
            return ToolResult(masked(to_builtins(error.body()), mask), failed=True)
        return ToolResult(masked(to_builtins(result), mask))
