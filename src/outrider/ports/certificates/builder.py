"""The shape of our certificates: the authority's own, and those of servers and agents."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BACKDATE = 30.0  # seconds; for clocks that are a little behind
_NO_USAGE = dict.fromkeys(
    (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ),
    False,
)


class Leaf(msgspec.Struct, frozen=True):
    """What is certified: a key, its names, and what it is for (an extended key usage)."""

    key: ec.EllipticCurvePublicKey
    names: Sequence[x509.GeneralName]
    usage: x509.ObjectIdentifier


def authority_certificate(
    key: ec.EllipticCurvePrivateKey, names: Sequence[x509.GeneralName], *, title: str, start: float, end: float
) -> x509.Certificate:
    """Return a self-signed certificate that may certify these names and no authority."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title[:64])])
    builder = (
        _builder(key.public_key(), start, end)
        .subject_name(subject)
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**{**_NO_USAGE, "key_cert_sign": True, "crl_sign": True}), critical=True)
        .add_extension(x509.NameConstraints(permitted_subtrees=names, excluded_subtrees=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return builder.sign(key, hashes.SHA256())


def leaf_certificate(
    leaf: Leaf, issuer: x509.Certificate, issuer_key: ec.EllipticCurvePrivateKey, *, start: float, end: float
) -> x509.Certificate:
    """Return a certificate for TLS; its subject is empty, so its names are critical (RFC 5280, 4.2.1.6)."""
    issuer_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _builder(leaf.key, start, end)
        .subject_name(x509.Name([]))
        .issuer_name(issuer.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**{**_NO_USAGE, "digital_signature": True}), critical=True)
        .add_extension(x509.ExtendedKeyUsage([leaf.usage]), critical=False)
        .add_extension(x509.SubjectAlternativeName(leaf.names), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id), critical=False)
    )
    return builder.sign(issuer_key, hashes.SHA256())


def _builder(key: ec.EllipticCurvePublicKey, start: float, end: float) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().public_key(key).serial_number(x509.random_serial_number())
    return builder.not_valid_before(_moment(start)).not_valid_after(_moment(end))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
