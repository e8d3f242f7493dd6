"""Where tools are: what a Tool declares, and what an AgentType resolves."""

from fnmatch import fnmatchcase
from typing import Annotated, Any

import msgspec

from outrider.core.confinement import EnforcedLevel, LevelName
from outrider.core.errors import InvalidConfigError
from outrider.core.mutual_tls import MutualTls, check_mutual_tls
from outrider.core.objects import Name
from outrider.core.policy import ApprovalTerms
from outrider.core.quantities import Size, size
from outrider.core.secrets import HeaderFields, SecretRef
from outrider.core.tool_oauth import OAuth, check_credentials


class HttpTransport(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """An MCP server that is reached over HTTP (streamable HTTP, of any revision).

    Attributes:
        url: Its address, such as `https://tools.internal/mcp`.
        token: Secret that is sent as a bearer token.
        oauth: Where tokens come from, in place of `token`.
        headers: Further fields, as text or from a secret.
        ca: File with the authorities to trust, in place of the machine's.
        mutual_tls: The sidecar shows the agent's certificate.
    """

    url: Annotated[
        str, msgspec.Meta(pattern=r"^https?://[^/?#@\s]+([/?][^#\s]*)?$", examples=["https://tools.internal/mcp"])
    ]
    token: SecretRef | None = None
    oauth: OAuth | None = None
    headers: HeaderFields = {}
    ca: str = ""
    mutual_tls: MutualTls | None = None

    def __post_init__(self) -> None:
        check_mutual_tls(self.mutual_tls, self.url)
        check_credentials(self.token, self.oauth, self.headers)


class StdioTransport(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """An MCP server that is a program of this machine (stdio, of any revision). The sidecar starts it, confined.

    Attributes:
        command: Program and arguments; no shell is involved.
        env: Variables, as text or from a secret.
        folder: Where it runs, relative to the file of this object.
        read: Files and folders that it may read besides.
        write: Those that it may write.
        ports: TCP ports that it may connect to, on any address.
        min_level: Below it the program is not started; the strongest level that works is used.
        memory: Of the program and all that it starts.
        processes: With their threads.
    """

    command: Annotated[list[str], msgspec.Meta(min_length=1)]
    env: dict[Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], str | SecretRef] = {}
    folder: str = ""
    read: list[str] = []
    write: list[str] = []
    ports: list[Annotated[int, msgspec.Meta(ge=1, le=65535)]] = []
    min_level: LevelName = "landlock"
    memory: Size = size("512Mi")
    processes: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 128


class OpenApiTransport(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """An HTTP service with an OpenAPI document (3.0 or later); each of its operations is a tool.

    Attributes:
        document: The document in JSON or YAML: a file, relative to that of this object, or an address.
        url: Where the service is, such as `https://pets.internal/v1`; the first server of the document if absent.
        token: Secret that is sent as a bearer token.
        oauth: Where tokens come from, in place of `token`.
        headers: Further fields, as text or from a secret.
        ca: File with the authorities to trust, in place of the machine's.
        mutual_tls: The sidecar shows the agent's certificate.
    """

    document: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^(https?://[^/?#@\s]+([/?][^#\s]*)?|(?![A-Za-z][A-Za-z0-9+.-]*://).+)$",
            examples=["petstore.yaml"],
        ),
    ]
    url: Annotated[
        str, msgspec.Meta(pattern=r"^(https?://[^/?#@\s]+(/[^?#\s]*)?)?$", examples=["https://pets.internal/v1"])
    ] = ""
    token: SecretRef | None = None
    oauth: OAuth | None = None
    headers: HeaderFields = {}
    ca: str = ""
    mutual_tls: MutualTls | None = None

    def __post_init__(self) -> None:
        check_mutual_tls(self.mutual_tls, self.url)
        check_credentials(self.token, self.oauth, self.headers)
        if self.oauth is not None and self.oauth.issuer:
            raise InvalidConfigError(
                "oauth: only an MCP server tells where its tokens come from", path="oauth.issuer", found=self.oauth.issuer,
                expected="tokenUrl", suggestions=["name the token endpoint as tokenUrl"],
            )  # fmt: skip


class A2aTransport(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Another agent (A2A 1.0, or 0.3, by JSON-RPC): one tool, `send`, which gives it a task and waits for its end.

    Attributes:
        url: The address before which its card lies: `URL/.well-known/agent-card.json`. The agent must be called at the same
            scheme, host and port.
        token: Secret that is sent as a bearer token.
        headers: Further fields, as text or from a secret.
        ca: File with the authorities to trust, in place of the machine's.
        mutual_tls: The sidecar shows the agent's certificate.
    """

    url: Annotated[
        str, msgspec.Meta(pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$", examples=["https://other.internal/a2a/web"])
    ]
    token: SecretRef | None = None
    headers: HeaderFields = {}
    ca: str = ""
    mutual_tls: MutualTls | None = None

    def __post_init__(self) -> None:
        check_mutual_tls(self.mutual_tls, self.url)


class PluginTransport(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A plugin of type `tool`: one tool, called as the plugin is. The sidecar keeps its process, confined.

    Attributes:
        id: Of the plugin: it lies in `plugins/` beside the file of this object, or comes with Outrider.
        config: What its plugin.yaml takes, as values or from a secret.
        min_level: Below it the plugin is not started; the strongest level that works is used.
    """

    id: Name
    config: dict[str, Any] = {}
    min_level: EnforcedLevel = "landlock"


_WAYS = ("http", "stdio", "openapi", "a2a", "plugin")


class ToolTransport(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """How a server of tools is reached: exactly one of the fields."""

    http: HttpTransport | None = None
    stdio: StdioTransport | None = None
    openapi: OpenApiTransport | None = None
    a2a: A2aTransport | None = None
    plugin: PluginTransport | None = None

    def __post_init__(self) -> None:
        given = [way for way in _WAYS if getattr(self, way) is not None]
        if len(given) != 1:
            raise InvalidConfigError(
                "a server of tools is reached in one way", found=" and ".join(given) or "none",
                expected=f"exactly one of {', '.join(_WAYS)}", suggestions=["write for example http: {url: ...}"],
            )  # fmt: skip


class ToolAccess(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """What must hold of who uses a server, whatever an AgentType says.

    Attributes:
        agents: Names of the AgentTypes that may be granted its tools, with `*` and `?`; all of them if absent.
        require_approval: Who is asked before each call, in place of those that the grant names.
    """

    agents: list[Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9*?-]+$", examples=["triage", "ops-*"])]] | None = None
    require_approval: ApprovalTerms | None = None

    def admits(self, agent: str) -> bool:
        """Return whether an AgentType may use the server."""
        return self.agents is None or any(fnmatchcase(agent, pattern) for pattern in self.agents)


class ToolEndpoint(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A server of tools.

    Attributes:
        version: Of what it offers. The definitions of its tools are pinned for each version when they are first seen. That of
            a plugin stands in its plugin.yaml; any other Tool must say it.
        capabilities: What it is good for, in words that agents may ask for, such as `issues.search`.
        transport: How it is reached.
        access: What must hold of who uses it.
    """

    version: Annotated[str, msgspec.Meta(pattern=r"^[0-9][0-9A-Za-z.+-]*$", examples=["2.1.0"])] = ""
    capabilities: list[str] = []
    transport: ToolTransport
    access: ToolAccess = msgspec.field(default_factory=ToolAccess)

    def __post_init__(self) -> None:
        if not self.version and self.transport.plugin is None:
            raise InvalidConfigError(
                "field 'version' is missing", found="no version", expected="a version such as 2.1.0",
                suggestions=["add version: 1.0.0, and raise it when its tools change"],
            )  # fmt: skip
