"""From a document to operations: one that is broken is left out, the rest stays."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import quote

import msgspec

from outrider.core.codec import encode
from outrider.core.errors import InvalidConfigError, LimitedError, OutriderError, UnsupportedError
from outrider.sidecar.tools.servers.openapi.document import Document
from outrider.sidecar.tools.servers.openapi.names import Identity, tool_names
from outrider.sidecar.tools.servers.openapi.operation import Body, Operation, Parameter, Segment
from outrider.sidecar.tools.servers.openapi.parameters import ParameterReader
from outrider.sidecar.tools.servers.openapi.request_bodies import BodyReader
from outrider.sidecar.tools.servers.openapi.requests import BODY, climbs
from outrider.sidecar.tools.servers.openapi.schemas import Schemas
from outrider.sidecar.tools.servers.wire import LONGEST_LIST
from outrider.sidecar.tools.tool_server import Definition

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
# RFC 9110 section 9.2, and of QUERY its own.
SAFE, IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "QUERY"}), frozenset({"PUT", "DELETE"})
LONGEST_DEFINITION, MOST_OPERATIONS = 192 * 1024, 10_000
LONGEST_TITLE, LONGEST_DESCRIPTION = 120, 4000
_METHOD = re.compile(r"[A-Z][A-Z0-9-]{0,31}")
_BRACES = re.compile(r"\{([^{}/]+)\}")
_LITERAL = "/%:@!$&'()*+,;=~-._"


class Offer(msgspec.Struct, frozen=True):
    """What a document offers.

    Attributes:
        operations: By the name of their tool.
        left_out: What is not offered, and why.
    """

    operations: dict[str, Operation]
    left_out: dict[str, str]

    def definitions(self) -> list[Definition]:
        """Return the tools."""
        return [one.definition for one in self.operations.values()]


class _Found(msgspec.Struct, frozen=True):
    """An operation of a document before it is looked at; `item` is what stands at its path."""

    identity: Identity
    item: Mapping[str, Any]
    value: Any


def read_operations(document: Document, fixed: frozenset[str]) -> Offer:
    """Return the operations of a document.

    Args:
        document: It.
        fixed: Headers, in lower case, that the settings of the server give.

    Raises:
        InvalidConfigError: It has none.
        LimitedError: It has too many.
    """
    offer = Offer({}, {})
    found = list(islice(_find(document, offer.left_out), MOST_OPERATIONS + 1))
    if len(found) > MOST_OPERATIONS:
        raise LimitedError(f"its document has more than {MOST_OPERATIONS} operations")
    if not found and not offer.left_out:
        raise InvalidConfigError("its document has no operations")
    reader = _Reader(document, fixed)
    room = LONGEST_LIST
    for one, name in zip(found, tool_names([one.identity for one in found]), strict=True):
        try:
            if name in offer.operations:
                raise InvalidConfigError("another operation has its name")
            if room <= 0:
                raise LimitedError(f"all tools before it have {LONGEST_LIST} bytes together")
            made, size = reader.read(name, one)
        except OutriderError as error:
            offer.left_out[name] = f"{str(one.identity)[:200]}: {error.message}"
        except RecursionError:
            offer.left_out[name] = f"{str(one.identity)[:200]}: nested too deeply"
        else:
            room -= size
            offer.operations[name] = made
    return offer


def _find(document: Document, left_out: dict[str, str]) -> Iterator[_Found]:
    paths = document.data.get("paths")
    for path, value in paths.items() if isinstance(paths, dict) else ():
        if path.startswith("x-"):
            continue
        try:
            item = document.resolve(value, "it")
        except InvalidConfigError as error:
            left_out[path[:200]] = f"{path[:200]}: {error.message}"
            continue
        for method, operation in _methods(item):
            found = operation.get("operationId") if isinstance(operation, dict) else None
            yield _Found(Identity(method, path, found if isinstance(found, str) else ""), item, operation)


def _methods(item: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for method in METHODS:
        if method in item:
            yield method.upper(), item[method]
    more = item.get("additionalOperations")  # of OpenAPI 3.2
    for method, operation in more.items() if isinstance(more, dict) else ():
        if method.lower() not in METHODS:
            yield method, operation


class _Reader:
    def __init__(self, document: Document, fixed: frozenset[str]) -> None:
        self._server = _server(document.data)
        self._schemas = Schemas(document)
        self._parameters = ParameterReader(document, self._schemas, fixed)
        self._bodies = BodyReader(document, self._schemas)

    def read(self, name: str, found: _Found) -> tuple[Operation, int]:
        """Return an operation and the length of its definition.

        Raises:
            OutriderError: It cannot be offered.
        """
        method, path, value = found.identity.method, found.identity.path, found.value
        if not isinstance(value, dict):
            raise InvalidConfigError("it is no mapping")
        if _METHOD.fullmatch(method) is None or method in ("TRACE", "CONNECT"):
            raise UnsupportedError(f"the method {method[:40]} is not sent")
        if _server(value, _server(found.item, self._server)) != self._server:
            raise UnsupportedError("it has a server of its own, to which nothing is sent")
        pieces = _pieces(path)
        body, body_names = self._bodies.read(value.get("requestBody"))
        parameters = self._parameters.read(
            found.item.get("parameters"), value.get("parameters"), _BRACES.findall(path), has_body=body is not None
        )
        schema = _input_schema(found.identity, parameters.offered, body)
        shared = self._schemas.definitions(dict.fromkeys((*parameters.names, *body_names)))
        definition = _definition(name, found, schema | ({"$defs": shared} if shared else {}))
        size = len(encode(definition))
        if size > LONGEST_DEFINITION:
            raise LimitedError(f"its definition has {size} bytes, more than {LONGEST_DEFINITION}")
        return Operation(
            method=method, segments=_segments(pieces, parameters.offered), parameters=parameters.offered, body=body,
            unoffered=parameters.unoffered, definition=definition,
        ), size  # fmt: skip


def _server(value: Mapping[str, Any], otherwise: Any = None) -> Any:
    """Return the first server that something names."""
    servers = value.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else None
    return first.get("url") if isinstance(first, dict) else otherwise


def _pieces(path: str) -> list[list[str]]:
    """Return the parts of a path between slashes: in each texts and, at odd places, what stands in braces.

    Raises:
        InvalidConfigError: It is no path.
    """
    if not path.startswith("/") or any(one in path for one in "?#\\") or not path.isprintable():
        raise InvalidConfigError("its path does not begin with / or holds a character that no path has")
    pieces = [_BRACES.split(segment) for segment in path[1:].split("/")]
    for piece in pieces:
        if any(brace in text for text in piece[::2] for brace in "{}"):
            raise InvalidConfigError("the braces of its path do not fit together")
        if len(piece) == 1 and climbs(piece[0]):
            raise InvalidConfigError("its path climbs")
    return pieces


def _segments(pieces: list[list[str]], parameters: tuple[Parameter, ...]) -> tuple[Segment, ...]:
    known = {one.name: one for one in parameters if one.place == "path"}
    return tuple(
        Segment(tuple(
            known[text] if number % 2 else quote(text, safe=_LITERAL)
            for number, text in enumerate(piece) if text
        ))
        for piece in pieces
    )  # fmt: skip


def _input_schema(identity: Identity, parameters: tuple[Parameter, ...], body: Body | None) -> dict[str, Any]:
    """Return the schema of the arguments. Method and path are a part of it, so that another operation under the same name is
    another definition.
    """
    properties = {one.argument: one.schema for one in parameters}
    required = [one.argument for one in parameters if one.required]
    if body is not None:
        properties[BODY] = body.schema
        required += [BODY] if body.required else []
    made = {"$comment": str(identity), "type": "object", "properties": properties, "additionalProperties": False}
    return made | ({"required": required} if required else {})


def _definition(name: str, found: _Found, schema: dict[str, Any]) -> Definition:
    method, value = found.identity.method, found.value
    summary, text = _text(value, "summary"), _text(value, "description")
    summary = summary or _text(found.item, "summary")
    described = "\n\n".join(dict.fromkeys(one for one in (summary, text) if one)) or str(found.identity)
    if value.get("deprecated") is True:
        described = f"Deprecated. {described}"
    hints: dict[str, bool] = {"readOnlyHint": method in SAFE}
    if method == "DELETE":
        hints["destructiveHint"] = True
    if method in IDEMPOTENT:
        hints["idempotentHint"] = True
    made = {
        "name": name, "description": _cut(described, LONGEST_DESCRIPTION), "inputSchema": schema, "annotations": hints,
    }  # fmt: skip
    return made | ({"title": _cut(summary, LONGEST_TITLE)} if summary else {})


def _text(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    return found.strip() if isinstance(found, str) else ""


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
