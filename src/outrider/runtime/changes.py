"""What would become of applied objects: the plan of an apply, field by field."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec

from outrider.core.objects import Object
from outrider.core.operation import Difference
from outrider.core.source import Path, format_path


class ObjectChange(msgspec.Struct, kw_only=True):
    """What becomes of one object; `difference` is empty for one that is created or deleted."""

    kind: str
    name: str
    action: Literal["created", "changed", "deleted"]
    difference: list[Difference] = []


def object_changes(before: Iterable[Object], after: Iterable[Object], *, prune: bool) -> list[ObjectChange]:
    """Return what applying objects changes, by kind and name.

    Args:
        before: The applied ones.
        after: What is declared.
        prune: Whether those that are not declared are removed.
    """
    there = {(item.kind, item.name): item.document() for item in before}
    declared = {(item.kind, item.name): item.document() for item in after}
    found = [_change(key, there.get(key), document) for key, document in declared.items()]
    changes = [change for change in found if change is not None]
    if prune:
        changes += [
            ObjectChange(kind=kind, name=name, action="deleted") for kind, name in there.keys() - declared.keys()
        ]
    return sorted(changes, key=lambda change: (change.kind, change.name))


def _change(key: tuple[str, str], before: dict[str, Any] | None, after: dict[str, Any]) -> ObjectChange | None:
    if before is None:
        return ObjectChange(kind=key[0], name=key[1], action="created")
    difference = list(_differences(before, after, ()))
    return ObjectChange(kind=key[0], name=key[1], action="changed", difference=difference) if difference else None


def _differences(before: Any, after: Any, path: Path) -> Iterator[Difference]:
    if before == after:
        return
    if _is_named(before) and _is_named(after):
        before, after = ({item["name"]: item for item in items} for items in (before, after))
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            yield from _differences(before.get(name), after.get(name), (*path, name))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differences(old, new, (*path, index))
    else:
        yield Difference(format_path(path), before, after)


def _is_named(value: Any) -> bool:
    """Return whether it is a list whose items are told apart by their names, such as triggers and services."""
    return isinstance(value, list) and all(
        isinstance(item, dict) and isinstance(item.get("name"), str) for item in value
    )
