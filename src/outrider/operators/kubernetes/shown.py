"""Objects as they are shown: without the bookkeeping of the server, and without the values of Secrets."""

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from outrider.core.operation import Difference
from outrider.core.source import Path, format_path

Object = dict[str, Any]
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_BOOKKEEPING = ("resourceVersion", "uid", "generation", "creationTimestamp", "selfLink")
# What tells the items of lists apart, in this order (merge keys of the API: Kubernetes API conventions, "Merge Strategy").
ITEM_KEYS = ("name", "type", "containerPort", "port", "mountPath", "key", "ip", "uid")


def shown(found: Object) -> Object:
    """Return an object for people and programs: managedFields are left out, the values of a Secret are not told."""
    metadata = {key: value for key, value in (found.get("metadata") or {}).items() if key != "managedFields"}
    if is_secret(found):
        metadata["annotations"] = _without_values(metadata.get("annotations"))
        if not metadata["annotations"]:
            del metadata["annotations"]
        found = {**found, **_masked(found)}
    return {**found, "metadata": metadata}


def is_secret(found: Object) -> bool:
    """Return whether it is a Secret."""
    return found.get("kind") == "Secret" and found.get("apiVersion") == "v1"


def _without_values(annotations: dict[str, str] | None) -> dict[str, str]:
    return {key: value for key, value in (annotations or {}).items() if key != _LAST_APPLIED}


def _masked(secret: Object) -> Object:
    masked: Object = {}
    for field in ("data", "stringData"):
        if isinstance(values := secret.get(field), dict):
            masked[field] = {key: f"({_size(value, encoded=field == 'data')} bytes)" for key, value in values.items()}
    return masked


def _size(value: Any, *, encoded: bool) -> int:
    try:
        return len(base64.b64decode(str(value), validate=True)) if encoded else len(str(value).encode())
    except (binascii.Error, ValueError):
        return len(str(value))


def compared(found: Object) -> Object:
    """Return what of an object a person may want: neither status nor what the server counts for itself."""
    kept = {key: value for key, value in found.items() if key not in ("status", "metadata")}
    metadata = found.get("metadata") or {}
    kept["metadata"] = {
        key: value for key, value in metadata.items() if key not in _BOOKKEEPING and key != "managedFields"
    }
    return kept


def differences(before: Object | None, after: Object | None) -> list[Difference]:
    """Return in which fields two versions of an object differ; items of lists are told apart by their names where they have some.

    That the value of a Secret differs is said, and neither value.
    """
    secret = is_secret(before or after or {})
    found = _differences(compared(before) if before else None, compared(after) if after else None, ())
    return [_hidden(one) if secret and one.path.startswith(("data", "stringData")) else one for one in found]


def _hidden(difference: Difference) -> Difference:
    before = None if difference.before is None else "(hidden)"
    after = None if difference.after is None else "(hidden)"
    return Difference(difference.path, before, f"{after} differs" if before and after else after)


def _differences(before: Any, after: Any, path: Path) -> Iterator[Difference]:
    if before == after:
        return
    if path and (some := before or after) and isinstance(some, dict):  # what has been added or removed, field by field
        before, after = ({} if part is None else part for part in (before, after))
    if isinstance(before, list) and isinstance(after, list) and (key := _item_key(before, after)):
        first, second = ({str(item[key]): item for item in items} for items in (before, after))
        for name in dict.fromkeys((*first, *second)):
            yield from _differences(first.get(name), second.get(name), (*path[:-1], f"{path[-1]}[{name}]"))
    elif isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            yield from _differences(before.get(name), after.get(name), (*path, _part(str(name))))
    else:
        yield Difference(format_path(path).replace(".[", "["), before, after)


def _part(name: str) -> str:
    """Return a key as a path has it; keys with dots, such as those of annotations, are quoted."""
    return f"['{name}']" if "." in name or "/" in name else name


def _item_key(before: list[Any], after: list[Any]) -> str:
    """Return the field that tells the items of two lists apart; empty where none does."""
    for key in ITEM_KEYS:
        if all(
            items and all(isinstance(item, dict) and isinstance(item.get(key), str | int) for item in items)
            and len({str(item[key]) for item in items}) == len(items)
            for items in (before, after)
        ):  # fmt: skip
            return key
    return ""
