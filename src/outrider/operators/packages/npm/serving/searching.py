"""What npm search asks: the packages that are here whose names or descriptions have some words."""

from typing import Any

import msgspec

from outrider.operators.packages.serving.documents import content_of
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.visits import Visit

_MOST = 250
_USUAL = 20


class _Version(msgspec.Struct):
    description: Any = ""
    keywords: Any = None


class _Long(msgspec.Struct, rename={"tags": "dist-tags"}):
    tags: dict[str, str]
    versions: dict[str, msgspec.Raw]
    time: dict[str, Any] = {}


def found_packages(hub: Hub, visit: Visit) -> dict[str, Any]:
    """Return what was found, those that were published here first."""
    arguments = visit.request.arguments()
    words = [one for one in arguments.get("text", [""])[0].lower().split() if ":" not in one]
    size = min(_number(arguments.get("size", [""])[0], _USUAL), _MOST)
    begin = _number(arguments.get("from", [""])[0], 0)
    own = hub.store.tables.names("npm", hosted=True)
    others = [name for name in hub.store.tables.names("npm") if name not in set(own)]
    found: list[dict[str, Any]] = []
    for name in [*own, *others]:
        if len(found) == begin + size:
            break
        if visit.caller.may("read", f"npm:{name}") and (package := _package(hub, name, words)) is not None:
            found.append(package)
    shown = found[begin:]
    return {"objects": shown, "total": len(found), "time": ""}


def _package(hub: Hub, name: str, words: list[str]) -> dict[str, Any] | None:
    named = all(word in name.lower() for word in words)
    if not named and not hub.is_private(name):
        return None  # to read all documents of others for their descriptions would take long
    stored = hub.store.tables.document("npm", name, "long")
    content = content_of(stored, "identity", hub.store.blobs) if stored is not None else None
    if content is None:
        return None
    document = msgspec.json.decode(content, type=_Long)
    latest = document.tags.get("latest", "")
    version = (
        msgspec.json.decode(document.versions[latest], type=_Version) if latest in document.versions else _Version()
    )
    description = version.description if isinstance(version.description, str) else ""
    if not all(word in f"{name} {description}".lower() for word in words):
        return None
    package = {
        "name": name, "version": latest, "description": description, "date": document.time.get(latest, ""), "links": {},
        "keywords": version.keywords if isinstance(version.keywords, list) else [], "publisher": {"username": ""}, "maintainers": [],
    }  # fmt: skip
    return {
        "package": package,
        "score": {"final": 1, "detail": {"quality": 1, "popularity": 1, "maintenance": 1}},
        "searchScore": 1,
    }


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else otherwise
