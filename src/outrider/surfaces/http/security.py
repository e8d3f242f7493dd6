"""Who may come in: the holder of the token, from a page of ours or from no page at all."""

import hmac
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from outrider.core.errors import DeniedError, UnauthenticatedError
from outrider.core.secrets import SecretValue
from outrider.ports.secrets.private_files import create_private, read_private

# Set in a handler's `opt`: it answers without a token.
OPEN = "open"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def ensure_token(path: Path) -> SecretValue:
    """Return the token of a file, which is made where it is missing.

    Raises:
        DeniedError: Others may read it.
    """
    create_private(path, secrets.token_urlsafe(32).encode())
    return SecretValue((read_private(path) or b"").decode().strip())


class Gate:
    """Looks at every request before its handler does.

    Args:
        token: What the caller must show.
        token_file: Where it is, for the error.
        host: The address that is served; on a loopback address other names are refused, so that no page that a browser
            loads can reach it under a name of its own (DNS rebinding).
    """

    def __init__(self, token: SecretValue, token_file: Path, host: str) -> None:
        self._token = token
        self._token_file = token_file
        self._names = LOOPBACK if host in LOOPBACK else None

    def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        """Let a request pass.

        Raises:
            DeniedError: It comes by a foreign name, or from a foreign page.
            UnauthenticatedError: It shows no token, or another one.
        """
        host = connection.headers.get("host", "")
        if self._names is not None and _name(host) not in self._names:
            raise DeniedError(
                f"the Host field names {host!r}", found=host, expected="127.0.0.1 or localhost",
                suggestions=["call it by the address that it prints"],
            )  # fmt: skip
        origin = connection.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            raise DeniedError(
                "the request comes from a page of another origin", found=origin, expected=f"an origin at {host}",
                suggestions=["call from a program, or from a page of this address"],
            )  # fmt: skip
        if not handler.opt.get(OPEN):
            self._authenticate(connection.headers.get("authorization", ""))

    def _authenticate(self, field: str) -> None:
        scheme, _, given = field.partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), self._token.reveal().encode()):
            raise UnauthenticatedError(
                "this call needs the token",
                expected="Authorization: Bearer TOKEN",
                suggestions=[f"read it from {self._token_file}"],
            )


def _name(host: str) -> str:
    name, _, port = host.rpartition(":")
    bare = name if name and port.isdecimal() else host
    return bare.removeprefix("[").removesuffix("]").lower()
