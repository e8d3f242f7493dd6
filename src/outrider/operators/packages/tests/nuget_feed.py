"""A source of NuGet for tests, and questions to it with nothing of this machine's user."""

import gzip
import io
import zipfile
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Self
from xml.sax.saxutils import quoteattr

import msgspec

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.operators.packages.nuget.ranges import normalised
from outrider.operators.packages.tests.asking import RegistryAsking
from outrider.operators.packages.tests.world import variables
from outrider.ports.http.server import Server

Answer = Callable[[Request], Response]
Groups = Mapping[str, Sequence[str]]


class Version(msgspec.Struct):
    """A version of a package."""

    name: str
    version: str
    groups: dict[str, list[tuple[str, str]]]
    fields: dict[str, Any]

    @property
    def place(self) -> str:
        """How it is called in addresses."""
        return normalised(self.version).lower()

    def manifest(self) -> bytes:
        """Return its manifest."""
        groups = "".join(
            f"<group{f' targetFramework={quoteattr(framework)}' if framework else ''}>{_dependencies(needs)}</group>"
            for framework, needs in self.groups.items()
        )
        licence = self.fields.get("licenseExpression")
        said = f'<license type="expression">{licence}</license>' if licence else ""
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n<package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd">'
            f"<metadata><id>{self.name}</id><version>{self.version}</version><authors>a</authors><description>d</description>{said}"
            f"<dependencies>{groups}</dependencies></metadata></package>"
        ).encode()

    def file(self) -> bytes:
        """Return it as a file, for any framework."""
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            # With no time of its own it is the same file whenever it is asked for.
            archive.writestr(zipfile.ZipInfo(f"{self.name}.nuspec"), self.manifest())
            for folder in ("netstandard1.0", "net20"):
                archive.writestr(zipfile.ZipInfo(f"lib/{folder}/_._"), "")
        return made.getvalue()

    def leaf(self) -> dict[str, Any]:
        """Return what a registration says of it."""
        groups = [
            {
                **({"targetFramework": framework} if framework else {}),
                "dependencies": [{"id": name, "range": text, "unknown": 1} for name, text in needs],
            }
            for framework, needs in self.groups.items()
        ]
        entry = {
            "@id": "https://files.test/entry",
            "id": self.name,
            "version": self.version,
            "authors": "a",
            "listed": True,
            "published": "2024-05-06T07:08:09.1234567+00:00",
            **({"dependencyGroups": groups} if groups else {}),
            **self.fields,
        }
        return {
            "@id": "https://files.test/leaf",
            "catalogEntry": entry,
            "packageContent": f"https://files.test/{self.name}.nupkg",
        }


