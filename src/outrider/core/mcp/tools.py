"""A tool as clients see it, and what a call of one gives."""

from typing import Any

import msgspec

from outrider.core.codec import encode


class Annotations(msgspec.Struct, kw_only=True, rename="camel", frozen=True):
    """Hints about what a tool does; a client must not rely on them for its safety."""

    read_only_hint: bool
    destructive_hint: bool
    idempotent_hint: bool
    open_world_hint: bool = True


class Tool(msgspec.Struct, kw_only=True, rename="camel", frozen=True, omit_defaults=True):
    """One tool.

    Attributes:
        input_schema: JSON Schema of its arguments.
        output_schema: JSON Schema of its structured result; absent where it depends on the arguments.
    """

    name: str
    title: str
    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None = None
    annotations: Annotations


class ToolResult(msgspec.Struct, frozen=True):
    """What a call gave: plain data that is an object, or the error object."""

    content: dict[str, Any]
    failed: bool = False

    def body(self) -> dict[str, Any]:
        """Return the result of `tools/call`: the data, and the same as text for clients that read only that."""
        return {
            "content": [{"type": "text", "text": encode(self.content).decode()}],
            "structuredContent": self.content,
            "isError": self.failed,
        }
