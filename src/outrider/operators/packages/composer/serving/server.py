"""A repository of Composer: what it says of itself, documents of packages, archives, search, advisories, and publishing.

https://getcomposer.org/doc/05-repositories.md#composer; what Composer 2.5.5 sends.
"""

import asyncio
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.composer.repositories import DEV
from outrider.operators.packages.composer.roots import is_name
from outrider.operators.packages.composer.serving.advisories import advisories_of
from outrider.operators.packages.composer.serving.dated import DatedDocument
from outrider.operators.packages.composer.serving.documents import BRANCHES, RELEASES
from outrider.operators.packages.composer.serving.publishing import publish, read_package, release_of
from outrider.operators.packages.composer.serving.searching import found_packages, listed_packages, providers_of
from outrider.operators.packages.composer.serving.upstream import ComposerUpstream
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.visits import Visit

_JSON = Headers({"content-type": "application/json"})
_ENDING = ".json"
# More than any lock has.
_LARGEST_QUESTION, _MOST_PACKAGES = 1 << 20, 10_000


class ComposerServer:
    """Serves the packages of a hub.

    Args:
        base: The address of the registry.
        upstream: Who is asked for what is not here.
        hub: Has them.
    """

    def __init__(self, base: str, upstream: ComposerUpstream, hub: Hub) -> None:
        self._base, self._upstream, self.hub = base, upstream, hub

    async def answer(self, visit: Visit) -> Response:
        answer = None
        match visit.request.method, visit.segments:
            case "GET" | "HEAD", segments:
                answer = await self._read(visit, [*segments])
            case "POST", ["security-advisories"]:
                answer = await self._advisories(visit)
            case "PUT", [""]:
                answer = await self._publish(visit)
        if answer is None:
            raise visit.nothing(f"publish with PUT {self._base}/composer, without a name behind it")
        return answer

    async def _read(self, visit: Visit, segments: list[str]) -> Response | None:
        match segments:
            case ["p2", vendor, file] if file.endswith(_ENDING):
                return await self._document(visit, f"{vendor}/{file.removesuffix(_ENDING)}".lower())
            case ["files", vendor, project, *file] if is_name(f"{vendor}/{project}".lower()) and file:
                return await visit.file(self.hub, f"{vendor}/{project}".lower(), "/".join(file))
            case ["packages.json" | "search.json" | "list.json" as asked]:
                _let_in(visit)
                if asked == "packages.json":
                    return _json(await self._root())
                searched = asked == "search.json"
                return _json(
                    found_packages(self._base, self.hub, visit) if searched else listed_packages(self.hub, visit)
                )
            case ["providers", vendor, file] if file.endswith(_ENDING):
                _let_in(visit)
                name = f"{vendor}/{file.removesuffix(_ENDING)}".lower()
                return _json(await providers_of(self.hub, self._upstream, visit, name)) if is_name(name) else None
        return None

    async def _root(self) -> dict[str, Any]:
        at = f"{self._base}/composer"
        said: dict[str, Any] = {
            "packages": [], "metadata-url": f"{at}/p2/%package%.json", "search": f"{at}/search.json?q=%query%", "list": f"{at}/list.json",
            "providers-api": f"{at}/providers/%package%.json",
            # In documents of packages they would be as old as these.
            "security-advisories": {"metadata": False, "api-url": f"{at}/security-advisories"},
        }  # fmt: skip
        settings = self.hub.settings
        if settings.private and not settings.cache_only and await self._upstream.is_alone():
            # Of other packages nothing can be said, and Composer need not ask.
            said["available-package-patterns"] = [*settings.private]
        return said

    async def _document(self, visit: Visit, document: str) -> Response | None:
        name = document.removesuffix(DEV)
        if not is_name(name):
            return None
        return await visit.document(self.hub, name, RELEASES if name == document else BRANCHES, DatedDocument)

    async def _advisories(self, visit: Visit) -> Response:
        _let_in(visit)
        return _json({"advisories": await asyncio.to_thread(advisories_of, _packages(visit.request.body))})

    async def _publish(self, visit: Visit) -> Response:
        if not visit.caller.may("publish"):
            # Who may publish nothing at all is told so before anything of theirs is read.
            visit.may_change(self.hub, "publish", "*")
        content, version = visit.request.body, visit.request.arguments().get("version", [""])[0]
        found = await asyncio.to_thread(read_package, content, version)
        visit.may_change(self.hub, "publish", found.name, found.version)
        now, blobs = self.hub.clock.now(), self.hub.store.blobs
        keep = partial(release_of, found, content, blobs, visit.caller.name, now)
        release = await asyncio.to_thread(keep)
        await self.hub.change(found.name, lambda tables: publish(tables, found.name, release))
        return _json({"name": found.name, "version": found.version}, 201)

    def refusal(self, status: int, message: str) -> Response:
        # Of an answer that is not as it should be Composer shows the words behind the status.
        challenge = [("www-authenticate", 'Basic realm="packages"')] if status == 401 else []
        return Response(status, Headers([*_JSON, *challenge]), msgspec.json.encode({"error": message}), reason=message)


def _let_in(visit: Visit) -> None:
    """Refuse who may read nothing at all."""
    if not visit.caller.may("read"):
        visit.require("read", "composer", "*")


def _packages(body: bytes) -> list[str]:
    """Return the names of packages in the form that Composer sends."""
    try:
        text = body.decode() if len(body) <= _LARGEST_QUESTION else "&" * (_MOST_PACKAGES + 1)
        fields = parse_qsl(text, max_num_fields=_MOST_PACKAGES)
    except ValueError as error:
        raise InvalidConfigError(
            "the body is no form", path="body", found=f"{len(body)} bytes", expected="packages[]=vendor/name, as Composer sends it",
            suggestions=["composer audit"],
        ) from error  # fmt: skip
    return [value for key, value in fields if key.startswith("packages[")]


def _json(content: Any, status: int = 200) -> Response:
    return Response(status, _JSON, msgspec.json.encode(content))
