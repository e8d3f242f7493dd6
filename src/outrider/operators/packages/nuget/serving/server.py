"""A source of NuGet, version 3: its service index, registrations, packages, search, vulnerabilities, and what push, delete and a relist send.

https://learn.microsoft.com/nuget/api/overview
"""

import asyncio
from typing import Any

import msgspec

from outrider.core.errors import MissingRequirementError
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.nuget.flat_container import file_name
from outrider.operators.packages.nuget.records import shown_version
from outrider.operators.packages.nuget.serving.documents import JSON, VERSIONS
from outrider.operators.packages.nuget.serving.manifests import manifest_of, read_licence
from outrider.operators.packages.nuget.serving.places import ALL, OLDER, advice_url, services
from outrider.operators.packages.nuget.serving.publishing import publish, put_listed, read_push, release_of
from outrider.operators.packages.nuget.serving.searching import Searching
from outrider.operators.packages.nuget.serving.vulnerabilities import Vulnerabilities
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.licences import FileLicences
from outrider.operators.packages.serving.negotiation import accepted
from outrider.operators.packages.serving.visits import Visit

_JSON, _PLAIN = Headers({"content-type": JSON}), Headers({"content-type": "text/plain; charset=utf-8"})
_XML = "application/xml"


class NugetServer:
    """Serves the packages of a hub.

    Args:
        base: The address of the registry.
        hub: Has them.
    """

    def __init__(self, base: str, hub: Hub) -> None:
        self._base, self.hub = base, hub
        self._searching, self._vulnerabilities = Searching(base, hub), Vulnerabilities()
        self._licences = FileLicences(hub, read_licence)

    async def answer(self, visit: Visit) -> Response:
        answer = None
        match visit.segments:
            case ["v3", *rest] if visit.request.method in ("GET", "HEAD"):
                answer = await self._read(visit, rest)
            case ["v2", "package", *rest]:
                answer = await self._change(visit, [one for one in rest if one])
        if answer is None:
            raise visit.nothing()
        return answer

    async def _read(self, visit: Visit, segments: list[str]) -> Response | None:
        match segments:
            case ["index.json"]:
                _let_in(visit)
                return _json(services(self._base, advice=self._vulnerabilities.imported() is not None))
            case ["query"]:
                _let_in(visit)
                return _json(self._searching.packages(visit))
            case ["autocomplete"]:
                _let_in(visit)
                return _json(self._searching.names(visit))
            case ["vulnerabilities", file]:
                _let_in(visit)
                return await self._advice(visit, file)
        return await self._of_one(visit, segments)

    async def _of_one(self, visit: Visit, segments: list[str]) -> Response | None:
        match segments:
            case ["flat", name, "index.json"]:
                return await visit.document(self.hub, name.lower(), VERSIONS)
            case ["flat", name, version, file]:
                return await self._file(visit, name.lower(), version, file.lower())
            case [kind, name, "index.json"] if kind in (ALL, OLDER):
                return await visit.document(self.hub, name.lower(), kind)
            case [kind, name, file] if kind in (ALL, OLDER) and file.endswith(".json"):
                return await self._leaf(visit, kind, name.lower(), file.removesuffix(".json"))
        return None

    async def _file(self, visit: Visit, name: str, version: str, file: str) -> Response | None:
        shown = shown_version(version).lower()
        package = file_name(name, shown)
        if file not in (f"{name}.{version.lower()}.nupkg", package, f"{name}.nuspec"):
            return None
        visit.require("read", "nuget", name)
        await self._licences.refuse(name, package)
        if file == f"{name}.nuspec":
            return visit.kept(self.hub, await manifest_of(self.hub, name, shown), _XML)
        return await visit.file(self.hub, name, package)

    async def _leaf(self, visit: Visit, kind: str, name: str, version: str) -> Response | None:
        visit.require("read", "nuget", name)
        shown = shown_version(version).lower()
        document = msgspec.json.decode(await self.hub.content(name, kind))
        for page in document["items"]:
            for leaf in page["items"]:
                if shown_version(leaf["catalogEntry"]["version"]).lower() == shown:
                    return _json(leaf)
        return None

    async def _advice(self, visit: Visit, file: str) -> Response | None:
        """Answer with what is known of vulnerabilities; that nothing is imported does not read as nothing found."""
        source = self._vulnerabilities.imported()
        if source is None:
            raise MissingRequirementError(
                "no advisories of nuget are imported here, so nothing can be said", found="none",
                suggestions=["outrider packages import_advisories ALL.ZIP, with a file of the OSV database"],
            )  # fmt: skip
        if file == "index.json":
            return _json([{"@name": "base", "@id": advice_url(self._base), "@updated": source.imported}])
        if file != "base.json":
            return None
        encoding = accepted(visit.request.headers.get("accept-encoding"), ("gzip", "identity"))
        if encoding is None:
            return Response(406)
        return (await self._vulnerabilities.document(encoding)).response(visit.request.headers)

    async def _change(self, visit: Visit, rest: list[str]) -> Response | None:
        match visit.request.method, rest:
            case "PUT", []:
                return await self._push(visit)
            case "DELETE", [name, version]:
                return await self._list(visit, name.lower(), version, listed=False)
            case "POST", [name, version]:
                return await self._list(visit, name.lower(), version, listed=True)
        return None

    async def _push(self, visit: Visit) -> Response:
        if not visit.caller.may("publish"):
            # Who may publish nothing at all is told so before anything of theirs is read.
            visit.may_change(self.hub, "publish", "*")
        request = visit.request
        pushed = await asyncio.to_thread(read_push, request.headers.get("content-type"), request.body)
        name = pushed.nuspec.id.lower()
        visit.may_change(self.hub, "publish", name, pushed.nuspec.version)
        now, blobs = self.hub.clock.now(), self.hub.store.blobs
        release = await asyncio.to_thread(release_of, pushed, blobs, visit.caller.name, now)
        await self.hub.change(name, lambda tables: publish(tables, name, release))
        return Response(201)

    async def _list(self, visit: Visit, name: str, version: str, *, listed: bool) -> Response:
        visit.may_change(self.hub, "unyank" if listed else "yank", name, version)
        await self.hub.change(name, lambda tables: put_listed(tables, name, version, listed=listed))
        return Response(200 if listed else 204)

    def refusal(self, status: int, message: str) -> Response:
        # nuget and dotnet show the words behind the status.
        challenge = [("www-authenticate", 'Basic realm="packages"')] if status == 401 else []
        return Response(status, Headers([*_PLAIN, *challenge]), f"{message}\n".encode(), reason=message)


def _let_in(visit: Visit) -> None:
    """Refuse who may read nothing at all."""
    if not visit.caller.may("read"):
        visit.require("read", "nuget", "*")


def _json(content: Any) -> Response:
    return Response(200, _JSON, msgspec.json.encode(content))
