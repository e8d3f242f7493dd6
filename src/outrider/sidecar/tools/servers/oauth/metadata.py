"""Where tokens for an MCP server come from, as the server and its authorization server say.

Revision 2026-07-28 of MCP, "Authorization": protected resource metadata (RFC 9728) and authorization server metadata (RFC 8414).
The server only confirms whom the user has named: it cannot send a secret anywhere.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from outrider.core.errors import InvalidConfigError, UnauthenticatedError, UnavailableError
from outrider.core.http.headers import Headers
from outrider.core.http.urls import origin
from outrider.core.mutual_tls import MutualTlsSettings
from outrider.sidecar.tools.servers.oauth.challenge import parameter
from outrider.sidecar.tools.servers.oauth.places import LONGEST_SHOWN, Place, checked, read_object

RESOURCE, SERVER, OPENID = "oauth-protected-resource", "oauth-authorization-server", "openid-configuration"
_NAME_IT = "name the token endpoint as tokenUrl of oauth"


class Found(msgspec.Struct, frozen=True):
    """What was found out.

    Attributes:
        token_url: The token endpoint.
        resource: As the server calls itself; empty where it says nothing.
    """

    token_url: str
    resource: str


class Metadata:
    """Finds the token endpoint for one server.

    Args:
        url: Of the MCP server.
        ca: File with the authorities to trust for it.
        mutual_tls: What is shown to it.
        issuer: The authorization server.
        issuer_ca: Likewise for that one.

    Raises:
        InvalidConfigError: An address or a file cannot be used.
    """

    def __init__(
        self, url: str, ca: Path | None, mutual_tls: MutualTlsSettings | None, *, issuer: str, issuer_ca: Path | None
    ) -> None:
        self._url, self._ca, self._mutual_tls = url, ca, mutual_tls
        self._issuer, self._issuer_ca = checked(issuer, path="oauth.issuer"), issuer_ca

    async def find(self, challenge: Headers) -> Found:
        """Return it.

        Args:
            challenge: Headers of the server's refusal.

        Raises:
            UnauthenticatedError: The server does not name the issuer, or somebody speaks for another one.
            InvalidConfigError: The endpoint is not one that may be told a secret.
            OutriderError: Somebody does not answer, or nothing that can be read.
        """
        resource = await self._resource(challenge)
        return Found(await self._token_url(), resource)

    async def _resource(self, challenge: Headers) -> str:
        """Return how the server calls itself, after it has named the issuer; nothing where it says nothing at all."""
        named = parameter(challenge, "resource_metadata")
        if named and origin(named) != origin(self._url):
            raise UnauthenticatedError(
                "its metadata would be at another server", found=named[:LONGEST_SHOWN], expected=f"an address at {_base(self._url)}",
                suggestions=[_NAME_IT],
            )  # fmt: skip
        body = await self._first([named] if named else _well_known(self._url, RESOURCE), self._ca, self._mutual_tls)
        if body is None and named:
            raise UnavailableError(
                "its metadata are not where it says", found=named[:LONGEST_SHOWN], suggestions=[_NAME_IT]
            )
        if body is None:
            return ""
        resource, servers = body.get("resource"), body.get("authorization_servers")
        if not isinstance(resource, str) or not _covers(resource, self._url):
            raise UnauthenticatedError(  # RFC 9728 section 3.3
                "its metadata are those of another resource", found=str(resource)[:LONGEST_SHOWN], expected=self._url,
                suggestions=["name the server by the address that it gives itself", _NAME_IT],
            )  # fmt: skip
        known = [one for one in servers if isinstance(one, str)] if isinstance(servers, list) else []
        if not any(_is_same(one, self._issuer) for one in known):
            raise UnauthenticatedError(
                "it takes the tokens of another authorization server", found=", ".join(known)[:LONGEST_SHOWN] or "none",
                expected=self._issuer, suggestions=["name that one as issuer if you trust it"],
            )  # fmt: skip
        return resource

    async def _token_url(self) -> str:
        body = await self._first(_of_issuer(self._issuer), self._issuer_ca)
        if body is None:
            raise UnavailableError(f"{self._issuer} has no metadata of an authorization server", suggestions=[_NAME_IT])
        issuer, endpoint = body.get("issuer"), body.get("token_endpoint")
        if not isinstance(issuer, str) or not _is_same(issuer, self._issuer):
            raise UnauthenticatedError(  # RFC 8414 section 3.3
                f"{self._issuer} answers for another issuer", found=str(issuer)[:LONGEST_SHOWN], expected=self._issuer,
            )  # fmt: skip
        if not isinstance(endpoint, str):
            raise InvalidConfigError(f"{self._issuer} names no token endpoint", suggestions=[_NAME_IT])
        return checked(endpoint, path="token_endpoint")

    async def _first(
        self, urls: list[str], ca: Path | None, mutual_tls: MutualTlsSettings | None = None
    ) -> dict[str, Any] | None:
        """Return the first document that is there."""
        for url in urls:
            place = Place(url, ca, mutual_tls)
            try:
                response = await place.get()
            finally:
                await place.close()
            if response.status == 429 or response.status >= 500:
                raise UnavailableError(f"{place.shown} fails", found=f"status {response.status}")
            if response.status == 200:
                return read_object(response, place.shown)
        return None


def _well_known(url: str, name: str) -> list[str]:
    """Return where metadata of an address are (RFC 9728 section 3.1): with its path, and without."""
    path = urlsplit(url).path.rstrip("/")
    begin = f"{_base(url)}/.well-known/{name}"
    return [begin + path, begin] if path else [begin]


def _of_issuer(issuer: str) -> list[str]:
    """Return where metadata of an authorization server are, in the order that MCP gives."""
    path = urlsplit(issuer).path.rstrip("/")
    base = _base(issuer)
    found = [f"{base}/.well-known/{SERVER}{path}", f"{base}/.well-known/{OPENID}{path}"]
    return [*found, f"{base}{path}/.well-known/{OPENID}"] if path else found


def _base(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_same(one: str, other: str) -> bool:
    """Return whether two identifiers of issuers are the same; some write a slash behind a bare host."""
    return one.rstrip("/") == other.rstrip("/")


def _covers(resource: str, url: str) -> bool:
    """Return whether an address is that of a resource, or below it."""
    if origin(resource) != origin(url):
        return False
    above, path = urlsplit(resource).path.rstrip("/"), urlsplit(url).path.rstrip("/")
    return path == above or path.startswith(f"{above}/")