class NugetFeed:
    """Serves packages; use it as a context.

    Args:
        registrations: It tells of packages.
        content: It has them.
        page_size: How many versions a document has that is apart; 0 for all in one.
        zipped: Documents are compressed.
        login: `user:password` that is demanded.

    Attributes:
        answers: What is answered at a path in place of what would be.
        requests: That came, oldest first.
        url: Of its service index.
    """

    def __init__(
        self,
        *,
        registrations: bool = True,
        content: bool = True,
        page_size: int = 0,
        zipped: bool = False,
        login: str = "",
    ) -> None:
        self._registrations, self._content, self._page_size, self._zipped = registrations, content, page_size, zipped
        self._login = f"Basic {b64encode(login.encode()).decode()}" if login else ""
        self._server = Server(self._handle)
        self.packages: dict[str, list[Version]] = {}
        self.answers: dict[str, Answer] = {}
        self.requests: list[Request] = []
        self.base = self.url = ""

    async def __aenter__(self) -> Self:
        self.base = f"http://127.0.0.1:{await self._server.start_tcp('127.0.0.1', 0)}"
        self.url = f"{self.base}/v3/index.json"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(0)

    def add(self, spec: str, *needs: str, groups: Groups | None = None, **fields: Any) -> None:
        """Have a version.

        Args:
            spec: `NAME@VERSION`.
            needs: Dependencies for any framework, each as `NAME@RANGE` or `NAME`.
            groups: Those for frameworks.
            fields: Further fields of what a registration says.
        """
        name, _, version = spec.partition("@")
        said = {"": list(needs)} if needs else {}
        read = {
            framework: [(one.partition("@")[0], one.partition("@")[2]) for one in them]
            for framework, them in (groups if groups is not None else said).items()
        }
        self.packages.setdefault(name.lower(), []).append(Version(name, version, read, fields))

    def paths(self) -> list[str]:
        """Return what was asked for."""
        return [request.path for request in self.requests]

    async def _handle(self, request: Request) -> Response:
        self.requests.append(request)
        if self._login and request.headers.get("authorization") != self._login:
            return Response(401, Headers({"www-authenticate": "Basic realm=test"}))
        if request.path in self.answers:
            return self.answers[request.path](request)
        content = self._found(request.path.strip("/").split("/"))
        return Response(404) if content is None else self._document(request, content)

    def _found(self, parts: list[str]) -> bytes | None:
        if parts == ["v3", "index.json"]:
            return msgspec.json.encode({"version": "3.0.0", "resources": list(self._resources())})
        kind, name, *rest = (*parts, "", "")
        versions = self.packages.get(name)
        if versions is None:
            return None
        if kind == "reg":
            return self._registration(name, versions, [one for one in rest if one])
        return self._file(versions, [one for one in rest if one]) if kind == "flat" else None

    def _resources(self) -> list[dict[str, str]]:
        found = [{"@id": f"{self.base}/query", "@type": "SearchQueryService"}]
        if self._registrations:
            found.append({"@id": f"{self.base}/old/", "@type": "RegistrationsBaseUrl"})
            found.append({"@id": f"{self.base}/reg/", "@type": "RegistrationsBaseUrl/3.6.0"})
        if self._content:
            found.append({"@id": f"{self.base}/flat/", "@type": "PackageBaseAddress/3.0.0"})
        return found

    def _registration(self, name: str, versions: list[Version], rest: list[str]) -> bytes | None:
        leaves = [one.leaf() for one in versions]
        size = self._page_size or len(leaves)
        pages = [leaves[first : first + size] for first in range(0, len(leaves), size)]
        if rest == ["index.json"]:
            items = [
                {
                    "@id": f"{self.base}/reg/{name}/{number}.json",
                    "count": len(page),
                    "commitId": sha256(msgspec.json.encode(page)).hexdigest()[:16],
                    **({} if self._page_size else {"items": page}),
                }
                for number, page in enumerate(pages)
            ]
            return msgspec.json.encode({"count": len(items), "items": items})
        return msgspec.json.encode({"items": pages[int(rest[0].removesuffix(".json"))]})

    def _file(self, versions: list[Version], rest: list[str]) -> bytes | None:
        if rest == ["index.json"]:
            return msgspec.json.encode({"versions": [one.place for one in versions]})
        found = next((one for one in versions if one.place == rest[0]), None)
        if found is None:
            return None
        return found.manifest() if rest[1].endswith(".nuspec") else found.file()

    def _document(self, request: Request, content: bytes) -> Response:
        fields = {"etag": f'"{sha256(content).hexdigest()[:16]}"', "content-type": "application/json"}
        if request.headers.get("if-none-match") == fields["etag"]:
            return Response(304, Headers(fields))
        if not self._zipped:
            return Response(200, Headers(fields), content)
        return Response(200, Headers({**fields, "content-encoding": "gzip"}), gzip.compress(content))


@asynccontextmanager
async def only_source(folder: Path) -> AsyncIterator[NugetFeed]:
    """Have a source that is the only one of a user, who has nothing of this machine's.

    Args:
        folder: For a home, and for what is kept.
    """
    async with NugetFeed() as made:
        path = folder / "home" / ".nuget" / "NuGet" / "NuGet.Config"
        path.parent.mkdir(parents=True)
        path.write_text(config(f"test={made.url}"))
        names = {"HOME": "home", "NUGET_COMMON_APPLICATION_DATA": "etc", "XDG_CACHE_HOME": "cache"}
        with variables({name: str(folder / place) for name, place in names.items()}):
            yield made


def _dependencies(needs: Sequence[tuple[str, str]]) -> str:
    return "".join(
        f"<dependency id={quoteattr(name)}{f' version={quoteattr(text)}' if text else ''} />" for name, text in needs
    )


def config(*sources: str, more: str = "") -> str:
    """Return settings of NuGet with some sources, each as `NAME=ADDRESS`."""
    adds = "".join(
        f"<add key={quoteattr(name)} value={quoteattr(address)} />"
        for name, _, address in (one.partition("=") for one in sources)
    )
    return f"<configuration><packageSources>{adds}</packageSources>{more}</configuration>"


class NugetAsking(RegistryAsking):
    """Asks sources.

    Args:
        folder: For what is kept, and for a home and a project.
        urls: Of the sources.
    """

    def __init__(self, folder: Path, *urls: str) -> None:
        environment = {"HOME": str(folder / "home"), "NUGET_COMMON_APPLICATION_DATA": str(folder / "etc")}
        super().__init__("nuget", folder, folder / "project", environment)
        self.write(
            "home/.nuget/NuGet/NuGet.Config", config(*(f"source{number}={url}" for number, url in enumerate(urls)))
        )

    def write(self, path: str, content: str) -> None:
        """Have a file."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(content)

    async def pins(self, *packages: str, **options: Any) -> list[str]:
        """Return what was chosen, as `name@version`."""
        answer = await self.resolved(*packages, **options)
        return [f"{one.name}@{one.version}" for one in answer.packages]
