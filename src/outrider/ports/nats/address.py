"""Where NATS servers are, and how they know us."""

import base64
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from outrider.core.errors import InvalidConfigError
from outrider.core.secrets import SecretValue
from outrider.ports.certificates.tls import trusting

_BLOCK = re.compile(r"-{3,}BEGIN ([A-Z ]+)-{3,}\s+(\S+)\s+-{3,}END \1-{3,}")
_JWT, _SEED = "NATS USER JWT", "USER NKEY SEED"
# Of a user's seed, as base32 shows them; then come 32 bytes of the key and two of a checksum (github.com/nats-io/nkeys).
_SEED_PREFIX, _SEED_BYTES = b"\x95\x00", 36


class NatsAddress(msgspec.Struct, kw_only=True, frozen=True):
    """Servers of one cluster.

    Attributes:
        servers: `nats://HOST:PORT`, or `tls://HOST:PORT` where the connection must be under TLS.
        user: With `password`.
        token: In place of a user.
        credentials: Text of a `.creds` file, in place of both.
        ca: Whom to trust, in place of the machine's authorities; makes every connection one under TLS.
    """

    servers: list[str]
    user: str = ""
    password: SecretValue | None = None
    token: SecretValue | None = None
    credentials: SecretValue | None = None
    ca: Path | None = None

    @property
    def name(self) -> str:
        """The servers on one line, for people."""
        return ",".join(self.servers)

    def trust(self) -> ssl.SSLContext | None:
        """Return whom to trust; None where the connection need not be under TLS.

        Raises:
            InvalidConfigError: The file of the authority cannot be used.
        """
        if self.ca is None and not any(server.startswith("tls://") for server in self.servers):
            return None
        return trusting(self.ca, path="queue.ca")

    def login(self) -> dict[str, Any]:
        """Return the options with which nats-py logs in.

        Raises:
            InvalidConfigError: The credentials are none.
        """
        if self.credentials is not None:
            jwt, sign = read_credentials(self.credentials)
            return {"user_jwt_cb": lambda: bytearray(jwt.encode()), "signature_cb": sign}
        if self.token is not None:
            return {"token": self.token.reveal()}
        if self.user:
            return {"user": self.user, "password": self.password.reveal() if self.password else ""}
        return {}


def read_credentials(text: SecretValue) -> tuple[str, Callable[[str], bytes]]:
    """Return the token of a `.creds` file, and what signs the server's nonce with its key.

    Raises:
        InvalidConfigError: It is no such file.
    """
    blocks = dict(_BLOCK.findall(text.reveal()))
    try:
        seed = base64.b32decode(blocks[_SEED] + "=" * (-len(blocks[_SEED]) % 8))
        if seed[:2] != _SEED_PREFIX or len(seed) != _SEED_BYTES:
            raise ValueError("not the seed of a user")
        key, jwt = Ed25519PrivateKey.from_private_bytes(seed[2:34]), blocks[_JWT]
    except (KeyError, ValueError) as error:
        raise InvalidConfigError(
            "queue.credentials: not the text of a .creds file", path="queue.credentials",
            found=f"blocks {', '.join(blocks)}" if blocks else "no block",  # the text itself stays secret
            expected=f"the blocks {_JWT} and {_SEED}", suggestions=["store the whole file that nsc made for the user"],
        ) from error  # fmt: skip
    return jwt, lambda nonce: base64.b64encode(key.sign(nonce.encode()))
