"""Objects and paths that the tests of the server share."""

from typing import Any

from tests.servers.kube_api.errors import Document
from tests.servers.kube_api.server import FakeApi
from tests.servers.kube_api.watches import INITIAL_EVENTS_END
from tests.servers.kube_api.wire import Watching

MAPS = "/api/v1/namespaces/shop/configmaps"
THINGS = "/apis/test.outrider.dev/v1/namespaces/shop/widgets"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/shop/leases"
WATCH_LIST = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
END = ("BOOKMARK", INITIAL_EVENTS_END)


def config(name: str = "a", data: dict[str, str] | None = None, **metadata: Any) -> Document:
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}
    return document if data is None else {**document, "data": data}


def widget(name: str = "w", **parts: Any) -> Document:
    metadata = {"name": name, **parts.pop("metadata", {})}
    return {"apiVersion": "test.outrider.dev/v1", "kind": "Widget", "metadata": metadata, **parts}


def stored(name: str = "w", **parts: Any) -> Document:
    return widget(name, **{**parts, "metadata": {"namespace": "shop", **parts.get("metadata", {})}})


def condition(name: str, status: str = "True") -> Document:
    return {"type": name, "status": status}


def owners(document: Document) -> dict[str, list[str]]:
    """Who owns which fields, by the first two levels of their paths."""
    return {
        f"{entry['manager']}/{entry.get('subresource', '')}/{entry['operation']}": [
            f"{outer[2:]}.{inner[2:]}" for outer, inside in entry["fieldsV1"].items() for inner in inside
        ]
        for entry in document["metadata"].get("managedFields", [])
    }


async def told_until_now(server: FakeApi, path: str = THINGS, **query: str) -> list[tuple[str, str]]:
    async with Watching(server.url, path, **query) as watching:
        server.end_watches("widgets")
        return await watching.all()
