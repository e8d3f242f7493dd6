"""A service over HTTP whose OpenAPI document says what can be asked of it."""

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError, UnavailableError
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Response
from outrider.core.mutual_tls import check_mutual_tls
from outrider.core.tool_settings import OpenApiServerSettings
from outrider.ports.certificates.tls import trusting
from outrider.ports.http.client import Client
from outrider.ports.secrets import Resolver
from outrider.sidecar.tools.servers.credentials import Credentials
from outrider.sidecar.tools.servers.oauth.endpoint import open_tokens
from outrider.sidecar.tools.servers.openapi.address import Base, base, base_of, is_address, origin
from outrider.sidecar.tools.servers.openapi.answers import read_answer
from outrider.sidecar.tools.servers.openapi.checking import check
from outrider.sidecar.tools.servers.openapi.document import read_document
from outrider.sidecar.tools.servers.openapi.reading import Offer, read_operations
from outrider.sidecar.tools.servers.openapi.requests import build
from outrider.sidecar.tools.servers.openapi.source import FileSource, Source, UrlSource
from outrider.sidecar.tools.servers.wire import LONGEST_LIST, MIB, room_for
from outrider.sidecar.tools.tool_server import Definition


class OpenApiServer:
    """A client of one service.

    Args:
        settings: Where it is, and what it wants to see.
        secrets: Opens what is secret of that.
        longest: Bytes of a result of a call.

    Attributes:
        left_out: Operations that are not offered, and why.

    Raises:
        InvalidConfigError: An address or the file of authorities cannot be used.
    """

    def __init__(self, settings: OpenApiServerSettings, secrets: Resolver, longest: int = MIB) -> None:
        self.name, self.version = settings.name, settings.version
        self.left_out: Mapping[str, str] = {}
        self._settings, self._longest = settings, longest
        self._fixed = frozenset(
            name.lower()
            for name in (*settings.headers, *(["authorization"] if settings.token or settings.oauth else []))
        )
        tokens = open_tokens(settings, secrets)
        self._credentials = Credentials(settings.name, settings.headers, settings.token, secrets, tokens)
        try:
            self._source = self._open()
        except InvalidConfigError as error:
            raise self._named(error) from None
        self._mark: tuple[str, ...] = ()
        self._found: tuple[Offer, Base] | OutriderError = UnavailableError(f"server '{self.name}' was not asked yet")
        self._client: tuple[str, Client] | None = None

    async def list_tools(self) -> list[Definition]:
        """Return the definitions of its tools. The document is read again where it has changed.

        Raises:
            OutriderError: It is not to be had, or no document of OpenAPI 3, or says not where the service is.
        """
        try:
            text = await self._source.read(self._mark)
        except OutriderError as error:
            raise self._named(error) from None
        if text is not None:
            self._found = await asyncio.to_thread(self._read, text.content)
            self._mark = text.mark
        if isinstance(self._found, OutriderError):
            raise self._found
        offer, where = self._found
        await self._reach(where)
        self.left_out = offer.left_out
        return offer.definitions()

    async def call(self, definition: Definition, params: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Send the request of a tool and return what the service answers, whether it went well or not.

        Args:
            definition: Of the tool.
            params: `arguments`; nothing else is sent.
            timeout: Seconds.

        Raises:
            OutriderError: The arguments do not fit, or there is no answer.
        """
        if isinstance(self._found, OutriderError):
            raise self._found
        offer, where = self._found
        operation = offer.operations.get(definition["name"])
        if operation is None or self._client is None:
            raise NotFoundError(
                f"server '{self.name}' has no '{definition['name']}' any more", found=definition["name"]
            )
        arguments = params["arguments"]
        await asyncio.to_thread(check, operation.definition["inputSchema"], arguments)
        client = self._client[1]

        async def request(shown: dict[str, str], seconds: float) -> Response:
            asked = build(operation, arguments, shown)
            return await client.request(
                operation.method, where.path + asked.target, headers=asked.headers, body=asked.body, timeout=seconds
            )

        return read_answer(operation.method, await self._credentials.send(request, timeout))

    async def close(self) -> None:
        """Drop its connections."""
        await self._credentials.close()
        await self._source.close()
        if self._client is not None:
            await self._client[1].close()

    def _open(self) -> Source:
        settings = self._settings
        if settings.url:
            base(settings.url)
        if settings.ca is not None:
            self._tls()
        if not is_address(settings.document):
            return FileSource(Path(settings.document))
        its = origin(settings.document)
        scheme, host, port = its
        shown = f"[{host}]" if ":" in host else host
        # Who else has the document sees neither credentials nor a certificate.
        is_known = not settings.url or its == origin(settings.url)
        if is_known:
            check_mutual_tls(settings.mutual_tls, settings.document)
        tls = self._tls(mutual=is_known) if scheme == "https" else None
        client = Client(f"{scheme}://{shown}:{port}", tls=tls, limits=Limits(body=LONGEST_LIST), max_connections=1)
        return UrlSource(settings.document, client, self._credentials if is_known else None)

    def _tls(self, *, mutual: bool = True) -> ssl.SSLContext:
        settings = self._settings
        return trusting(settings.ca, path=f"server {self.name}: ca", mutual=settings.mutual_tls if mutual else None)

    def _read(self, content: bytes) -> tuple[Offer, Base] | OutriderError:
        """Return what a document offers and where, or what is wrong with it, so that it is not read again for that."""
        settings = self._settings
        try:
            document = read_document(content)
            address = settings.document if is_address(settings.document) else ""
            where = base_of(document.data, url=settings.url, document=address)
            return read_operations(document, self._fixed), where
        except OutriderError as error:
            return self._named(error)
        except RecursionError:
            return InvalidConfigError(f"server '{self.name}': its document is nested too deeply")

    async def _reach(self, where: Base) -> None:
        """Have a client of the service; a document that is read again may name another one."""
        old = self._client
        if old is not None and old[0] == where.origin:
            return
        try:
            check_mutual_tls(self._settings.mutual_tls, where.origin)
        except InvalidConfigError as error:
            raise self._named(error) from None
        tls = self._tls() if where.origin.startswith("https:") else None
        self._client = (
            where.origin,
            Client(where.origin, tls=tls, limits=Limits(body=room_for(self._longest)), max_connections=32),
        )
        if old is not None:
            await old[1].close()

    def _named(self, error: OutriderError) -> OutriderError:
        who = f"server '{self.name}'"
        return error if error.message.startswith(who) else error.about(who)
