"""Fetches documents of a registry: bounded, with few connections, following redirects, and asking only for what has changed."""

import re
import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urljoin, urlsplit

import msgspec

from outrider.core.errors import (
    ConnectionFailedError,
    ExecutionFailedError,
    InvalidConfigError,
    NotFoundError,
)
from outrider.core.http.errors import ProtocolError
from outrider.core.http.headers import Headers
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Response
from outrider.core.http.urls import origin, request_target
from outrider.operators.packages.registries.answers import no_document, number_of
from outrider.operators.packages.registries.registry import Registry
from outrider.operators.packages.registries.strangers import refuse_in_the_clear
from outrider.ports.certificates.authorities import context_for
from outrider.ports.clock import Clock
from outrider.ports.http.addresses import parse_address
from outrider.ports.http.client import Client

MIB = 1 << 20
# Of what is sent, and of what that may become: the largest known document of npm has some 40 MiB.
_LARGEST, _LARGEST_INFLATED = 64 * MIB, 192 * MIB
_LIMITS = Limits(body=_LARGEST, header_bytes=64 * 1024)
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_CONNECTIONS = 16
_TOO_LARGE, _NO_SUCH_RANGE = 413, 416
_SHOWN = 200
# Of an address whatever ends a line of a request would end it there.
_SENDABLE = re.compile(r"[!-~]+")


class Document(msgspec.Struct, kw_only=True):
    """What a registry has answered.

    Attributes:
        content: None where it has not changed.
        url: Where it came from in the end.
        content_type: Without its parameters.
        etag: For asking again.
        modified: Likewise.
        status: 200, 206 or 304.
        total: Bytes of the whole, where a part of it was asked for and the registry says so.
        digest: Of the whole, as the field Repr-Digest (RFC 9530) or Digest has it.
    """

    content: bytes | None
    url: str
    content_type: str = ""
    etag: str = ""
    modified: str = ""
    status: int = 200
    total: int = 0
    digest: str = ""


