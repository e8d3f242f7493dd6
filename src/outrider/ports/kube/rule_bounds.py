"""Bounds for what the rules of a schema look at (x-kubernetes-validations, in CEL).

The API server estimates what a rule may cost at most, and refuses the whole definition where a list, map or text that it looks at,
or a list or map that it stands in, has no bound: kubernetes.io/docs, "Validation rules", "Resource use by validation functions".
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Schema = dict[str, Any]
_RULES = "x-kubernetes-validations"
_MOST = {"maxItems": 100, "maxProperties": 100, "maxLength": 1000}
_WORDS = re.compile(r"\w+")
# The value as a whole, not a field of it.
_WHOLE = re.compile(r"\b(?:self|oldSelf)\b(?!\s*[.\[])")


def bounded(schema: Schema, path: str) -> tuple[Schema, list[str]]:
    """Return a structural schema in which what rules need has bounds, and a note for each one that was added.

    Args:
        schema: The schema.
        path: How notes begin to name fields.
    """
    notes: list[str] = []
    return _reached(schema, path, notes), notes


def _reached(node: Schema, path: str, notes: list[str]) -> Schema:
    if not _has_rules(node):
        return node
    made = _looked_at(node, path, _seen_by(node[_RULES]), notes) if _RULES in node else node
    if any(_has_rules(one) for one in _repeated(made)):
        made = _limited(made, path, notes)
    return _deeper(made, path, lambda one, where, _: _reached(one, where, notes))


def _has_rules(node: Mapping[str, Any]) -> bool:
    below = [*(node.get("properties") or {}).values(), *_repeated(node)]
    return _RULES in node or any(_has_rules(one) for one in below)


def _repeated(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the schema of elements or of values, of which there may be many."""
    yield from (node[name] for name in ("items", "additionalProperties") if isinstance(node.get(name), Mapping))


def _seen_by(rules: list[Mapping[str, Any]]) -> frozenset[str] | None:
    """Return the words of rules, among them the fields that they look at; None where they look at all of them."""
    texts = [str(rule.get(name, "")) for rule in rules for name in ("rule", "messageExpression")]
    if any(_WHOLE.search(text) for text in texts):
        return None
    return frozenset(word for text in texts for word in _WORDS.findall(text))


def _looked_at(node: Schema, path: str, seen: frozenset[str] | None, notes: list[str]) -> Schema:
    made = _limited(node, path, notes)
    return _deeper(
        made,
        path,
        lambda one, where, name: (
            _looked_at(one, where, seen, notes) if name == "" or seen is None or name in seen else one
        ),
    )


def _deeper(node: Schema, path: str, change: Any) -> Schema:
    made = dict(node)
    if fields := node.get("properties"):
        made["properties"] = {name: change(one, f"{path}.{name}", name) for name, one in fields.items()}
    for name, mark in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(node.get(name), Mapping):
            made[name] = change(node[name], path + mark, "")
    return made


def _limited(node: Schema, path: str, notes: list[str]) -> Schema:
    bound = _bound_of(node)
    if not bound or bound in node:
        return node
    notes.append(f"{path}: {bound} is {_MOST[bound]}, for a rule looks at it: say another one in the schema")
    return {**node, bound: _MOST[bound]}


def _bound_of(node: Mapping[str, Any]) -> str:
    if node.get("type") == "array":
        return "maxItems"
    if "additionalProperties" in node:
        return "maxProperties"
    return "maxLength" if node.get("type") == "string" and "enum" not in node else ""
