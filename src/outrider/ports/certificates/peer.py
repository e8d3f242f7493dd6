"""Who is at the other end of a connection. Rules: SPIFFE X.509-SVID, sections 2 and 5.2 (exactly one URI)."""

import ssl
from collections.abc import Mapping
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, UnauthenticatedError
from outrider.core.identity import Principal, parse_spiffe_id
from outrider.core.timestamps import timestamp


class Peer(msgspec.Struct, frozen=True):
    """An identity that TLS has proven, until `not_after` (seconds since the epoch)."""

    principal: Principal
    spiffe_id: str
    not_after: float

    def check(self, now: float) -> None:
        """Look at the clock again; TLS does so in the handshake only, and a connection may outlive the certificate.

        Raises:
            UnauthenticatedError: The certificate has expired.
        """
        if now >= self.not_after:
            raise UnauthenticatedError(
                f"the certificate of {self.spiffe_id} has expired",
                found=f"valid until {timestamp(self.not_after)}",
                expected=f"valid at {timestamp(now)}",
                suggestions=["renew the certificate, then connect again"],
            )


def read_peer(certificate: Mapping[str, Any] | None, trust_domain: str) -> Peer:
    """Return who a verified certificate names.

    Args:
        certificate: What `getpeercert()` of the connection's SSL object returned.
        trust_domain: The only one that is accepted.

    Raises:
        UnauthenticatedError: No certificate, not exactly one URI in it, not an identity of this trust domain.
    """
    if not certificate:
        raise UnauthenticatedError(
            "no client certificate", expected="a certificate of this platform", suggestions=["enrol the agent"]
        )
    uris = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "URI"]
    if len(uris) != 1:
        raise UnauthenticatedError("the client certificate names not exactly one identity", found=f"{len(uris)} URIs")
    try:
        found, principal = parse_spiffe_id(uris[0])
    except InvalidConfigError as error:
        raise UnauthenticatedError(error.message, found=error.found, expected=error.expected) from error
    if found != trust_domain:
        raise UnauthenticatedError(
            "the client certificate is of another trust domain", found=found, expected=trust_domain
        )
    return Peer(principal, uris[0], float(ssl.cert_time_to_seconds(certificate["notAfter"])))