class Downloads:
    """Fetches from one registry, and from where that sends us.

    Args:
        registry: Which.
        clock: For the age of connections.
        timeout: Seconds that one answer may take.
        registry_at: Makes a registry of another address that it sends us to, where something of our own is shown there.
    """

    def __init__(
        self,
        registry: Registry,
        clock: Clock,
        timeout: float = 60.0,
        registry_at: Callable[[str], Registry] | None = None,
    ) -> None:
        self.registry, self._registry_at = registry, registry_at
        self._clock, self._timeout = clock, timeout
        self._clients: dict[tuple[str, str, int], Client] = {}

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.close()

    async def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, known: Document | None = None
    ) -> Document:
        """Fetch a document.

        Args:
            url: Its address.
            headers: Further fields of the request.
            known: What was fetched before: it is fetched only where it has changed.

        Raises:
            NotFoundError: There is none.
            UnauthenticatedError: The registry does not take the credentials, or wants some.
            UnavailableError, LimitedError: It cannot answer now.
            ExecutionFailedError: The answer cannot be used.
            ConnectionFailedError, DeadlineExceededError: No answer came.
        """
        fields = {"accept-encoding": "gzip", "user-agent": "outrider", **(headers or {})}
        if known is not None and known.etag:
            fields["if-none-match"] = known.etag
        if known is not None and known.modified:
            fields["if-modified-since"] = known.modified
        for _ in range(_MOST_REDIRECTS + 1):
            response = await self._request(url, fields)
            if response.status == _NO_SUCH_RANGE and fields.pop("range", ""):
                continue  # what there was once is no longer there
            if response.status not in _REDIRECTS:
                return self._document(url, response)
            url = self._following(url, response.headers.get("location") or "")
        raise self._too_many_redirects(url)

    async def root(self, url: str, what: str, known: Document | None = None) -> Document:
        """Fetch a document that each registry of a kind has; where there is none, the address is that of no such registry.

        Args:
            url: Its address.
            what: Has it, such as `source of NuGet`.
            known: As for `get`.

        Raises:
            ExecutionFailedError: There is none.
            OutriderError: As `get`.
        """
        try:
            return await self.get(url, known=known)
        except NotFoundError as error:
            raise ExecutionFailedError(
                f"{_shown(url)}: there is no {what}", found=error.found, expected=_shown(url).rpartition("/")[2],
                suggestions=[f"check the address in {self.registry.source}"],
            ) from error  # fmt: skip

    async def stream(self, url: str, receive: Callable[[bytes], object]) -> None:
        """Fetch a file of any size, piece by piece, as it is; where nobody waits any more it ends.

        Args:
            url: Its address.
            receive: Is given each piece, and must not wait.

        Raises:
            OutriderError: As `get`; how long it may take is for the caller to say.
        """
        for _ in range(_MOST_REDIRECTS + 1):
            where, shown = self._shown_to(url, {"accept-encoding": "identity", "user-agent": "outrider"})
            response = await self._client(where).stream("GET", request_target(url), receive, headers=Headers(shown))
            if response.status not in _REDIRECTS:
                if response.status != 200:
                    raise no_document(self.registry, _shown(url), response)
                return
            url = self._following(url, response.headers.get("location") or "")
        raise self._too_many_redirects(url)

    async def send(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """Send something, once and to nowhere else, and return the answer, whatever its status.

        Args:
            method: Such as `PUT`.
            url: Where to.
            body: Of the request.
            headers: Further fields of it.

        Raises:
            ConnectionFailedError, DeadlineExceededError: No answer came.
        """
        where, shown = self._shown_to(url, {"user-agent": "outrider", "accept-encoding": "identity", **headers})
        return await self._client(where).request(
            method, request_target(url), headers=Headers(shown), body=body, repeat=False
        )

    def _too_many_redirects(self, url: str) -> ExecutionFailedError:
        return ExecutionFailedError(
            f"{_shown(url)}: redirected too often", found=f"more than {_MOST_REDIRECTS} times", expected="a document",
            suggestions=[f"check the address in {self.registry.source}"],
        )  # fmt: skip

    def _shown_to(self, url: str, fields: Mapping[str, str]) -> tuple[tuple[str, str, int], dict[str, str]]:
        """Return whom an address leads to, and the fields of the request: whoever a registry sends us to is not told its credentials."""
        where = origin(url)
        if where[0] not in ("http", "https") or not _SENDABLE.fullmatch(url):
            raise self._unusable(url)
        shown, registry = dict(fields), self.registry
        if where != origin(registry.url):
            if self._registry_at is None:
                return where, shown
            registry = self._registry_at(url)
        shown |= {name: value.reveal() for name, value in registry.headers}
        if registry.authorization is not None:
            shown["authorization"] = registry.authorization.reveal()
        if registry.headers or registry.authorization is not None:
            refuse_in_the_clear(self.registry, *where[:2])
        return where, shown

    def _following(self, url: str, location: str) -> str:
        try:
            return urljoin(url, location)
        except ValueError as error:
            raise self._unusable(location) from error

    def _unusable(self, url: str) -> ExecutionFailedError:
        return ExecutionFailedError(
            f"{self.registry.url} sends us to an address that cannot be used", found=_shown(url)[:_SHOWN], expected="http or https",
            suggestions=[f"check the address in {self.registry.source}"],
        )  # fmt: skip

    async def _request(self, url: str, fields: Mapping[str, str]) -> Response:
        where, shown = self._shown_to(url, fields)
        try:
            return await self._client(where).request("GET", request_target(url), headers=Headers(shown))
        except ConnectionFailedError as error:
            cause = error.__cause__
            if not isinstance(cause, ProtocolError) or cause.status != _TOO_LARGE:
                error.suggestions = [*error.suggestions, f"its address is from {self.registry.source}"]
                raise
            # It is no fault of the connection: it would be as large when asked for again.
            raise ExecutionFailedError(
                f"{_shown(url)}: too large", found=cause.message, expected=f"at most {_LARGEST} bytes", suggestions=["use the native client: a document of this size is not read here"]
            ) from error  # fmt: skip

    def _client(self, where: tuple[str, str, int]) -> Client:
        client = self._clients.get(where)
        if client is None:
            scheme, host, port = where
            authority = f"[{host}]" if ":" in host else host
            try:
                address = parse_address(f"{scheme}://{authority}:{port}")
            except InvalidConfigError as error:
                raise self._unusable(f"{scheme}://{authority}:{port}") from error
            address = msgspec.structs.replace(address, proxy=self.registry.proxies.on_the_way(scheme, host))
            client = self._clients[where] = Client(
                address, tls=self._context() if address.secure else None, limits=_LIMITS, timeout=self._timeout, max_connections=_CONNECTIONS, clock=self._clock
            )  # fmt: skip
        return client

    def _context(self) -> ssl.SSLContext:
        try:
            return context_for(self.registry.authorities)
        except OSError as error:
            raise InvalidConfigError(
                f"{self.registry.authorities}: the authorities for {self.registry.url} cannot be read: {error.strerror or error}",
                found=str(self.registry.authorities), expected="a file of certificates, in PEM form",
                suggestions=["write one there, or correct the setting of the client, or the variable, that names it"],
            ) from error  # fmt: skip

    def _document(self, url: str, response: Response) -> Document:
        if response.status not in (200, 206, 304):
            raise no_document(self.registry, _shown(url), response)
        return _read(url, response)


def _read(url: str, response: Response) -> Document:
    headers = response.headers
    total = (headers.get("content-range") or "").rpartition("/")[2]
    content = None if response.status == 304 else _inflated(url, response)
    return Document(
        content=content, url=url, content_type=(headers.get("content-type") or "").partition(";")[0].strip().lower(),
        etag=headers.get("etag") or "", modified=headers.get("last-modified") or "", status=response.status,
        total=number_of(total, 0), digest=headers.get("repr-digest") or headers.get("digest") or "",
    )  # fmt: skip


def _inflated(url: str, response: Response) -> bytes:
    if (response.headers.get("content-encoding") or "identity").lower() == "identity":
        return response.content
    inflater = zlib.decompressobj(wbits=31)
    try:
        content = inflater.decompress(response.content, _LARGEST_INFLATED)
    except zlib.error as error:
        raise ConnectionFailedError(f"{_shown(url)}: what came is no gzip: {error}") from error
    # What comes after the end may be a second file, whose content would be lost without a word.
    if inflater.unconsumed_tail or inflater.unused_data or not inflater.eof:
        raise ExecutionFailedError(
            f"{_shown(url)}: too large, or cut off", found=f"{len(content)} bytes",
            expected=f"one gzip file of at most {_LARGEST_INFLATED} bytes",
        )  # fmt: skip
    return content


def _shown(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "no address"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


@asynccontextmanager
async def opened_downloads(registry: Registry, clock: Clock, timeout: float = 60.0) -> AsyncIterator[Downloads]:
    """Have what fetches from a registry; the parameters are those of `Downloads`."""
    downloads = Downloads(registry, clock, timeout)
    try:
        yield downloads
    finally:
        await downloads.close()
