"""A registry of ours that serves packages of Composer, with a repository behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.http.messages import Response
from outrider.operators.packages.composer.releases import whole_versions
from outrider.operators.packages.tests.composer_registry import ComposerAsking, ComposerRegistry, Layout
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.ports.http.client import Client

PRIVATE = ["composer:acme/*"]
WEB, WEB_DEV = "p2/web/web.json", "p2/web/web~dev.json"


class Asked:
    """A registry of ours, one behind it, and a client."""

    def __init__(self, upstream: ComposerRegistry, registry: RunningRegistry, client: Client) -> None:
        self.upstream, self.registry, self.client = upstream, registry, client

    async def get(self, path: str, method: str = "GET", **headers: str) -> Response:
        """Ask at a path below that of Composer, or at an address."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        target = path.removeprefix(self.registry.url) if "://" in path else f"/composer/{path}"
        return await self.client.request(method, target, headers=fields)

    async def json(self, path: str, **headers: str) -> Any:
        """Return the content of an answer."""
        answer = await self.get(path, **headers)
        assert answer.status == 200, answer
        return msgspec.json.decode(answer.content)

    async def versions(self, path: str = WEB, **headers: str) -> list[dict[str, Any]]:
        """Return the versions of a document."""
        document = await self.json(path, **headers)
        [versions] = document["packages"].values()
        # One that is written as a difference is kept as it was by the reader.
        return [dict(one) for one in whole_versions(versions, minified=document["minified"])]

    async def names(self, path: str = WEB) -> list[str]:
        """Return the versions of a document, as they are written."""
        return [one["version"] for one in await self.versions(path)]

    async def put(self, content: bytes, query: str = "") -> Response:
        """Publish an archive."""
        fields = {"authorization": f"Bearer {await self.registry.token('read', 'publish')}"}
        return await self.client.request("PUT", f"/composer{query}", headers=fields, body=content)

    async def grown_old(self, name: str = "web/web") -> None:
        """Have others be asked for a package again."""
        store = self.registry.application._store
        state = store.tables.state("composer", name)
        assert state is not None
        stale = msgspec.structs.replace(state, fresh=0.0)
        await store.write(lambda tables: tables.put_state("composer", name, stale))

    async def settled(self) -> None:
        """Wait until nothing is being fetched in the background."""
        hub = self.registry.application._servers["composer"].hub
        while hub._packages._refreshing:
            await next(iter(hub._packages._refreshing.values()))


@asynccontextmanager
async def asked(
    folder: Path, layout: Layout = "metadata", *, fields: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[Asked]:
    async with ComposerRegistry(layout) as upstream:
        upstream.put("web/web 1.1", "core/core ^1")
        upstream.put("web/web 1.0", keywords=["old"], time="2020-01-01T00:00:00+00:00", version_normalized="1.0.0.0")
        upstream.put("web/web dev-main", extra={"branch-alias": {"dev-main": "1.x-dev"}})
        environment = ComposerAsking(folder, upstream.url, **(fields or {})).serving
        of_registry = {"ecosystems": ["composer"], "private": PRIVATE, **settings}
        async with RunningRegistry(folder, environment, **of_registry) as registry:
            client = Client(registry.url)
            yield Asked(upstream, registry, client)
            await client.close()
