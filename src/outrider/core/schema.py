"""Reading user input into typed models, with every fault found at once; and JSON Schema from the same types.

msgspec stops at the first fault; people want all of them. So structures are walked here, and msgspec judges the leaves.
"""

import pathlib
import re
import types
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec

from outrider.core.codec import convert_strict, to_builtins
from outrider.core.errors import InvalidConfigError, OutriderError, collected, did_you_mean, near_names
from outrider.core.quantities import QUANTITIES
from outrider.core.source import NO_SOURCE, Path, SourceMap, format_path

T = TypeVar("T")
_FOUND_LIMIT = 80
_HUGE = 10**_FOUND_LIMIT
_INNER_PATH = re.compile(r"(?s)(.*) - at `\$([^`]*)`")


def convert(data: Any, target: type[T], *, source: SourceMap = NO_SOURCE, base: Path = ()) -> T:
    """Convert plain data (from YAML, JSON or a command line) into a model.

    Args:
        data: Dicts, lists and scalars.
        target: A msgspec struct, or any type that msgspec can convert to.
        source: Places of the document's values, for the errors.
        base: Path of `data` inside its document.

    Raises:
        InvalidConfigError: With all faults in `causes`, in document order.
    """
    reader = _Reader(source)
    try:
        result = _read_at_once(data, target)
        if result is None:
            result = reader.read(data, target, base)
    except RecursionError as error:
        raise InvalidConfigError(
            f"{_where(base)}nested too deeply", path=format_path(base), source=source.value(base), found=describe(data)
        ) from error
    if reader.faults:
        raise collected(reader.faults)
    return result  # type: ignore[no-any-return]  # the reader follows the type that it is given


def _read_at_once(data: Any, target: Any) -> Any:
    """Return what the walk would, at a tenth of its cost, where nothing is wrong; None where the walk must tell."""
    try:
        # Texts that msgspec takes and the walk may not: with a line end; half of a surrogate pair cannot even be encoded.
        if not _knows_all(target) or b"\\n" in msgspec.json.encode(data):
            return None
        return convert_strict(data, target)
    except (msgspec.MsgspecError, OutriderError, TypeError, ValueError, OverflowError, RecursionError):
        return None


def describe(value: Any) -> str:
    """Return a value as a person would write it, cut to one short line."""
    if isinstance(value, str):
        text = f'"{_printable(value[:_FOUND_LIMIT])}"'
    elif value is None:
        text = "null"
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, dict):
        text = "a mapping"
    elif isinstance(value, list):
        text = "a list"
    elif isinstance(value, int) and abs(value) >= _HUGE:
        text = "a huge number"
    else:
        text = str(value)
    return text if len(text) <= _FOUND_LIMIT else text[: _FOUND_LIMIT - 1] + "…"


