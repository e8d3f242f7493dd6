"""Schemas of OpenAPI 3.0 and later as JSON Schema 2020-12, for what is sent.

What is made is a schema whatever stands in the document: a keyword that is not as the specification has it is left out, so
that more is allowed; the service judges for itself.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, LimitedError, OutriderError
from outrider.sidecar.tools.servers.openapi.document import Document
from outrider.sidecar.tools.servers.openapi.names import LONGEST_ARGUMENT, fit

# Bytes, about: of a schema without what it refers to, and of all that the schemas of one operation refer to.
LONGEST_SCHEMA, LONGEST_SHARED = 64 * 1024, 64 * 1024
LONGEST_TEXT, MOST_VALUES, MOST_HIDDEN = 2000, 1000, 1000
# Of all schemas of a document, each as often as it is looked at.
LONGEST_WORK = 32 * 1024 * 1024
DEEPEST = 60
# How far is looked for properties that are not sent.
_FAR = 8
_WRAPPING = 20
_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_SCHEMAS = frozenset({"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas"})
_WHOLES = ("allOf", "anyOf", "oneOf", "$ref")
_NO_VALUE: Any = object()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_values(value: Any) -> bool:
    return isinstance(value, list) and 0 < len(value) <= MOST_VALUES


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


# Keywords whose values are taken as they are, and what those must be.
_TAKEN: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("title", "description", "format", "pattern", "contentEncoding", "contentMediaType"), _is_text),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_number),
    "multipleOf": lambda value: _is_number(value) and value > 0,
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _is_count),
    **dict.fromkeys(("minContains", "maxContains"), _is_count),
    **dict.fromkeys(("uniqueItems", "deprecated"), lambda value: isinstance(value, bool)),
    **dict.fromkeys(("enum", "examples"), _is_values),
    **dict.fromkeys(("const", "default"), lambda _: True),
    "dependentRequired": lambda value: isinstance(value, dict) and all(_is_names(one) for one in value.values()),
}


class Made(msgspec.Struct, frozen=True):
    """A schema of JSON Schema.

    Attributes:
        schema: It; references name what is in `$defs`.
        names: Those.
        size: Bytes, about.
    """

    schema: Any
    names: tuple[str, ...]
    size: int


class Schemas:
    """The schemas of a document.

    Args:
        document: It.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._names: dict[str, str] = {}
        self._references: dict[str, str] = {}
        self._shared: dict[str, Made | OutriderError] = {}
        self._work = LONGEST_WORK
        # By the identity of what the document holds, which lives as long as this.
        self._read_only: dict[int, frozenset[str]] = {}

    def convert(self, schema: Any) -> Made:
        """Return a schema.

        Raises:
            OutriderError: It is too long or nested too deeply, or a reference cannot be followed.
        """
        if self._work <= 0:
            raise LimitedError("the schemas of the document are too much work")
        work = _Conversion(self)
        try:
            made = work.convert(schema, frozenset(), DEEPEST)
        finally:
            self._work -= LONGEST_SCHEMA - work.room
        return Made(made, tuple(work.names), LONGEST_SCHEMA - work.room)

    def definitions(self, names: Iterable[str]) -> dict[str, Any]:
        """Return the schemas of names, and what those refer to. Beyond a length a schema stands as one that allows anything.

        Raises:
            OutriderError: A reference cannot be followed.
        """
        found: dict[str, Any] = {}
        waiting, room = deque(names), LONGEST_SHARED
        while waiting:
            name = waiting.popleft()
            if name in found:
                continue
            made = self._share(name)
            room -= made.size + len(name) + _WRAPPING
            found[name] = made.schema if room >= 0 else {}
            if room >= 0:
                waiting.extend(made.names)
        return found

    def name(self, reference: str) -> str:
        """Return the name that stands for a reference in `$defs`."""
        known = self._names.get(reference)
        if known is not None:
            return known
        made = plain = fit(reference.rpartition("/")[2], LONGEST_ARGUMENT) or "schema"
        number = 2
        while made in self._references:
            made, number = f"{plain}_{number}", number + 1
        self._names[reference], self._references[made] = made, reference
        return made

    def read_only(self, schema: Any, far: int = _FAR) -> frozenset[str]:
        """Return the properties of an object that only answers have (`readOnly`)."""
        schema = self._followed(schema)
        if far == 0 or not isinstance(schema, dict):
            return frozenset()
        known = self._read_only.get(id(schema))
        if known is not None:
            return known
        self._read_only[id(schema)] = frozenset()  # for one that is a part of itself
        properties, parts = schema.get("properties"), schema.get("allOf")
        found = [
            name
            for name, one in (properties.items() if isinstance(properties, dict) else ())
            if _is_read_only(one) or _is_read_only(self._followed(one))
        ]
        for one in parts if isinstance(parts, list) else ():
            if len(found) < MOST_HIDDEN:
                found += self.read_only(one, far - 1)
        self._read_only[id(schema)] = frozenset(found[:MOST_HIDDEN])
        return self._read_only[id(schema)]

    def _followed(self, schema: Any) -> Any:
        if not isinstance(schema, dict) or not isinstance(schema.get("$ref"), str):
            return schema
        try:
            return self._document.resolve(schema, "a schema")
        except InvalidConfigError:  # whoever converts it tells of it
            return schema

    def _share(self, name: str) -> Made:
        made = self._shared.get(name)
        if made is None:
            try:
                made = self.convert(self._document.at(self._references[name]))
            except LimitedError:
                made = Made({}, (), 2)
            except OutriderError as error:
                made = error
            self._shared[name] = made
        if isinstance(made, OutriderError):
            raise made
        return made


