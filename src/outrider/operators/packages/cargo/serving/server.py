"""A registry of crates: the sparse index, files, publishing, yanking and search.

https://doc.rust-lang.org/cargo/reference/registry-index.html and registry-web-api.html
"""

from typing import Any

import msgspec

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.cargo.client import prefix
from outrider.operators.packages.cargo.serving.publishing import publish, read_crate, release_of, yank
from outrider.operators.packages.cargo.serving.upstream import crate_file
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.visits import Visit

_JSON = Headers({"content-type": "application/json"})
_MOST = 100
_USUAL = 10


class CargoServer:
    """Serves the crates of a hub.

    Args:
        base: The address of the registry.
        hub: Has them.
    """

    def __init__(self, base: str, hub: Hub) -> None:
        self._base, self.hub = base, hub

    async def answer(self, visit: Visit) -> Response:
        answer = None
        match visit.segments:
            case ["index", "config.json"]:
                answer = self._config(visit)
            case ["index", *folders, name] if visit.request.method in ("GET", "HEAD") and name:
                answer = await self._lines(visit, "/".join(folders), name)
            case ["api", "v1", "crates", *rest]:
                answer = await self._crates(visit, rest)
        if answer is None:
            raise visit.nothing()
        return answer

    def _config(self, visit: Visit) -> Response:
        visit.require("read", "cargo", "")
        # Cargo shows no token at first. Who had to is told that this goes for the rest too.
        config = {
            "dl": f"{self._base}/cargo/api/v1/crates", "api": f"{self._base}/cargo", "auth-required": bool(visit.caller.name),
        }  # fmt: skip
        return _json(config)

    async def _lines(self, visit: Visit, folders: str, name: str) -> Response | None:
        if folders != prefix(name):
            return None
        return await visit.document(self.hub, name.lower(), "lines")

    async def _crates(self, visit: Visit, rest: list[str]) -> Response | None:
        match visit.request.method, rest:
            case "GET", []:
                return self._search(visit)
            case "PUT", ["new"]:
                return await self._publish(visit)
            case "GET" | "HEAD", [name, version, "download"]:
                return await visit.file(self.hub, name.lower(), crate_file(name, version))
            case "DELETE", [name, version, "yank"]:
                return await self._yank(visit, name, version, yanked=True)
            case "PUT", [name, version, "unyank"]:
                return await self._yank(visit, name, version, yanked=False)
        return None

    async def _publish(self, visit: Visit) -> Response:
        crate, content = read_crate(visit.request.body)
        name = crate.name.lower()
        visit.may_change(self.hub, "publish", name, crate.vers)
        release = release_of(crate, content, self.hub.store.blobs, visit.caller.name, self.hub.clock.now())
        await self.hub.change(name, lambda tables: publish(tables, name, release))
        return _json({"warnings": {"invalid_categories": [], "invalid_badges": [], "other": []}})

    async def _yank(self, visit: Visit, name: str, version: str, *, yanked: bool) -> Response:
        name = name.lower()
        visit.may_change(self.hub, "yank" if yanked else "unyank", name, version)
        await self.hub.change(name, lambda tables: yank(tables, name, version, yanked=yanked))
        return _json({"ok": True})

    def _search(self, visit: Visit) -> Response:
        arguments = visit.request.arguments()
        wanted = arguments.get("q", [""])[0].lower().replace("_", "-")
        size = arguments.get("per_page", [str(_USUAL)])[0]
        most = min(int(size), _MOST) if size.isascii() and size.isdecimal() and len(size) < 10 else _USUAL
        found = [
            {"name": name, "max_version": summary.latest, "description": summary.description}
            for name, summary in self.hub.store.tables.summaries("cargo")
            # Of which every version is refused there is none that Cargo could show.
            if summary.latest and wanted in name.replace("_", "-") and visit.caller.may("read", f"cargo:{name}")
        ]
        return _json({"crates": found[:most], "meta": {"total": len(found)}})

    def refusal(self, status: int, message: str) -> Response:
        # Cargo looks for this word before it shows a token.
        challenge = [("www-authenticate", "Cargo")] if status == 401 else []
        return Response(status, Headers([*_JSON, *challenge]), msgspec.json.encode({"errors": [{"detail": message}]}))


def _json(content: Any) -> Response:
    return Response(200, _JSON, msgspec.json.encode(content))
