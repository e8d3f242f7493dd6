"""A Python index: pages of projects, files with their metadata, and uploads.

https://packaging.python.org/en/latest/specifications/simple-repository-api/
"""

import html
from urllib.parse import quote

import msgspec

from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError, UnauthenticatedError
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.pypi.serving.documents import HTML, JSON, TEXT_HTML
from outrider.operators.packages.pypi.serving.licences import learn, refuse_file
from outrider.operators.packages.pypi.serving.uploads import publish, read_upload
from outrider.operators.packages.pypi.serving.upstream import METADATA
from outrider.operators.packages.serving.answers import for_visitors, message_of
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.multipart import read_form
from outrider.operators.packages.serving.negotiation import accepted
from outrider.operators.packages.serving.tables import KeptFile, PackageState
from outrider.operators.packages.serving.visits import Visit
from outrider.operators.packages.texts import flattened

_OFFERED = (JSON, HTML, TEXT_HTML)
# How pip's name for itself begins.
_PIP = "pip/"
_PLAIN = Headers({"content-type": "text/plain; charset=utf-8"})


class PypiServer:
    """Serves the projects of a hub.

    Args:
        hub: Has them.
    """

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    async def answer(self, visit: Visit) -> Response:
        method = visit.request.method
        match visit.segments:
            case ["simple", ""] | ["simple"] if method in ("GET", "HEAD"):
                return self._names(visit)
            case ["simple", name, ""] if method in ("GET", "HEAD"):
                return await self._page(visit, name)
            case ["simple", name] if method in ("GET", "HEAD") and name:
                return _moved(f"{visit.request.path}/")
            case ["files", name, file] if method in ("GET", "HEAD"):
                return await self._file(visit, name, file)
            case [""] | ["legacy"] | ["legacy", ""] if method == "POST":
                return await self._upload(visit)
        raise visit.nothing("publish with POST at /pypi/legacy/")

    async def _page(self, visit: Visit, name: str) -> Response:
        wanted = normalised(name)
        if wanted != name:
            return _moved(f"../{wanted}/")
        media = (
            accepted(visit.request.headers.get("accept"), _OFFERED) if "accept" in visit.request.headers else TEXT_HTML
        )
        if media is None:
            return Response(406, _PLAIN, f"there is the page as {', '.join(_OFFERED)}\n".encode())
        try:
            return await visit.document(self.hub, name, "json" if media == JSON else "html")
        except OutriderError as caught:
            error, is_pip = for_visitors(caught), (visit.request.headers.get("user-agent") or "").startswith(_PIP)
            if is_pip and not isinstance(error, NotFoundError | UnauthenticatedError):
                return _skipped(error)
            raise

    async def _file(self, visit: Visit, name: str, file: str) -> Response:
        name, described = normalised(name), file.removesuffix(METADATA)
        visit.require("read", "pypi", name)
        if file != described:
            state = await self.hub.package(name)
            if state.hosted:
                return self._own_metadata(visit, state, name, described)
        await refuse_file(self.hub, name, described)
        if file != described:
            await learn(self.hub, name, described)
        return await visit.file(self.hub, name, file)

    def _own_metadata(self, visit: Visit, state: PackageState, name: str, file: str) -> Response:
        for one in self.hub.store.tables.releases("pypi", name):
            if one.file == file and (blob := one.beside):
                self.hub.refuse(state, name, one.version)
                size = self.hub.store.blobs.path(blob).stat().st_size
                return visit.kept(self.hub, KeptFile(blob, size), "text/plain; charset=utf-8")
        raise NotFoundError(f"pypi {name}: there is no metadata of {file}", found=file)

    def _names(self, visit: Visit) -> Response:
        names = [name for name in self.hub.store.tables.names("pypi") if visit.caller.may("read", f"pypi:{name}")]
        if accepted(visit.request.headers.get("accept"), (TEXT_HTML, JSON)) == JSON:
            content = {"meta": {"api-version": "1.0"}, "projects": [{"name": name} for name in names]}
            return Response(200, Headers({"content-type": JSON}), msgspec.json.encode(content))
        links = "\n".join(f'<a href="{quote(name)}/">{html.escape(name)}</a><br>' for name in names)
        page = f"<!DOCTYPE html>\n<html><head><title>Projects</title></head><body>\n{links}\n</body></html>"
        fields = {"content-type": f"{TEXT_HTML}; charset=utf-8", "content-security-policy": "default-src 'none'"}
        return Response(200, Headers(fields), page.encode())

    async def _upload(self, visit: Visit) -> Response:
        form = read_form(visit.request.headers.get("content-type"), visit.request.body)
        names = form.get("name", ())
        name = normalised(names[0].text) if names else ""
        if not name:
            raise InvalidConfigError(
                "name: the upload does not say of which project it is", path="name", found="nothing", expected="the name of a project",
                suggestions=["upload with twine or uv"],
            )  # fmt: skip
        version = form["version"][0].text if "version" in form else ""
        visit.may_change(self.hub, "publish", name, version)
        upload = await read_upload(form, self.hub.store.blobs, visit.caller.name, self.hub.clock.now())
        await self.hub.change(upload.project, lambda tables: publish(tables, upload))
        return Response(200, _PLAIN, b"published\n")

    def refusal(self, status: int, message: str) -> Response:
        # pip, uv and twine show the words behind the status.
        challenge = [("www-authenticate", 'Basic realm="packages"')] if status == 401 else []
        return Response(status, Headers([*_PLAIN, *challenge]), f"{message}\n".encode(), reason=message)


def _skipped(error: OutriderError) -> Response:
    """Return what pip passes over as any page that it cannot have, but tells of.

    Of a page whose status tells of an error it says nothing, not even that there was one; of a page of another type it names the type.
    """
    message = message_of(error)
    told = flattened(message).encode("ascii", "replace").decode().replace("\\", "/").replace('"', "'")
    fields = {"content-type": f'text/plain; charset=utf-8; refused="{told}"', "cache-control": "no-store"}
    return Response(200, Headers(fields), f"{message}\n".encode())


def _moved(where: str) -> Response:
    return Response(301, Headers({"location": where}))
