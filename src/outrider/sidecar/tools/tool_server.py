"""What the catalogue and the desk ask of whatever offers tools."""

from collections.abc import Mapping
from typing import Any, Protocol

from outrider.core.tool_settings import ToolGrantSettings

Definition = dict[str, Any]
# How the sidecar's own servers are called, but for that of operations, and the tool of the search.
MEMORY, SEARCH = "@memory-", "@search"
FIND_TOOLS = "find_tools"


class ToolServer(Protocol):
    """Something that offers tools.

    Attributes:
        name: As grants name it.
        version: Of what it offers; definitions are pinned for each.
        left_out: Tools that it has and cannot offer, by their names, and why.
    """

    name: str
    version: str
    left_out: Mapping[str, str]

    async def list_tools(self) -> list[Definition]:
        """Return the definitions of its tools.

        Raises:
            OutriderError: It cannot tell them now.
        """
        ...

    async def call(self, definition: Definition, params: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Call a tool and return its result as MCP has it.

        Args:
            definition: What it said of the tool.
            params: `arguments`, and what else a client sends with a call.
            timeout: Seconds.

        Raises:
            OutriderError: There is no result.
        """
        ...

    async def close(self) -> None:
        """Give back what it holds."""
        ...


class OwnServer(ToolServer, Protocol):
    """One that the sidecar brings itself."""

    @property
    def problem(self) -> str:
        """What is wrong with what it does by itself; empty where nothing is."""
        ...

    def grant(self) -> ToolGrantSettings:
        """Return what of it is granted."""
        ...

    async def keep_up(self) -> None:
        """Do what it needs now and then, until cancelled."""
        ...
