"""JSON Schema documents (2020-12, and older ones as OpenAPI has them): nodes with all that they refer to."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from outrider.core.errors import InvalidConfigError

_MOST_STEPS = 20_000
_TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
_FORMS: dict[str, Any] = {
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "enum", "required", "x-kubernetes-validations"), list),
    "properties": Mapping, "type": (str, list), "$ref": str, "pattern": str,
    "multipleOf": (int, float), "format": str,
}  # fmt: skip


class Document:
    """A schema with what it refers to.

    Args:
        content: All of it.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content, self._steps = content, 0

    def resolved(
        self, schema: Any, path: str, seen: frozenset[str] = frozenset()
    ) -> tuple[Mapping[str, Any], frozenset[str]]:
        """Return a node with all that it refers to, and what that is.

        Args:
            schema: The node.
            path: How errors name it.
            seen: What has led to it.

        Raises:
            InvalidConfigError: It is no schema, refers to what is not there, or is too large when all of that is written out.
        """
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise InvalidConfigError(
                f"{path}: the schema is too large when all that it refers to is written out", path=path, expected=f"at most {_MOST_STEPS} nodes"
            )  # fmt: skip
        found = _mapping(schema, path)
        rest = {name: value for name, value in found.items() if name not in ("$ref", "allOf")}
        if len(rest) == len(found):
            return found, seen
        parts = [self.resolved(one, path, seen) for one in found.get("allOf") or ()]
        if (reference := str(found.get("$ref", ""))) in seen:
            raise InvalidConfigError(f"{path}: {reference} refers to itself alone", path=path, found=reference)
        if reference:
            parts.append(self.resolved(self._at(reference, path), path, seen | {reference}))
        made: Mapping[str, Any] = {}
        for part in (*(one for one, _ in parts), rest):
            made = _joined(made, part)
        return made, frozenset().union(seen, *(references for _, references in parts))

    def _at(self, reference: str, path: str) -> Any:
        found: Any = self._content
        if not reference.startswith("#"):
            raise InvalidConfigError(
                f"{path}: refers to another document",
                path=path,
                found=reference,
                expected="#/..., in the same document",
            )
        for step in reference[1:].split("/")[1:]:
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or name not in found:
                raise InvalidConfigError(f"{path}: refers to what is not there", path=path, found=reference)
            found = found[name]
        return found


def _mapping(value: Any, path: str) -> Mapping[str, Any]:
    """Return a node, if its keywords have the form of such."""
    if not isinstance(value, Mapping):
        raise InvalidConfigError(f"{path}: no JSON Schema", path=path, found=str(value)[:80], expected="a mapping")
    for name, forms in _FORMS.items():
        if name in value and not isinstance(value[name], forms):
            raise InvalidConfigError(f"{path}: '{name}' is not of its form", path=path, found=str(value[name])[:80])
    rules = value.get("x-kubernetes-validations", [])
    if not all(isinstance(rule, Mapping) for rule in rules):
        raise InvalidConfigError(
            f"{path}: a rule is no mapping", path=path, found=str(rules)[:80], expected="{rule: ...}"
        )
    kinds = value.get("type", [])
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind not in _TYPES:
            raise InvalidConfigError(
                f"{path}: '{kind}' is no type", path=path, found=str(kind)[:80], expected=", ".join(_TYPES)
            )
    return value


def _joined(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return two schemas as one that says what both say; where they differ, what the second says."""
    made = {**first, **second}
    if "properties" in first and "properties" in second:
        made["properties"] = {**first["properties"], **second["properties"]}
    for name in ("required", "x-kubernetes-validations"):
        if name in first and name in second:
            made[name] = [*first[name], *(one for one in second[name] if one not in first[name])]
    return made
