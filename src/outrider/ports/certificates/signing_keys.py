"""Keys with which files are signed: Ed25519 (RFC 8032), and ECDSA on P-256 with SHA-256 (FIPS 186-5), signatures in DER.

So `openssl pkeyutl -verify -rawin` and `openssl dgst -sha256 -verify` read them too.
"""

import hashlib
from pathlib import Path
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.ports.secrets.private_files import read_private

_LARGEST = 64 << 10
_EXPECTED = "Ed25519, or ECDSA on P-256"
_PublicKey: TypeAlias = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey


class VerifyingKey:
    """A public key.

    Args:
        key: It.
    """

    def __init__(self, key: _PublicKey) -> None:
        self._key = key

    @property
    def identity(self) -> str:
        """What tells it from others: the SHA-256 of its DER form (SubjectPublicKeyInfo), in hexadecimal."""
        der = self._key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(der).hexdigest()

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Return whether its owner has signed a message."""
        try:
            if isinstance(self._key, ed25519.Ed25519PublicKey):
                self._key.verify(signature, message)
            else:
                self._key.verify(signature, message, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """A private key.

    Args:
        key: It.
    """

    def __init__(self, key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    @property
    def public(self) -> VerifyingKey:
        """What verifies its signatures."""
        return VerifyingKey(self._key.public_key())

    def sign(self, message: bytes) -> bytes:
        """Return its signature of a message."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(message)
        return self._key.sign(message, ec.ECDSA(SHA256()))


def read_signing_key(path: Path) -> SigningKey:
    """Read a private key in PEM, without a password, from a file that only its owner may read.

    Raises:
        NotFoundError: There is no such file.
        DeniedError: Others than its owner may read it.
        InvalidConfigError: It is no such key.
        ExecutionFailedError: It cannot be read.
    """
    _check_size(path, private=True)
    data = read_private(path)
    if data is None:
        raise _missing(path)
    try:
        key = load_pem_private_key(data, None)
    except TypeError:
        remedy = f"write one without it: umask 077; openssl pkey -in {path} -out NEW.pem"
        raise _no_key(path, "one with a password", private=True, remedy=remedy) from None
    except (ValueError, UnsupportedAlgorithm):  # what is said of it may hold a piece of it
        raise _no_key(path, "something else", private=True) from None
    if isinstance(key, ed25519.Ed25519PrivateKey) or (
        isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        return SigningKey(key)
    raise _no_key(path, "a key of another kind", private=True)


def read_verifying_key(path: Path) -> VerifyingKey:
    """Read a public key in PEM.

    Raises:
        NotFoundError: There is no such file, or it cannot be read.
        InvalidConfigError: It is no such key.
    """
    _check_size(path, private=False)
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise _missing(path, str(error.strerror)) from error
    except (ValueError, TypeError, UnsupportedAlgorithm):  # somebody may have named a private key
        raise _no_key(path, "something else", private=False) from None
    if isinstance(key, ed25519.Ed25519PublicKey) or (
        isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        return VerifyingKey(key)
    raise _no_key(path, "a key of another kind", private=False)


def _check_size(path: Path, *, private: bool) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise _missing(path, str(error.strerror)) from error
    if size > _LARGEST:
        raise _no_key(path, f"{size} bytes", private=private)


def _missing(path: Path, why: str = "there is no such file") -> NotFoundError:
    return NotFoundError(f"{path}: the key cannot be read: {why}", found=why, suggestions=["check the path"])


def _no_key(path: Path, found: str, *, private: bool, remedy: str = "") -> InvalidConfigError:
    if private:
        # Another file: what is there may be a key that its owner needs elsewhere.
        expected, usual = (
            "a private key",
            "make another one with: umask 077; openssl genpkey -algorithm ed25519 -out NEW.pem",
        )
    else:
        expected, usual = "a public key", "make it of the private one with: openssl pkey -in KEY -pubout"
    return InvalidConfigError(
        f"{path}: it is no key that can be used: {found}", found=found, expected=f"{expected} in PEM: {_EXPECTED}", suggestions=[remedy or usual]
    )  # fmt: skip
