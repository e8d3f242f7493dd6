"""A repository of Composer for tests, and questions to it with nothing of this machine's user."""

import os
from collections.abc import Callable, Mapping
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import unquote

import msgspec

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.operators.packages.tests.asking import RegistryAsking
from outrider.operators.packages.tests.composer_archives import archive, manifest
from outrider.ports.http.server import Server

Answer = Callable[[Request], Response]
# Where the documents of packages are: one for each and one for its branches, all in the first one, or, as with Composer 1, by hash or not.
Layout = Literal["metadata", "whole", "lazy", "providers"]
_LINKS = {"!": "conflict", "+": "provide", "=": "replace"}
DEFAULT = "default.test"
PLATFORM = {
    "php": "8.2.1",
    "php-64bit": "8.2.1",
    "ext-json": "8.2.1",
    "lib-curl": "7.88.1",
    "composer-runtime-api": "2.2.2",
}
MODIFIED = "Mon, 02 Nov 2026 10:00:00 GMT"


class ComposerRegistry:
    """Serves packages; use it as a context.

    Args:
        layout: Where their documents are.
        minified: Whether versions are written as what differs from the one before.
        header: That is demanded of everybody, as its name and value.

    Attributes:
        packages: The versions by name; a test may spoil them.
        answers: What is answered at a path in place of what would be.
        more: Further fields of `packages.json`.
        modified: When all documents were changed; empty where that is not told.
        requests: That came, oldest first.
    """

    def __init__(
        self, layout: Layout = "metadata", *, minified: bool = True, header: tuple[str, str] | None = None
    ) -> None:
        self._layout, self._minified, self._header = layout, minified, header
        self._server = Server(self._handle)
        self.packages: dict[str, list[dict[str, Any]]] = {}
        self.answers: dict[str, Answer] = {}
        self.more: dict[str, Any] = {}
        self.modified = MODIFIED
        self.requests: list[Request] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        self.url = f"http://127.0.0.1:{await self._server.start_tcp('127.0.0.1', 0)}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(0)

    def add(self, spec: str, *links: str, **fields: Any) -> None:
        """Have a version.

        Args:
            spec: `VENDOR/NAME VERSION`.
            links: Each as `VENDOR/NAME CONSTRAINT`: a requirement, with `!` before it a conflict, with `+` what is provided, with `=`
                what is replaced.
            fields: Further ones.
        """
        name, _, version = spec.partition(" ")
        entry: dict[str, Any] = {
            "name": name,
            "version": version,
            "uid": len(self.packages) * 1000 + len(self._of(name)),
        }
        for link in links:
            kind = _LINKS.get(link[0], "require")
            target, _, constraint = link.lstrip("!+=").partition(" ")
            entry.setdefault(kind, {})[target] = constraint or "*"
        file = spec.replace("/", "-").replace(" ", "-")
        entry["dist"] = {"type": "zip", "url": f"https://files.test/{file}.zip", "reference": "0" * 40, "shasum": ""}
        self._of(name).append({**entry, **fields})

    def branch(self, spec: str, alias: str, *links: str, **fields: Any) -> None:
        """Have a branch that is called by another version too."""
        self.add(spec, *links, extra={"branch-alias": {spec.partition(" ")[2]: alias}}, **fields)

    def put(self, spec: str, *links: str, content: bytes | None = None, at: str = "", **fields: Any) -> bytes:
        """Have a version with its archive, and return that.

        Args:
            spec: As `add`.
            links: Likewise.
            content: Of the archive; one that can be installed if none is given.
            at: Where it is, if not here.
            fields: Further ones of the version.
        """
        packed = archive(spec) if content is None else content
        path, digest = f"/dist/{spec.replace(' ', '-').replace('/', '-')}.zip", sha1(packed).hexdigest()
        self.answers[path] = lambda _: Response(200, Headers({"content-type": "application/zip"}), packed)
        dist = {"type": "zip", "url": f"{at or self.url}{path}", "reference": digest, "shasum": digest}
        name, _, version = spec.partition(" ")
        self.add(spec, *links, **{**manifest(name, version), "dist": dist, **fields})
        return packed

    def paths(self) -> list[str]:
        """Return what was asked for."""
        return [unquote(request.path) for request in self.requests]

    def _of(self, name: str) -> list[dict[str, Any]]:
        return self.packages.setdefault(name.lower(), [])

    async def _handle(self, request: Request) -> Response:
        self.requests.append(request)
        path = unquote(request.path)
        if self._header is not None and request.headers.get(self._header[0]) != self._header[1]:
            return Response(401)
        if path in self.answers:
            return self.answers[path](request)
        content = self._content(path)
        if content is None:
            return Response(404)
        headers = Headers({"content-type": "application/json"})
        if self.modified:
            headers = Headers({"content-type": "application/json", "last-modified": self.modified})
            if request.headers.get("if-modified-since") == self.modified:
                return Response(304, headers)
        return Response(200, headers, content)

    def _content(self, path: str) -> bytes | None:
        if path == "/packages.json":
            return msgspec.json.encode({**self._root(), **self.more})
        name, _, rest = path.removeprefix("/p2/").removeprefix("/p/").removesuffix(".json").partition("$")
        if path.startswith("/p2/"):
            return self._document(name)
        if path.startswith("/p/") and name in self.packages:
            content = self._all_of(name)
            return content if not rest or rest == sha256(content).hexdigest() else None
        if path == "/listing.json":
            return msgspec.json.encode({"providers": self._providers()})
        return None

    def _root(self) -> dict[str, Any]:
        if self._layout == "metadata":
            return {"packages": [], "metadata-url": "/p2/%package%.json"}
        if self._layout == "lazy":
            return {"packages": [], "providers-lazy-url": "/p/%package%.json"}
        if self._layout == "providers":
            digest = sha256(msgspec.json.encode({"providers": self._providers()})).hexdigest()
            includes = {"listing.json": {"sha256": digest}}
            return {"packages": [], "providers-url": "/p/%package%$%hash%.json", "provider-includes": includes}
        return {
            "packages": {name: {one["version"]: one for one in versions} for name, versions in self.packages.items()}
        }

    def _document(self, path: str) -> bytes | None:
        """Return the document of the releases of a package, or with `~dev` that of its branches."""
        name, tilde, _ = path.partition("~")
        if name not in self.packages:
            return None
        versions = [one for one in self.packages[name] if is_branch(str(one["version"])) == bool(tilde)]
        if not self._minified:
            return msgspec.json.encode({"packages": {name: versions}})
        return msgspec.json.encode({"packages": {name: minified(versions)}, "minified": "composer/2.0"})

    def _all_of(self, name: str) -> bytes:
        return msgspec.json.encode({"packages": {name: {one["version"]: one for one in self.packages[name]}}})

    def _providers(self) -> Mapping[str, Any]:
        return {name: {"sha256": sha256(self._all_of(name)).hexdigest()} for name in self.packages}


