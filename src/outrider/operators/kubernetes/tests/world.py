"""A namespace of a real cluster, as the examples find it: a Deployment with a history, a Service, settings."""

import asyncio
import atexit
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from outrider.delivery.stages import Progress
from outrider.operators.kubernetes.bindings import GrantParams
from outrider.operators.kubernetes.canaries import TRACK, beside, template_of
from outrider.operators.kubernetes.tests.deliveries import (
    APPLICATIONS,
    COMMIT,
    application,
    define,
    repository,
    tracked,
)
from outrider.ports.clock import SystemClock
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import (
    AUTOSCALERS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    NAMESPACES,
    NODES,
    ROLE_BINDINGS,
    SERVICES,
)
from outrider.ports.secrets import Resolver
from outrider.runtime.context import Environment
from tests.servers.cluster import RealCluster, shared_cluster
from tests.servers.images import BUSYBOX, busybox_archive

# What the changes of the examples act on.
_VIEWED = (DEPLOYMENTS, CONFIG_MAPS, SERVICES, ROLE_BINDINGS, AUTOSCALERS, NAMESPACES, APPLICATIONS)
_DELIVERED: dict[str, Any] = {"metadata": {"name": "delivered"}, "data": {"level": "info"}}


@asynccontextmanager
async def world() -> AsyncIterator[tuple[Environment, dict[str, Any]]]:
    """Yield the environment for an invoker, and what stands for the words in braces of the examples."""
    cluster = own_cluster()
    async with AsyncExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="outrider-")))
        stack.enter_context(reached(cluster))
        client = await stack.enter_async_context(KubeClient(cluster.target(), component="kubernetes"))
        node = (await client.list(NODES))[0]["metadata"]["name"]
        stack.push_async_callback(opened, client, node)
        (root / "files").mkdir()
        shop = root / "files/shop.git"
        shutil.copytree(_repository(), shop)
        await _filled(client, _namespace())
        await _delivered(client, _namespace(), str(shop))
        environment = Environment(clock=SystemClock(), state=root / "state", secrets=Resolver({}))
        places = {
            "namespace": _namespace(), "folder": str(root / "files"), "repository": str(shop), "commit": COMMIT, "node": node,
        }  # fmt: skip
        yield environment, places


async def opened(client: KubeClient, node: str) -> None:
    """Have a node take pods, whatever was done to it."""
    await client.patch(NODES, node, "", {"spec": {"unschedulable": None}})


async def view(placeholders: dict[str, Any]) -> dict[str, str]:
    """Return what operations could have changed: which objects there are, and their wanted state."""
    found = {}
    async with KubeClient(own_cluster().target(), component="tests") as client:
        for resource in _VIEWED:
            for one in await client.list(resource, placeholders["namespace"]):
                metadata = one["metadata"]
                if not resource.namespaced and not metadata["name"].startswith(placeholders["namespace"]):
                    continue
                state = metadata.get("generation") or metadata["resourceVersion"]
                found[f"{resource.title}/{metadata['name']}"] = f"{metadata['uid']} {state}"
        for node in await client.list(NODES):
            found[f"nodes/{node['metadata']['name']}"] = str(node["spec"].get("unschedulable"))
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


@cache
def _repository() -> Path:
    """Return a repository that declares what is in the namespace."""
    folder = Path(tempfile.mkdtemp(prefix="outrider-"))
    atexit.register(shutil.rmtree, folder)
    web = {"apiVersion": "apps/v1", "kind": "Deployment", **deployment()}
    delivered = {"apiVersion": "v1", "kind": "ConfigMap", **_DELIVERED}
    return repository(folder, {"apps/web.yaml": yaml.safe_dump(web), "apps/delivered.yaml": yaml.safe_dump(delivered)})


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
    wanted["spec"]["template"]["metadata"]["labels"]["tenant"] = namespace
    if first.created:
        older = deployment(level="debug")
        older["metadata"].update(place)
        older["spec"]["template"]["metadata"]["labels"]["tenant"] = namespace
        await client.apply(DEPLOYMENTS, older)
        await client.apply(DEPLOYMENTS, wanted, force=True)
        service = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
        await client.apply(SERVICES, {"metadata": {"name": "web", **place}, "spec": service})
        await client.apply(CONFIG_MAPS, {"metadata": {"name": "settings", **place}, "data": {"level": "info"}})
    wanted["spec"]["paused"] = False
    await client.apply(DEPLOYMENTS, wanted, force=True)
    await _with_canary(client, place)
    await _with_pair(client, place)
    await client.apply(CONFIG_MAPS, {"metadata": {"name": "old", **place}, "data": {"key": "value"}})
    granted = GrantParams(role="clusterrole/edit", subject="user/ben")
    await client.apply(ROLE_BINDINGS, granted.wanted(namespace))


async def _with_canary(client: KubeClient, place: dict[str, str]) -> None:
    """Have a Deployment whose canary was frozen."""
    wanted = deployment("delivered", replicas=0)
    wanted["metadata"].update(place)
    stable = (await client.apply(DEPLOYMENTS, wanted)).object
    progress = Progress(version="1", phase="frozen", reason="nothing certain")
    await client.apply(DEPLOYMENTS, beside(stable, "canary", template_of(stable), 0, progress))


async def _with_pair(client: KubeClient, place: dict[str, str]) -> None:
    """Have two Deployments with a pod each, and a Service that leads to the first."""
    for name, track in (("paired", "blue"), ("paired-green", "green")):
        wanted = deployment(name)
        wanted["metadata"].update(place)
        labels = {"app": "paired", TRACK: track}
        wanted["spec"]["selector"]["matchLabels"] = labels
        wanted["spec"]["template"]["metadata"]["labels"] = labels
        await client.apply(DEPLOYMENTS, wanted, force=True)
    spec = {"selector": {"app": "paired", TRACK: "blue"}, "ports": [{"port": 80}]}
    await client.apply(SERVICES, {"metadata": {"name": "paired", **place}, "spec": spec}, force=True)
    while True:
        found = await client.get(DEPLOYMENTS, "paired-green", place["namespace"])
        if (found.get("status") or {}).get("availableReplicas"):
            return
        await asyncio.sleep(0.1)


async def _delivered(client: KubeClient, namespace: str, url: str) -> None:
    """Have what Argo CD has brought into the namespace from a repository."""
    marks = tracked(f"{namespace}_shop", "/ConfigMap", namespace, "delivered")
    metadata = {**_DELIVERED["metadata"], "namespace": namespace, "annotations": marks}
    written = await client.apply(CONFIG_MAPS, {**_DELIVERED, "metadata": metadata})
    if written.created:
        await define(client)
    shop = application("shop", url)
    shop["metadata"]["namespace"] = namespace
    await client.apply(APPLICATIONS, shop, force=True)
