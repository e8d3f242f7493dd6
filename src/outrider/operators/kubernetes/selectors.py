"""Whether labels are selected (LabelSelector of meta/v1)."""

from collections.abc import Mapping
from typing import Any


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Return whether a selector selects an object with these labels; one that is absent selects nothing, an empty one everything."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(one["operator"], one["key"], one.get("values") or (), labels)
        for one in selector.get("matchExpressions") or ()
    )


def _holds(operator: str, key: str, values: Any, labels: Mapping[str, str]) -> bool:
    there = key in labels
    if operator == "In":
        return there and labels[key] in values
    if operator == "NotIn":
        return not there or labels[key] not in values
    return there if operator == "Exists" else not there
