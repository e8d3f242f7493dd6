"""How the sidecar gets a token for a server of tools (OAuth 2), as a Tool declares it."""

from collections.abc import Iterable
from typing import Annotated

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.oauth_settings import OAuthMethod, SubjectTokenType
from outrider.core.secrets import SecretRef

# RFC 6749 section 3.2 wants TLS; an address of this machine alone does without.
_PLACE = r"(https://[^/?#@\s]+|http://(localhost|127\.[0-9.]+|\[::1\])(:[0-9]+)?)"
_SCOPE = r"^([!#-\[\]-~]+( [!#-\[\]-~]+)*)?$"


class TokenExchange(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A token that is exchanged for that of the server (RFC 8693).

    Attributes:
        subject_token: Secret with the token of whoever the calls are for; it is read anew each time.
        subject_token_type: What it is.
    """

    subject_token: SecretRef
    subject_token_type: SubjectTokenType = "access_token"  # noqa: S105 - a type


class OAuth(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Where tokens come from: the client credentials grant (RFC 6749 section 4.4), or an exchange.

    Attributes:
        token_url: The token endpoint.
        issuer: In place of it, for an MCP server: the authorization server, whose metadata name the endpoint (RFC 8414). The
            server of tools must name the same one (RFC 9728); no other gets the secret.
        client_id: Of the sidecar at the authorization server.
        client_secret: Its secret.
        client_key: In place of a secret: private key (PEM) that signs who asks (`private_key_jwt`, RFC 7523).
        key_id: Which key that is at the authorization server (`kid`).
        auth_method: How the secret is sent.
        scope: What is asked for, separated by spaces.
        resource: For what (RFC 8707). For an MCP server its own address if absent; empty to send none.
        audience: For whom, where the authorization server wants that.
        exchange: A token that is exchanged; the client credentials grant without one.
        ca: File with the authorities to trust for the authorization server, in place of the machine's.
    """

    token_url: Annotated[
        str,
        msgspec.Meta(pattern=rf"^({_PLACE}([/?][^#\s]*)?)?$", examples=["https://id.internal/token"]),
    ] = ""
    issuer: Annotated[str, msgspec.Meta(pattern=rf"^({_PLACE}(/[^?#\s]*)?)?$", examples=["https://id.internal"])] = ""
    client_id: Annotated[str, msgspec.Meta(pattern=r"^[ -~]+$", examples=["outrider"])]
    client_secret: SecretRef | None = None
    client_key: SecretRef | None = None
    key_id: str = ""
    auth_method: OAuthMethod = "client_secret_basic"
    scope: Annotated[str, msgspec.Meta(pattern=_SCOPE, examples=["tools.read"])] = ""
    resource: Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z][A-Za-z0-9+.-]*:[^#\s]+)?$")] | None = None
    audience: str = ""
    exchange: TokenExchange | None = None
    ca: str = ""

    def __post_init__(self) -> None:
        if bool(self.token_url) == bool(self.issuer):
            raise InvalidConfigError(
                "oauth: its tokens come from one place",
                found="both" if self.token_url else "none", expected="tokenUrl, or issuer where it is to be found out",
                suggestions=["write for example tokenUrl: https://id.internal/token"],
            )  # fmt: skip
        if self.client_secret is not None and self.client_key is not None:
            raise InvalidConfigError(
                "oauth: a client shows one thing", path="clientKey", found="clientSecret and clientKey",
                expected="one of them", suggestions=["leave clientSecret out"],
            )  # fmt: skip
        if self.client_secret is None and self.client_key is None and self.exchange is None:
            raise InvalidConfigError(  # RFC 6749 section 4.4: confidential clients only
                "oauth: its client shows nothing", path="clientSecret", found="none",
                expected="clientSecret or clientKey", suggestions=["name the secret: clientSecret: {secret: NAME}"],
            )  # fmt: skip


def check_credentials(token: SecretRef | None, oauth: OAuth | None, headers: Iterable[str]) -> None:
    """Look whether a server is shown one thing only.

    Args:
        token: Of its transport.
        oauth: Likewise.
        headers: Names of the fields.

    Raises:
        InvalidConfigError: It is shown a token besides that of OAuth.
    """
    if oauth is None:
        return
    others = ["token"] if token is not None else [name for name in headers if name.lower() == "authorization"]
    if others:
        raise InvalidConfigError(
            "a server is shown one token", path="oauth", found=f"oauth and {others[0]}", expected="one of them",
            suggestions=[f"leave {others[0]} out"],
        )  # fmt: skip
