"""Where the plugins of an agent run, and what they may ask it for."""

from fnmatch import fnmatchcase
from typing import Any

from outrider.core.calls import normalise
from outrider.core.errors import DeniedError
from outrider.core.identity import Principal
from outrider.ports.clock import Clock
from outrider.runtime.invoker import CallOptions, Invoker
from outrider.runtime.plugin_host.launch import HostLauncher
from outrider.runtime.plugin_host.protocol import PluginCall
from outrider.runtime.plugins.catalogue import Catalogue
from outrider.runtime.plugins.configuration import open_secrets
from outrider.runtime.plugins.manifest import Plugin


class HostFactory:
    """Makes the hosts of one agent.

    Args:
        catalogue: The plugins at hand.
        launcher: Starts confined processes.
        invoker: Runs what plugins ask for.
        tenant: Whose plugins.
        clock: Paces restarts.
    """

    def __init__(
        self, catalogue: Catalogue, launcher: HostLauncher, invoker: Invoker, tenant: str, clock: Clock
    ) -> None:
        self.catalogue = catalogue
        self.launcher = launcher
        self.clock = clock
        self._invoker = invoker
        self._tenant = tenant

    async def open_secrets(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return a configuration with its secret references opened, for the pipe to the plugin and for nothing else."""
        return await open_secrets(config, self._invoker.environment.secrets)

    async def call(self, plugin: Plugin, call: PluginCall) -> Any:
        """Run an operation for a plugin: plugin.yaml must list it, and no Policy may deny it."""
        allowed = plugin.manifest.permissions.operations
        normalised = normalise(self._invoker.registry, call.operation, [call.params])
        if not any(fnmatchcase(normalised.name, pattern) for pattern in allowed):
            raise DeniedError(
                f"plugin '{plugin.manifest.id}' may not call {normalised.name}",
                found=normalised.name,
                expected=", ".join(allowed) or "no operation",
                suggestions=[f"add {normalised.name} to permissions.operations in its plugin.yaml"],
            )
        # An action is delivered only when the approvals of what its plugin may ask for have been given.
        options = CallOptions(
            principal=Principal(self._tenant, "plugin", plugin.manifest.id),
            granted=True,
            approved=plugin.manifest.type == "action",
            timeout=call.timeout,
        )
        return await self._invoker.run(normalised, options)
