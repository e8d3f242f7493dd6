"""Signed claims, verified with the public key."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from outrider.ports.certificates.jwt import signed

CLAIMS = {"iss": "outrider", "n": 1}
KEYS: list[tuple[str, Any]] = [
    ("RS256", rsa.generate_private_key(65537, 2048)), ("ES256", ec.generate_private_key(ec.SECP256R1())),
    ("ES384", ec.generate_private_key(ec.SECP384R1())), ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
]  # fmt: skip


def verify(key: Any, signature: bytes, message: bytes) -> None:
    public = key.public_key()
    if isinstance(key, rsa.RSAPrivateKey):
        public.verify(signature, message, padding.PKCS1v15(), SHA256())
    elif isinstance(key, ed25519.Ed25519PrivateKey):
        public.verify(signature, message)
    else:
        half = len(signature) // 2
        assert half == key.curve.key_size // 8
        pair = encode_dss_signature(*(int.from_bytes(one, "big") for one in (signature[:half], signature[half:])))
        public.verify(pair, message, ec.ECDSA(SHA256() if half == 32 else SHA384()))


@pytest.mark.parametrize(("algorithm", "key"), KEYS, ids=[name for name, _ in KEYS])
@pytest.mark.parametrize("key_id", ["", "k1"])
def test_claims_are_signed(algorithm: str, key: Any, key_id: str) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    made = signed(pem, CLAIMS, key_id=key_id)
    assert "=" not in made
    header, claims, signature = (urlsafe_b64decode(one + "==") for one in made.split("."))
    assert json.loads(header) == {"alg": algorithm, "typ": "JWT"} | ({"kid": key_id} if key_id else {})
    assert json.loads(claims) == CLAIMS
    message = made.rpartition(".")[0].encode()
    verify(key, signature, message)
    with pytest.raises(InvalidSignature):
        verify(key, signature, message + b"x")
