"""The fields of a model as table rows: name, type, default, meaning."""

import enum
import inspect
import json
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from docs.pages.markdown import anchor, code
from outrider.core.quantities import Duration, Size
from outrider.core.schema import defaults, json_schema
from outrider.surfaces.cli.operations import field_helps

HEADER = ("field", "type", "default", "meaning")
_WORDS = {str: "text", int: "integer", float: "number", bool: "true or false", Duration: "duration", Size: "size", Any: "any",
          types.NoneType: "null"}  # fmt: skip
_BOUNDS = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "above", "minItems": "at least",
           "maxItems": "at most"}  # fmt: skip


def rows(model: type[msgspec.Struct], headings: dict[type, str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield a row per field; types that have a heading of their own are linked."""
    helps, absent = field_helps(model), defaults(model)
    for field in msgspec.structs.fields(model):
        yield (
            code(field.encode_name),
            type_text(field.type, headings) + _bounds(field.type),
            "required" if field.required else _default(absent.get(field.encode_name)),
            helps.get(field.name, ""),
        )


def description(model: type[msgspec.Struct]) -> str:
    """Return a model's docstring without its list of fields."""
    return (inspect.getdoc(model) or "").partition("Attributes:\n")[0].strip()


def nested(target: Any) -> Iterator[type[msgspec.Struct]]:
    """Yield the models that a type holds."""
    if isinstance(target, type) and issubclass(target, msgspec.Struct):
        yield target
        return
    for part in get_args(target):
        yield from nested(part)


def type_text(target: Any, headings: dict[type, str]) -> str:
    """Return a type in the words of YAML users."""
    origin, arguments = get_origin(target), get_args(target)
    if origin is Annotated:
        return type_text(arguments[0], headings)
    if origin is Literal:
        return " or ".join(code(str(value)) for value in arguments)
    parts = [type_text(part, headings) for part in arguments if part is not types.NoneType]
    if origin is list:
        return f"list of {parts[0]}"
    if origin is dict:
        return f"mapping of {parts[0]} to {parts[1]}"
    return " or ".join(parts) or _plain_type(target, headings)


def _plain_type(target: Any, headings: dict[type, str]) -> str:
    if target in headings:
        return f"[{target.__name__}]({anchor(headings[target])})"
    if isinstance(target, type) and issubclass(target, enum.Enum):
        return " or ".join(code(str(member.value)) for member in target)
    return _WORDS.get(target) or str(getattr(target, "__name__", target))


def schema_type(schema: dict[str, Any]) -> str:
    """Return the type of a field of a JSON Schema, with its bounds."""
    if "enum" in schema:
        return " or ".join(code(str(value)) for value in schema["enum"])
    words = {"string": "text", "integer": "integer", "number": "number", "boolean": "true or false", "array": "list",
             "object": "mapping"}  # fmt: skip
    name = words.get(str(schema.get("type")), "any")
    if name == "list" and "items" in schema:
        name = f"list of {schema_type(schema['items'])}"
    if str(schema.get("pattern", "")).endswith("(ms|s|m|h))+$"):
        name = "duration"
    limits = [f"{word} {schema[key]}" for key, word in _BOUNDS.items() if key in schema]
    return ", ".join([name, *limits])


def _bounds(target: Any) -> str:
    schema = json_schema(target)
    found = [f"{word} {schema[key]}" for key, word in _BOUNDS.items() if key in schema]
    return ", " + ", ".join(found) if found else ""


def _default(value: Any) -> str:
    if value is None:
        return "none"
    if value in ("", [], {}):
        return "empty"
    return code(value if isinstance(value, str) else json.dumps(value))
