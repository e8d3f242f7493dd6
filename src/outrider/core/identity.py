"""Who acts: principals, and the SPIFFE IDs that name them in certificates.

Rules: SPIFFE-ID specification, sections 2.1 (trust domain), 2.2 (path) and 2.3 (at most 2048 bytes).
"""

import re
from typing import Literal, cast, get_args

import msgspec

from outrider.core.errors import InvalidConfigError

CertificateKind = Literal["user", "sensor", "action", "worker", "agent", "orchestrator"]
# Rules, schedules, outputs, plugins and the queue act with rights of their own and never hold a certificate.
PrincipalKind = CertificateKind | Literal["rule", "schedule", "output", "plugin", "queue"]
PRINCIPAL_KINDS: tuple[str, ...] = get_args(CertificateKind)
_MAX_SIZE = 2048
_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}")
_SEGMENT = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]+")


class Principal(msgspec.Struct, frozen=True):
    """Somebody or something that acts.

    Attributes:
        tenant: Whose data it may see.
        kind: What sort of actor it is.
        name: Unique per tenant and kind.
        groups: Groups of the platform's directory; never part of a certificate.
    """

    tenant: str
    kind: PrincipalKind
    name: str
    groups: tuple[str, ...] = ()


def check_trust_domain(trust_domain: str) -> str:
    """Return the trust domain.

    Raises:
        InvalidConfigError: It is no SPIFFE trust domain name.
    """
    if not _TRUST_DOMAIN.fullmatch(trust_domain):
        raise InvalidConfigError(
            f"{trust_domain!r} is not a trust domain",
            found=trust_domain,
            expected="1 to 255 of a-z, 0-9, '.', '-', '_'",
            suggestions=["use a name such as outrider.example.org"],
        )
    return trust_domain


def spiffe_id(trust_domain: str, principal: Principal) -> str:
    """Return `spiffe://<trust domain>/tenant/<tenant>/<kind>/<name>`.

    Raises:
        InvalidConfigError: A part has characters that a SPIFFE ID cannot hold, or the whole is too long.
    """
    check_trust_domain(trust_domain)
    for field, value in (("tenant", principal.tenant), ("kind", principal.kind), ("name", principal.name)):
        if not _SEGMENT.fullmatch(value):
            raise InvalidConfigError(
                f"principal.{field}: {value!r} cannot stand in a SPIFFE ID",
                path=field,
                found=value,
                expected="letters, digits, '.', '-', '_', and not '.' or '..'",
                suggestions=[f"rename the {field}"],
            )
    text = f"spiffe://{trust_domain}/tenant/{principal.tenant}/{principal.kind}/{principal.name}"
    if len(text) > _MAX_SIZE:
        raise InvalidConfigError(
            f"the SPIFFE ID of {principal.kind} {principal.name[:40]!r} is too long",
            found=f"{len(text)} bytes",
            expected=f"at most {_MAX_SIZE} bytes",
            suggestions=["shorten the names"],
        )
    return text


def parse_spiffe_id(text: str) -> tuple[str, Principal]:
    """Return trust domain and principal of an ID that `spiffe_id` made; any other form is refused.

    Raises:
        InvalidConfigError: Another scheme, a query, a port, an encoded character, another path, an unknown kind.
    """
    scheme, _, rest = text.partition("://")
    trust_domain, *path = rest.split("/")
    if (
        len(text) > _MAX_SIZE
        or scheme != "spiffe"
        or not _TRUST_DOMAIN.fullmatch(trust_domain)
        or len(path) != 4  # tenant, its name, the kind, the name
        or path[0] != "tenant"
        or path[2] not in PRINCIPAL_KINDS
        or not all(_SEGMENT.fullmatch(part) for part in path)
    ):
        raise InvalidConfigError(
            "not a SPIFFE ID of this platform",
            found=text[:_MAX_SIZE],
            expected=f"spiffe://TRUST-DOMAIN/tenant/TENANT/KIND/NAME with a kind of {', '.join(PRINCIPAL_KINDS)}",
            suggestions=["enrol the agent with this platform"],
        )
    return trust_domain, Principal(path[1], cast("PrincipalKind", path[2]), path[3])
