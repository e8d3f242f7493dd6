"""A registry of ours before a source of NuGet, and what is asked of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.tests.nuget_feed import NugetAsking, NugetFeed
from outrider.operators.packages.tests.nuget_files import BOUNDARY, NugetFile, form
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.ports.http.client import Client

PRIVATE = ["nuget:Acme.*"]
ALL, OLDER = "registrations", "registrations-semver1"


class Asked:
    """A registry of ours, one behind it, and a client."""

    def __init__(self, feed: NugetFeed, registry: RunningRegistry, client: Client) -> None:
        self.feed, self.registry, self.client = feed, registry, client

    async def get(self, path: str, method: str = "GET", **headers: str) -> Response:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, f"/nuget/v3/{path}", headers=fields)

    async def json(self, path: str, **headers: str) -> Any:
        """Return what a document says."""
        answer = await self.get(path, **headers)
        assert answer.status == 200, answer.content
        return msgspec.json.decode(answer.content)

    async def entries(self, name: str, kind: str = ALL) -> dict[str, Any]:
        """Return what a registration says of each version."""
        found = await self.json(f"{kind}/{name}/index.json")
        return {leaf["catalogEntry"]["version"]: leaf for page in found["items"] for leaf in page["items"]}

    async def refused(self, path: str, status: int, told: str, **headers: str) -> None:
        """Check that something is refused with a reason."""
        answer = await self.get(path, **headers)
        assert (answer.status, told in answer.content.decode()) == (status, True), answer.content

    async def push(self, file: NugetFile) -> None:
        token = await self.registry.token("read", "publish")
        fields = {"x-nuget-apikey": token, "content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        answer = await self.client.request("PUT", "/nuget/v2/package/", headers=fields, body=form(file.packed()))
        assert answer.status == 201, answer.content

    def serve(self, path: str, content: bytes, status: int = 200) -> None:
        """Have the feed answer with something."""
        self.feed.answers[path] = lambda _: Response(status, Headers({"etag": '"x"'}), content)


@asynccontextmanager
async def asked(folder: Path, feed: NugetFeed | None = None, **settings: Any) -> AsyncIterator[Asked]:
    async with feed or NugetFeed() as upstream:
        upstream.add("Web@1.0.0")
        environment = NugetAsking(folder, upstream.url).environment
        async with RunningRegistry(folder, environment, ecosystems=["nuget"], private=PRIVATE, **settings) as registry:
            client = Client(registry.url)
            yield Asked(upstream, registry, client)
            await client.close()
