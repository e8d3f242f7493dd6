"""From a request to its handler, and from any error to an answer: the HTTP edge."""

import logging
import math
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec

from outrider.core import codec
from outrider.core.errors import (
    CODES,
    ConflictError,
    InternalError,
    InvalidConfigError,
    NotFoundError,
    OutriderError,
    UnsupportedError,
)
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.core.trace import TRACEPARENT
from outrider.ports.telemetry import span

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]
_JSON = Headers({"content-type": "application/json"})
_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_AT = re.compile(r" - at `\$\.?([^`]*)`")
_LITERAL = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# What is empty or moves within a path is never taken for a name.
_NO_VALUE = frozenset({"", ".", ".."})


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response whose body is `value` as JSON."""
    fields = Headers([*_JSON, *headers.items()]) if headers else _JSON
    return Response(status, fields, codec.encode(value))


def read_json(request: Request, target: type[T]) -> T:
    """Return the body of a request as `target`.

    Raises:
        InvalidConfigError: It is no JSON or does not fit; `path` names the field.
    """
    try:
        return codec.decode(request.body, target)
    except InvalidConfigError as error:
        at = _AT.search(error.message)
        raise InvalidConfigError(
            f"body of {request.method} {request.path}: {error.message}",
            path=at[1] if at else "",
            suggestions=["correct the field and send the request again"],
        ) from error


def number_argument(request: Request, name: str, default: int) -> int:
    """Return a whole number from the query.

    Raises:
        InvalidConfigError: It is none.
    """
    text = request.arguments().get(name, [str(default)])[0]
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise InvalidConfigError(f"{name}: not a number", path=name, found=text, expected="a whole number")
    return int(text)


def error_response(
    error: OutriderError, status: int | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the answer that carries an error: `{"error": {...}}` with the status of its code unless one is given."""
    fields = dict(headers or {})
    if error.retry_after is not None:
        fields["retry-after"] = str(math.ceil(error.retry_after))
    if error.code == "UNAUTHENTICATED":
        fields.setdefault("www-authenticate", "Bearer")  # RFC 9110 section 15.5.2 demands a challenge
    return json_response({"error": error.body()}, status or CODES[error.code].http, fields)


class _Route(msgspec.Struct, frozen=True):
    """What answers a method: its template, the names of the placeholders in it, and the handler."""

    template: str
    names: list[str]
    handler: Handler


class _Node:
    """One segment of the templates."""

    __slots__ = ("any_segment", "handlers", "segments")

    def __init__(self) -> None:
        self.segments: dict[str, _Node] = {}
        self.any_segment: _Node | None = None
        self.handlers: dict[str, _Route] = {}


class Router:
    """Finds the handler of a request and turns what it raises into an answer.

    Args:
        log: Gets the full report of what is not an OutriderError.
        new_trace_id: Gives the id under which that report is found, where the request brings none.
    """

    def __init__(self, log: logging.Logger, *, new_trace_id: Callable[[], str] = lambda: os.urandom(16).hex()) -> None:
        self._log = log
        self._new_trace_id = new_trace_id
        self._root = _Node()

    def add(self, method: str, template: str, handler: Handler) -> None:
        """Route a method on paths such as `/agents/v1/{agent}/events`; a placeholder takes exactly one segment.

        A literal segment wins over a placeholder. GET serves HEAD too.

        Raises:
            InvalidConfigError: The template is malformed.
            ConflictError: It has a handler for this method already.
        """
        node, names = self._root, []
        for segment in _template_segments(template):
            match = _PLACEHOLDER.fullmatch(segment)
            if match:
                names.append(match[1])
                node.any_segment = node = node.any_segment or _Node()
            else:
                node = node.segments.setdefault(segment, _Node())
        if method in node.handlers:
            raise ConflictError(f"{method} {template} has a handler already")
        node.handlers[method] = _Route(template, names, handler)

    async def __call__(self, request: Request) -> Response:
        """Answer a request; nothing but a cancellation is raised."""
        try:
            return await self._handle(request)
        except OutriderError as error:
            return error_response(error)
        except Exception as error:  # noqa: BLE001 - the HTTP edge: a fault of one handler must not end the connection
            return error_response(self._reported(error, request))

    async def _handle(self, request: Request) -> Response:
        nodes = self._nodes(request.path)
        for node, values in nodes:
            found = node.handlers.get(request.method) or (
                node.handlers.get("GET") if request.method == "HEAD" else None
            )
            if found is not None:
                request.params = dict(zip(found.names, values, strict=True))
                return await _traced(request, found)
        return _no_handler(request, {method for node, _ in nodes for method in node.handlers})

    def _nodes(self, path: str) -> list[tuple[_Node, list[str]]]:
        """Return the nodes whose template matches, literals before placeholders, each with the placeholders' values."""
        found: list[tuple[_Node, list[str]]] = [(self._root, [])]
        for segment in _path_segments(path):
            following = []
            for node, values in found:
                literal = node.segments.get(segment)
                if literal is not None:
                    following.append((literal, values))
                if node.any_segment is not None and segment not in _NO_VALUE:
                    following.append((node.any_segment, [*values, segment]))
            found = following
        return found

    def _reported(self, error: Exception, request: Request) -> InternalError:
        """Log what nobody expected and return what the caller may know of it."""
        trace_id = request.trace_id or self._new_trace_id()
        self._log.error(
            "request failed",
            exc_info=error,
            extra={"trace_id": trace_id, "method": request.method, "path": request.path},
        )
        internal = InternalError(
            f"{request.method} {request.path}: {type(error).__name__}",
            suggestions=[f"look for trace id {trace_id} in the log"],
        )
        internal.trace_id = trace_id
        return internal


async def _traced(request: Request, route: _Route) -> Response:
    """Handle a request, as a part of the trace of who sent it if it names one (W3C Trace Context)."""
    parent = request.headers.get(TRACEPARENT)
    if parent is None:
        return await route.handler(request)
    with span(f"{request.method} {route.template}", {"server.address": request.peer.address}, parent=parent) as current:
        request.trace_id = current.trace_id
        response = await route.handler(request)
        current.set("http.response.status_code", response.status)
        return response


def _template_segments(template: str) -> list[str]:
    segments = template[1:].split("/")
    fits = template.startswith("/") and all(
        _LITERAL.fullmatch(part) or _PLACEHOLDER.fullmatch(part) for part in segments
    )
    names = _PLACEHOLDER.findall(template)
    if not fits or len(set(names)) < len(names):
        raise InvalidConfigError(
            f"{template!r} is not a route",
            found=template,
            expected="/ and segments that are literal or a {placeholder}",
        )
    return segments


def _path_segments(path: str) -> list[str]:
    """Return the decoded segments; an encoded slash stays inside its segment."""
    if "%" not in path:
        return path[1:].split("/") if path != "*" else [path]
    try:
        segments = [unquote(segment, errors="strict") for segment in path[1:].split("/")]
    except UnicodeDecodeError as error:
        raise InvalidConfigError("the path is not UTF-8 in percent form", path="path", found=path) from error
    if any(_CONTROL.search(segment) for segment in segments):
        raise InvalidConfigError("the path holds an encoded control character", path="path", found=path)
    return segments


def _no_handler(request: Request, allowed: set[str]) -> Response:
    if not allowed:
        return error_response(NotFoundError(f"there is nothing at {request.path}", found=request.path))
    if "GET" in allowed:
        allowed.add("HEAD")
    methods = ", ".join(sorted(allowed))
    error = UnsupportedError(
        f"{request.method} is not possible on {request.path}", found=request.method, expected=methods
    )
    return error_response(error, 405, {"allow": methods})
