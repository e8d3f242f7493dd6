"""Schemas of custom resources, from JSON Schemas: the part of them that Kubernetes calls structural.

Rules: kubernetes.io/docs, "Extend the Kubernetes API with CustomResourceDefinitions", "Specifying a structural schema" and
"Validation"; patterns are of RE2, without lookaround. What cannot be said there is left to whoever reads the objects, and noted.
"""

import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any

from outrider.core.schema import schema_with_components
from outrider.ports.kube.json_schemas import Document
from outrider.ports.kube.unions import either, nullable

Schema = dict[str, Any]
ANYTHING: Schema = {"x-kubernetes-preserve-unknown-fields": True}
INT_OR_STRING: Schema = {"x-kubernetes-int-or-string": True}
# What means the same there.
_KEPT = (
    "type", "enum", "minimum", "maximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
    "required", "pattern",
)  # fmt: skip
# Those that the server judges as JSON Schema does; of others it warns, or means another thing.
_FORMATS = (
    "date-time",
    "date",
    "uuid",
    "uri",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "byte",
    "int32",
    "int64",
    "float",
    "double",
)
_UNSAID = ("not", "if", "propertyNames", "patternProperties", "contains", "dependentRequired", "dependentSchemas")
_BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_NOT_OF_RE2 = re.compile(r"\(\?(?:[=!]|<[=!]|P=|\()|\\[1-9Zu]|[*+?}]\+")
_ATTRIBUTES = re.compile(r"\n\s*\n\s*Attributes:.*", re.DOTALL)


def structural_schema(target: Any) -> Schema:
    """Return the schema of a type.

    Where a value may be of several types, which a structural schema cannot say, anything is taken; whoever reads it judges.
    Defaults are left out: an object stays as its author wrote it.

    Args:
        target: A msgspec struct.
    """
    return structural(document_of(target), exact=False)[0]


def document_of(target: Any) -> Schema:
    """Return the JSON Schema of a type, with those of the types that it refers to."""
    schema, components = schema_with_components(target, "#/$defs/{name}")
    return {**schema, "$defs": components}


def structural(
    document: Mapping[str, Any], pointer: str = "", *, path: str = "spec", exact: bool = True
) -> tuple[Schema, list[str]]:
    """Return the structural form of a JSON Schema (2020-12, or an older one as OpenAPI has it), and notes on where it says less.

    Args:
        document: The schema, with what it refers to.
        pointer: Where in it (JSON pointer, RFC 6901); all of it if empty.
        path: How notes begin to name fields.
        exact: Whether the server fills in defaults, and takes null for an enumeration that has it, which is then told by a pattern.

    Raises:
        InvalidConfigError: It is no schema, refers to what is not there, or is too large when all that is referred to is written out.
    """
    made = _Writer(document, exact=exact)
    return made.node({"$ref": f"#{pointer}"} if pointer else document, path), made.notes


