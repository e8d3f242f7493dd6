"""A compact index for tests, and questions to it with nothing of this machine's user."""

from base64 import b64encode
from collections.abc import Callable
from hashlib import md5, sha256
from pathlib import Path
from typing import Any, Self

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.operators.packages.tests.asking import RegistryAsking
from outrider.operators.packages.tests.gem_files import GemFile
from outrider.ports.http.server import Server

Answer = Callable[[Request], Response]


class GemRegistry:
    """Serves an index; use it as a context.

    Args:
        login: That is demanded of everybody, as the header has it.
        digests: The field in which a digest of a document is said; empty for none.
        etags: Documents have one, and 304 is answered.
        ranges: Whether a part of a document can be asked for.

    Attributes:
        answers: What is answered at a path in place of what would be.
        lines: Of each gem; a test may spoil them.
        files: Gems, by the names of their files.
        listed: Lines of the list of all versions, in place of those that there would be.
        requests: That came, oldest first.
        url: Of the source.
    """

    def __init__(
        self, *, login: str = "", digests: str = "repr-digest", etags: bool = True, ranges: bool = True
    ) -> None:
        self._login, self._digests, self._etags, self._ranges = login, digests, etags, ranges
        self._server = Server(self._handle)
        self.lines: dict[str, list[str]] = {}
        self.files: dict[str, bytes] = {}
        self.listed: list[str] | None = None
        self.answers: dict[str, Answer] = {}
        self.requests: list[Request] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        self.url = f"http://127.0.0.1:{await self._server.start_tcp('127.0.0.1', 0)}/source"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(0)

    def add(self, spec: str, *needs: str, **facts: str) -> None:
        """Have a variant of a version.

        Args:
            spec: `NAME@VERSION`, or `NAME@VERSION-PLATFORM`.
            needs: Dependencies, each as `NAME@REQUIREMENT, REQUIREMENT`.
            facts: Further ones, such as `ruby`, their requirements parted by commas.
        """
        name, _, version = spec.partition("@")
        self.lines.setdefault(name, []).append(line(version, *needs, checksum=checksum(spec), **facts))

    def put(self, gem: GemFile, **facts: str) -> None:
        """Have a gem with its file; `facts` are those of `add`."""
        content = gem.packed()
        self.files[f"{gem.full_name}.gem"] = content
        version = gem.full_name.removeprefix(f"{gem.name}-")
        facts = {"checksum": sha256(content).hexdigest()} | facts
        self.lines.setdefault(gem.name, []).append(line(version, *gem.needs, **facts))

    def paths(self) -> list[str]:
        """Return what was asked for."""
        return [request.path.removeprefix("/source/") for request in self.requests]

    async def _handle(self, request: Request) -> Response:
        self.requests.append(request)
        if self._login and request.headers.get("authorization") != self._login:
            return Response(401)
        path = request.path.removeprefix("/source/")
        if path in self.answers:
            return self.answers[path](request)
        content = self.document(path)
        return Response(404) if content is None else self._document(request, content)

    def document(self, path: str) -> bytes | None:
        """Return what is at a path; None where nothing is."""
        if path == "names":
            return "\n".join(["---", *sorted(self.lines), ""]).encode()
        if path == "versions":
            of_gems = self.listed or [
                f"{name} {','.join(one.partition(' ')[0] for one in lines)} {_md5(info(lines))}"
                for name, lines in sorted(self.lines.items())
            ]
            return "\n".join(["created_at: 2026-01-01T00:00:00Z", "---", *of_gems, ""]).encode()
        if path.startswith("gems/"):
            return self.files.get(path.removeprefix("gems/"))
        lines = self.lines.get(path.removeprefix("info/"))
        return None if lines is None else info(lines)

    def _document(self, request: Request, content: bytes) -> Response:
        fields = {"content-type": "text/plain"}
        if self._etags:
            fields["etag"] = f'"{_md5(content)}"'
            if request.headers.get("if-none-match") == fields["etag"]:
                return Response(304, Headers(fields))
        if self._digests:
            digest = b64encode(sha256(content).digest()).decode()
            fields[self._digests] = f"sha-256=:{digest}:"
        wanted = request.headers.get("range") or ""
        if not self._ranges or not wanted:
            return Response(200, Headers(fields), content)
        begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if begin >= len(content):
            return Response(416)
        fields["content-range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        return Response(206, Headers(fields), content[begin:])


def line(version: str, *needs: str, **facts: str) -> str:
    """Return a line of a document; the parameters are those of `GemRegistry.add`."""
    of_needs = ",".join(_written(*need.partition("@")[::2]) for need in needs)
    # Bundler would ask for the whole specification of a gem of which it is not told these.
    facts = {"ruby": ">= 0", "rubygems": ">= 0"} | facts
    return f"{version} {of_needs}|{','.join(_written(key, value) for key, value in facts.items())}"


def _written(key: str, value: str) -> str:
    return f"{key}:{'&'.join(word.strip() for word in (value or '>= 0').split(','))}"


def info(lines: list[str]) -> bytes:
    """Return the document of a gem."""
    return "\n".join(["---", *lines, ""]).encode()


def _md5(content: bytes) -> str:
    return md5(content, usedforsecurity=False).hexdigest()


def checksum(spec: str) -> str:
    """Return the checksum of a variant of a version."""
    return sha256(spec.encode()).hexdigest()


class GemAsking(RegistryAsking):
    """Asks sources.

    Args:
        folder: For what is kept, and for a home and a project.
        urls: Of the sources.
    """

    def __init__(self, folder: Path, *urls: str) -> None:
        super().__init__("gem", folder, folder / "project", {"HOME": str(folder / "home")})
        self.ruby("3.1.2")
        self.write("home/.gemrc", "".join([":sources:\n", *(f"- {url}/\n" for url in urls)]))

    def write(self, path: str, content: str) -> None:
        """Have a file."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(content)

    def ruby(
        self,
        version: str,
        platform: str = "x86_64-linux",
        *,
        rubygems: str = "3.3.15",
        bundler: str = "2.3.15",
        told: str = "ruby 3.1.2p20",
    ) -> None:
        """Have a Ruby in place of that of this machine; none at all where its version is empty."""
        folder = self.folder / f"ruby-{version}-{platform}-{bundler}"
        said = [version, rubygems, bundler, platform, told]
        self.write(f"{folder.name}/ruby", "\n".join(["#!/bin/sh", *(f"echo '{one}'" for one in said), ""]))
        (folder / "ruby").chmod(0o755 if version else 0o644)
        self.environment["PATH"] = str(folder)

    async def pins(self, *packages: str, **options: Any) -> list[str]:
        """Return what was chosen, as `name@version` with the platform behind it where it is for one."""
        answer = await self.resolved(*packages, **options)
        return [one.file.removesuffix(".gem").replace(f"{one.name}-", f"{one.name}@", 1) for one in answer.packages]
