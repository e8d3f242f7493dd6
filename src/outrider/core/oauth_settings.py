"""What a sidecar is told of the tokens for a server (OAuth 2)."""

from pathlib import Path
from typing import Literal

import msgspec

from outrider.core.secrets import SecretRef

OAuthMethod = Literal["client_secret_basic", "client_secret_post"]
SubjectTokenType = Literal["access_token", "id_token", "jwt"]


class ExchangeSettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A token that is exchanged for that of a server (RFC 8693).

    Attributes:
        subject_token: Secret with it.
        subject_token_type: What it is.
    """

    subject_token: SecretRef
    subject_token_type: SubjectTokenType = "access_token"  # noqa: S105 - a type


class OAuthSettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where the tokens for a server come from.

    Attributes:
        client_id: Of the sidecar at the authorization server.
        token_url: The token endpoint; empty where `issuer` is asked for it.
        issuer: The authorization server, of an MCP server only.
        client_secret: Secret of the client.
        client_key: Private key (PEM) of the client, in place of a secret.
        key_id: Which key that is.
        auth_method: How the secret is sent.
        scope: What is asked for.
        resource: For what; None for the address of an MCP server, empty for none.
        audience: For whom.
        exchange: A token that is exchanged; None for client credentials.
        ca: File with the authorities to trust, in place of the machine's.
    """

    client_id: str
    token_url: str = ""
    issuer: str = ""
    client_secret: SecretRef | None = None
    client_key: SecretRef | None = None
    key_id: str = ""
    auth_method: OAuthMethod = "client_secret_basic"
    scope: str = ""
    resource: str | None = None
    audience: str = ""
    exchange: ExchangeSettings | None = None
    ca: Path | None = None
