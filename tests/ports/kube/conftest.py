"""The same tests on a scripted API server and on a real one."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from outrider.core.errors import OutriderError
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.kubeconfig import Cluster, Target, User
from outrider.ports.kube.resources import CRDS, NAMESPACES, Resource
from tests.servers.cluster import RealCluster
from tests.servers.kube_api.server import FakeApi

WIDGETS = Resource("test.outrider.dev", "v1", "widgets", "Widget")
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
CONDITIONS = {
    "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
    "items": {
        "type": "object", "required": ["type"],
        "properties": {name: {"type": "string"} for name in ("type", "status", "reason", "message", "lastTransitionTime")},
    },
}  # fmt: skip
SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {"type": "object", "properties": {"size": {"type": "integer"}, "color": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}}},
        "status": {"type": "object", "properties": {"size": {"type": "integer"}, "conditions": CONDITIONS}},
    },
}  # fmt: skip
CRD = {
    "metadata": {"name": "widgets.test.outrider.dev"},
    "spec": {
        "group": WIDGETS.group, "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}, "subresources": {"status": {}}}],
    },
}  # fmt: skip


class Server(msgspec.Struct):
    """An API server.

    Attributes:
        namespace: The test's own.
        fake: It, where it is the scripted one.
    """

    target: Target
    namespace: str
    fake: FakeApi | None = None


def target_of(fake: FakeApi, *, user: User | None = None) -> Target:
    """Return whom requests to a scripted server go to."""
    return Target("fake", Cluster(server=fake.url), user or User(token="t"))


@pytest.fixture
async def fake() -> AsyncIterator[FakeApi]:
    """Return a scripted API server."""
    async with FakeApi() as server:
        yield server


@pytest.fixture(params=["fake", pytest.param("real", marks=[pytest.mark.real, pytest.mark.timeout(300)])])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """Return the one and the other API server, which knows widgets."""
    if request.param == "fake":
        async with FakeApi() as fake:
            yield Server(target_of(fake), "shop", fake)
        return
    cluster: RealCluster = request.getfixturevalue("cluster")
    namespace = f"test-{secrets.token_hex(4)}"
    async with KubeClient(cluster.target(), component="tests") as client:
        await client.apply(CRDS, CRD)
        await client.create(NAMESPACES, {"metadata": {"name": namespace}})
        await served(client, WIDGETS)
        yield Server(cluster.target(), namespace)
        await client.delete(NAMESPACES, namespace)


@pytest.fixture
async def client(server: Server) -> AsyncIterator[KubeClient]:
    """Return a client of it."""
    async with KubeClient(server.target, component="test") as one:
        yield one


async def served(client: KubeClient, resource: Resource) -> None:
    """Wait until a kind is served in a version, which it is not as soon as its definition is there."""
    async with asyncio.timeout(60):
        while True:
            try:
                await client.list(resource, "default")
            except OutriderError:
                await asyncio.sleep(0.05)
            else:
                return


async def until(look: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not look():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
