"""Schemas of custom resources, from our types: the part of JSON Schema that Kubernetes calls structural.

Rules: kubernetes.io/docs, "Specifying a structural schema" and "Validation"; patterns are of RE2, without lookaround.
"""

import re
from collections.abc import Mapping
from typing import Any

from outrider.core.schema import json_schema

Schema = dict[str, Any]
ANYTHING: Schema = {"x-kubernetes-preserve-unknown-fields": True}
# What means the same there; of all else that JSON Schema has, the controller is the judge.
_KEPT = ("type", "enum", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "required", "pattern")
_LOOKAROUND = re.compile(r"\(\?[=!<]")
_ATTRIBUTES = re.compile(r"\n\s*\n\s*Attributes:.*", re.DOTALL)
_DEEPEST = 32


def structural_schema(target: Any) -> Schema:
    """Return the schema of a type.

    Where a value may be of several types, which a structural schema cannot say, anything is taken; whoever reads it judges.
    Defaults are left out: an object stays as its author wrote it.

    Args:
        target: A msgspec struct.
    """
    schema = json_schema(target)
    return _rewritten(schema, schema.get("$defs", {}), 0)


def _rewritten(schema: Mapping[str, Any], components: Mapping[str, Any], depth: int) -> Schema:
    if depth > _DEEPEST:
        return dict(ANYTHING)
    schema = _resolved(schema, components)
    options = schema.get("anyOf")
    if options is not None:
        return _of_several(schema, [_resolved(one, components) for one in options], components, depth)
    if "type" not in schema and "enum" not in schema:
        return _described(dict(ANYTHING), schema)
    made = {name: schema[name] for name in _KEPT if name in schema}
    made.setdefault("type", "string")
    if _LOOKAROUND.search(str(made.get("pattern", ""))):
        del made["pattern"]
    for bound in ("minimum", "maximum"):
        exclusive = f"exclusive{bound.capitalize()}"
        if exclusive in schema:  # a number in JSON Schema 2020-12, a boolean there
            made |= {bound: schema[exclusive], exclusive: True}
    return _described({**made, **_inside(schema, components, depth)}, schema)


def _inside(schema: Mapping[str, Any], components: Mapping[str, Any], depth: int) -> Schema:
    """Return what is said of elements and fields."""
    if schema.get("type") == "array":
        return {"items": _rewritten(schema.get("items", {}), components, depth + 1)}
    if schema.get("type") != "object":
        return {}
    fields = schema.get("properties")
    if fields:
        return {"properties": {name: _rewritten(one, components, depth + 1) for name, one in fields.items()}}
    others = schema.get("additionalProperties")
    if isinstance(others, Mapping) and others:
        return {"additionalProperties": _rewritten(others, components, depth + 1)}
    return {} if others is False else dict(ANYTHING)


def _of_several(
    schema: Mapping[str, Any], options: list[Mapping[str, Any]], components: Mapping[str, Any], depth: int
) -> Schema:
    present = [one for one in options if one.get("type") != "null"]
    if len(present) != 1:
        return _described(dict(ANYTHING), schema)
    made = _rewritten(present[0], components, depth)
    return _described(made | ({"nullable": True} if len(present) < len(options) else {}), schema)


def _resolved(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        found = components[schema["$ref"].removeprefix("#/$defs/")]
        schema = {**found, **{name: value for name, value in schema.items() if name != "$ref"}}
    return schema


def _described(made: Schema, schema: Mapping[str, Any]) -> Schema:
    text = _ATTRIBUTES.sub("", str(schema.get("description", ""))).strip()
    return {**made, "description": " ".join(text.split())} if text else made
