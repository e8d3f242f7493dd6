"""Merge patches (RFC 7386) and JSON patches (RFC 6902: add, remove, replace, test)."""

import copy
from typing import Any

from tests.servers.kube_api.errors import ApiError, bad_request


def merge_patch(target: Any, patch: Any) -> Any:
    """Return a document with a merge patch on it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


def json_patch(target: Any, patch: Any) -> Any:
    """Return a document with a JSON patch on it.

    Raises:
        ApiError: The patch is malformed (400), or does not fit the document, or a test in it failed (422).
    """
    if not isinstance(patch, list) or not all(isinstance(step, dict) and "op" in step for step in patch):
        raise bad_request("error decoding patch: a JSON patch is a list of operations")
    result = copy.deepcopy(target)
    for step in patch:
        if step["op"] not in ("add", "remove", "replace", "test"):
            raise bad_request(f"this server knows no {step['op']} in a JSON patch")
        try:
            result = _step(result, step["op"], _pointer(step["path"]), step.get("value"))
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise _does_not_fit() from error
    return result


def _pointer(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _step(document: Any, op: str, path: list[str], value: Any) -> Any:
    if not path:
        if op == "test" and document != value:
            raise ValueError(path)
        return document if op == "test" else value
    holder = document
    for name in path[:-1]:
        holder = holder[_index(holder, name)]
    last = path[-1]
    if op == "add":
        _add(holder, last, value)
        return document
    index = _index(holder, last)
    found = holder[index]
    if op == "test":
        if found != value:
            raise ValueError(path)
    elif op == "remove":
        del holder[index]
    else:
        holder[index] = value
    return document


def _index(holder: Any, name: str) -> Any:
    return int(name) if isinstance(holder, list) else name


def _add(holder: Any, name: str, value: Any) -> None:
    if not isinstance(holder, list):
        holder[name] = value
        return
    at = len(holder) if name == "-" else int(name)
    if at > len(holder):
        raise IndexError(name)
    holder.insert(at, value)


def _does_not_fit() -> ApiError:
    return ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {})
