"""Paths of fields, as managedFields name them: `f:NAME`, `k:{"KEY":VALUE}` for an item of a list of maps, `v:VALUE` for one
of a set. What is owned are the leaves, and each item of a list that is merged."""

import copy
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.servers.kube_api.errors import Document
from tests.servers.kube_api.kinds import Kind

Path = tuple[str, ...]
MISSING = object()
# Nobody owns what says which object it is, nor what the server alone writes.
_NOT_OWNED = {
    "": {"apiVersion", "kind"},
    "metadata": {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generateName",
        "generation",
        "managedFields",
        "name",
        "namespace",
        "resourceVersion",
        "selfLink",
        "uid",
    },
}


def compact(value: Any) -> str:
    """Return JSON without spaces."""
    return json.dumps(value, separators=(",", ":"))


def element_of(item: Any, key: str) -> str:
    """Return how an item of a merged list is called.

    Args:
        item: It.
        key: The field that tells items apart, or several; empty for a set.
    """
    if not key:
        return f"v:{compact(item)}"
    return f"k:{compact({field: item.get(field) for field in key.split(',')})}"


def leaves(kind: Kind, document: Document) -> frozenset[Path]:
    """Return the paths in an object that can be owned."""
    return frozenset(_leaves(kind, document, "", ()))


def _leaves(kind: Kind, value: Any, dotted: str, path: Path) -> Iterator[Path]:
    if isinstance(value, dict) and (value or not path):
        skipped = _NOT_OWNED.get(dotted, set())
        for name, inner in value.items():
            if name not in skipped:
                yield from _leaves(kind, inner, f"{dotted}.{name}" if dotted else name, (*path, f"f:{name}"))
        return
    key = kind.list_key(dotted) if isinstance(value, list) else None
    if key is None or not value:
        yield path
        return
    for item in value:
        inside = (*path, element_of(item, key))
        yield inside
        if key:
            yield from _leaves(kind, item, dotted, inside)


def at(document: Any, path: Path) -> Any:
    """Return the value at a path, or MISSING."""
    value = document
    for element in path:
        value = _step(value, element)
        if value is MISSING:
            break
    return value


def _step(value: Any, element: str) -> Any:
    form, _, name = element.partition(":")
    if form == "f":
        return value.get(name, MISSING) if isinstance(value, dict) else MISSING
    if not isinstance(value, list):
        return MISSING
    fits = _fits(form, name)
    return next((item for item in value if fits(item)), MISSING)


def _fits(form: str, name: str) -> Callable[[Any], bool]:
    wanted = json.loads(name)
    if form == "v":
        return lambda item: bool(item == wanted)
    return lambda item: all(item.get(field) == value for field, value in wanted.items())


def differs(kind: Kind, before: Document, after: Document, path: Path) -> bool:
    """Return whether what somebody says at a path of `after` is not so in `before`."""
    old, new = at(before, path), at(after, path)
    if old is MISSING:
        return True
    # Who names an item, or wants a map or a list that is merged, says nothing yet of what is in it.
    if path[-1].startswith("k:") or new == {} or (new == [] and kind.list_key(_dotted(path)) is not None):
        return type(old) is not type(new)
    return bool(old != new)


def _dotted(path: Path) -> str:
    return ".".join(element[2:] for element in path if element.startswith("f:"))


def merged(kind: Kind, live: Any, intent: Any, dotted: str = "") -> Any:
    """Return `live` with all that `intent` says."""
    if isinstance(live, dict) and isinstance(intent, dict):
        result = dict(live)
        for name, value in intent.items():
            inner = f"{dotted}.{name}" if dotted else name
            result[name] = merged(kind, live[name], value, inner) if name in live else copy.deepcopy(value)
        return result
    key = kind.list_key(dotted) if isinstance(live, list) and isinstance(intent, list) else None
    if key is None:
        return copy.deepcopy(intent)
    items = {element_of(item, key): item for item in live}
    for item in intent:
        name = element_of(item, key)
        items[name] = merged(kind, items[name], item, dotted) if name in items else copy.deepcopy(item)
    return list(items.values())


def without(document: Document, paths: Iterable[Path], kept: frozenset[Path]) -> Document:
    """Return an object without some paths, and without the maps and lists that are empty for it.

    Args:
        document: The object.
        paths: What goes.
        kept: Empty ones that somebody wants.
    """
    result = copy.deepcopy(document)
    # Items before what is in them: without its key an item is not found.
    for path in sorted(paths, key=len):
        _drop(result, path)
        for parent in (path[:length] for length in range(len(path) - 1, 0, -1)):
            if at(result, parent) not in ({}, []) or parent in kept or parent == ("f:metadata",):
                break
            _drop(result, parent)
    return result


def _drop(document: Document, path: Path) -> None:
    holder = at(document, path[:-1])
    form, _, name = path[-1].partition(":")
    if form == "f" and isinstance(holder, dict):
        holder.pop(name, None)
    elif form != "f" and isinstance(holder, list):
        fits = _fits(form, name)
        holder[:] = [item for item in holder if not fits(item)]


def shown(path: Path) -> str:
    """Return a path as messages have it: `.status.conditions[type="Ready"].status`."""
    return "".join(_shown(element) for element in path)


def _shown(element: str) -> str:
    form, _, name = element.partition(":")
    if form == "f":
        return f".{name}"
    if form == "v":
        return f"[={name}]"
    return f"[{','.join(f'{field}={compact(value)}' for field, value in json.loads(name).items())}]"


def as_tree(paths: frozenset[Path]) -> Document:
    """Return paths in the form of `fieldsV1`."""
    tree: Document = {}
    for path in sorted(paths):
        node = tree
        for element in path:
            node = node.setdefault(element, {})
    for path in paths:
        node = tree
        for element in path:
            node = node[element]
        if node:
            node["."] = {}
    return tree


def from_tree(tree: Document) -> frozenset[Path]:
    """Return the paths in a `fieldsV1`."""
    return frozenset(_paths(tree, ()))


def _paths(tree: Document, path: Path) -> Iterator[Path]:
    for element, inner in tree.items():
        if element == ".":
            yield path
        elif inner:
            yield from _paths(inner, (*path, element))
        else:
            yield (*path, element)
