"""The operations that an AgentType grants, as tools."""

from collections.abc import Iterable
from typing import NamedTuple

from outrider.core.mcp.tools import Tool
from outrider.core.registry import Registry
from outrider.kinds.agenttype.granting import tool_name
from outrider.kinds.agenttype.tools import ToolUse
from outrider.runtime.implementation import load_operation
from outrider.surfaces.mcp.catalogue import operation_tool


class GrantedOperation(NamedTuple):
    """An operation, as its callers and as the agent know it, and all grants of it."""

    operation: str
    tool: Tool
    uses: list[ToolUse]


def granted_operations(uses: Iterable[ToolUse], registry: Registry) -> dict[str, GrantedOperation]:
    """Return the operations among the grants by the names of their tools.

    Raises:
        OutriderError: One is not known here, or cannot be used on this machine.
    """
    found: dict[str, GrantedOperation] = {}
    for use in uses:
        if use.operation is None:
            continue
        name, (family, _, verb) = tool_name(use.operation), use.operation.partition(".")
        if name not in found:
            tool = operation_tool(name, load_operation(registry, family, verb), planned=False)
            found[name] = GrantedOperation(use.operation, tool, [])
        found[name].uses.append(use)
    return found
