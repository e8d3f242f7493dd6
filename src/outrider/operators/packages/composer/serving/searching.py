"""What Composer searches in: the packages that are here, by words, by pattern, and by what they provide.

https://getcomposer.org/doc/05-repositories.md#search and the keys that follow it there.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from outrider.core.errors import NotFoundError
from outrider.operators.packages.composer.naming import matcher
from outrider.operators.packages.composer.serving.upstream import ComposerUpstream
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.visits import Visit

_MOST = 100


class _Provider(msgspec.Struct):
    description: str = ""
    type: str = "library"
    provide: dict[str, str] = {}
    replace: dict[str, str] = {}


_PROVIDER = msgspec.json.Decoder(_Provider)


def found_packages(base: str, hub: Hub, visit: Visit) -> dict[str, Any]:
    """Return the packages whose names or descriptions have some words, those that were published here first."""
    words = visit.request.arguments().get("q", [""])[0].lower().split()
    found = [
        {"name": name, "description": summary.description, "url": f"{base}/packages/composer/{name}", "repository": "", "downloads": 0, "favers": 0}
        for name, summary in hub.store.tables.summaries("composer")
        if all(word in f"{name} {summary.description}".lower() for word in words) and visit.caller.may("read", f"composer:{name}")
    ]  # fmt: skip
    return {"results": found[:_MOST], "total": len(found)}


def listed_packages(hub: Hub, visit: Visit) -> dict[str, Any]:
    """Return the names of packages that fit a pattern, all where there is none."""
    arguments = visit.request.arguments()
    fits = matcher([one for one in arguments.get("filter", ()) if one]) or (lambda _: True)
    vendor = arguments.get("vendor", [""])[0].lower()
    return {
        "packageNames": [
            name
            for name in hub.store.tables.names("composer")
            if fits(name) and (not vendor or name.startswith(f"{vendor}/")) and visit.caller.may("read", f"composer:{name}")
        ]
    }  # fmt: skip


async def providers_of(hub: Hub, upstream: ComposerUpstream, visit: Visit, name: str) -> dict[str, Any]:
    """Return the packages that provide a name, or replace it: those that were published here, and what others tell of theirs.

    Raises:
        NotFoundError: There are none.
        OutriderError: What others say.
    """
    found = {one["name"]: one for one in _own_providers(hub, name)}
    if not hub.settings.cache_only and not hub.is_private(name) and not await upstream.is_alone():
        for other in sorted(await upstream.providers(name)):
            if not hub.is_private(other):
                found.setdefault(other, {"name": other, "description": "", "type": ""})
    shown = [one for one in found.values() if visit.caller.may("read", f"composer:{one['name']}")]
    if not shown:
        raise NotFoundError(f"composer {name}: nothing provides it", found=name, suggestions=["check the name"])
    return {"providers": shown}


def _own_providers(hub: Hub, name: str) -> Iterator[dict[str, str]]:
    tables = hub.store.tables
    for own in tables.names("composer", hosted=True):
        for release in tables.releases("composer", own):
            said = _PROVIDER.decode(release.said)
            provided = {target.lower() for target in (*said.provide, *said.replace)}
            if hub.is_private(own) and release.yanked is None and name in provided:
                yield {"name": own, "description": said.description, "type": said.type}
                break
