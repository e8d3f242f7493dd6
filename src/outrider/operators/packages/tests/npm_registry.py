"""A registry of npm for tests, and questions to it with nothing of this machine's user."""

import gzip
import io
import os
import tarfile
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha1, sha512
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

import msgspec

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.operators.packages.tests.asking import RegistryAsking
from outrider.ports.clock import SystemClock
from outrider.ports.http.server import Server

SYSTEM_CLOCK = SystemClock()
Answer = Callable[[Request], Response]


class NpmRegistry:
    """Serves packages; use it as a context.

    Args:
        token: That is demanded.

    Attributes:
        answers: What is answered at a path in place of what would be.
        documents: By name; a test may spoil them.
        requests: That came, oldest first.
    """

    def __init__(self, *, token: str = "") -> None:
        self._token = token
        self._tarballs: dict[str, bytes] = {}
        self._server = Server(self._handle)
        self.documents: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, Answer] = {}
        self.requests: list[Request] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        self.url = f"http://127.0.0.1:{await self._server.start_tcp('127.0.0.1', 0)}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(0)

    def add(
        self,
        spec: str,
        needs: str = "",
        *,
        files: Mapping[str, Any] | None = None,
        members: Sequence[tarfile.TarInfo] = (),
        **manifest: Any,
    ) -> None:
        """Have a version; the newest release is under the tag `latest`, unless a test says otherwise later.

        Args:
            spec: `NAME@VERSION`.
            needs: Dependencies, each as `NAME@RANGE`; `?` before one makes it optional, `!` a peer, `!?` an optional peer.
            files: Further files of the tarball, as JSON.
            members: Further members of it, without content.
            manifest: Further fields of package.json.
        """
        name, _, version = spec.rpartition("@")
        package = {"name": name, "version": version, **manifest}
        for need in needs.split():
            mark = need[: len(need) - len(need.lstrip("?!"))]
            other, _, text = need[len(mark) :].partition("@") if need[len(mark)] != "@" else _scoped(need[len(mark) :])
            field = {"": "dependencies", "?": "optionalDependencies"}.get(mark, "peerDependencies")
            package.setdefault(field, {})[other] = text or "*"
            if mark == "!?":
                package.setdefault("peerDependenciesMeta", {})[other] = {"optional": True}
        content = packed({"package.json": package, **(files or {})}, members)
        path = f"/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
        self._tarballs[path] = content
        integrity = f"sha512-{b64encode(sha512(content).digest()).decode()}"
        document = self.documents.setdefault(name, {"name": name, "dist-tags": {}, "versions": {}})
        dist = {"tarball": path, "integrity": integrity, "shasum": sha1(content).hexdigest()}
        document["versions"][version] = {**package, "dist": dist}
        if "-" not in version or "latest" not in document["dist-tags"]:
            document["dist-tags"]["latest"] = version

    def tag(self, name: str, tag: str, version: str) -> None:
        """Have a tag."""
        self.documents[name]["dist-tags"][tag] = version

    def serve(self, path: str, other: str) -> None:
        """Have at a path the tarball of another one."""
        self._tarballs[path] = self._tarballs[other]

    def names(self) -> list[str]:
        """Return the paths of packages that were asked for."""
        return [unquote(request.path)[1:] for request in self.requests if "/-/" not in request.path]

    async def _handle(self, request: Request) -> Response:
        self.requests.append(request)
        path = unquote(request.path)
        if self._token and request.headers.get("authorization") != f"Bearer {self._token}":
            return Response(401)
        if path in self.answers:
            return self.answers[path](request)
        if path in self._tarballs:
            return Response(200, body=self._tarballs[path])
        document = self.documents.get(path[1:])
        if document is None:
            return Response(404)
        content = msgspec.json.encode(document).replace(b'"tarball":"/', f'"tarball":"{self.url}/'.encode())
        etag = f'"{sha512(content).hexdigest()[:16]}"'
        if request.headers.get("if-none-match") == etag:
            return Response(304, Headers({"etag": etag}))
        return Response(200, Headers({"etag": etag, "content-type": "application/json"}), content)


def _scoped(need: str) -> tuple[str, str, str]:
    name, at, text = need[1:].partition("@")
    return f"@{name}", at, text


def packed(files: Mapping[str, Any], members: Sequence[tarfile.TarInfo] = ()) -> bytes:
    """Return a tarball with some files, as JSON, and with members that have no content."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path, content in files.items():
            data = content if isinstance(content, bytes) else msgspec.json.encode(content)
            member = tarfile.TarInfo(f"package/{path}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in members:
            archive.addfile(member)
    return gzip.compress(stream.getvalue(), mtime=0)


class NpmAsking(RegistryAsking):
    """Asks a registry.

    Args:
        folder: For what is kept, and for a home and a project.
        url: Of the registry.
    """

    def __init__(self, folder: Path, url: str) -> None:
        environment = {"HOME": str(folder / "home"), "PATH": os.environ["PATH"], "npm_config_registry": url}
        # The settings of this machine are for its own registry.
        environment["npm_config_globalconfig"] = os.devnull
        super().__init__("npm", folder, folder, environment)

    async def tree(self, *packages: str, **options: Any) -> list[str]:
        """Return what was chosen as `a@1`, or `a/b@1` for b below a."""
        answer = await self.resolved(*packages, **options)
        return [
            f"{one.place.removeprefix('node_modules/').replace('/node_modules/', '/')}@{one.version}"
            for one in answer.packages
        ]
