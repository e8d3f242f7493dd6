"""What npm search asks: the packages that are here whose names or descriptions have some words."""

from typing import Any

from outrider.core.timestamps import timestamp
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.tables import Summary
from outrider.operators.packages.serving.visits import Visit

_MOST = 250
_USUAL = 20
_ALIKE = {"final": 1, "detail": {"quality": 1, "popularity": 1, "maintenance": 1}}


def found_packages(hub: Hub, visit: Visit) -> dict[str, Any]:
    """Return what was found, those that were published here first."""
    arguments = visit.request.arguments()
    # What has a colon asks for something else, such as who maintains it.
    words = [one for one in arguments.get("text", [""])[0].lower().split() if ":" not in one]
    size = min(_number(arguments.get("size", [""])[0], _USUAL), _MOST)
    begin = _number(arguments.get("from", [""])[0], 0)
    found = [
        (name, summary)
        for name, summary in hub.store.tables.summaries("npm")
        if all(word in f"{name} {summary.description}".lower() for word in words)
        and visit.caller.may("read", f"npm:{name}")
    ]
    return {"objects": [_shown(hub, *one) for one in found[begin : begin + size]], "total": len(found), "time": ""}


def _shown(hub: Hub, name: str, summary: Summary) -> dict[str, Any]:
    package = {
        "name": name, "version": summary.latest, "description": summary.description, "links": {}, "keywords": [],
        "publisher": {"username": ""}, "maintainers": [],
    }  # fmt: skip
    for one in hub.store.tables.releases("npm", name) if hub.is_private(name) else ():
        if one.version == summary.latest:
            package |= {"date": timestamp(one.published), "publisher": {"username": one.publisher}}
    return {"package": package, "score": _ALIKE, "searchScore": 1}


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else otherwise
