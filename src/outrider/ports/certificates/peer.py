"""Who is at the other end of a connection. Rules: SPIFFE X.509-SVID, sections 2 and 5.2 (exactly one URI)."""

from outrider.core.errors import InvalidConfigError, UnauthenticatedError
from outrider.core.http.messages import Peer
from outrider.core.identity import Principal, parse_spiffe_id
from outrider.core.timestamps import timestamp


def authenticate(peer: Peer, trust_domain: str, now: float) -> Principal:
    """Return who sent a request.

    Args:
        peer: The other end of the connection, as TLS has verified it.
        trust_domain: The only one that is accepted.
        now: Seconds since the epoch. TLS looks at the clock in the handshake only, and a connection may outlive the
            certificate.

    Raises:
        UnauthenticatedError: No certificate, an expired one, not exactly one URI in it, not an identity of this trust
            domain.
    """
    if peer.certificate is None:
        raise UnauthenticatedError(
            "no client certificate", expected="a certificate of this platform", suggestions=["enrol the agent"]
        )
    if peer.spiffe_id is None:
        raise UnauthenticatedError("the client certificate names not exactly one identity", expected="one SPIFFE URI")
    try:
        found, principal = parse_spiffe_id(peer.spiffe_id)
    except InvalidConfigError as error:
        raise UnauthenticatedError(error.message, found=error.found, expected=error.expected) from error
    if found != trust_domain:
        raise UnauthenticatedError(
            "the client certificate is of another trust domain", found=found, expected=trust_domain
        )
    if peer.expired(now):
        raise UnauthenticatedError(
            f"the certificate of {peer.spiffe_id} has expired",
            found=f"valid until {timestamp(peer.not_after or 0.0)}",
            expected=f"valid at {timestamp(now)}",
            suggestions=["renew the certificate, then connect again"],
        )
    return principal
