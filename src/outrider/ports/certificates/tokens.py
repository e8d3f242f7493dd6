"""Enrolment tokens: `<SHA-256 of the CA certificate>.<secret>`. The server keeps only the hash of the secret.

The first half lets the agent recognise the authority at first contact; the second half, used once, is what it is let in for.
"""

import binascii
import hashlib
import hmac
import re
import secrets

from outrider.core.errors import InvalidConfigError, UnauthenticatedError

_SECRET_SIZE = 32
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----")
_TOKEN = re.compile(r"([0-9a-f]{64})\.([A-Za-z0-9_-]{43})")


def fingerprint(ca_pem: str) -> str:
    """Return the SHA-256 of a certificate (its DER form) in hexadecimal.

    Raises:
        InvalidConfigError: The text is not one PEM certificate.
    """
    match = _CERTIFICATE.fullmatch(ca_pem.strip())
    try:
        der = binascii.a2b_base64("".join(match[1].split()), strict_mode=True) if match else b""
    except binascii.Error:
        der = b""
    if not der:
        raise InvalidConfigError("not a certificate", expected="one certificate in PEM form")
    return hashlib.sha256(der).hexdigest()


def new_token(ca_fingerprint: str) -> tuple[str, str]:
    """Return a new token, and the hash of its secret for the server to keep."""
    secret = secrets.token_urlsafe(_SECRET_SIZE)
    return f"{ca_fingerprint}.{secret}", secret_hash(secret)


def split_token(token: str) -> tuple[str, str]:
    """Return fingerprint and secret of a token.

    Raises:
        UnauthenticatedError: It has not the form of a token; the message does not show it.
    """
    match = _TOKEN.fullmatch(token.strip())
    if match is None:
        raise UnauthenticatedError(
            "not an enrolment token",
            found=f"{len(token)} characters",
            expected="64 hexadecimal digits, a dot, and 43 characters",
            suggestions=["copy the whole token, or ask for a new one"],
        )
    return match[1], match[2]


def secret_hash(secret: str) -> str:
    """Return what the server keeps of a token's secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def verify_token(token: str, kept_hash: str) -> bool:
    """Return whether the token's secret is the one that the hash was kept of, in constant time.

    Raises:
        UnauthenticatedError: It has not the form of a token.
    """
    return hmac.compare_digest(secret_hash(split_token(token)[1]), kept_hash)
