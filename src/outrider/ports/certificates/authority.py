"""The platform's own certificate authority: one EC P-256 key that signs short-lived certificates and nothing else.

Its certificate allows no authority below it (path length 0) and is constrained to the platform's trust domain and the names of
its servers: whoever steals the key can pose as nothing else.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from outrider.core.errors import ConflictError, InvalidConfigError
from outrider.core.identity import check_trust_domain, parse_spiffe_id
from outrider.core.timestamps import timestamp
from outrider.ports.certificates.builder import BACKDATE, Leaf, authority_certificate, leaf_certificate
from outrider.ports.certificates.names import (
    LOCAL_HOSTS,
    general_name,
    is_permitted,
    permitted_hosts,
    trust_domain_of,
)
from outrider.ports.certificates.pem import certificate_pem, key_pem, read_identity, read_request
from outrider.ports.certificates.tokens import fingerprint
from outrider.ports.secrets.private_files import create_private, read_private, write_private

AUTHORITY_LIFETIME = 10 * 365 * 86_400.0
SERVER_LIFETIME = 30 * 86_400.0
AGENT_LIFETIME = 3600.0
_RENEW_AFTER = 2 / 3


class Issued(msgspec.Struct, frozen=True):
    """A certificate, when to replace it, and its end (seconds since the epoch)."""

    certificate_pem: str
    renew_at: float
    not_after: float


class Authority:
    """A key and its certificate; made by `ensure_authority`.

    Attributes:
        trust_domain: The only one that it certifies.
        ca_pem: Its certificate.
        fingerprint: SHA-256 of the certificate, for enrolment tokens.
    """

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self.trust_domain = trust_domain_of(certificate)
        self.ca_pem = certificate_pem(certificate)
        self.fingerprint = fingerprint(self.ca_pem)
        self._key = key
        self._certificate = certificate

    def issue_agent(self, csr_pem: str, spiffe_id: str, now: float, *, lifetime: float = AGENT_LIFETIME) -> Issued:
        """Certify the key of a signing request for an identity.

        Args:
            csr_pem: The request; its signature is checked, the names in it are ignored.
            spiffe_id: Who the holder is, from the enrolment token or from the certificate that is being renewed.
            now: Seconds since the epoch.
            lifetime: Seconds.

        Raises:
            InvalidConfigError: The request is malformed, its signature wrong or its key not EC P-256; or the identity is of
                another trust domain.
        """
        if parse_spiffe_id(spiffe_id)[0] != self.trust_domain:
            raise InvalidConfigError(
                "an identity of another trust domain is not certified here", found=spiffe_id, expected=self.trust_domain
            )
        names = [x509.UniformResourceIdentifier(spiffe_id)]
        return self._issue(Leaf(read_request(csr_pem), names, ExtendedKeyUsageOID.CLIENT_AUTH), now, lifetime)

    def issue_server(
        self, identity_file: Path, hosts: Sequence[str], now: float, *, lifetime: float = SERVER_LIFETIME
    ) -> Issued:
        """Make a key and a certificate for a server, and write both into one file, so that they always fit together.

        Args:
            identity_file: Where to; it gets mode 0600.
            hosts: Names and addresses under which clients know the server, besides localhost, 127.0.0.1 and ::1.
            now: Seconds since the epoch.
            lifetime: Seconds.

        Raises:
            InvalidConfigError: A host is no name and no address, or the authority was made without it.
        """
        names = [self._server_name(host) for host in dict.fromkeys((*LOCAL_HOSTS, *hosts))]
        key = ec.generate_private_key(ec.SECP256R1())
        issued = self._issue(Leaf(key.public_key(), names, ExtendedKeyUsageOID.SERVER_AUTH), now, lifetime)
        write_private(identity_file, issued.certificate_pem.encode() + key_pem(key))
        return issued

    def _server_name(self, host: str) -> x509.GeneralName:
        name = general_name(host)
        if not is_permitted(name, self._certificate):
            raise InvalidConfigError(
                f"the authority was made without the server name {host}",
                found=host,
                expected=f"one of {', '.join(permitted_hosts(self._certificate))}",
                suggestions=[
                    "reach the server under one of these names",
                    "move the authority's file away and start again; every agent must be enrolled again",
                ],
            )
        return name

    def _issue(self, leaf: Leaf, now: float, lifetime: float) -> Issued:
        end = min(now + lifetime, self._certificate.not_valid_after_utc.timestamp())
        certificate = leaf_certificate(leaf, self._certificate, self._key, start=now - BACKDATE, end=end)
        return Issued(certificate_pem(certificate), now + (end - now) * _RENEW_AFTER, float(int(end)))


def ensure_authority(folder: Path, trust_domain: str, now: float, hosts: Sequence[str] = ()) -> Authority:
    """Load the authority of a folder, or make it at first use: `authority.pem`, key and certificate, mode 0600.

    Args:
        folder: Where the file is; made with mode 0700.
        trust_domain: What the identities begin with.
        now: Seconds since the epoch.
        hosts: Names and addresses of servers that a new authority may certify, besides the local ones.

    Raises:
        ConflictError: The folder has the authority of another trust domain.
        InvalidConfigError: The trust domain or a host is malformed, the file damaged, or the authority not valid now.
        DeniedError: Others than the owner may use the file.
    """
    file = folder / "authority.pem"
    data = read_private(file)
    if data is None:
        create_private(file, _new_authority(check_trust_domain(trust_domain), now, hosts))
        data = read_private(file) or b""  # another process may have been first
    key, certificate = read_identity(data, file)
    authority = Authority(key, certificate)
    if authority.trust_domain != trust_domain:
        raise ConflictError(
            f"{file} is the authority of another trust domain",
            found=authority.trust_domain or "no trust domain",
            expected=trust_domain,
            suggestions=["use its trust domain", f"move {file} away to start anew; every agent must be enrolled again"],
        )
    _check_valid(certificate, file, now)
    return authority


def _new_authority(trust_domain: str, now: float, hosts: Sequence[str]) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    servers = [general_name(host, constraint=True) for host in dict.fromkeys((*LOCAL_HOSTS, *hosts))]
    certificate = authority_certificate(
        key,
        [x509.UniformResourceIdentifier(trust_domain), *servers],
        title=f"Outrider {trust_domain}",
        start=now - BACKDATE,
        end=now + AUTHORITY_LIFETIME,
    )
    return certificate_pem(certificate).encode() + key_pem(key)


def _check_valid(certificate: x509.Certificate, file: Path, now: float) -> None:
    start, end = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
    if not start <= now < end:
        raise InvalidConfigError(
            f"{file}: the authority is not valid at {timestamp(now)}",
            found=f"valid from {timestamp(start)} to {timestamp(end)}",
            expected="a time in between",
            suggestions=[
                "check the machine's clock",
                f"move {file} away to start anew; every agent must be enrolled again",
            ],
        )
