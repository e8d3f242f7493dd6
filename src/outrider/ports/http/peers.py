"""Who is at the other end, from what the transport knows after the handshake."""

import asyncio
import ssl
from typing import Any

from outrider.core.http.messages import Peer


def peer_of(transport: asyncio.BaseTransport) -> Peer:
    """Return address and verified certificate of the other end of a connection."""
    address = _address(transport.get_extra_info("peername"))
    tls = transport.get_extra_info("ssl_object")
    certificate: dict[str, Any] | None = tls.getpeercert() if tls is not None else None
    if not certificate:
        return Peer(address)
    names = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "URI"]
    return Peer(
        address,
        certificate,
        # A SPIFFE certificate has exactly one URI (X509-SVID section 2): with two, nobody can say who it names.
        names[0] if len(names) == 1 else None,
        float(ssl.cert_time_to_seconds(certificate["notAfter"])),
    )


def _address(name: Any) -> str:
    if isinstance(name, tuple):
        return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
    return "unix"