def is_branch(version: str) -> bool:
    """Return whether a version is one of a branch."""
    return version.startswith("dev-") or version.endswith("-dev")


def minified(versions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return versions of which each but the first is what differs from the one before it."""
    found: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    for one in versions:
        changed = {key: value for key, value in one.items() if key not in before or before[key] != value}
        found.append(changed | dict.fromkeys(before.keys() - one.keys(), "__unset"))
        before = one
    return found


class ComposerAsking(RegistryAsking):
    """Asks repositories, with a Composer and a PHP that are none.

    Args:
        folder: For what is kept, and for a home and a project.
        urls: Of the repositories; there is no other one.
        program: Whether Composer and PHP seem to be here; else these of the machine are.
        fields: Further ones of the project's `composer.json`.
    """

    def __init__(self, folder: Path, *urls: str, program: bool = True, **fields: Any) -> None:
        environment = {"HOME": str(folder), "COMPOSER_HOME": str(folder / "home"), "PATH": os.environ["PATH"]}
        super().__init__("composer", folder, folder / "project", environment)
        repositories: list[Any] = [{"type": "composer", "url": url} for url in urls]
        config = {"secure-http": False}
        self.project = {"repositories": [*repositories, {DEFAULT: False}], "config": config, **fields}
        self.write("project/composer.json", self.project)
        if program:
            self.environment["PATH"] = f"{fake_programs(folder / 'bin')}{os.pathsep}/usr/bin{os.pathsep}/bin"

    def write(self, path: str, content: Any) -> None:
        """Have a file of JSON."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_bytes(msgspec.json.encode(content))

    def change(self, **fields: Any) -> None:
        """Have other fields in the project's `composer.json`."""
        self.project |= fields
        self.write("project/composer.json", self.project)

    @property
    def serving(self) -> dict[str, str]:
        """Variables for a registry that asks these repositories."""
        return {**self.environment, "COMPOSER": str(self.folder / "project" / "composer.json")}

    async def pins(self, *packages: str, **options: Any) -> list[str]:
        """Return what was chosen, as `name version`."""
        return [f"{one.name} {one.version}" for one in (await self.resolved(*packages, **options)).packages]


def fake_programs(folder: Path, url: str = "https://repo.default.test", **platform: str) -> Path:
    """Have programs that say what Composer and PHP would say; return their folder.

    Args:
        folder: Where they are.
        url: Of the repository that Composer comes with, which is called `default.test`.
        platform: Further things of the platform.
    """
    folder.mkdir(parents=True, exist_ok=True)
    things = {**PLATFORM, **platform}
    said = {
        "repositories.json": {DEFAULT: {"type": "composer", "url": url}},
        "platform.json": {"platform": [{"name": name, "version": version} for name, version in things.items()]},
    }
    for name, content in said.items():
        (folder / name).write_bytes(msgspec.json.encode(content))
    script = f'case "$1" in config) cat {folder}/repositories.json;; show) cat {folder}/platform.json;; esac'
    for name in ("composer", "php"):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder
