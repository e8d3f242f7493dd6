"""Names in certificates, and the constraints on them (RFC 5280, 4.2.1.6 and 4.2.1.10)."""

import ipaddress
import re

from cryptography import x509

from outrider.core.errors import InvalidConfigError

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")


def general_name(host: str, *, constraint: bool = False) -> x509.DNSName | x509.IPAddress:
    """Return a host as a name, or as a constraint that permits it.

    Raises:
        InvalidConfigError: It is neither a DNS name nor an address.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if not _HOST.fullmatch(host):
            raise InvalidConfigError(
                f"{host!r} is no host name and no address",
                found=host,
                expected="a DNS name, an IPv4 or an IPv6 address",
                suggestions=["write it without scheme, port and brackets"],
            ) from None
        return x509.DNSName(host.lower())
    return x509.IPAddress(ipaddress.ip_network(address) if constraint else address)


def _constraints(authority: x509.Certificate) -> list[x509.GeneralName]:
    try:
        extension = authority.extensions.get_extension_for_class(x509.NameConstraints)
    except x509.ExtensionNotFound:
        return []
    return list(extension.value.permitted_subtrees or [])


def _server_constraints(authority: x509.Certificate) -> list[x509.GeneralName]:
    return [name for name in _constraints(authority) if not isinstance(name, x509.UniformResourceIdentifier)]


def is_permitted(name: x509.DNSName | x509.IPAddress, authority: x509.Certificate) -> bool:
    """Return whether the authority may certify the host; a DNS name permits the names below it too."""
    return any(_covers(permitted.value, name.value) for permitted in _server_constraints(authority))


def _covers(permitted: object, name: object) -> bool:
    if isinstance(permitted, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return isinstance(name, ipaddress.IPv4Address | ipaddress.IPv6Address) and name in permitted
    return isinstance(name, str) and f".{name}".endswith(f".{permitted}")


def permitted_hosts(authority: x509.Certificate) -> list[str]:
    """Return the hosts that an authority may certify."""
    return [str(name.value).removesuffix("/32").removesuffix("/128") for name in _server_constraints(authority)]


def trust_domain_of(authority: x509.Certificate) -> str:
    """Return the trust domain that an authority is constrained to; empty if there is none."""
    names = (name.value for name in _constraints(authority) if isinstance(name, x509.UniformResourceIdentifier))
    return next(names, "")
