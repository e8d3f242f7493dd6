"""The client's side of MCP: how a server is asked in either era, and what its answers mean."""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from outrider.core.codec import decode_plain, encode
from outrider.core.errors import ExecutionFailedError, OutriderError
from outrider.core.mcp.headers import PREFIX, SUFFIX
from outrider.core.mcp.protocol import (
    CAPABILITIES_KEY,
    CLIENT_INFO_KEY,
    MODERN_VERSIONS,
    NAMED_BY,
    VERSION_KEY,
)

_MIRRORED = ("string", "integer", "boolean")
EVENTS = "text/event-stream"
ACCEPTED = f"application/json, {EVENTS}"


class Asked(msgspec.Struct, frozen=True):
    """A request on its way: its body, and the headers that repeat it."""

    body: bytes
    headers: dict[str, str]


def modern_request(
    method: str, params: Mapping[str, Any], *, number: int, client: Mapping[str, str], schema: Mapping[str, Any] | None = None
) -> Asked:  # fmt: skip
    """Return a request of revision 2026-07-28.

    Args:
        method: Such as `tools/call`.
        params: Without what every request carries.
        number: Its id.
        client: Name and version of who asks.
        schema: Of the tool's arguments, which says what of them headers repeat.
    """
    given = params.get("_meta")
    meta = {
        **(given if isinstance(given, dict) else {}),
        VERSION_KEY: MODERN_VERSIONS[0],
        CAPABILITIES_KEY: {},
        CLIENT_INFO_KEY: dict(client),
    }
    body = encode({"jsonrpc": "2.0", "id": number, "method": method, "params": {**params, "_meta": meta}})
    headers = {"MCP-Protocol-Version": MODERN_VERSIONS[0], "Mcp-Method": method}
    named_by = NAMED_BY.get(method)
    if named_by is not None:
        headers["Mcp-Name"] = encode_value(str(params[named_by]))
    arguments = params.get("arguments")
    if schema is not None and isinstance(arguments, dict):
        headers.update(_mirrored(schema, arguments))
    return Asked(body, headers)


def legacy_request(method: str, params: Mapping[str, Any], *, number: int | None) -> bytes:
    """Return a request of a revision before 2026-07-28; a notification where it has no number."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": dict(params)}
    return encode(message if number is None else {**message, "id": number})


def encode_value(text: str) -> str:
    """Return a text as a header may carry it (MCP 2026-07-28, "Value encoding")."""
    plain = text.isascii() and text.isprintable() and text == text.strip()
    if plain and not (text.startswith(PREFIX) and text.endswith(SUFFIX)):
        return text
    return PREFIX + base64.b64encode(text.encode()).decode() + SUFFIX


def _mirrored(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the headers that repeat arguments (`x-mcp-header`); null and what is absent has none."""
    properties = schema.get("properties")
    for name, field in properties.items() if isinstance(properties, dict) else ():
        value = arguments.get(name)
        if not isinstance(field, dict) or value is None:
            continue
        header = field.get("x-mcp-header")
        if isinstance(header, str) and field.get("type") in _MIRRORED:
            text = value if isinstance(value, str) else encode(value).decode()
            yield f"Mcp-Param-{header}", encode_value(text)
        elif isinstance(value, dict):
            yield from _mirrored(field, value)


class Fault(msgspec.Struct, frozen=True):
    """A JSON-RPC error."""

    code: int
    message: str
    data: Any = None


def read_answer(body: bytes, content_type: str, number: int) -> dict[str, Any] | Fault:
    """Return the result, or the error, that answers a request; in a stream of events it is one among others.

    Raises:
        ExecutionFailedError: There is none.
    """
    documents = events(body) if content_type.lower().startswith(EVENTS) else iter([body])
    for document in documents:
        try:
            message = decode_plain(document)
        except OutriderError as error:
            raise ExecutionFailedError(f"the server's answer is no JSON: {error.message}") from error
        if not isinstance(message, dict) or not _answers(message, number):
            continue
        found = outcome(message)
        if found is not None:
            return found
    raise ExecutionFailedError("the server's answer has neither a result nor an error", found=repr(body[:80]))


def outcome(message: Mapping[str, Any]) -> dict[str, Any] | Fault | None:
    """Return the result, or the error, that a message holds; None where it holds neither."""
    if isinstance(message.get("error"), dict):
        return _fault(message["error"])
    found = message.get("result")
    return found if isinstance(found, dict) else None


def _answers(message: Mapping[str, Any], number: int) -> bool:
    """Return whether a message has the id of a request; true and 1.0 are not 1."""
    found = message.get("id")
    return type(found) is int and found == number


def _fault(error: Mapping[str, Any]) -> Fault:
    code = error.get("code")
    return Fault(code if isinstance(code, int) else 0, str(error.get("message", "")), error.get("data"))


def events(body: bytes) -> Iterator[bytes]:
    """Yield the data of each event (WHATWG HTML, "Server-sent events")."""
    lines: list[bytes] = []
    for line in [*body.splitlines(), b""]:
        if line.startswith(b"data:"):
            lines.append(line[5:].removeprefix(b" "))
        elif not line and lines:
            yield b"\n".join(lines)
            lines = []
