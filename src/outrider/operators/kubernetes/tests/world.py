"""A namespace of a real cluster, as the examples find it: a Deployment with a history, a Service, settings."""

import asyncio
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from outrider.ports.clock import SystemClock
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, SERVICES
from outrider.ports.secrets import Resolver
from outrider.runtime.context import Environment
from tests.servers.cluster import RealCluster, shared_cluster
from tests.servers.images import BUSYBOX, busybox_archive
from tests.servers.ports import free_port


@asynccontextmanager
async def world() -> AsyncIterator[tuple[Environment, dict[str, Any]]]:
    """Yield the environment for an invoker, and what stands for the words in braces of the examples."""
    cluster = own_cluster()
    async with AsyncExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="outrider-")))
        stack.enter_context(reached(cluster))
        client = await stack.enter_async_context(KubeClient(cluster.target(), component="kubernetes"))
        await _filled(client, _namespace())
        (root / "files").mkdir()
        environment = Environment(clock=SystemClock(), state=root / "state", secrets=Resolver({}))
        yield environment, {"namespace": _namespace(), "folder": str(root / "files"), "port": free_port()}


async def view(placeholders: dict[str, Any]) -> dict[str, str]:
    """Return what operations could have changed: which objects there are, and their wanted state."""
    found = {}
    async with KubeClient(own_cluster().target(), component="tests") as client:
        for resource in (DEPLOYMENTS, CONFIG_MAPS, SERVICES):
            for one in await client.list(resource, placeholders["namespace"]):
                metadata = one["metadata"]
                state = metadata.get("generation") or metadata["resourceVersion"]
                found[f"{resource.title}/{metadata['name']}"] = f"{metadata['uid']} {state}"
    return found


@contextmanager
def reached(cluster: RealCluster) -> Iterator[None]:
    """Let this process find a cluster as a person's shell would."""
    before = os.environ.get("KUBECONFIG")
    os.environ["KUBECONFIG"] = str(cluster.kubeconfig)
    try:
        yield
    finally:
        if before is None:
            del os.environ["KUBECONFIG"]
        else:
            os.environ["KUBECONFIG"] = before


@cache
def own_cluster() -> RealCluster:
    """Return a cluster whose node has the images of the tests."""
    cluster = shared_cluster()
    if not cluster.report:
        pytest.skip("KUBECONFIG names a cluster of somebody else, whose nodes get no images from here")
    with tempfile.TemporaryDirectory() as folder:
        done = cluster.outrider(
            "cluster", "load-image", str(busybox_archive(Path(folder) / "busybox.tar")), cluster.name
        )
    assert done.returncode == 0, done.stderr
    return cluster


@cache
def _namespace() -> str:
    return f"ops-{secrets.token_hex(3)}"


def deployment(name: str = "web", *, replicas: int = 1, level: str = "info", **spec: Any) -> dict[str, Any]:
    """Return a Deployment whose pods say something and wait."""
    command = ["sh", "-c", "echo serving; trap exit TERM; while true; do sleep 1; done"]
    container = {
        "name": "web", "image": BUSYBOX, "command": command, "env": [{"name": "LEVEL", "value": level}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
    }  # fmt: skip
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [{**container, **spec}]},
    }
    return {
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
    }


async def _filled(client: KubeClient, namespace: str) -> None:
    """Have the namespace be as the examples expect it; what earlier ones have changed is set back."""
    place = {"namespace": namespace}
    first = await client.apply(NAMESPACES, {"metadata": {"name": namespace}})
    wanted = deployment()
    wanted["metadata"].update(place)
    if first.created:
        older = deployment(level="debug")
        older["metadata"].update(place)
        await client.apply(DEPLOYMENTS, older)
        await client.apply(DEPLOYMENTS, wanted, force=True)
        service = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
        await client.apply(SERVICES, {"metadata": {"name": "web", **place}, "spec": service})
        await client.apply(CONFIG_MAPS, {"metadata": {"name": "settings", **place}, "data": {"level": "info"}})
    wanted["spec"]["paused"] = False
    await client.apply(DEPLOYMENTS, wanted, force=True)
    await client.apply(CONFIG_MAPS, {"metadata": {"name": "old", **place}, "data": {"key": "value"}})
    while not ((await client.get(DEPLOYMENTS, "web", namespace)).get("status") or {}).get("readyReplicas"):  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.1)
