"""Authorities and certificates with subjects, as the parts of Kubernetes and its webhooks know each other."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from outrider.ports.certificates.builder import BACKDATE
from outrider.ports.certificates.key_pair import KeyPair
from outrider.ports.certificates.names import general_name
from outrider.ports.certificates.pem import certificate_pem, key_pem

DAY = 86400.0
_USAGE = (
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "encipher_only",
    "decipher_only",
)


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Who a certificate is about.

    Attributes:
        name: Common name: the user, for Kubernetes.
        organizations: Its groups.
        hosts: Names and addresses of a server.
        client: Whether it is shown to servers.
    """

    name: str
    organizations: Sequence[str] = ()
    hosts: Sequence[str] = ()
    client: bool = False


def new_authority(name: str, now: float, *, lifetime: float = 3650 * DAY) -> KeyPair:
    """Return a new authority that certifies itself.

    Args:
        name: Its common name.
        now: Seconds since the epoch.
        lifetime: Seconds.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        _builder(key.public_key(), subject, subject, now, lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return KeyPair(certificate_pem(builder.sign(key, hashes.SHA256())), key_pem(key).decode())


def issue(authority: KeyPair, subject: Subject, now: float, *, lifetime: float = 365 * DAY) -> KeyPair:
    """Return a certificate of an authority with a new key.

    Args:
        authority: Who certifies.
        subject: Whom.
        now: Seconds since the epoch.
        lifetime: Seconds.

    Raises:
        InvalidConfigError: A host is neither a name nor an address.
    """
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode())
    issuer_key = load_pem_private_key(authority.key.encode(), None)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH] * subject.client + [ExtendedKeyUsageOID.SERVER_AUTH] * bool(
        subject.hosts
    )
    names = [
        *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in subject.organizations),
        x509.NameAttribute(NameOID.COMMON_NAME, subject.name),
    ]
    issuer_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _builder(key.public_key(), x509.Name(names), issuer.subject, now, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id), critical=False)
    )
    if subject.hosts:
        hosts = x509.SubjectAlternativeName([general_name(host) for host in subject.hosts])
        builder = builder.add_extension(hosts, critical=False)
    return KeyPair(certificate_pem(builder.sign(issuer_key, hashes.SHA256())), key_pem(key).decode())


def new_signing_key() -> tuple[str, str]:
    """Return a private and a public key, in PEM, with which tokens are signed and checked."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return key_pem(key).decode(), public.decode()


def ends_at(pair: KeyPair) -> float:
    """Return when a certificate ends, in seconds since the epoch."""
    return x509.load_pem_x509_certificate(pair.certificate.encode()).not_valid_after_utc.timestamp()


def serves(pair: KeyPair, authority: str, host: str, now: float) -> bool:
    """Return whether a server can show a certificate: it has its key, is of the authority, is for the host and counts now.

    Args:
        pair: Certificate and key.
        authority: Certificate of the one who is trusted, in PEM.
        host: The name by which the server is called.
        now: Seconds since the epoch.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate.encode())
        key = load_pem_private_key(pair.key.encode(), None)
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode()))
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound):
        return False
    counts = certificate.not_valid_before_utc.timestamp() <= now < certificate.not_valid_after_utc.timestamp()
    return counts and key.public_key() == certificate.public_key() and general_name(host) in names


def _builder(
    key: ec.EllipticCurvePublicKey, subject: x509.Name, issuer: x509.Name, now: float, lifetime: float
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(int(now - BACKDATE), UTC))
        .not_valid_after(datetime.fromtimestamp(int(now + lifetime), UTC))
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, **dict.fromkeys(_USAGE, False)
    )
