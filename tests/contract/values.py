"""Valid values for a JSON Schema, of those forms that our types produce."""

import re
from typing import Any

from hypothesis import strategies as st

_INTEGERS = 2**53 - 1
_LONGEST = 8
_SPAN = re.compile(r"\{(\d+),(\d+)\}")
_HUGE = re.compile(r"\d{7}")


def values(schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return values(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([values(option, definitions) for option in schema["anyOf"]])
    made: st.SearchStrategy[Any] = _TYPES[schema["type"]](schema, definitions)
    return made


def _text(schema: dict[str, Any], _: dict[str, Any]) -> st.SearchStrategy[str]:
    if "pattern" in schema:
        made = st.from_regex(_SPAN.sub(_shorter, schema["pattern"])).filter(_moderate)
        # Most words that a pattern allows name no kind: without examples nearly all would be made in vain.
        return st.sampled_from(schema["examples"]) | made if "examples" in schema else made
    return st.text(min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 50), 50))


def _shorter(span: re.Match[str]) -> str:
    """Return how often something may be repeated, less often at most: long texts take long to make, and say nothing more."""
    least, most = int(span[1]), int(span[2])
    return f"{{{least},{min(most, max(least, _LONGEST))}}}"


def _moderate(text: str) -> bool:
    """Leave out quantities beyond what a float holds to the millisecond."""
    return len(text) < 200 and not _HUGE.search(text)


def _integers(schema: dict[str, Any], _: dict[str, Any]) -> st.SearchStrategy[int]:
    return st.integers(schema.get("minimum", -_INTEGERS), schema.get("maximum", _INTEGERS))


def _numbers(schema: dict[str, Any], _: dict[str, Any]) -> st.SearchStrategy[float]:
    least, most = (schema.get(name, schema.get(f"exclusive{name.capitalize()}")) for name in ("minimum", "maximum"))
    return st.floats(
        least, most, exclude_min="exclusiveMinimum" in schema, exclude_max="exclusiveMaximum" in schema, allow_nan=False, allow_infinity=False,
    )  # fmt: skip


def _lists(schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[list[Any]]:
    item = values(schema.get("items", {"type": "string"}), definitions)
    return st.lists(item, min_size=schema.get("minItems", 0), max_size=min(schema.get("maxItems", 3), 3))


def _mappings(schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    fields = {name: values(field, definitions) for name, field in schema.get("properties", {}).items()}
    if not fields and isinstance(schema.get("additionalProperties"), dict):
        return st.dictionaries(st.text(max_size=10), values(schema["additionalProperties"], definitions), max_size=3)
    required = {name: field for name, field in fields.items() if name in schema.get("required", [])}
    optional = {name: field for name, field in fields.items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional)


_TYPES: dict[str, Any] = {
    "string": _text,
    "integer": _integers,
    "number": _numbers,
    "boolean": lambda *_: st.booleans(),
    "null": lambda *_: st.none(),
    "array": _lists,
    "object": _mappings,
}
