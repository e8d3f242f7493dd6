"""Addresses of an authorization server, and what is fetched from them."""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from outrider.core.errors import InvalidConfigError, UnavailableError
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Response
from outrider.core.http.urls import request_target
from outrider.core.mutual_tls import MutualTlsSettings
from outrider.ports.certificates.tls import trusting
from outrider.ports.http.client import Client

LONGEST, SECONDS = 256 * 1024, 10.0
LONGEST_SHOWN = 200


class Place:
    """An address, and a client of its server.

    Args:
        url: It.
        ca: File with the authorities to trust; None for those of the machine.
        mutual_tls: What is shown to the server.

    Attributes:
        shown: The address as errors name it.

    Raises:
        InvalidConfigError: It is none, or the file cannot be used.
    """

    def __init__(self, url: str, ca: Path | None, mutual_tls: MutualTlsSettings | None = None) -> None:
        parts = urlsplit(url)
        self.shown = url.partition("?")[0][:LONGEST_SHOWN]
        self._target = request_target(url)
        tls = trusting(ca, path="oauth.ca", mutual=mutual_tls) if parts.scheme == "https" else None
        self._client = Client(
            f"{parts.scheme}://{parts.netloc}", tls=tls, limits=Limits(body=LONGEST), timeout=SECONDS, max_connections=1
        )

    async def post(self, headers: Mapping[str, str], body: bytes) -> Response:
        """Send a form; errors are those of the client's `request`."""
        return await self._client.request("POST", self._target, headers=headers, body=body)

    async def get(self) -> Response:
        """Fetch what is there; errors are those of the client's `request`."""
        return await self._client.request("GET", self._target, headers={"accept": "application/json"})

    async def close(self) -> None:
        """Drop its connections."""
        await self._client.close()


def checked(url: str, *, path: str) -> str:
    """Return an address that may be told a secret: one with TLS, or of this machine (RFC 6749 section 3.2).

    Args:
        url: It.
        path: What names it, for the error.

    Raises:
        InvalidConfigError: It is none.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", 0, urlsplit("")
    good = parts.scheme == "https" or (parts.scheme == "http" and _is_here(host))
    if not good or not host or port == 0 or "@" in parts.netloc or parts.fragment or not _is_plain(url):
        raise InvalidConfigError(
            f"oauth: not an address that may be told a secret: {url.rpartition('@')[2][:LONGEST_SHOWN]!r}", path=path,
            found=url.rpartition("@")[2][:LONGEST_SHOWN], expected="https://, or http:// of this machine",
        )  # fmt: skip
    return url


def read_object(response: Response, shown: str) -> dict[str, Any]:
    """Return the JSON object that an answer is.

    Args:
        response: The answer.
        shown: Whose it is, for the error.

    Raises:
        UnavailableError: It is none.
    """
    body = response.content
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        kind = (response.headers.get("content-type") or "no type")[:LONGEST_SHOWN]
        raise UnavailableError(
            f"{shown} answers no JSON object", found=f"status {response.status}, {len(body)} bytes of {kind}",
            expected="a JSON object", suggestions=["look whether the address is the right one"],
        )  # fmt: skip
    return found


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _is_plain(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url
