"""TLS in which both ends show who they are: what an object declares, and what a sidecar is told (SPIFFE X.509-SVID)."""

from pathlib import Path
from typing import Annotated

import msgspec

from outrider.core.errors import InvalidConfigError

# SPIFFE-ID, sections 2.1 and 2.2: any path, as others choose theirs.
_SPIFFE_ID = r"^(spiffe://[a-z0-9._-]{1,255}(/[A-Za-z0-9._-]+)*)?$"


class MutualTls(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """The sidecar shows the agent's certificate.

    Attributes:
        server: SPIFFE ID that the server must have, in place of the name in its address.
    """

    server: Annotated[
        str, msgspec.Meta(pattern=_SPIFFE_ID, max_length=2048, examples=["spiffe://example.org/ns/tools/sa/github"])
    ] = ""


class IdentityFiles(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Files that somebody else keeps fresh, in PEM.

    Attributes:
        certificate: With the chain.
        key: Its key; None where that stands in the same file.
        authorities: Those of its trust domain.
    """

    certificate: Path
    key: Path | None = None
    authorities: Path | None = None


class MutualTlsSettings(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is shown to a server, and who that must be.

    Attributes:
        identity: Of the agent.
        server: SPIFFE ID of the server; empty where the name in its address counts.
    """

    identity: IdentityFiles
    server: str = ""


def check_mutual_tls(mutual: MutualTls | MutualTlsSettings | None, url: str) -> None:
    """Check that a server which is shown a certificate is one under TLS.

    Raises:
        InvalidConfigError: It is not.
    """
    if mutual is not None and url.lower().startswith("http:"):
        raise InvalidConfigError(
            "mutualTls: there is no TLS at an address of http", path="mutualTls", found=url, expected="https://",
            suggestions=["name the address with https, or remove mutualTls"],
        )  # fmt: skip
