"""JSON-RPC 2.0 messages as MCP uses them: one object each, never a batch."""

from typing import Any

import msgspec

from outrider.core.codec import decode_plain, encode
from outrider.core.errors import OutriderError
from outrider.core.mcp.protocol import INVALID_REQUEST, PARSE_ERROR

RequestId = str | int


class Request(msgspec.Struct, frozen=True):
    """A message that wants an answer."""

    id: RequestId
    method: str
    params: dict[str, Any]

    @property
    def meta(self) -> dict[str, Any]:
        """Its `_meta`; empty where there is none."""
        found = self.params.get("_meta")
        return found if isinstance(found, dict) else {}


class Notification(msgspec.Struct, frozen=True):
    """A message that wants none."""

    method: str
    params: dict[str, Any]


class Reply(msgspec.Struct, frozen=True):
    """An answer. This server asks its clients nothing, so it has no use for one."""


Message = Request | Notification | Reply


class ProtocolError(Exception):
    """A message that breaks the protocol.

    Args:
        code: A JSON-RPC or MCP error code.
        message: What is wrong.
        status: Status of an HTTP answer that carries it.
        request_id: The message's id, if it could be read.
        data: Further facts for the client.
    """

    def __init__(
        self,
        code: int,
        message: str,
        *,
        status: int = 400,
        request_id: RequestId | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.request_id = request_id
        self.data = data

    def body(self) -> bytes:
        """Return the JSON-RPC error response."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.data is not None:
            error["data"] = self.data
        return encode({"jsonrpc": "2.0", "id": self.request_id, "error": error})


def read_message(data: bytes) -> Message:
    """Read one message.

    Raises:
        ProtocolError: It is no JSON, a batch, or no JSON-RPC 2.0 message.
    """
    try:
        found = decode_plain(data)
    except OutriderError as error:
        raise ProtocolError(PARSE_ERROR, error.message) from error
    if isinstance(found, list):
        raise ProtocolError(INVALID_REQUEST, "a batch; MCP takes one message at a time")
    if not isinstance(found, dict):
        raise ProtocolError(INVALID_REQUEST, "a JSON-RPC message is an object")
    request_id = found.get("id")
    if "id" in found and (isinstance(request_id, bool) or not isinstance(request_id, str | int)):
        raise ProtocolError(INVALID_REQUEST, "id: expected text or an integer")
    if found.get("jsonrpc") != "2.0":
        raise ProtocolError(INVALID_REQUEST, 'jsonrpc: expected "2.0"', request_id=request_id)
    if "method" not in found and ("result" in found or "error" in found):
        return Reply()
    method, params = found.get("method"), found.get("params", {})
    if not isinstance(method, str):
        raise ProtocolError(INVALID_REQUEST, "method: expected text", request_id=request_id)
    if not isinstance(params, dict):
        raise ProtocolError(INVALID_REQUEST, "params: expected an object", request_id=request_id)
    return Notification(method, params) if request_id is None else Request(request_id, method, params)


def result_body(request: Request, result: dict[str, Any]) -> bytes:
    """Return the JSON-RPC response to a request."""
    return encode({"jsonrpc": "2.0", "id": request.id, "result": result})
