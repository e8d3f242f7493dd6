"""From any error to an answer: the HTTP edge of this door."""

import math
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, ValidationException
from litestar.routes import HTTPRoute

from outrider.core.errors import (
    CODES,
    InternalError,
    InvalidConfigError,
    LimitedError,
    NotFoundError,
    OutriderError,
    UnsupportedError,
)
from outrider.core.trace import new_trace_id
from outrider.ports.telemetry import logger
from outrider.surfaces.http.answers import TRACE_HEADER, json_answer

_log = logger(__name__)
_Request = Request[Any, Any, Any]


def error_answer(error: OutriderError, status: int | None = None) -> Response[bytes]:
    """Return the answer that carries an error: `{"error": {...}}` with the status of its code unless one is given."""
    headers = {}
    if error.retry_after is not None:
        headers["retry-after"] = str(math.ceil(error.retry_after))
    if error.code == "UNAUTHENTICATED":
        headers["www-authenticate"] = "Bearer"  # RFC 9110 section 15.5.2 demands a challenge
    if error.trace_id:
        headers[TRACE_HEADER] = error.trace_id
    return json_answer({"error": error.body()}, status or CODES[error.code].http, headers)


def on_error(request: _Request, error: Exception) -> Response[bytes]:
    """Answer what a handler raised; the report of what nobody expected goes to the log."""
    if isinstance(error, OutriderError):
        return error_answer(error)
    if isinstance(error, HTTPException):
        return _from_framework(request, error)
    internal = InternalError(f"{request.method} {request.url.path}: {type(error).__name__}")
    internal.trace_id = new_trace_id()
    internal.suggestions = [f"look for trace id {internal.trace_id} in the log"]
    _log.error("request failed", exc_info=error, extra={"trace_id": internal.trace_id})
    return error_answer(internal)


def _from_framework(request: _Request, error: HTTPException) -> Response[bytes]:
    path = request.url.path
    if isinstance(error, ValidationException):
        return error_answer(_invalid(error))
    if isinstance(error, MethodNotAllowedException):
        allowed = ", ".join(sorted(_methods(request)))
        refused = UnsupportedError(
            f"{request.method} is not possible on {path}", found=request.method, expected=allowed
        )
        answer = error_answer(refused, error.status_code)
        answer.headers["allow"] = allowed
        return answer
    if error.status_code == 413:
        return error_answer(LimitedError(f"the body of {request.method} {path} is too large"), 413)
    if error.status_code == 404:
        return error_answer(NotFoundError(f"there is nothing at {path}", found=path, suggestions=["see /openapi.json"]))
    return error_answer(InvalidConfigError(f"{request.method} {path}: {error.detail}"), error.status_code)


def _methods(request: _Request) -> set[str]:
    """Return the methods of the path: RFC 9110 section 15.5.6 demands them, and the framework leaves them out."""
    segments = [segment for segment in request.scope["path"].split("/") if segment]
    found: set[str] = set()
    for route in request.app.routes:
        parts = route.path_components
        literal = [part == segment or not isinstance(part, str) for part, segment in zip(parts, segments, strict=False)]
        if isinstance(route, HTTPRoute) and len(parts) == len(segments) and all(literal):
            found |= {str(method) for method in route.methods}
    return found


def _invalid(error: ValidationException) -> InvalidConfigError:
    faults: list[dict[str, str]] = error.extra if isinstance(error.extra, list) else []
    first = faults[0] if faults else {}
    name, message = first.get("key", ""), first.get("message", error.detail)
    return InvalidConfigError(
        f"{name}: {message}" if name else message, path=name, suggestions=["see /openapi.json for what it takes"]
    )
