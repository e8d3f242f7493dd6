"""The operations that an AgentType grants, run by this process: naming one is the grant."""

import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from outrider.core.calls import normalise
from outrider.core.codec import to_builtins
from outrider.core.errors import DeniedError, OutriderError, UnknownOperationError
from outrider.core.identity import Principal
from outrider.core.mcp.tools import Tool, ToolResult
from outrider.core.objects import DEFAULT_TENANT
from outrider.core.secrets import masked
from outrider.kinds.agenttype.tools import ToolUse
from outrider.runtime.invoker import CallOptions, Invoker
from outrider.surfaces.agents.granted import granted_operations


class AgentDesk:
    """Operations of one agent; its sidecar has checked arguments, and asked who must approve.

    Args:
        invoker: Runs them; a policy can still deny one.
        agent: The agent's name; policies know it as `agent:NAME`.
        uses: The grants.
        asks_of_changes: Whether somebody is asked of changes where a grant asks nobody.

    Raises:
        OutriderError: An operation cannot be used on this machine.
    """

    def __init__(self, invoker: Invoker, agent: str, uses: Iterable[ToolUse], *, asks_of_changes: bool = False) -> None:
        self._invoker = invoker
        self._asks_of_changes = asks_of_changes
        self._options = CallOptions(principal=Principal(DEFAULT_TENANT, "agent", agent), granted=True)
        self._granted = granted_operations(uses, invoker.registry)
        self._paths = {name: _paths(granted.uses) for name, granted in self._granted.items()}

    def _check_links(self, name: str, arguments: dict[str, Any]) -> None:
        """Judge paths by where links lead, too: the program may have made one.

        Raises:
            DeniedError: One leads out of what is granted.
        """
        for argument, patterns in self._paths[name].items():
            value = arguments.get(argument)
            real = os.path.realpath(value) if isinstance(value, str) and "\0" not in value else ""
            if real and not any(fnmatchcase(real, pattern) for pattern in patterns):
                raise DeniedError(
                    f"tool '{name}': argument '{argument}' leads elsewhere", path=argument, found=real, expected=" or ".join(patterns),
                    suggestions=["name the file itself"],
                )  # fmt: skip

    def tools(self) -> list[Tool]:
        """Return the tools."""
        return [one.tool for one in self._granted.values()]

    async def call(self, name: str, arguments: dict[str, Any], trace_id: str = "") -> ToolResult:
        """Run an operation; a failure is a result too, so that the model can correct itself."""
        mask = self._invoker.environment.secrets.mask
        try:
            if name not in self._granted:
                raise UnknownOperationError(f"no operation is granted as '{name}'", found=name)
            self._check_links(name, arguments)
            call = normalise(self._invoker.registry, self._granted[name].operation, [arguments])
            # Approved is only what was asked for under each grant that may have been meant.
            asked = self._asks_of_changes and not self._granted[name].tool.annotations.read_only_hint
            approved = all(asked or use.require_approval is not None for use in self._granted[name].uses)
            options = msgspec.structs.replace(self._options, trace_id=trace_id, approved=approved)
            result = await self._invoker.run(call, options)
        except OutriderError as error:
            return ToolResult(masked(to_builtins(error.body()), mask), failed=True)
        return ToolResult(masked(to_builtins(result), mask))


def _paths(uses: list[ToolUse]) -> dict[str, list[str]]:
    """Return the patterns of paths that grants name, by argument."""
    found: dict[str, list[str]] = {}
    for use in uses:
        for argument, wanted in use.arguments.items():
            if isinstance(wanted, str) and wanted.startswith("/"):
                found.setdefault(argument, []).append(wanted)
    return found
