"""From the settings of a server to what the catalogue asks."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from outrider.core.tool_settings import (
    A2aServerSettings,
    AnyToolServer,
    HttpServerSettings,
    OpenApiServerSettings,
    PluginServerSettings,
)
from outrider.ports.clock import Clock
from outrider.ports.secrets import Resolver
from outrider.runtime.contexts import cache_folder
from outrider.sidecar.tools.servers.a2a.server import A2aServer
from outrider.sidecar.tools.servers.a2a.wire import A2aWire
from outrider.sidecar.tools.servers.http import HttpWire
from outrider.sidecar.tools.servers.mcp import McpServer
from outrider.sidecar.tools.servers.stdio import StdioWire
from outrider.sidecar.tools.tool_server import ToolServer


class Surroundings(msgspec.Struct, kw_only=True, frozen=True):
    """What every server finds here.

    Attributes:
        secrets: Opens what is secret.
        state: Folder for those that keep something.
        protected: Files and folders that a program must not see.
        changed: Hears that one has other tools.
        clock: Time.
    """

    secrets: Resolver
    state: Path
    protected: list[Path]
    changed: Callable[[], None]
    clock: Clock


def open_server(settings: AnyToolServer, around: Surroundings, longest: int) -> ToolServer:
    """Return a server that can be asked; it is reached, or started, when it is asked first.

    Args:
        settings: Of the server.
        around: What it finds here.
        longest: Bytes of a result of a call.

    Raises:
        InvalidConfigError: Its address cannot be used.
    """
    if isinstance(settings, OpenApiServerSettings):
        from outrider.sidecar.tools.servers.openapi.server import OpenApiServer  # noqa: PLC0415 - 6 MB that others do without

        return OpenApiServer(settings, around.secrets, longest)
    if isinstance(settings, PluginServerSettings):
        return _open_plugin(settings, around)
    if isinstance(settings, A2aServerSettings):
        return A2aServer(settings.name, settings.version, A2aWire(settings, around.secrets, longest))
    wire: HttpWire | StdioWire
    if isinstance(settings, HttpServerSettings):
        wire = HttpWire(settings, around.secrets, longest)
    else:
        wire = StdioWire(
            settings, around.secrets, state=around.state / settings.name, protected=around.protected,
            changed=around.changed, longest=longest,
        )  # fmt: skip
    return McpServer(settings.name, settings.version, wire)


def _open_plugin(settings: PluginServerSettings, around: Surroundings) -> ToolServer:
    from outrider.runtime.plugin_host.launch import HostLauncher  # noqa: PLC0415 - what others do without
    from outrider.sidecar.tools.servers.plugin import PluginServer, ToolHosts  # noqa: PLC0415 - see above

    launcher = HostLauncher(
        folder=settings.base, state=around.state / settings.name, protected=around.protected, cache=cache_folder()
    )
    return PluginServer(settings, ToolHosts(launcher, around.clock, around.secrets))
