"""The parameters of an operation, from its document."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.sidecar.tools.servers.openapi.bodies import JSON
from outrider.sidecar.tools.servers.openapi.document import Document
from outrider.sidecar.tools.servers.openapi.names import argument_names
from outrider.sidecar.tools.servers.openapi.operation import Parameter, Place, Style
from outrider.sidecar.tools.servers.openapi.schemas import Made, Schemas, described

PLACES = ("path", "query", "header", "cookie")
STYLES: dict[str, tuple[str, ...]] = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form", "cookie"),
}
# Headers that say how a message is sent, or who sends it: the specification has the first three ignored.
_NOT_THE_AGENTS = frozenset({
    "accept", "content-type", "authorization", "proxy-authorization", "host", "connection", "content-length",
    "transfer-encoding", "te", "trailer", "upgrade", "expect", "keep-alive", "forwarded", "cookie",
})  # fmt: skip
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
MOST_PARAMETERS = 200


class Parameters(msgspec.Struct, frozen=True):
    """The parameters of an operation.

    Attributes:
        offered: Those that the agent gets.
        unoffered: Names, in lower case, of the others that are in a query or a cookie.
        names: Of `$defs` that their schemas refer to.
    """

    offered: tuple[Parameter, ...]
    unoffered: frozenset[str]
    names: tuple[str, ...]


class ParameterReader:
    """Reads parameters.

    Args:
        document: Where they stand.
        schemas: Of it.
        fixed: Headers, in lower case, that the settings of the server give.
    """

    def __init__(self, document: Document, schemas: Schemas, fixed: frozenset[str]) -> None:
        self._document, self._schemas, self._fixed = document, schemas, fixed
        self._keys = _keys(document)

    def read(self, item: Any, operation: Any, in_path: Iterable[str], *, has_body: bool) -> Parameters:
        """Return the parameters of an operation.

        Args:
            item: `parameters` of its path.
            operation: Its own; they count first.
            in_path: What its path has in braces; what is not declared is text.
            has_body: Whether an argument is called `body`.

        Raises:
            OutriderError: One is broken.
        """
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        listed = [*_listed(item), *_listed(operation)]
        if len(listed) > 2 * MOST_PARAMETERS:
            raise UnsupportedError(f"it has more than {MOST_PARAMETERS} parameters")
        for one in listed:
            parameter = self._document.resolve(one, "a parameter")
            name, place = parameter.get("name"), parameter.get("in")
            if not isinstance(name, str) or not name or not isinstance(place, str):
                raise InvalidConfigError("a parameter has no name or no place (in)")
            found[name.lower() if place == "header" else name, place] = parameter
        braces = list(dict.fromkeys(in_path))
        declared = {key: one for key, one in found.items() if key[1] != "path" or key[0] in braces} | {
            (name, "path"): {"name": name, "in": "path"} for name in braces if (name, "path") not in found
        }
        if len(declared) > MOST_PARAMETERS:
            raise UnsupportedError(f"it has more than {MOST_PARAMETERS} parameters")
        hidden = {key for key, one in declared.items() if self._is_hidden(str(one["name"]), key[1])}
        kept = sorted((key for key in declared if key not in hidden), key=lambda key: _place(key[1]))
        names = argument_names([(str(declared[key]["name"]), key[1]) for key in kept], ["body"] if has_body else [])
        made = [self._parameter(name, declared[key]) for name, key in zip(names, kept, strict=True)]
        return Parameters(
            tuple(one for one, _ in made),
            frozenset(name.casefold() for name, place in {*hidden, *self._keys} if place in ("query", "cookie")),
            tuple(name for _, schema in made for name in schema.names),
        )

    def _is_hidden(self, name: str, place: str) -> bool:
        """Return whether a parameter is not the agent's: it says who calls, or how a message is framed."""
        if place == "header" and (name.lower() in _NOT_THE_AGENTS or name.lower() in self._fixed):
            return True
        if place == "cookie" and "cookie" in self._fixed:
            return True
        return (name.lower() if place == "header" else name, place) in self._keys

    def _parameter(self, argument: str, found: Mapping[str, Any]) -> tuple[Parameter, Made]:
        name, place = str(found["name"]), cast("Place", found["in"])
        media, schema = self._media(found)
        style = found.get("style", STYLES[place][0])
        if style not in STYLES[place]:
            raise UnsupportedError(f"parameter '{name[:80]}': the style {str(style)[:40]!r} is none of a {place}")
        if place == "header" and _TOKEN.fullmatch(name) is None:
            raise InvalidConfigError(f"parameter '{name[:80]}' cannot be the name of a header")
        if style == "cookie" and _TOKEN.fullmatch(name) is None:
            raise InvalidConfigError(f"parameter '{name[:80]}' cannot be the name of a cookie")
        made = self._schemas.convert(schema)
        explode = found.get("explode")
        parameter = Parameter(
            argument=argument, name=name, place=place, style=cast("Style", style),
            explode=explode if isinstance(explode, bool) else style in ("form", "cookie"),
            reserved=place == "query" and found.get("allowReserved") is True, is_json=media != "",
            required=place == "path" or found.get("required") is True, schema=described(made.schema, found),
        )  # fmt: skip
        return parameter, made

    def _media(self, found: Mapping[str, Any]) -> tuple[str, Any]:
        """Return the content type of a parameter, where it has one, and its schema; one that is not declared is text."""
        content = found.get("content")
        if not isinstance(content, dict) or not content:
            return "", found.get("schema", {"type": "string"})
        media, described = next(iter(content.items()))
        if not is_json(media):
            raise UnsupportedError(f"parameter '{str(found['name'])[:80]}' is {media[:80]}; only JSON is sent so")
        return media, described.get("schema", True) if isinstance(described, dict) else True


def is_json(media: str) -> bool:
    """Return whether a content type is JSON."""
    plain = media.partition(";")[0].strip().lower()
    return plain == JSON or plain.endswith("+json")


def _keys(document: Document) -> frozenset[tuple[str, str]]:
    """Return names and places of what the document's `securitySchemes` take a key from."""
    components = document.data.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, dict) else None
    found = set()
    for one in schemes.values() if isinstance(schemes, dict) else ():
        try:
            scheme = document.resolve(one, "a security scheme")
        except InvalidConfigError:  # the service will say what it misses
            continue
        name, place = scheme.get("name"), scheme.get("in")
        if scheme.get("type") == "apiKey" and isinstance(name, str) and isinstance(place, str):
            found.add((name.lower() if place == "header" else name, place))
    return frozenset(found)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidConfigError("its parameters are no list")
    return value


def _place(place: str) -> int:
    if place not in PLACES:
        raise UnsupportedError(f"a parameter is in {place[:40]!r}, not in one of {', '.join(PLACES)}")
    return PLACES.index(place)
