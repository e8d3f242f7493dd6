"""Where tools are: what a Tool declares, and what an AgentType resolves."""

from typing import Annotated

import msgspec

from outrider.core.secrets import SecretRef


class HttpTransport(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """An MCP server that is reached over HTTP (streamable HTTP, of any revision).

    Attributes:
        url: Its address, such as `https://tools.internal/mcp`.
        token: Secret that is sent as a bearer token.
        headers: Further fields, as text or from a secret.
        ca: File with the authorities to trust, in place of the machine's.
    """

    url: Annotated[str, msgspec.Meta(pattern=r"^https?://[^/?#@\s]+[^#\s]*$", examples=["https://tools.internal/mcp"])]
    token: SecretRef | None = None
    headers: dict[Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]+$")], str | SecretRef] = {}
    ca: str = ""


class ToolTransport(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """How a server of tools is reached."""

    http: HttpTransport


class ToolEndpoint(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A server of tools.

    Attributes:
        version: Of what it offers. The definitions of its tools are pinned for each version when they are first seen.
        capabilities: What it is good for, in words that agents may ask for, such as `issues.search`.
        transport: How it is reached.
    """

    version: Annotated[str, msgspec.Meta(pattern=r"^[0-9][0-9A-Za-z.+-]*$", examples=["2.1.0"])]
    capabilities: list[str] = []
    transport: ToolTransport
