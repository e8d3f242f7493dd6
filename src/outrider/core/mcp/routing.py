"""Which answer a request gets, in either era; whoever moves the bytes runs the tools."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from outrider.core.codec import to_builtins
from outrider.core.mcp.headers import check_headers
from outrider.core.mcp.messages import ProtocolError, Request, result_body
from outrider.core.mcp.protocol import (
    CAPABILITIES_KEY,
    INVALID_PARAMS,
    LEGACY_VERSIONS,
    METHOD_NOT_FOUND,
    MODERN_VERSIONS,
    SERVER_INFO_KEY,
    UNSUPPORTED_VERSION,
    VERSION_HEADER,
    VERSION_KEY,
)
from outrider.core.mcp.tools import Tool, ToolResult

AnyTool = Tool | dict[str, Any]
_CAPABILITIES: dict[str, Any] = {"tools": {}}


class ToolCall(msgspec.Struct, frozen=True):
    """A call of a tool that is to be run; `Router.answer` turns its result into the response."""

    request: Request
    name: str
    arguments: dict[str, Any]
    modern: bool


class Router:
    """Answers what needs no tool to run.

    Args:
        name: The server's name.
        version: Its version.
        instructions: What a model should know before it uses the tools.
        keep_seconds: How long a client may keep the list of tools.
    """

    def __init__(self, *, name: str, version: str, instructions: str, keep_seconds: float) -> None:
        self._info = {"name": name, "version": version}
        self._instructions = instructions
        self._keep = {"ttlMs": int(keep_seconds * 1000), "cacheScope": "private"}

    def route(
        self, request: Request, tools: Sequence[AnyTool], headers: Mapping[str, str] | None = None
    ) -> bytes | ToolCall:
        """Return the response to a request, or the tool that must be run for it.

        Args:
            request: The request.
            tools: Those that this client may see, as they are here or as another server has defined them.
            headers: Of the HTTP request, by name in lower case; None on a transport that has none.

        Raises:
            ProtocolError: The request breaks the rules of its era.
        """
        modern = _is_modern(request, headers)
        if modern:
            _check_envelope(request, headers)
        match request.method:
            case "tools/call":
                return _tool_call(request, modern=modern)
            case "tools/list":
                result = self._tools_list(request, tools, modern=modern)
            case "server/discover" if modern:
                result = {"supportedVersions": list(MODERN_VERSIONS), "capabilities": _CAPABILITIES,
                          "instructions": self._instructions, **self._keep}  # fmt: skip
            case "initialize" if not modern:
                result = self._initialise(request)
            case "ping" if not modern:
                result = {}
            case _:
                raise _fault(request, METHOD_NOT_FOUND, f"method {request.method!r} is not offered", modern=modern)
        return self._respond(request, result, modern=modern)

    def answer(self, call: ToolCall, result: ToolResult) -> bytes:
        """Return the response to a call of a tool."""
        return self._respond(call.request, result.body(), modern=call.modern)

    def respond(self, call: ToolCall, result: dict[str, Any]) -> bytes:
        """Return the response to a call of a tool, from the result of another server."""
        return self._respond(call.request, result, modern=call.modern)

    def _respond(self, request: Request, result: dict[str, Any], *, modern: bool) -> bytes:
        if modern:
            told = result.get("_meta")
            meta = {**(told if isinstance(told, dict) else {}), SERVER_INFO_KEY: self._info}
            result = {"resultType": "complete", **result, "_meta": meta}
        return result_body(request, result)

    def _tools_list(self, request: Request, tools: Sequence[AnyTool], *, modern: bool) -> dict[str, Any]:
        if request.params.get("cursor") is not None:
            raise _fault(request, INVALID_PARAMS, "params.cursor: the list has one page", modern=modern)
        return {"tools": to_builtins(list(tools)), **(self._keep if modern else {})}

    def _initialise(self, request: Request) -> dict[str, Any]:
        wanted = request.params.get("protocolVersion")
        if not isinstance(wanted, str):
            raise _fault(request, INVALID_PARAMS, "params.protocolVersion: expected text", modern=False)
        return {
            "protocolVersion": wanted if wanted in LEGACY_VERSIONS else LEGACY_VERSIONS[0],
            "capabilities": _CAPABILITIES,
            "serverInfo": self._info,
            "instructions": self._instructions,
        }


def _is_modern(request: Request, headers: Mapping[str, str] | None) -> bool:
    """Return the era; what names a version that is not a legacy one is held to the modern rules."""
    header = headers.get(VERSION_HEADER) if headers is not None else None
    return (
        VERSION_KEY in request.meta
        or request.method == "server/discover"
        or (header is not None and header not in LEGACY_VERSIONS)
    )


def _check_envelope(request: Request, headers: Mapping[str, str] | None) -> None:
    meta = request.meta
    version = meta.get(VERSION_KEY)
    for key, kind in ((VERSION_KEY, str), (CAPABILITIES_KEY, dict)):
        if not isinstance(meta.get(key), kind):
            raise _fault(request, INVALID_PARAMS, f"params._meta: '{key}' is missing", modern=True)
    if headers is not None:
        check_headers(request, headers)
    if version not in MODERN_VERSIONS:
        raise ProtocolError(
            UNSUPPORTED_VERSION,
            f"protocol version {version!r} is not spoken here",
            request_id=request.id,
            data={"supported": list(MODERN_VERSIONS), "requested": version},
        )


def _tool_call(request: Request, *, modern: bool) -> ToolCall:
    name, arguments = request.params.get("name"), request.params.get("arguments", {})
    if not isinstance(name, str):
        raise _fault(request, INVALID_PARAMS, "params.name: expected text", modern=modern)
    if not isinstance(arguments, dict):
        raise _fault(request, INVALID_PARAMS, "params.arguments: expected an object", modern=modern)
    return ToolCall(request, name, arguments, modern)


def _fault(request: Request, code: int, message: str, *, modern: bool) -> ProtocolError:
    """Return an error; to a legacy client the HTTP exchange itself went well, and 404 would mean a lost session."""
    status = 200 if not modern else 404 if code == METHOD_NOT_FOUND else 400
    return ProtocolError(code, message, status=status, request_id=request.id)
