"""A namespace of its own on the real cluster for each test."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from outrider.operators.kubernetes.tests.calls import Shop
from outrider.operators.kubernetes.tests.world import helm_in_path, own_cluster, reached
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import NAMESPACES


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    """Return a namespace that is empty, and calls of operations in it."""
    cluster = own_cluster()
    namespace = f"shop-{secrets.token_hex(4)}"
    with reached(cluster):
        async with KubeClient(cluster.target(), component="tests") as client:
            await client.create(NAMESPACES, {"metadata": {"name": namespace}})
            yield Shop(client, namespace, cluster)
            await client.delete(NAMESPACES, namespace)


@pytest.fixture(params=["4", pytest.param("3", marks=pytest.mark.long)])
def either(request: pytest.FixtureRequest) -> Iterator[str]:
    """Let each major version of helm be found."""
    with helm_in_path(request.param):
        yield request.param


@pytest.fixture
def helm4() -> Iterator[None]:
    """Let helm be found."""
    with helm_in_path():
        yield


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what lets helm not be found any more."""
    return lambda: monkeypatch.setenv("PATH", "/nonexistent")
