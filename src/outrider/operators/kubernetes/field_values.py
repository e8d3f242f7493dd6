"""Single fields of an object, written as `PATH=VALUE`, with paths as differences show them."""

import copy
import re
from collections.abc import Iterable
from typing import Any

from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.operators.kubernetes.shown import ITEM_KEYS
from outrider.runtime.documents import read_text

_PART = r"""\.?([A-Za-z0-9_-]+)|\[(?:'([^']*)'|([^\]']*))\]"""
_ASSIGNMENT = re.compile(rf"(?P<path>(?:{_PART})+)=(?P<value>.*)", re.DOTALL)


def with_values(found: dict[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Return an object in which fields have other values.

    Args:
        found: The object.
        assignments: Such as `spec.replicas=3` or `spec.template.spec.containers[web].image=web:2`: an item of a list is named by
            what tells it from the others, or by its number, and a key with dots as `['a.b/c']`. Values are YAML; null removes.

    Raises:
        InvalidConfigError: One is no assignment, or there is no such item.
    """
    changed = copy.deepcopy(found)
    for text in assignments:
        match = _ASSIGNMENT.fullmatch(text)
        if match is None:
            raise InvalidConfigError(
                f"set: '{text}' sets nothing", path="set", found=text, expected="PATH=VALUE, as in spec.replicas=3"
            )
        parts = [("".join(one), one[0] == "" and one[1] == "") for one in re.findall(_PART, match["path"])]
        _set(changed, parts, _value(match["value"]), text)
    return changed


def _value(text: str) -> Any:
    try:
        documents = read_text(text, "set")
    except OutriderError:  # such as `*.example.org`
        return text
    return documents[0].data if documents else None if text in ("null", "~") else ""


def _set(found: Any, parts: list[tuple[str, bool]], value: Any, text: str) -> None:
    *way, (last, _) = parts
    for name, is_item in way:
        found = _item(found, name, text) if is_item and isinstance(found, list) else _below(found, name, text)
    if isinstance(found, list):
        at = found.index(_item(found, last, text))
        found[at : at + 1] = [] if value is None else [value]
    elif not isinstance(found, dict):
        raise _wrong(text, last, f"a {type(found).__name__} has no fields")
    elif value is None:
        found.pop(last, None)
    else:
        found[last] = value


def _below(found: Any, name: str, text: str) -> Any:
    if not isinstance(found, dict):
        raise _wrong(
            text, name, "an item of a list is named in brackets" if isinstance(found, list) else "it has no fields"
        )
    return found.setdefault(name, {})


def _item(items: list[Any], name: str, text: str) -> Any:
    for key in ITEM_KEYS:
        for item in items:
            if isinstance(item, dict) and str(item.get(key)) == name:
                return item
    if name.isdecimal() and int(name) < len(items):
        return items[int(name)]
    known = [str(item[key]) for item in items if isinstance(item, dict) for key in ITEM_KEYS[:1] if key in item]
    raise _wrong(text, name, f"there is no such item; there are {', '.join(known) or len(items)}")


def _wrong(text: str, part: str, why: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"set: {text}: at '{part}': {why}", path="set", found=part, expected="a path that is there"
    )