def _is_read_only(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("readOnly") is True


class _Conversion:
    """Converts one schema with all that is in it, up to a length.

    Attributes:
        names: What it refers to, in order.
        room: Bytes that are left.
    """

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self.names: dict[str, None] = {}
        self.room = LONGEST_SCHEMA

    def convert(self, schema: Any, unsent: frozenset[str], depth: int) -> Any:
        """Return a schema; `unsent` are properties that must not be asked for."""
        self._take(4)
        if depth == 0:
            raise LimitedError(f"a schema is nested deeper than {DEEPEST} levels")
        if not isinstance(schema, dict):
            return False if schema is False else {}
        hidden = unsent | self._schemas.read_only(schema) if "properties" in schema or "allOf" in schema else unsent
        made: dict[str, Any] = {}
        for keyword, value in schema.items():
            found = self._keyword(keyword, value, hidden, depth - 1)
            if found is not _NO_VALUE:
                self._take(len(keyword) + 6)
                made[keyword] = found
        return _nullable(_bounded(made, schema), schema)

    def _keyword(self, keyword: str, value: Any, hidden: frozenset[str], depth: int) -> Any:
        if keyword in _TAKEN:
            return self._plain(_cut(value), depth) if _TAKEN[keyword](value) else _NO_VALUE
        if keyword in _SCHEMAS:
            return self.convert(value, frozenset(), depth) if isinstance(value, dict | bool) else _NO_VALUE
        if keyword in _LISTS:
            return self._list(keyword, value, hidden, depth)
        if keyword in _MAPS and isinstance(value, dict):
            return self._map(keyword, value, hidden, depth)
        return self._special(keyword, value, hidden, depth)

    def _special(self, keyword: str, value: Any, hidden: frozenset[str], depth: int) -> Any:
        if keyword == "$ref" and isinstance(value, str):
            name = self._schemas.name(value)
            self.names[name] = None
            self._take(len(name) + 10)
            return f"#/$defs/{name}"
        if keyword == "type":
            return _types(value)
        if keyword == "required" and _is_names(value):
            return self._plain([one for one in dict.fromkeys(value) if one not in hidden], depth) or _NO_VALUE
        return _NO_VALUE

    def _list(self, keyword: str, value: Any, hidden: frozenset[str], depth: int) -> Any:
        if not isinstance(value, list) or not value:
            return _NO_VALUE
        return [self.convert(one, hidden if keyword == "allOf" else frozenset(), depth) for one in value]

    def _map(self, keyword: str, value: Mapping[str, Any], hidden: frozenset[str], depth: int) -> Any:
        left = hidden if keyword == "properties" else frozenset()
        made = {}
        for name, one in value.items():
            if name not in left:
                self._take(len(name) + 4)
                made[name] = self.convert(one, frozenset(), depth)
        return made

    def _plain(self, value: Any, depth: int) -> Any:
        """Return a value that is no schema, counted: aliases of YAML let a short text stand for a very long one."""
        self._take(4 + len(value) if isinstance(value, str) else 4)
        if depth == 0:
            raise LimitedError(f"a schema is nested deeper than {DEEPEST} levels")
        if isinstance(value, dict):
            return {self._plain(key, depth): self._plain(one, depth - 1) for key, one in value.items()}
        return [self._plain(one, depth - 1) for one in value] if isinstance(value, list) else value

    def _take(self, size: int) -> None:
        self.room -= size
        if self.room < 0:
            raise LimitedError(f"a schema is longer than {LONGEST_SCHEMA} bytes")


def described(schema: Any, found: Mapping[str, Any]) -> Any:
    """Return a schema with the description that whatever has it gives besides."""
    text = found.get("description")
    if not isinstance(text, str) or not text.strip() or not isinstance(schema, dict):
        return schema
    return {**schema, "description": _cut(text.strip())}


def _cut(value: Any) -> Any:
    return value[: LONGEST_TEXT - 1] + "…" if isinstance(value, str) and len(value) > LONGEST_TEXT else value


def _types(value: Any) -> Any:
    found = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str) and one in _TYPES]
    if not found:
        return _NO_VALUE
    return list(dict.fromkeys(found)) if isinstance(value, list) else found[0]


def _bounded(made: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Put the bounds of 3.0, whose `exclusive...` say true or false, as they are written today."""
    for inclusive, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if schema.get(exclusive) is True and inclusive in made:
            made[exclusive] = made.pop(inclusive)
    return made


def _nullable(made: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Put the `nullable` of 3.0 as it is written today; null is allowed also where an enumeration or a reference has none."""
    if schema.get("nullable") is not True:
        return made
    if any(whole in made for whole in _WHOLES):
        return {"anyOf": [made, {"type": "null"}]}
    types = made.get("type")
    if types is not None:
        listed = types if isinstance(types, list) else [types]
        made["type"] = listed if "null" in listed else [*listed, "null"]
    if "enum" in made and None not in made["enum"]:
        made["enum"] = [*made["enum"], None]
    return made
