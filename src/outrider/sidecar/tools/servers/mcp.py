"""One MCP server, asked in the era that it speaks."""

import asyncio
from collections.abc import Mapping
from typing import Any

from outrider.core.errors import DeadlineExceededError, ExecutionFailedError
from outrider.core.mcp.asking import Asked, Fault, legacy_request, modern_request
from outrider.core.mcp.protocol import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    LEGACY_VERSIONS,
    METHOD_NOT_FOUND,
    MODERN_VERSIONS,
    SERVER_INFO_KEY,
    UNSUPPORTED_VERSION,
)
from outrider.sidecar.tools.progress import with_token
from outrider.sidecar.tools.servers.wire import LIST_SECONDS, SESSION, Wire, result_of
from outrider.sidecar.tools.tool_server import Definition
from outrider.version import __version__

CLIENT = {"name": "outrider", "version": __version__}
MOST_PAGES = 50
MOST_TOOLS = 2000
# What only today's revision says of a result; who answers the agent says it anew.
COMPLETE = "complete"
CALL = "tools/call"
# How a server of before 2026-07-28 answers what it does not understand.
_LEGACY_STATUS = (400, 404, 405)
_UNKNOWN = (METHOD_NOT_FOUND, UNSUPPORTED_VERSION)
# What a server of today's revision says about a request that it has understood.
_MODERN = (HEADER_MISMATCH, INVALID_PARAMS)


class McpServer:
    """A client of one server.

    Args:
        name: As grants name it.
        version: Of what it offers.
        wire: The way to it.
    """

    def __init__(self, name: str, version: str, wire: Wire) -> None:
        self.name, self.version = name, version
        self.left_out: Mapping[str, str] = {}
        self._wire = wire
        self._life = 0
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
        """Drop the way to it."""
        await self._wire.close()

    async def _ask(
        self, method: str, params: Mapping[str, Any], timeout: float, schema: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        ask = self._ask_modern if await self._is_modern() else self._ask_legacy
        return result_of(f"server '{self.name}'", await ask(method, params, timeout, schema))

    async def _is_modern(self) -> bool:
        """Return whether it speaks today's revision; who has begun anew is asked anew."""
        life = await self._wire.begin()
        if self._modern is None or life != self._life:
            async with self._greeting:
                if self._modern is None or life != self._life:
                    self._modern, self._life = await self._greet(), life
        return self._modern

    async def _greet(self) -> bool:
        """Return whether it speaks today's revision, and begin a session where not; a broken network says nothing of that."""
        try:
            found = await self._discover()
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

    async def _discover(self) -> dict[str, Any] | Fault:
        number, patience = self._number(), self._wire.patience
        asked = modern_request("server/discover", {}, number=number, client=CLIENT)
        try:
            return (await self._wire.ask(asked, number, patience or LIST_SECONDS)).read()
        except DeadlineExceededError:
            if patience is None:
                raise
            return Fault(0, "")

    async def _initialise(self) -> None:
        """Begin a session as the revisions before 2026-07-28 do."""
        number = self._number()
        params = {"protocolVersion": LEGACY_VERSIONS[0], "capabilities": {}, "clientInfo": CLIENT}
        asked = Asked(legacy_request("initialize", params, number=number), {})
        answer = await self._wire.ask(asked, number, LIST_SECONDS)
        found = answer.read()
        if isinstance(found, Fault):
            self._modern = None  # it may be a newer one by now
            raise ExecutionFailedError(f"server '{self.name}' refuses to begin: {found.message}", found=str(found.code))
        version = found.get("protocolVersion")
        self._legacy = {"MCP-Protocol-Version": version if isinstance(version, str) else LEGACY_VERSIONS[0]}
        if answer.session:
            self._legacy[SESSION] = answer.session
        begun = legacy_request("notifications/initialized", {}, number=None)
        await self._wire.tell(Asked(begun, self._legacy))

    async def _ask_modern(
        self, method: str, params: Mapping[str, Any], timeout: float, schema: Mapping[str, Any] | None
    ) -> dict[str, Any] | Fault:
        number = self._number()
        given = with_token(params, number) if method == CALL else params
        asked = modern_request(method, given, number=number, client=CLIENT, schema=schema)
        answer = await self._wire.ask(asked, number, timeout, is_call=method == CALL)
        try:
            found = answer.read()
        except ExecutionFailedError:
            if answer.status not in _LEGACY_STATUS or await self._is_modern_still():
                raise
            return await self._ask_legacy(method, params, timeout)
        if isinstance(found, Fault) and _is_of_legacy(found, answer.status) and not await self._is_modern_still():
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
            given = with_token(params, number) if method == CALL else params
            asked = Asked(legacy_request(method, given, number=number), session)
            answer = await self._wire.ask(asked, number, timeout, is_call=method == CALL)
            if attempt or answer.status not in (400, 404) or SESSION not in session:
                return answer.read()
            async with self._greeting:
                if self._legacy is session:  # else another request has begun a new one
                    await self._initialise()
        raise AssertionError("unreachable")

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
