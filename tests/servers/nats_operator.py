"""An operator, an account with JetStream and a user, as `nsc` makes them: JSON Web Tokens signed with Ed25519 keys (nats-io/jwt)."""

import base64
import binascii
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

OPERATOR, ACCOUNT, USER, SEED = 14 << 3, 0, 20 << 3, 18 << 3
# Minus one is without limit.
CORE = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1) | {"wildcards": True}
STORAGE = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)


class Key:
    """One signing key."""

    def __init__(self, kind: int) -> None:
        self._kind = kind
        self._key = Ed25519PrivateKey.generate()
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = _encoded(bytes([kind]) + public)

    @property
    def seed(self) -> str:
        return _encoded(bytes([SEED | self._kind >> 5, (self._kind & 31) << 3]) + self._key.private_bytes_raw())

    def token(self, about: "Key", kind: str, **claims: object) -> str:
        """Return a token that this key signs about another one."""
        body = {"jti": "x", "iat": 1, "iss": self.public, "sub": about.public, "name": kind}
        parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, body | {"nats": {"type": kind, "version": 2, **claims}}]
        signed = ".".join(_url(json.dumps(part).encode()) for part in parts)
        return f"{signed}.{_url(self._key.sign(signed.encode()))}"


class Operator:
    """Everything that a server and one user need.

    Attributes:
        server: Lines for the server's configuration.
        credentials: The user's `.creds` file.
    """

    def __init__(self) -> None:
        operator, system, account, user = Key(OPERATOR), Key(ACCOUNT), Key(ACCOUNT), Key(USER)
        tokens = (
            operator.token(operator, "operator"),
            operator.token(system, "account", limits=CORE),
            operator.token(account, "account", limits=CORE | STORAGE),
            account.token(user, "user", subs=-1, data=-1, payload=-1),
        )
        self.server = (
            f"operator: {tokens[0]}\nresolver: MEMORY\nsystem_account: {system.public}\n"
            f"resolver_preload: {{ {system.public}: {tokens[1]}, {account.public}: {tokens[2]} }}"
        )
        self.credentials = (
            f"-----BEGIN NATS USER JWT-----\n{tokens[3]}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
        )


def _encoded(data: bytes) -> str:
    return base64.b32encode(data + binascii.crc_hqx(data, 0).to_bytes(2, "little")).decode().rstrip("=")


def _url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
