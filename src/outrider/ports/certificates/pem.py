"""Text forms of keys, requests and certificates."""

from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from outrider.core.errors import InvalidConfigError

_REQUEST_LIMIT = 16 * 1024


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key as PEM (PKCS #8, not encrypted)."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def certificate_pem(certificate: x509.Certificate) -> str:
    """Return a certificate as PEM."""
    return certificate.public_bytes(Encoding.PEM).decode()


def read_identity(data: bytes, path: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """Return key and certificate of a file that holds both.

    Raises:
        InvalidConfigError: One is missing or damaged, or they do not belong together.
    """
    try:
        key = load_pem_private_key(data, None)
        certificate = x509.load_pem_x509_certificate(data)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _damaged(path, "no readable key and certificate") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise _damaged(path, "a key and a certificate that do not belong together")
    return key, certificate


def read_request(csr_pem: str) -> ec.EllipticCurvePublicKey:
    """Return the key of a signing request whose signature proves that the sender holds it.

    Raises:
        InvalidConfigError: It is too long or malformed, its signature wrong, or its key not EC P-256.
    """
    if len(csr_pem) > _REQUEST_LIMIT:
        raise _refused(f"more than {_REQUEST_LIMIT} characters")
    try:
        request = x509.load_pem_x509_csr(csr_pem.encode())
        key = request.public_key()
        proven = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _refused("text that is no signing request") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _refused("a key of another type")
    if not proven:
        raise _refused("a signature that is not of the key in it")
    return key


def _damaged(path: Path, found: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{path} is damaged",
        found=found,
        expected="a private key (EC) and its certificate, in PEM form",
        suggestions=["restore it from a backup", f"move {path} away to start anew; every agent must be enrolled again"],
    )


def _refused(found: str) -> InvalidConfigError:
    return InvalidConfigError(
        "csr: not a signing request that is accepted here",
        path="csr",
        found=found,
        expected="a PKCS #10 request in PEM form, self-signed, with an EC P-256 key",
        suggestions=["make it with: python -m outrider.ports.certificates.request KEY_FILE"],
    )
