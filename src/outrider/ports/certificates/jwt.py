"""Signed claims: JSON Web Tokens (RFC 7515, RFC 7518, RFC 8037, RFC 7519)."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from outrider.core.errors import InvalidConfigError

_CURVES: dict[str, tuple[str, SHA256 | SHA384, int]] = {
    "secp256r1": ("ES256", SHA256(), 32),
    "secp384r1": ("ES384", SHA384(), 48),
}


def signed(pem: str, claims: Mapping[str, Any], *, key_id: str) -> str:
    """Return claims as a JWT.

    Args:
        pem: The private key: RSA, P-256, P-384 or Ed25519.
        claims: What is said.
        key_id: Name of the key where it is known (`kid`); empty for none.

    Raises:
        InvalidConfigError: The key cannot be used.
    """
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # what is said of it may hold a piece of it
        raise _no_key("something else") from None
    header = {"alg": _algorithm(key), "typ": "JWT"} | ({"kid": key_id} if key_id else {})
    message = f"{_part(header)}.{_part(claims)}"
    return f"{message}.{_encoded(_sign(key, message.encode()))}"


def _algorithm(key: Any) -> str:
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:  # RFC 7518 section 3.3
        return "RS256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "EdDSA"
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name][0]
    raise _no_key(f"{type(key).__name__.strip('_')} of {getattr(key, 'key_size', 'another')} bits")


def _sign(key: Any, message: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), SHA256())
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    _, digest, size = _CURVES[key.curve.name]
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(digest)))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _part(value: Mapping[str, Any]) -> str:
    return _encoded(msgspec.json.encode(value))


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _no_key(found: str) -> InvalidConfigError:
    return InvalidConfigError(
        "a key cannot sign", found=found,
        expected="a private key without a password (PEM): RSA of 2048 bits, P-256, P-384 or Ed25519",
        suggestions=["make one with: openssl genpkey -algorithm ed25519"],
    )  # fmt: skip
