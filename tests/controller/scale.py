"""Many AgentTypes on a real API server, and what a controller needs for them."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from outrider.controller.definitions import AGENT_TYPES
from outrider.controller.owned import CHILD_KINDS
from outrider.core.errors import OutriderError
from outrider.kinds.agenttype.manifests import LABEL
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import NAMESPACES
from tests.controller.chaos import ControllerProcess, grant, teach
from tests.controller.support import WITHOUT_PODS
from tests.servers.cluster import RealCluster

NAMESPACE_COUNT, WRITERS = 20, 24


class Usage(msgspec.Struct):
    """What a process has used: CPU in seconds, and memory in MB."""

    cpu: float
    rss: float


def usage(pid: int) -> Usage:
    """Return what a process has used so far, and the memory that it has now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    rss = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return Usage((int(fields[11]) + int(fields[12])) / 100, rss / 1024)


def prepare(cluster: RealCluster, folder: Path) -> ControllerProcess:
    """Teach a cluster the kinds, and return a controller for it that is not started."""
    teach(cluster)
    grant(cluster, ["one"])
    return ControllerProcess(cluster, folder, "one")


async def fill(client: KubeClient, count: int) -> None:
    """Make AgentTypes that have no pods, at the server's own pace."""
    for number in range(NAMESPACE_COUNT):
        await client.create(NAMESPACES, {"metadata": {"name": f"scale-{number}"}})
    numbers = iter(range(count))

    async def write() -> None:
        for number in numbers:
            place = {"name": f"agent-{number}", "namespace": f"scale-{number % NAMESPACE_COUNT}"}
            while True:
                try:
                    await client.apply(AGENT_TYPES, {"metadata": place, "spec": WITHOUT_PODS}, manager="people")
                    break
                except OutriderError:
                    await asyncio.sleep(1)  # a namespace is not there for every part of the server at once

    await asyncio.gather(*(write() for _ in range(WRITERS)))


async def reconciled(client: KubeClient) -> int:
    """Return how many AgentTypes have a status of their present generation."""
    found = await client.list(AGENT_TYPES)
    return sum(one.get("status", {}).get("observedGeneration") == one["metadata"]["generation"] for one in found)


async def versions(client: KubeClient) -> dict[str, str]:
    """Return the versions of AgentTypes and all that belongs to them."""
    found = {f"AgentType/{_key(one)}": one["metadata"]["resourceVersion"] for one in await client.list(AGENT_TYPES)}
    for resource in CHILD_KINDS:
        for one in await client.list(resource, labels=LABEL):
            found[f"{resource.kind}/{_key(one)}"] = one["metadata"]["resourceVersion"]
    return found


def _key(item: dict[str, Any]) -> str:
    return f"{item['metadata']['namespace']}/{item['metadata']['name']}"


async def at_rest(controller: ControllerProcess) -> None:
    """Wait until a controller has looked at all and has nothing to do."""
    # Each look costs the controller some CPU too.
    quiet = 0
    while quiet < 2:
        status, _ = await asyncio.to_thread(controller.ask, "/readyz")
        looked = controller.metric('controller_runtime_reconcile_total{controller="agenttype"')
        waiting = controller.metric("workqueue_depth") + controller.metric("controller_runtime_active_workers")
        quiet = quiet + 1 if status == 200 and looked and not waiting else 0
        await asyncio.sleep(2)
