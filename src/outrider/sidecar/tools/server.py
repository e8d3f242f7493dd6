"""One MCP server, asked in the era that it speaks."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from outrider.core.errors import (
    DeadlineExceededError,
    ExecutionFailedError,
    InvalidConfigError,
    UnauthenticatedError,
    UnavailableError,
)
from outrider.core.http.headers import Headers
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Response
from outrider.core.mcp.asking import ACCEPTED, Asked, Fault, legacy_request, modern_request, read_answer
from outrider.core.mcp.protocol import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    LEGACY_VERSIONS,
    METHOD_NOT_FOUND,
    MODERN_VERSIONS,
    SERVER_INFO_KEY,
    UNSUPPORTED_VERSION,
)
from outrider.core.sidecar_settings import ToolServerSettings
from outrider.ports.certificates.tls import trusting
from outrider.ports.secrets import Resolver
from outrider.sidecar.tools.credentials import Credentials
from outrider.sidecar.tools.events import EventClient
from outrider.sidecar.tools.tool_server import Definition
from outrider.version import __version__

CLIENT = {"name": "outrider", "version": __version__}
MOST_PAGES = 50
MOST_TOOLS = 2000
MIB = 1024 * 1024
LONGEST_LIST = 16 * MIB
# For all pages together.
LIST_SECONDS = 20.0
# What only today's revision says of a result; who answers the agent says it anew.
COMPLETE = "complete"
CALL = "tools/call"
# How a server of before 2026-07-28 answers what it does not understand.
_LEGACY_STATUS = (400, 404, 405)
_UNKNOWN = (METHOD_NOT_FOUND, UNSUPPORTED_VERSION)
# What a server of today's revision says about a request that it has understood.
_MODERN = (HEADER_MISMATCH, INVALID_PARAMS)
_SESSION = "Mcp-Session-Id"


class McpServer:
    """A client of one server (streamable HTTP).

    Args:
        settings: Where it is, and what it wants to see.
        secrets: Opens what is secret of that.
        longest: Bytes of a result of a call; its wrapping comes on top.

    Raises:
        InvalidConfigError: The address cannot be used.
    """

    def __init__(self, settings: ToolServerSettings, secrets: Resolver, longest: int = MIB) -> None:
        parts = urlsplit(settings.url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise InvalidConfigError(
                f"server '{settings.name}': not an address", path="url", found=settings.url, expected="http:// or https://",
            )  # fmt: skip
        self.name, self.version = settings.name, settings.version
        self._credentials = Credentials(settings, secrets)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        base = f"unix:{settings.socket}" if settings.socket is not None else f"{parts.scheme}://{parts.netloc}"
        tls = trusting(settings.ca, path=f"server {settings.name}: ca") if parts.scheme == "https" else None
        self._lists = EventClient(base, tls=tls, limits=Limits(body=LONGEST_LIST), max_connections=4)
        # JSON may be written at greater length than it is measured with here.
        room = 2 * max(longest, MIB) + MIB // 16
        self._calls = EventClient(base, tls=tls, limits=Limits(body=room), max_connections=32)
        self._numbers = 0
        self._modern: bool | None = None
        self._legacy: dict[str, str] = {}
        self._greeting = asyncio.Lock()

    async def list_tools(self) -> list[Definition]:
        """Return the definitions of its tools.

        Raises:
            OutriderError: It does not answer, or not as a server does.
        """
        try:
            async with asyncio.timeout(LIST_SECONDS):
                return await self._list_pages()
        except TimeoutError as error:
            raise DeadlineExceededError(
                f"server '{self.name}': no list of tools within {LIST_SECONDS:g} s",
                suggestions=["check that the server is well"],
            ) from error

    async def _list_pages(self) -> list[Definition]:
        found: list[Definition] = []
        cursor: object = None
        seen: set[object] = set()
        for _ in range(MOST_PAGES):
            result = await self._ask("tools/list", {"cursor": cursor} if cursor is not None else {}, LIST_SECONDS)
            tools = result.get("tools")
            found += [one for one in tools if _is_definition(one)] if isinstance(tools, list) else []
            cursor = result.get("nextCursor")
            if not isinstance(cursor, str) or len(found) > MOST_TOOLS:
                return found[:MOST_TOOLS]
            if cursor in seen:
                raise ExecutionFailedError(f"server '{self.name}': its list of tools goes in a circle", found=cursor)
            seen.add(cursor)
        raise ExecutionFailedError(f"server '{self.name}': its list of tools has more than {MOST_PAGES} pages")

    async def call(self, definition: Definition, params: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Call a tool and return the result, whether it went well or not.

        Args:
            definition: Of the tool.
            params: Arguments and what else the client sent; its name is added.
            timeout: Seconds.

        Raises:
            OutriderError: There is no result.
        """
        schema = definition.get("inputSchema")
        asked = {**params, "name": definition["name"]}
        result = await self._ask(CALL, asked, timeout, schema if isinstance(schema, dict) else None)
        return _without_envelope(result)

    async def close(self) -> None:
        """Drop its connections."""
        await self._lists.close()
        await self._calls.close()

    async def _ask(
        self, method: str, params: Mapping[str, Any], timeout: float, schema: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        if self._modern is None:
            async with self._greeting:
                if self._modern is None:
                    self._modern = await self._greet()
        ask = self._ask_modern if self._modern else self._ask_legacy
        found = await ask(method, params, timeout, schema)
        if isinstance(found, Fault):
            raise ExecutionFailedError(
                f"server '{self.name}': {found.message or 'an error'}", found=f"JSON-RPC error {found.code}"
            )
        return found

    async def _greet(self) -> bool:
        """Return whether it speaks today's revision, and begin a session where not; a broken network says nothing of that."""
        number = self._number()
        asked = modern_request("server/discover", {}, number=number, client=CLIENT)
        try:
            found = self._read(await self._post(asked, number, LIST_SECONDS), number)
        except ExecutionFailedError:  # an answer that no server of today's revision gives
            found = Fault(0, "")
        if isinstance(found, dict) and set(MODERN_VERSIONS) & set(_texts(found.get("supportedVersions"))):
            return True
        if isinstance(found, Fault) and found.code == UNSUPPORTED_VERSION:
            offered = _texts(found.data.get("supported")) if isinstance(found.data, dict) else []
            if not set(offered) & set(LEGACY_VERSIONS):
                raise ExecutionFailedError(
                    f"server '{self.name}' speaks no revision of MCP that is spoken here", found=", ".join(offered) or "none",
                    expected=", ".join((*MODERN_VERSIONS, *LEGACY_VERSIONS)),
                )  # fmt: skip
        await self._initialise()
        return False

    async def _initialise(self) -> None:
        """Begin a session as the revisions before 2026-07-28 do."""
        number = self._number()
        params = {"protocolVersion": LEGACY_VERSIONS[0], "capabilities": {}, "clientInfo": CLIENT}
        response = await self._post(
            Asked(legacy_request("initialize", params, number=number), {}), number, LIST_SECONDS
        )
        found = self._read(response, number)
        if isinstance(found, Fault):
            self._modern = None  # it may be a newer one by now
            raise ExecutionFailedError(f"server '{self.name}' refuses to begin: {found.message}", found=str(found.code))
        version = found.get("protocolVersion")
        self._legacy = {"MCP-Protocol-Version": version if isinstance(version, str) else LEGACY_VERSIONS[0]}
        session = response.headers.get(_SESSION)
        if session:
            self._legacy[_SESSION] = session
        begun = legacy_request("notifications/initialized", {}, number=None)
        await self._post(Asked(begun, self._legacy), 0, LIST_SECONDS)

    async def _ask_modern(
        self, method: str, params: Mapping[str, Any], timeout: float, schema: Mapping[str, Any] | None
    ) -> dict[str, Any] | Fault:
        number = self._number()
        asked = modern_request(method, params, number=number, client=CLIENT, schema=schema)
        response = await self._post(asked, number, timeout, method)
        try:
            found = self._read(response, number)
        except ExecutionFailedError:
            if response.status not in _LEGACY_STATUS or await self._is_modern_still():
                raise
            return await self._ask_legacy(method, params, timeout)
        if isinstance(found, Fault) and _is_of_legacy(found, response.status) and not await self._is_modern_still():
            return await self._ask_legacy(method, params, timeout)
        return found

    async def _is_modern_still(self) -> bool:
        """Find out anew which era it speaks, after an answer as one of the other gives it; it did not look at the request."""
        async with self._greeting:
            if self._modern:
                self._modern = None
                self._modern = await self._greet()
            return bool(self._modern)

    async def _ask_legacy(
        self, method: str, params: Mapping[str, Any], timeout: float, _schema: Mapping[str, Any] | None = None
    ) -> dict[str, Any] | Fault:
        """Ask within the session; one that the server has lost is begun again, and then the request was not looked at."""
        for attempt in range(2):
            number = self._number()
            session = self._legacy
            asked = Asked(legacy_request(method, params, number=number), session)
            response = await self._post(asked, number, timeout, method)
            if attempt or response.status not in (400, 404) or _SESSION not in session:
                return self._read(response, number)
            async with self._greeting:
                if self._legacy is session:  # else another request has begun a new one
                    await self._initialise()
        raise AssertionError("unreachable")

    async def _post(self, asked: Asked, number: int, timeout: float, method: str = "") -> Response:
        fields = Headers([
            ("content-type", "application/json"), ("accept", ACCEPTED), *asked.headers.items(),
            *(await self._credentials.headers()).items(),
        ])  # fmt: skip
        client = self._calls if method == CALL else self._lists
        return await client.ask(self._path, number, headers=fields, body=asked.body, timeout=timeout)

    def _read(self, response: Response, number: int) -> dict[str, Any] | Fault:
        if response.status in (401, 403):
            raise UnauthenticatedError(
                f"server '{self.name}' does not accept its credentials", found=f"status {response.status}",
                suggestions=["look at token and headers of its Tool"],
            )  # fmt: skip
        if response.status >= 500:
            raise UnavailableError(f"server '{self.name}' fails", found=f"status {response.status}")
        body = response.body if isinstance(response.body, bytes) else b""  # this client reads an answer whole
        try:
            return read_answer(body, response.headers.get("content-type", "") or "", number)
        except ExecutionFailedError as error:
            error.message = f"server '{self.name}': {error.message}"
            error.found = f"status {response.status}: {error.found}"
            raise

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers


def _is_of_legacy(fault: Fault, status: int) -> bool:
    """Return whether an error may be that of a server which does not know today's revision."""
    return fault.code in _UNKNOWN or (status in _LEGACY_STATUS and fault.code not in _MODERN)


def _without_envelope(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result without what its server says of itself and of the protocol."""
    kept = {key: value for key, value in result.items() if (key, value) != ("resultType", COMPLETE)}
    meta = kept.get("_meta")
    if isinstance(meta, dict) and SERVER_INFO_KEY in meta:
        kept["_meta"] = {key: value for key, value in meta.items() if key != SERVER_INFO_KEY}
        if not kept["_meta"]:
            del kept["_meta"]
    return kept


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _is_definition(value: object) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("inputSchema"), dict):
        return False
    return isinstance(value.get("name"), str) and value["name"] != ""