def _printable(text: str) -> str:
    """Return the text without line ends, control characters and what UTF-8 cannot hold."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


class _Reader:
    """Walks data and type side by side and collects faults."""

    def __init__(self, source: SourceMap) -> None:
        self.source = source
        self.faults: list[OutriderError] = []

    def read(self, value: Any, target: Any, path: Path) -> Any:
        shape = _without_annotation(target)
        origin = get_origin(shape)
        if origin in (Union, types.UnionType):
            return self._read_union(value, target, path)
        if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
            return self._read_struct(value, shape, path)
        if origin is list and isinstance(value, list):
            (item,) = get_args(shape)
            self._check_bounds(value, list, target, path)
            return [self.read(element, item, (*path, index)) for index, element in enumerate(value)]
        if origin is dict and isinstance(value, dict):
            name, item = get_args(shape)
            self._check_bounds(value, dict, target, path)
            return {
                self.read(key, name, (*path, key)): self.read(element, item, (*path, key))
                for key, element in value.items()
            }
        return self._read_leaf(value, target, path)

    def _read_union(self, value: Any, target: Any, path: Path) -> Any:
        options = [option for option in get_args(_without_annotation(target)) if option is not types.NoneType]
        if value is None and len(options) < len(get_args(_without_annotation(target))):
            return None
        structures = [option for option in options if _is_structure(option)]
        if len(options) == 1 or (len(structures) == 1 and isinstance(value, dict)):
            return self.read(value, structures[0] if structures else options[0], path)
        lists = [option for option in options if get_origin(_without_annotation(option)) is list]
        if len(lists) == 1 and isinstance(value, list):
            return self.read(value, lists[0], path)
        return self._read_leaf(value, target, path)

    def _read_struct(self, value: Any, target: type[msgspec.Struct], path: Path) -> Any:
        if isinstance(value, target):
            return value
        fields = _fields_by_name(target)
        if not isinstance(value, dict):
            self._fault(path, "expected a mapping", value, expected=f"a mapping with {', '.join(fields)}")
            return None
        before = len(self.faults)
        known = {}
        for key, element in value.items():
            if key not in fields:
                self._unknown_field(str(key), element, fields, path)
                continue
            known[fields[key].name] = self.read(element, fields[key].type, (*path, key))
        for name, field in fields.items():
            if field.required and name not in value:
                self._missing_field(name, field, value, path)
        return self._build(target, known, path) if len(self.faults) == before else None

    def _build(self, target: type[msgspec.Struct], known: dict[str, Any], path: Path) -> Any:
        try:
            return target(**known)
        except OutriderError as error:
            for fault in error.causes or [error]:
                # A model's own check names a field relative to itself.
                inner = tuple(part for part in fault.path.split(".") if part)
                fault.source = fault.source or self.source.value((*path, *inner))
                fault.path = format_path((*path, *inner))
                self.faults.append(fault)
            return None

    def _check_bounds(self, value: Any, container: type, target: Any, path: Path) -> None:
        """Judge the length that an annotation demands; the elements are judged one by one."""
        if get_origin(target) is Annotated:
            self._read_leaf(value, Annotated[(container, *target.__metadata__)], path)

    def _read_leaf(self, value: Any, target: Any, path: Path) -> Any:
        if isinstance(value, str) and not _is_unicode(value):
            self._fault(path, "half of a surrogate pair, which no UTF-8 can hold", value, expected="Unicode text")
            return None
        try:
            result = convert_strict(value, target)
        except msgspec.ValidationError as error:
            located = _INNER_PATH.fullmatch(str(error))
            expected, inner = located.groups() if located else (str(error), "")
            self._fault(
                path,
                _plain_words(expected),
                value,
                expected=_expected(target),
                inner=inner,
                suggestions=_leaf_suggestions(value, target),
            )
            return None
        if isinstance(value, str) and value.endswith("\n") and _pattern(target).endswith("$"):
            # In Python `$` matches before a last line end too; in JSON Schema, whose patterns these are, it does not.
            self._fault(
                path,
                "a line end after the text",
                value,
                expected=_expected(target),
                suggestions=["remove the line end; in a block of YAML, write |- in place of |"],
            )
        return result

    def _unknown_field(self, name: str, element: Any, fields: Any, path: Path) -> None:
        self.faults.append(
            InvalidConfigError(
                f"{_where(path)}unknown field '{name}'",
                path=format_path((*path, name)),
                source=self.source.key((*path, name)),
                found=f"{name}: {describe(element)}",
                expected=", ".join(fields) or "no field",
                suggestions=did_you_mean(name, fields) or [f"remove '{name}'"],
            )
        )

    def _missing_field(self, name: str, field: msgspec.structs.FieldInfo, value: dict[str, Any], path: Path) -> None:
        misspelt = near_names(name, [str(key) for key in value])
        self.faults.append(
            InvalidConfigError(
                f"{_where(path)}field '{name}' is missing",
                path=format_path((*path, name)),
                source=self.source.value(path),
                found=", ".join(str(key) for key in value) or "nothing",
                expected=f"{name}: {_expected(field.type)}",
                suggestions=[f"rename '{misspelt[0]}' to '{name}'"] if misspelt else [f"add '{name}'"],
            )
        )

    def _fault(
        self,
        path: Path,
        message: str,
        value: Any,
        *,
        expected: str,
        inner: str = "",
        suggestions: list[str] | None = None,
    ) -> None:
        place = format_path(path) + inner
        self.faults.append(
            InvalidConfigError(
                f"{place}: {message}" if place else message,
                path=place,
                source=self.source.value(path),
                found=describe(value),
                expected=expected,
                suggestions=suggestions or [f"write {expected}"],
            )
        )


@cache
def _fields_by_name(target: type[msgspec.Struct]) -> Mapping[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(target)}


@cache
def _knows_all(target: Any, inside: tuple[type, ...] = ()) -> bool:
    """Return whether msgspec itself refuses unknown fields in all structures of a type, and none of them may hold itself at any depth."""
    shape = _without_annotation(target)
    if not (isinstance(shape, type) and issubclass(shape, msgspec.Struct)):
        return all(_knows_all(part, inside) for part in get_args(shape))
    if shape in inside or not shape.__struct_config__.forbid_unknown_fields:
        return False
    return all(_knows_all(field.type, (*inside, shape)) for field in _fields_by_name(shape).values())


def _without_annotation(target: Any) -> Any:
    return get_args(target)[0] if get_origin(target) is Annotated else target


def _pattern(target: Any) -> str:
    """Return the pattern that an annotated text must match; empty where there is none."""
    metadata = target.__metadata__ if get_origin(target) is Annotated else ()
    return next((meta.pattern for meta in metadata if isinstance(meta, msgspec.Meta) and meta.pattern), "")


def _is_structure(target: Any) -> bool:
    shape = _without_annotation(target)
    return get_origin(shape) is dict or (isinstance(shape, type) and issubclass(shape, msgspec.Struct))


def _where(path: Path) -> str:
    return f"{format_path(path)}: " if path else ""


_WORDS = {"`str`": "text", "`int`": "an integer", "`float`": "a number", "`bool`": "true or false", "`null`": "null",
          "`array`": "a list", "`object`": "a mapping"}  # fmt: skip


def _plain_words(message: str) -> str:
    """Return msgspec's message in the words of YAML users."""
    for word, plain in _WORDS.items():
        message = message.replace(word, plain)
    return message[:1].lower() + message[1:]


