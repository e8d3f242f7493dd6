"""The fields of a model in words: name, type, default, meaning."""

import enum
import inspect
import json
import re
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

import msgspec

from outrider.core.quantities import Duration, Money, Size
from outrider.core.schema import defaults, json_schema

Model = type[msgspec.Struct]
_WORDS = {str: "text", int: "integer", float: "number", bool: "true or false", Path: "text", Duration: "duration", Size: "size", Money: "money", Any: "any",
          types.NoneType: "null"}  # fmt: skip
_BOUNDS = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "above", "minItems": "at least",
           "maxItems": "at most"}  # fmt: skip
_FIELD_HELP = re.compile(r"^\s*(\w+): (.+?)(?=^\s*\w+: |\Z)", re.MULTILINE | re.DOTALL)


class FieldRow(NamedTuple):
    """One field in words."""

    name: str
    type: str
    default: str
    meaning: str


class FieldWords:
    """Writes fields.

    Args:
        code: Writes a literal value.
        name: Writes the name of a model.
        nulls: Whether null is named where a field may be null; in what people write, leaving it out is the same.
    """

    def __init__(
        self,
        code: Callable[[str], str] = lambda text: text,
        name: Callable[[Model], str] = lambda model: model.__name__,
        *,
        nulls: bool = False,
    ) -> None:
        self._nulls = nulls
        self._code = code
        self._name = name

    def rows(self, model: Model) -> Iterator[FieldRow]:
        """Yield a row per field."""
        helps, absent = field_helps(model), defaults(model)
        for field in msgspec.structs.fields(model):
            yield FieldRow(
                self._code(field.encode_name),
                self.type_text(field.type) + _bounds(field.type),
                "required" if field.required else self._default(absent.get(field.encode_name)),
                helps.get(field.name, ""),
            )

    def type_text(self, target: Any) -> str:
        """Return a type in the words of YAML users."""
        origin, arguments = get_origin(target), get_args(target)
        if origin is Annotated:
            return self.type_text(arguments[0])
        if origin is Literal:
            return " or ".join(self._code(str(value)) for value in arguments)
        parts = [self.type_text(part) for part in arguments if part is not types.NoneType]
        if origin is list:
            return f"list of {parts[0]}"
        if origin is dict:
            return f"mapping of {parts[0]} to {parts[1]}"
        parts += ["null"] if self._nulls and types.NoneType in arguments else []
        return " or ".join(parts) or self._plain_type(target)

    def schema_type(self, schema: dict[str, Any]) -> str:
        """Return the type of a field of a JSON Schema, with its bounds."""
        if "enum" in schema:
            return " or ".join(self._code(str(value)) for value in schema["enum"])
        words = {"string": "text", "integer": "integer", "number": "number", "boolean": "true or false", "array": "list",
                 "object": "mapping"}  # fmt: skip
        name = words.get(str(schema.get("type")), "any")
        if name == "list" and "items" in schema:
            name = f"list of {self.schema_type(schema['items'])}"
        if str(schema.get("pattern", "")).endswith("(ms|s|m|h))+$"):
            name = "duration"
        limits = [f"{word} {schema[key]}" for key, word in _BOUNDS.items() if key in schema]
        return ", ".join([name, *limits])

    def _plain_type(self, target: Any) -> str:
        if isinstance(target, type) and issubclass(target, msgspec.Struct):
            return self._name(target)
        if isinstance(target, type) and issubclass(target, enum.Enum):
            return " or ".join(self._code(str(member.value)) for member in target)
        return _WORDS.get(target) or str(getattr(target, "__name__", target))

    def _default(self, value: Any) -> str:
        if value is None:
            return "none"
        if value in ("", [], {}):
            return "empty"
        return self._code(value if isinstance(value, str) else json.dumps(value))


def field_helps(model: Model) -> dict[str, str]:
    """Return the help of each field, from the Attributes sections of the type's docstring and of those it derives from."""
    helps: dict[str, str] = {}
    for part in reversed(model.__mro__):
        _, _, section = inspect.cleandoc(part.__doc__ or "").partition("Attributes:\n")
        helps |= {match[1]: " ".join(match[2].split()) for match in _FIELD_HELP.finditer(section)}
    return helps


def description(model: Model) -> str:
    """Return a model's docstring without its list of fields."""
    return (inspect.getdoc(model) or "").partition("Attributes:\n")[0].strip()


def nested(target: Any) -> Iterator[Model]:
    """Yield the models that a type holds."""
    if isinstance(target, type) and issubclass(target, msgspec.Struct):
        yield target
        return
    for part in get_args(target):
        yield from nested(part)


def _bounds(target: Any) -> str:
    schema = json_schema(target)
    present = [option for option in schema.get("anyOf", []) if option.get("type") != "null"]
    if len(present) == 1:
        schema = present[0]
    found = [f"{word} {schema[key]}" for key, word in _BOUNDS.items() if key in schema]
    return ", " + ", ".join(found) if found else ""
