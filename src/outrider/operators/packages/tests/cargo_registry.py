"""A sparse registry of Cargo for tests, and questions to it with nothing of this machine's user."""

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import msgspec

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.operators.packages.tests.asking import RegistryAsking
from outrider.ports.clock import SystemClock
from outrider.ports.http.server import Server

SYSTEM_CLOCK = SystemClock()
Answer = Callable[[Request], Response]


class CargoRegistry:
    """Serves an index; use it as a context.

    Args:
        token: That is demanded of everybody.
        says_so: Whether the configuration says that a token is demanded.
        etags: Documents have one, and 304 is answered.

    Attributes:
        answers: What is answered at a path in place of what would be.
        lines: Of each crate, by its name in small letters; a test may spoil them.
        requests: That came, oldest first.
        downloads: Where crates are, as the configuration says.
    """

    def __init__(self, *, token: str = "", says_so: bool = True, etags: bool = True) -> None:
        self._token, self._says_so, self._etags = token, says_so, etags
        self._server = Server(self._handle)
        self.lines: dict[str, list[bytes]] = {}
        self.answers: dict[str, Answer] = {}
        self.requests: list[Request] = []
        self.downloads = "https://files.test/crates"
        self.url = ""

    async def __aenter__(self) -> Self:
        self.url = f"http://127.0.0.1:{await self._server.start_tcp('127.0.0.1', 0)}/index"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(0)

    def add(self, spec: str, *needs: str | dict[str, Any], **fields: Any) -> None:
        """Have a version.

        Args:
            spec: `NAME@VERSION`.
            needs: Dependencies, each as `NAME@REQUIREMENT`, with `?` before it where it is optional, or as `need` makes them.
            fields: Further fields of the line.
        """
        name, _, version = spec.partition("@")
        line = {
            "name": name,
            "vers": version,
            "deps": [need(one) if isinstance(one, str) else one for one in needs],
            "cksum": checksum(spec),
            "features": {},
            "yanked": False,
            "unknown": {"to": ["everybody"]},
            **fields,
        }
        self.lines.setdefault(name.lower(), []).append(msgspec.json.encode(line))

    def names(self) -> list[str]:
        """Return what was asked for, without the folders of the index."""
        return [request.path.rpartition("/")[2] for request in self.requests]

    async def _handle(self, request: Request) -> Response:
        self.requests.append(request)
        if self._token and request.headers.get("authorization") != self._token:
            return Response(401, Headers({"www-authenticate": "Cargo"}))
        path = request.path.removeprefix("/index")
        if path in self.answers:
            return self.answers[path](request)
        if path == "/config.json":
            config = {
                "dl": self.downloads,
                "api": "https://api.test",
                "auth-required": bool(self._token) and self._says_so,
            }
            return Response(200, body=msgspec.json.encode(config))
        lines = self.lines.get(path.rpartition("/")[2])
        return Response(404) if lines is None else self._document(request, b"\n".join(lines))

    def _document(self, request: Request, content: bytes) -> Response:
        if not self._etags:
            return Response(200, body=content)
        headers = Headers({"etag": f'"{sha256(content).hexdigest()[:16]}"'})
        unchanged = request.headers.get("if-none-match") == headers.get("etag")
        return Response(304, headers) if unchanged else Response(200, headers, content)


def need(text: str, **fields: Any) -> dict[str, Any]:
    """Return a dependency as an index writes it.

    Args:
        text: `NAME@REQUIREMENT`, or `NAME` for any version, with `?` before it where it is optional.
        fields: Those that are not as usual.
    """
    name, _, requirement = text.removeprefix("?").partition("@")
    return {
        "name": name,
        "req": requirement or "*",
        "features": [],
        "optional": text.startswith("?"),
        "default_features": True,
        "target": None,
        "kind": "normal",
        **fields,
    }


def checksum(spec: str) -> str:
    """Return the checksum of a version."""
    return sha256(spec.encode()).hexdigest()


class CargoAsking(RegistryAsking):
    """Asks a registry.

    Args:
        folder: For what is kept, and for a home and a project.
        url: Of the registry, which stands in for crates.io.
    """

    def __init__(self, folder: Path, url: str) -> None:
        environment = {"HOME": str(folder), "CARGO_HOME": str(folder / "home"), "PATH": os.environ["PATH"]}
        super().__init__("cargo", folder, folder / "project", environment)
        self.write(
            "home/config.toml", f'[source.crates-io]\nreplace-with = "own"\n[source.own]\nregistry = "sparse+{url}/"\n'
        )

    def write(self, path: str, content: str) -> None:
        """Have a file."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(content)

    async def pins(self, *packages: str, **options: Any) -> list[str]:
        """Return what was chosen, as `name@version`, and with features `name[a,b]@version`."""
        answer = await self.resolved(*packages, **options)
        found = []
        for one in answer.packages:
            features = [feature for feature in one.extras if feature != "default"]
            found.append(f"{one.name}{'[' + ','.join(features) + ']' if features else ''}@{one.version}")
        return found
