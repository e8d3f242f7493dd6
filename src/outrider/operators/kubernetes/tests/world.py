"""A namespace of a real cluster for the examples, and how this process finds cluster and helm."""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from outrider.operators.kubernetes.tests.deliveries import APPLICATIONS, COMMIT
from outrider.operators.kubernetes.tests.scenery import CHART, declared, set_up
from outrider.ports.clock import SystemClock
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import (
    AUTOSCALERS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    NAMESPACES,
    NODES,
    ROLE_BINDINGS,
    SECRETS,
    SERVICES,
)
from outrider.ports.secrets import Resolver
from outrider.runtime.context import Environment
from tests.peers.helm_programs import helm_folder
from tests.servers.cluster import RealCluster, shared_cluster
from tests.servers.images import busybox_archive
from tests.servers.ports import free_port

# What the changes of the examples act on.
_VIEWED = (DEPLOYMENTS, CONFIG_MAPS, SECRETS, SERVICES, ROLE_BINDINGS, AUTOSCALERS, NAMESPACES, APPLICATIONS)


@asynccontextmanager
async def world() -> AsyncIterator[tuple[Environment, dict[str, Any]]]:
    """Yield the environment for an invoker, and what stands for the words in braces of the examples."""
    cluster = own_cluster()
    async with AsyncExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="outrider-")))
        stack.enter_context(reached(cluster))
        stack.enter_context(helm_in_path())
        client = await stack.enter_async_context(KubeClient(cluster.target(), component="kubernetes"))
        node = (await client.list(NODES))[0]["metadata"]["name"]
        stack.push_async_callback(opened, client, node)
        (root / "files").mkdir()
        shop = root / "files/shop.git"
        shutil.copytree(declared(), shop)
        await set_up(client, _namespace(), str(shop), helm)
        environment = Environment(clock=SystemClock(), state=root / "state", secrets=Resolver({}))
        places = {
            "namespace": _namespace(), "folder": str(root / "files"), "repository": str(shop), "commit": COMMIT, "node": node,
            "chart": str(CHART), "port": free_port(),
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


def reached(cluster: RealCluster) -> AbstractContextManager[None]:
    """Let this process find a cluster as a person's shell would."""
    return _variable("KUBECONFIG", str(cluster.kubeconfig))


def helm_in_path(major: str = "4") -> AbstractContextManager[None]:
    """Let this process find helm."""
    return _variable("PATH", f"{helm_folder(major)}:{os.environ['PATH']}")


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


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


def helm(*arguments: str, driver: str = "secret") -> str:
    """Run helm, as a person would, and return what it prints."""
    environment = {**os.environ, "HELM_DRIVER": driver}
    done = subprocess.run(
        ["helm", *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
