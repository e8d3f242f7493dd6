"""A Maven repository for tests, and questions to it with nothing of this machine's user."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.operators.packages.tests.asking import RegistryAsking
from outrider.operators.packages.tests.maven_poms import dependency, metadata, parts, path_of, pom
from outrider.ports.http.server import Server

Answer = Callable[[Request], Response]


class MavenRepositoryServer:
    """Serves files; use it as a context.

    Args:
        authorization: That is demanded of everybody.
        etags: Documents have one, and 304 is answered.
        checksums: Of which kinds each file has one, such as `sha1`.

    Attributes:
        files: By their paths; a test may spoil them.
        versions: That are listed, by `group:artifact`.
        answers: What is answered at a path in place of what would be.
        held: Who asks for such a path is answered when the event is set.
        requests: That came, oldest first.
    """

    def __init__(self, *, authorization: str = "", etags: bool = True, checksums: Sequence[str] = ()) -> None:
        self._authorization, self._etags, self._checksums = authorization, etags, checksums
        self._server = Server(self._handle)
        self.files: dict[str, str | bytes] = {}
        self.versions: dict[str, list[str]] = {}
        self.answers: dict[str, Answer] = {}
        self.held: dict[str, asyncio.Event] = {}
        self.requests: list[Request] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        self.url = f"http://127.0.0.1:{await self._server.start_tcp('127.0.0.1', 0)}/maven"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(0)

    def add(self, coordinates: str, *needs: str, **values: Any) -> None:
        """Have a version.

        Args:
            coordinates: `group:artifact:version`; without a group it is `g`.
            needs: Dependencies: `artifact:version` of the group `g`, or elements as `dependency` makes them.
            values: Those of `pom`; `managed`, `properties` and `content` are what else it has within.
        """
        coordinates = full(coordinates)
        made = [one if one.startswith("<") else need(one) for one in needs]
        within = parts(made, values.pop("managed", ()), values.pop("properties", None))
        self.files[path_of(coordinates)] = pom(coordinates, within, values.pop("content", ""), **values)
        name, _, version = coordinates.rpartition(":")
        self.versions.setdefault(name, []).append(version)

    def paths(self) -> list[str]:
        """Return what was asked for."""
        return [request.path.removeprefix("/maven/") for request in self.requests]

    def names(self) -> list[str]:
        """Return the names of the files that were asked for."""
        return [path.rpartition("/")[2] for path in self.paths()]

    async def _handle(self, request: Request) -> Response:
        self.requests.append(request)
        if self._authorization and request.headers.get("authorization") != self._authorization:
            return Response(401, Headers({"www-authenticate": "Basic"}))
        path = request.path.removeprefix("/maven/")
        if path in self.held:
            await self.held[path].wait()
        if path in self.answers:
            return self.answers[path](request)
        content = self._content(path)
        stem, _, ending = path.rpartition(".")
        if content is None and ending in self._checksums and (whole := self._content(stem)) is not None:
            content = hashlib.new(ending, encoded(whole)).hexdigest()
        return Response(404) if content is None else self._document(request, encoded(content))

    def _content(self, path: str) -> str | bytes | None:
        content = self.files.get(path)
        folder, _, name = path.rpartition("/")
        if content is None and name == "maven-metadata.xml":
            group, _, artifact = folder.rpartition("/")
            versions = self.versions.get(f"{group.replace('/', '.')}:{artifact}")
            content = None if versions is None else metadata(versions)
        return content

    def _document(self, request: Request, content: bytes) -> Response:
        if not self._etags:
            return Response(200, body=content)
        headers = Headers({"etag": f'"{hashlib.sha256(content).hexdigest()[:16]}"'})
        unchanged = request.headers.get("if-none-match") == headers.get("etag")
        return Response(304, headers) if unchanged else Response(200, headers, content)


def encoded(content: str | bytes) -> bytes:
    """Return what is sent of a file."""
    return content.encode() if isinstance(content, str) else content


def full(coordinates: str) -> str:
    """Return coordinates with a group."""
    return coordinates if coordinates.count(":") > 1 else f"g:{coordinates}"


def need(text: str, **values: Any) -> str:
    """Return a dependency on `artifact` or `artifact:version` of the group `g`; the values are those of `dependency`."""
    return dependency(f"g:{text}", **values)


SETTINGS = (
    "<settings><mirrors><mirror><id>own</id><mirrorOf>*</mirrorOf><url>{url}</url></mirror></mirrors>{more}</settings>"
)


class MavenAsking(RegistryAsking):
    """Asks a repository.

    Args:
        folder: For what is kept, and for a home and a project.
        url: Of the repository, which stands in for all others.
    """

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__("maven", folder, folder / "project", {"HOME": str(folder), "PATH": str(folder / "bin")})
        self._url = url
        self.settings("")

    def settings(self, more: str) -> None:
        """Have further settings."""
        self.write(".m2/settings.xml", SETTINGS.format(url=self._url, more=more))

    def write(self, path: str, content: str) -> None:
        """Have a file."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(content)

    async def pins(self, *packages: str, **options: Any) -> list[str]:
        """Return what was chosen, as `artifact:version`, with its group where that is not `g`."""
        wanted = [one if one.count(":") else f"g:{one}" for one in packages]
        answer = await self.resolved(*wanted, **options)
        return [f"{(one.place or one.name).removeprefix('g:')}:{one.version}" for one in answer.packages]
