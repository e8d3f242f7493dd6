"""What an agent can do with a memory: each verb is a tool."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from outrider.core.codec import to_builtins
from outrider.core.mcp.tools import Annotations, Tool
from outrider.core.schema import bare_schema


class Arguments(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Arguments of a verb."""


class Verb(msgspec.Struct, frozen=True, kw_only=True):
    """One of them.

    Attributes:
        does: For the model, which chooses by it.
        arguments: Type of the arguments.
        run: Does it.
        reads: Whether it changes nothing.
        destroys: Whether it may delete what is there.
        repeats: Whether a second time changes nothing more.
    """

    name: str
    does: str
    arguments: type[Arguments]
    run: Callable[[Any], Awaitable[dict[str, Any]]]
    reads: bool = False
    destroys: bool = False
    repeats: bool = False

    def definition(self) -> dict[str, Any]:
        """Return what is said of it as a tool."""
        hints = Annotations(
            read_only_hint=self.reads, destructive_hint=self.destroys, idempotent_hint=self.reads or self.repeats,
            open_world_hint=False,
        )  # fmt: skip
        tool = Tool(
            name=self.name,
            title=self.name,
            description=self.does,
            input_schema=bare_schema(self.arguments),
            annotations=hints,
        )
        found: dict[str, Any] = to_builtins(tool)
        return found
