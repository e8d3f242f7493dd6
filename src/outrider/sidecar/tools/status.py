"""What is told of tools, and said about their calls."""

import msgspec


class ToolStatus(msgspec.Struct, kw_only=True):
    """A tool and how it was used since the start.

    Attributes:
        hash: Of its definition.
        changed: `text` or `schema` where its server says something else by now under the same version; with another schema
            it is not called.
    """

    tool: str
    server: str
    version: str
    hash: str
    changed: str
    calls: int
    failures: int
    seconds: float


class ToolsStatus(msgspec.Struct, kw_only=True):
    """The tools of a sidecar.

    Attributes:
        tools: What the agent sees.
        problems: What is wrong with a server, by its name.
    """

    tools: list[ToolStatus]
    problems: dict[str, str]


class Decision(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The answer of a person."""

    approve: bool
    by: str
