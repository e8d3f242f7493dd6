"""What an agent may call besides models."""

from typing import Annotated, Any

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.objects import Name
from outrider.core.policy import ApprovalTerms
from outrider.core.quantities import Duration, Size, duration, size

_FORMS = ("operation", "server", "capability")


class ToolLimits(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Bounds of calls.

    Attributes:
        calls_per_minute: None for no bound.
        timeout: For a call.
        longest_result: More is refused.
    """

    calls_per_minute: Annotated[int, msgspec.Meta(ge=1)] | None = None
    timeout: Duration = duration("1m")
    longest_result: Size = size("1Mi")


class ToolSearch(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """How tools are found where there are too many to be listed: by a tool `find_tools`.

    Attributes:
        list_up_to: So many are listed all the same, memories apart.
        embedding: Route of a model that makes vectors of what tools do; without one they are found by words only.
    """

    list_up_to: Annotated[int, msgspec.Meta(ge=0)] = 40
    embedding: str = ""


class ToolUse(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A grant: an operation, or tools of a server.

    Attributes:
        operation: Such as `host.file_tail`; its tool is called `host_file_tail`.
        server: A Tool, by its name.
        capability: A Tool that has this capability; of several the newest.
        version: Which versions of the Tool will do, such as `>=2,<3`.
        tools: Names of the server's tools; `"*"` for every one that it has.
        prefix: Put before their names; `NAME_` of the server if absent.
        arguments: What arguments must be: text as a pattern with `*` and `?`, a list as one of its values, anything else as it
            is. One that is absent does not fit.
        when: CEL over `arguments`.
        run_on: An action agent, or labels of one, on which the operation runs.
        require_approval: Who is asked before each call.
        elicit: Whether the agent's own user is asked in place of these where its client can do that (MCP 2026-07-28,
            elicitation). The program could answer by itself, so this is for programs that are trusted. A platform always asks
            its people about operations.
        limits: Bounds of calls.
    """

    operation: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]*\.[a-z][a-z0-9_]*$")] | None = None
    server: Name | None = None
    capability: str | None = None
    version: str = ""
    tools: list[str] = []
    prefix: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{0,64}$")] | None = None
    arguments: dict[str, Any] = {}
    when: str = ""
    run_on: str | dict[str, str] | None = None
    require_approval: ApprovalTerms | None = None
    elicit: bool = False
    limits: ToolLimits = msgspec.field(default_factory=ToolLimits)

    def __post_init__(self) -> None:
        given = [form for form in _FORMS if getattr(self, form) is not None]
        if len(given) != 1:
            raise InvalidConfigError(
                "a tool is an operation, a server or a capability", found=" and ".join(given) or "none",
                expected="exactly one of operation, server, capability", suggestions=["write for example {operation: host.file_tail}"],
            )  # fmt: skip
        if self.elicit and self.require_approval is None:
            raise InvalidConfigError(
                "elicit says how an approval is given, and none is asked for", path="elicit", found="no requireApproval",
                expected="requireApproval beside it", suggestions=["add requireApproval: {}, or remove elicit"],
            )  # fmt: skip
        if self.operation is not None and (self.tools or self.version or self.prefix is not None):
            raise InvalidConfigError(
                "an operation is one tool", found="tools, version or prefix beside operation", expected="none of them",
                suggestions=["remove them"],
            )  # fmt: skip
