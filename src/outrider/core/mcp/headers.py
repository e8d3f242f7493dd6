"""The headers that repeat a request's body, so that a proxy can route by them.

Whoever decides by a header must know that the body says the same, so a difference is refused before anything else looks at
either (MCP 2026-07-28, Streamable HTTP, "Standard request headers").
"""

import base64
import binascii
from collections.abc import Mapping

from outrider.core.mcp.messages import ProtocolError, Request
from outrider.core.mcp.protocol import (
    HEADER_MISMATCH,
    METHOD_HEADER,
    NAME_HEADER,
    NAMED_BY,
    VERSION_HEADER,
    VERSION_KEY,
)

PREFIX, SUFFIX = "=?base64?", "?="


def decode_value(text: str) -> str:
    """Return what a header value stands for: itself, or the text inside `=?base64?...?=`.

    Raises:
        ValueError: The base64 is malformed or not in its canonical form, or holds no UTF-8.
    """
    if not (text.startswith(PREFIX) and text.endswith(SUFFIX)):
        return text
    inner = text[len(PREFIX) : -len(SUFFIX)]
    data = base64.b64decode(inner, validate=True)
    if base64.b64encode(data).decode() != inner:
        raise ValueError("not in canonical form")
    return data.decode()


def check_headers(request: Request, headers: Mapping[str, str]) -> None:
    """Refuse a modern request whose headers do not repeat its body.

    Args:
        request: The body.
        headers: By name in lower case.

    Raises:
        ProtocolError: One is missing or differs.
    """
    _compare(request, headers, VERSION_HEADER, request.meta.get(VERSION_KEY))
    _compare(request, headers, METHOD_HEADER, request.method)
    named_by = NAMED_BY.get(request.method)
    if named_by is not None:
        _compare(request, headers, NAME_HEADER, request.params.get(named_by))


def _compare(request: Request, headers: Mapping[str, str], name: str, wanted: object) -> None:
    found = headers.get(name)
    if found is None:
        raise _mismatch(request, f"header {name} is missing")
    try:
        value = decode_value(found)
    except (ValueError, binascii.Error) as error:
        raise _mismatch(request, f"header {name} cannot be decoded: {error}") from error
    if value != wanted:
        raise _mismatch(request, f"header {name} differs from the body")


def _mismatch(request: Request, message: str) -> ProtocolError:
    return ProtocolError(HEADER_MISMATCH, message, request_id=request.id)
