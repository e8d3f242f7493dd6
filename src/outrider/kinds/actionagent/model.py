from typing import Annotated, Any

import msgspec

from outrider.core.confinement import SandboxSpec
from outrider.core.objects import Name


class PluginUse(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An action plugin with its configuration."""

    plugin: Name
    config: dict[str, Any] = {}


class ActionAgentSpec(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An action agent; what its lists do not name it does not do.

    Attributes:
        plugins: Action plugins, by id or with their configuration.
        operations: Patterns of operations that rules may call here, such as `host.*`.
        concurrency: Executions at the same time.
    """

    plugins: list[Name | PluginUse] = []
    operations: list[str] = []
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=256)] = 4
    sandbox: SandboxSpec = msgspec.field(default_factory=SandboxSpec)

    def uses(self) -> list[PluginUse]:
        """Return the plugins in their long form."""
        return [use if isinstance(use, PluginUse) else PluginUse(plugin=use) for use in self.plugins]