class _Writer:
    """Writes schemas out, node by node."""

    def __init__(self, document: Mapping[str, Any], *, exact: bool) -> None:
        self.notes: list[str] = []
        self._document, self._exact = Document(document), exact

    def node(self, schema: Any, path: str, above: frozenset[str] = frozenset()) -> Schema:
        """Return the structural form of one node and of all below it."""
        if isinstance(schema, bool):
            return dict(ANYTHING)
        resolved, references = self._document.resolved(schema, path)
        if references & above:
            self._note(path, "it contains itself: anything is taken from there on")
            return dict(ANYTHING)
        self._note_unsaid(resolved, path)
        options = _options(resolved)
        made = (
            self._several(options, path, above | references)
            if options
            else self._single(resolved, path, above | references)
        )
        return self._finished(made, resolved)

    def _note(self, path: str, text: str) -> None:
        if (note := f"{path}: {text}") not in self.notes:
            self.notes.append(note)

    def _note_unsaid(self, schema: Mapping[str, Any], path: str) -> None:
        for keyword in _UNSAID:
            if keyword in schema:
                self._note(path, f"'{keyword}' is not judged by the server")

    def _several(self, options: Iterable[Any], path: str, above: frozenset[str]) -> Schema:
        present, null = [], False
        for one in options:
            resolved, _ = self._document.resolved(one, path)
            inner = _options(resolved)
            if inner and len(resolved) == len({"anyOf", "oneOf", "discriminator", "title"} & resolved.keys()):
                flat = [self._document.resolved(part, path)[0] for part in inner]
                null = null or any(_is_null(part) for part in flat)
                present += [part for part, known in zip(inner, flat, strict=True) if not _is_null(known)]
            elif _is_null(resolved):
                null = True
            else:
                present.append(one)
        if not present:
            return dict(ANYTHING)
        found, note = either([self.node(one, path, above) for one in present])
        if note:
            self._note(path, note)
        # What takes anything takes null too.
        return self._nullable(found) if null and (len(present) == 1 or found != ANYTHING) else found

    def _nullable(self, made: Schema) -> Schema:
        return nullable(made) if self._exact else {**made, "nullable": True}

    def _single(self, schema: Mapping[str, Any], path: str, above: frozenset[str]) -> Schema:
        made = {name: copy.deepcopy(schema[name]) for name in _KEPT if name in schema}
        if "const" in schema:
            made["enum"] = [schema["const"]]
        if _is_null(schema):
            return dict(ANYTHING)
        if None in (values := made.get("enum") or ()):
            rest = {**schema, "enum": [value for value in values if value is not None]}
            rest.pop("const", None)
            return self._nullable(self._single(rest, path, above))
        kind = _kind(schema, made.get("enum"))
        if kind == "":
            if "enum" in made:
                self._note(path, "its values are of several types: anything is taken")
            return dict(ANYTHING)
        if kind == "int-or-string":
            return {**INT_OR_STRING, **({"enum": made["enum"]} if "enum" in made else {})}
        made["type"] = kind
        if _NOT_OF_RE2.search(str(made.get("pattern", ""))):
            self._note(path, "its pattern is none of RE2, and not judged by the server")
            del made["pattern"]
        if not float(made.get("multipleOf", 1)).is_integer():
            # To the server it is 0 where the value is a whole number.
            self._note(path, "that it is a multiple of a fraction is not judged by the server")
            del made["multipleOf"]
        made |= _limits(schema)
        made |= self._alternatives(schema, path)
        if kind == "array":
            return {**made, **self._elements(schema, path, above)}
        return {**made, **self._fields(schema, path, above)} if kind == "object" else made

    def _elements(self, schema: Mapping[str, Any], path: str, above: frozenset[str]) -> Schema:
        items = schema.get("items", True)
        if "prefixItems" in schema or isinstance(items, list):
            self._note(path, "its elements are of types of their own: anything is taken for each")
            return {"items": dict(ANYTHING)}
        made = self.node(items, f"{path}[]", above)
        if not schema.get("uniqueItems"):
            return {"items": made}
        if made.get("type") in ("string", "integer", "number", "boolean") and not made.get("nullable"):
            return {"items": made, "x-kubernetes-list-type": "set"}
        self._note(path, "that its elements differ is not judged by the server")
        return {"items": made}

    def _alternatives(self, schema: Mapping[str, Any], path: str) -> Schema:
        """Return what a value must fit besides, where that says nothing of its type."""
        made: Schema = {}
        for name in ("anyOf", "oneOf"):
            branches = schema.get(name) or []
            if all(isinstance(one, Mapping) and one.keys() <= set(_KEPT) - {"type"} for one in branches):
                made |= {name: branches} if branches else {}
            else:
                self._note(path, f"'{name}' is not judged by the server")
        return made

    def _fields(self, schema: Mapping[str, Any], path: str, above: frozenset[str]) -> Schema:
        fields = schema.get("properties") or {}
        others = schema.get("additionalProperties")
        if fields:
            made: Schema = {"properties": {n: self.node(one, f"{path}.{n}", above) for n, one in fields.items()}}
            if others is not True and not isinstance(others, Mapping):
                return made
            self._note(path, "fields beside the named ones are not judged by the server")
            return made | ANYTHING
        if isinstance(others, Mapping) and others:
            return {"additionalProperties": self.node(others, f"{path}.*", above)}
        return {} if others is False else dict(ANYTHING)

    def _finished(self, made: Schema, schema: Mapping[str, Any]) -> Schema:
        if schema.get("nullable") is True and not made.get("nullable"):
            made = self._nullable(made)
        made |= {name: copy.deepcopy(value) for name, value in schema.items() if name.startswith("x-kubernetes-")}
        if self._exact and schema.get("default") is not None:
            made["default"] = copy.deepcopy(schema["default"])
        text = _ATTRIBUTES.sub("", str(schema.get("description", ""))).strip()
        return {**made, "description": " ".join(text.split())} if text else made


def _limits(schema: Mapping[str, Any]) -> Schema:
    """Return form and exclusive bounds of a text or number."""
    made: Schema = {"format": schema["format"]} if schema.get("format") in _FORMATS else {}
    if schema.get("contentEncoding") == "base64" and "pattern" not in schema:
        made["pattern"] = _BASE64  # the format "byte" takes no empty text
    for bound in ("minimum", "maximum"):
        exclusive = f"exclusive{bound.capitalize()}"
        if isinstance(limit := schema.get(exclusive), bool):
            made[exclusive] = limit
        elif limit is not None:  # a number in JSON Schema 2020-12, a boolean there
            made |= {bound: limit, exclusive: True}
    return made


def _options(schema: Mapping[str, Any]) -> list[Any]:
    """Return the schemas of which a value must fit one; none where it has a type of its own."""
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return [{**schema, "type": kind} for kind in kinds]
    if kinds is not None or "properties" in schema:
        return []
    return list(schema.get("anyOf") or schema.get("oneOf") or ())


def _is_null(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "null" or schema.get("enum") == [None] or schema.get("const", ...) is None


def _kind(schema: Mapping[str, Any], values: list[Any] | None) -> str:
    """Return the type of a node, as it says or as its values do; empty where it takes anything."""
    if schema.get("x-kubernetes-int-or-string"):
        return "int-or-string"
    if said := schema.get("type"):
        return str(said)
    if values:
        return _KINDS.get(frozenset(type(value) for value in values), "")
    return "object" if "properties" in schema else "array" if "items" in schema else ""


_KINDS: dict[frozenset[type], str] = {
    frozenset({str}): "string",
    frozenset({int}): "integer",
    frozenset({float}): "number",
    frozenset({int, float}): "number",
    frozenset({bool}): "boolean",
    frozenset({int, str}): "int-or-string",
}
