"""A Python index for tests, which is as able, as old or as broken as a test wants it."""

import gzip
import html
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from typing import Any, Self
from urllib.parse import quote, unquote

import msgspec

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.tests.wheels import Wheel, sha256
from outrider.ports.http.server import Server

JSON = "application/vnd.pypi.simple.v1+json"
Answer = Callable[[Request], Response]


class Seen(msgspec.Struct, frozen=True):
    """A request that came."""

    path: str
    headers: Headers
    status: int


class PythonIndex:
    """Serves wheels; use it as a context.

    Args:
        json: Pages are JSON (PEP 691), else HTML (PEP 503).
        metadata: It is served beside the wheels (PEP 658).
        ranges: Parts of files may be asked for.
        etags: Pages have one, and 304 is answered.
        zipped: Pages are compressed.
        login: `user:password` that is demanded.

    Attributes:
        answers: What is answered at a path in place of what would be.
        requests: That came, oldest first.
        url: Of the index.
    """

    def __init__(
        self,
        *,
        json: bool = True,
        metadata: bool = True,
        ranges: bool = True,
        etags: bool = True,
        zipped: bool = False,
        login: str = "",
    ) -> None:
        self._json, self._metadata, self._ranges, self._etags = json, metadata, ranges, etags
        self._zipped, self._login = zipped, login
        self._files: dict[str, dict[str, tuple[Wheel | None, bytes]]] = {}
        self._server = Server(self._handle)
        self.answers: dict[str, Answer] = {}
        self.requests: list[Seen] = []
        self.port = 0

    async def __aenter__(self) -> Self:
        self.port = await self._server.start_tcp("127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(0)

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.root}/simple"

    def add(self, project: str, version: str, *needs: str, **more: Any) -> Wheel:
        """Have a wheel; further arguments are its attributes."""
        wheel = Wheel(project=project, version=version, needs=needs, **more)
        self._files.setdefault(normalised(project), {})[wheel.name] = (wheel, wheel.packed())
        return wheel

    def add_source(self, project: str, version: str, content: bytes = b"nothing", ending: str = ".tar.gz") -> None:
        """Have a source distribution, which has nothing in it unless a test says otherwise."""
        self._files.setdefault(normalised(project), {})[f"{project}-{version}{ending}"] = (None, content)

    def remove(self, wheel: Wheel) -> None:
        """Have a wheel no more."""
        del self._files[normalised(wheel.project)][wheel.name]

    def paths(self, part: str = "") -> list[str]:
        """Return the paths that were asked for, of those with a part in them."""
        return [seen.path for seen in self.requests if part in seen.path]

    async def _handle(self, request: Request) -> Response:
        response = self._answer(request)
        self.requests.append(Seen(request.path, request.headers, response.status))
        return response

    def _answer(self, request: Request) -> Response:
        path = unquote(request.path)
        if self._login and not self._let_in(request):
            return Response(401, Headers({"www-authenticate": "Basic"}))
        if path in self.answers:
            return self.answers[path](request)
        match path.strip("/").split("/"):
            case ["simple", project] if project in self._files and path.endswith("/"):
                return self._page(request, project)
            case ["files", name]:
                return self._file(request, name)
        return Response(404)

    def _let_in(self, request: Request) -> bool:
        scheme, _, value = (request.headers.get("authorization") or "").partition(" ")
        return scheme == "Basic" and b64decode(value).decode() == self._login

    def _page(self, request: Request, project: str) -> Response:
        content = (self._as_json if self._json else self._as_html)(project)
        fields = {"content-type": JSON if self._json else "text/html; charset=utf-8"}
        if self._etags:
            fields["etag"] = f'"{sha256(content)[:16]}"'
            if request.headers.get("if-none-match") == fields["etag"]:
                return Response(304, Headers(fields))
        if self._zipped:
            fields["content-encoding"], content = "gzip", gzip.compress(content)
        return Response(200, Headers(fields), content)

    def _as_json(self, project: str) -> bytes:
        files = [
            {
                "filename": name, "url": f"/files/{quote(name)}", "hashes": {"sha256": sha256(content)},
                "requires-python": wheel.python or None if wheel else None, "core-metadata": self._metadata and wheel is not None,
                "yanked": False if wheel is None or wheel.yanked is None else wheel.yanked or True,
                **({"upload-time": wheel.uploaded} if wheel is not None and wheel.uploaded else {}),
            }
            for name, (wheel, content) in self._files[project].items()
        ]  # fmt: skip
        return msgspec.json.encode({"meta": {"api-version": "1.1"}, "name": project, "files": files})

    def _as_html(self, project: str) -> bytes:
        lines = []
        for name, (wheel, content) in self._files[project].items():
            attributes = {"href": f"../../files/{quote(name)}#sha256={sha256(content)}"}
            if wheel is not None:
                attributes |= {"data-requires-python": wheel.python} if wheel.python else {}
                attributes |= {"data-yanked": wheel.yanked} if wheel.yanked is not None else {}
                attributes |= {"data-core-metadata": "true"} if self._metadata else {}
            written = " ".join(f'{key}="{html.escape(value)}"' for key, value in attributes.items())
            lines.append(f"<a {written}>{name}</a><br/>\n")
        return f"<!DOCTYPE html><html><body>\n{''.join(lines)}</body></html>".encode()

    def _file(self, request: Request, name: str) -> Response:
        found = {key: value for files in self._files.values() for key, value in files.items()}
        wheel, content = found.get(name.removesuffix(".metadata"), (None, b""))
        if name.endswith(".metadata"):
            served = self._metadata and wheel is not None
            return Response(200, body=wheel.metadata.encode()) if served and wheel is not None else Response(404)
        if not content:
            return Response(404)
        return _part(request, content) if self._ranges and "range" in request.headers else Response(200, body=content)


def _part(request: Request, content: bytes) -> Response:
    begin, _, end = (request.headers.get("range") or "").removeprefix("bytes=").partition("-")
    first = int(begin) if begin else max(0, len(content) - int(end))
    last = min(int(end) if begin and end else len(content) - 1, len(content) - 1)
    fields = Headers({"content-range": f"bytes {first}-{last}/{len(content)}"})
    return Response(206, fields, content[first : last + 1])


def status(number: int, **fields: str) -> Answer:
    """Return what answers with a status alone."""
    return lambda _: Response(number, Headers({name.replace("_", "-"): value for name, value in fields.items()}))


def redirect(url: str, number: int = 302) -> Answer:
    """Return what sends whoever asks elsewhere."""
    return status(number, location=url)


def document(content: bytes, content_type: str = JSON, **fields: str) -> Answer:
    """Return what answers with a document."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return lambda _: Response(200, Headers({"content-type": content_type, **named}), content)


def cut(content: bytes, length: int) -> Answer:
    """Return what promises more than it sends, and ends the connection."""

    async def pieces() -> AsyncIterator[bytes]:
        yield content
        raise ConnectionResetError

    return lambda _: Response(200, Headers({"content-type": JSON, "content-length": str(length)}), pieces())
