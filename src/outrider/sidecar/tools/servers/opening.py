"""From the settings of a server to what the catalogue asks."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from outrider.core.tool_settings import A2aServerSettings, AnyToolServer, HttpServerSettings, OpenApiServerSettings
from outrider.ports.secrets import Resolver
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
    """

    secrets: Resolver
    state: Path
    protected: list[Path]
    changed: Callable[[], None]


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
