"""What a sidecar is told of tools."""

from pathlib import Path
from typing import Annotated, Any

import msgspec

from outrider.core.confinement import EnforcedLevel, LevelName
from outrider.core.mutual_tls import MutualTlsSettings
from outrider.core.oauth_settings import OAuthSettings
from outrider.core.policy import ApprovalTerms
from outrider.core.secrets import SecretRef


class ToolServerSettings(
    msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="transport"
):
    """A server whose tools the agent may get.

    Attributes:
        name: As grants name it.
        version: Of what it offers; definitions of tools are pinned for each.
    """

    name: str
    version: str = ""


class RemoteServerSettings(
    ToolServerSettings, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True
):
    """One that is reached over HTTP.

    Attributes:
        token: Secret that is sent as a bearer token.
        headers: Further fields, as text or from a secret.
        ca: File with the authorities to trust, in place of the machine's.
        mutual_tls: What the sidecar shows of itself.
    """

    token: SecretRef | None = None
    headers: dict[str, str | SecretRef] = {}
    ca: Path | None = None
    mutual_tls: MutualTlsSettings | None = None


class HttpServerSettings(
    RemoteServerSettings, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True, tag="http"
):
    """An MCP server that is reached over HTTP.

    Attributes:
        url: Where it listens (streamable HTTP).
        socket: Unix socket at which it listens, in place of a network address.
        oauth: Where tokens come from, in place of `token`.
    """

    url: str
    socket: Path | None = None
    oauth: OAuthSettings | None = None


class StdioServerSettings(
    ToolServerSettings, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True, tag="stdio"
):
    """An MCP server that is a program, started by the sidecar and confined.

    Attributes:
        command: Program and arguments.
        env: Its variables, as text or from a secret.
        base: Where relative paths begin.
        folder: Where it runs.
        read: Files and folders that it may read besides.
        write: Those that it may write.
        ports: TCP ports that it may connect to.
        min_level: Of its sandbox.
        memory: Bytes, of it and all that it starts.
        processes: At most, with their threads.
    """

    command: list[str]
    env: dict[str, str | SecretRef] = {}
    base: Path
    folder: Path
    read: list[str] = []
    write: list[str] = []
    ports: list[int] = []
    min_level: LevelName = "landlock"
    memory: int
    processes: int


class OpenApiServerSettings(
    RemoteServerSettings, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True, tag="openapi"
):
    """An HTTP service with an OpenAPI document; each of its operations is a tool.

    Attributes:
        document: File or address of the document.
        url: Where the service is; empty for the first server of the document.
        oauth: Where tokens come from, in place of `token`.
    """

    document: str
    url: str = ""
    oauth: OAuthSettings | None = None


class A2aServerSettings(
    RemoteServerSettings, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True, tag="a2a"
):
    """Another agent, which is reached by A2A.

    Attributes:
        url: The address before which its card lies.
    """

    url: str


class PluginServerSettings(
    ToolServerSettings, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True, tag="plugin"
):
    """A plugin of type `tool`, kept in a process of its own by the sidecar.

    Attributes:
        version: That its plugin.yaml must have; empty for any.
        plugin: Its id.
        config: What its plugin.yaml takes, as values or from a secret.
        base: Where relative paths begin, and `plugins/` is looked for.
        min_level: Of its sandbox.
    """

    plugin: str
    config: dict[str, Any] = {}
    base: Path
    min_level: EnforcedLevel = "landlock"


AnyToolServer = (
    HttpServerSettings | StdioServerSettings | OpenApiServerSettings | A2aServerSettings | PluginServerSettings
)


class ToolGrantSettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Tools of a server that the agent may call.

    Attributes:
        server: Its name.
        tools: Names; `*` for every one that it has.
        prefix: Put before the names, so that those of two servers stay apart.
        arguments: What arguments must be: text as a pattern with `*` and `?`, a list as one of its values, anything else as it
            is. One that is absent does not fit.
        when: CEL over `arguments`; empty holds always.
        approval: Who is asked before each call; None asks nobody.
        asks_of_changes: Whether they are asked only of calls that may change something.
        elicit: Whether a client that can ask its user does so in place of these.
        timeout: Seconds for a call.
        calls_per_minute: None for no bound.
        longest_result: Bytes.
    """

    server: str
    tools: list[str]
    prefix: str = ""
    arguments: dict[str, Any] = {}
    when: str = ""
    approval: ApprovalTerms | None = None
    asks_of_changes: bool = False
    elicit: bool = False
    timeout: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    calls_per_minute: Annotated[int, msgspec.Meta(ge=1)] | None = None
    longest_result: Annotated[int, msgspec.Meta(ge=1)] = 1024 * 1024


class ToolSearchSettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How tools are found where there are too many to be listed.

    Attributes:
        list_up_to: So many are listed all the same, memories apart.
        embedding: Name of a route whose model makes vectors of what tools do; empty to find them by words only.
    """

    list_up_to: Annotated[int, msgspec.Meta(ge=0)] = 40
    embedding: str = ""


class ToolsSettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The tools of the agent; what no grant names is not there for it.

    Attributes:
        search: None lists all of them.
    """

    servers: list[AnyToolServer] = []
    grants: list[ToolGrantSettings] = []
    search: ToolSearchSettings | None = None