def _expected(target: Any) -> str:
    schema = json_schema(target)
    if "enum" in schema:
        return "one of " + ", ".join(describe(value) for value in schema["enum"])
    such = f" such as {schema['examples'][0]}" if schema.get("examples") else ""
    if such and schema.get("type") not in ("integer", "number"):
        return f"text{such}"
    if "anyOf" in schema:
        return " or ".join(str(option.get("type", "an object")) for option in schema["anyOf"])
    names = {"string": "text", "integer": "an integer", "number": "a number", "boolean": "true or false",
             "array": "a list", "object": "a mapping", "null": "null"}  # fmt: skip
    bounds = [f"{word} {schema[key]}" for key, word in (("minimum", "at least"), ("maximum", "at most"),
                                                       ("minItems", "of at least"), ("pattern", "matching")) if key in schema]  # fmt: skip
    return " ".join([names.get(str(schema.get("type")), "another value"), " and ".join(bounds)]).strip() + such


def _leaf_suggestions(value: Any, target: Any) -> list[str]:
    schema = json_schema(target)
    if "enum" in schema and isinstance(value, str):
        return did_you_mean(value, [str(option) for option in schema["enum"]])
    if isinstance(value, str) and schema.get("type") in ("integer", "number", "boolean"):
        try:
            convert = msgspec.convert(value, _without_annotation(target), strict=False)
        except msgspec.ValidationError:
            return []
        return [f"write {describe(convert)} without quotes"]
    if schema.get("type") == "string" and "examples" in schema:
        return [f"write for example {schema['examples'][0]}"]
    if schema.get("type") == "string" and isinstance(value, int | float):
        return [f'write "{describe(value)}" with quotes']
    return []


def json_schema(target: Any) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a type; definitions are inlined under `$defs`."""
    schema, components = schema_with_components(target, "#/$defs/{name}")
    if "$ref" in schema and schema["$ref"].removeprefix("#/$defs/") in components:
        schema = {
            **components.pop(schema["$ref"].removeprefix("#/$defs/")),
            **{k: v for k, v in schema.items() if k != "$ref"},
        }
    if components:
        schema = {**schema, "$defs": components}
    return schema


def bare_schema(target: Any) -> dict[str, Any]:
    """Return the JSON Schema of a model without what it says of the model itself, as of arguments that are described elsewhere."""
    return {key: value for key, value in json_schema(target).items() if key not in ("title", "description")}


def schema_with_components(target: Any, ref_template: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the JSON Schema of a type, and by name those of the models it refers to with `ref_template`."""
    (schema,), components = schemas_with_components((target,), ref_template)
    return schema, components


def schemas_with_components(
    targets: Iterable[Any], ref_template: str
) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    """Return the JSON Schema of each type, and by name those of all models they refer to with `ref_template`."""
    return msgspec.json.schema_components(targets, schema_hook=_schema_of_quantity, ref_template=ref_template)


def _schema_of_quantity(target: type) -> dict[str, Any]:
    for quantity in QUANTITIES:
        if target is quantity:
            return dict(quantity.SCHEMA)
    if target is pathlib.Path:
        return {"type": "string"}
    raise NotImplementedError(f"{target.__name__} has no JSON Schema")


def defaults(target: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the default of every optional field of a model, as plain data."""
    found = {}
    for field in msgspec.structs.fields(target):
        if field.default is not msgspec.NODEFAULT:
            found[field.encode_name] = to_builtins(field.default)
        elif field.default_factory is not msgspec.NODEFAULT:
            found[field.encode_name] = to_builtins(field.default_factory())
    return found
