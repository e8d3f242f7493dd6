"""AgentTypes on a real cluster: how soon one has its objects and a pod that is ready, and how soon another controller leads.

It starts a cluster of its own (root), with the controller as it is installed, two of them. There is no rival that makes a pod with a
sidecar, tools and models of an agent.
"""

import asyncio
import contextlib
import json
import os
import signal
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.figures import Figure, main
from outrider.controller.definitions import AGENT_TYPES
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.informer import Informer
from outrider.ports.kube.resources import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    LEASES,
    NAMESPACES,
    NETWORK_POLICIES,
    PODS,
    SERVICE_ACCOUNTS,
    SERVICES,
)
from scripts.build_image import PYTHON_IMAGE, python_archive
from tests.servers.agent_images import outrider_archive
from tests.servers.cluster import RealCluster, why_not

NAMESPACE, SYSTEM, LEASE = "bench", "outrider-system", "outrider-controller"
CHILDREN = (SERVICE_ACCOUNTS, CONFIG_MAPS, DEPLOYMENTS, SERVICES, NETWORK_POLICIES)
# Each wants 150 thousandths of a processor, of which such a machine has two.
AGENTS, QUICK_AGENTS = 9, 4
# Bars, in milliseconds; of an idle controller in percent of a processor.
APPLIED, READY, HANDED_OVER, FAILED_OVER, IDLE = 250.0, 3_000.0, 1_000.0, 17_500.0, 1.0
PROGRAM = (
    "from http.server import BaseHTTPRequestHandler as H, HTTPServer as S\n"
    "class A(H):\n"
    "    def do_GET(self):\n"
    "        self.send_response(200); self.end_headers()\n"
    "S(('127.0.0.1', 8000), A).serve_forever()\n"
)
SPEC = {
    "agent": {"image": PYTHON_IMAGE, "command": ["python3", "-c", PROGRAM]}, "invocation": {"mode": "http", "port": 8000},
    "llm": {"routes": [{"alias": "default", "providers": [{"provider": "inner", "url": "http://192.0.2.1/v1", "dialect": "openai"}]}]},
}  # fmt: skip


def measure(quick: bool = False) -> list[Figure]:
    """Measure on a cluster of this run."""
    if reason := why_not():
        print(f"not measured: {reason}")
        return []
    with RealCluster() as cluster:
        with tempfile.TemporaryDirectory() as folder:
            for archive in (outrider_archive(), python_archive(Path(folder) / "python.tar")):
                cluster.outrider("cluster", "load-image", str(archive), cluster.name)
        done = cluster.outrider("controller", "install", "--replicas", "2")
        assert done.returncode == 0, done.stderr
        return asyncio.run(_measured(cluster, QUICK_AGENTS if quick else AGENTS))


async def _measured(cluster: RealCluster, count: int) -> list[Figure]:
    async with KubeClient(cluster.target(), component="bench") as client, _following(client) as caches:
        await client.create(NAMESPACES, {"metadata": {"name": NAMESPACE}})
        times = [await _one(client, caches, f"agent-{number}") for number in range(count)]
        idle = await _idle(client)
        clean = await _handed_over(client, kill=False)
        await asyncio.sleep(5)
        hard = await _handed_over(client, kill=True)
    applied, ready = zip(*times, strict=True)
    return [
        Figure(name="an AgentType has its objects, p50", value=statistics.median(applied), unit="ms", bar=APPLIED),
        Figure(name="the same, longest", value=max(applied), unit="ms"),
        Figure(name="its pod is ready, p50", value=statistics.median(ready), unit="ms", bar=READY),
        Figure(name="the same, longest", value=max(ready), unit="ms"),
        Figure(name="another controller leads after a clean stop", value=clean, unit="ms", bar=HANDED_OVER),
        Figure(name="another controller leads after a kill", value=hard, unit="ms", bar=FAILED_OVER),
        Figure(name=f"CPU of the leader with {count} agents at rest", value=idle, unit="%", bar=IDLE),
    ]


@asynccontextmanager
async def _following(client: KubeClient) -> AsyncIterator[dict[str, Informer]]:
    """Follow what an AgentType has, so that its coming is seen at once."""
    caches = {one.kind: Informer(client, one) for one in (*CHILDREN, PODS)}
    tasks = [asyncio.create_task(one.run()) for one in caches.values()]
    try:
        for one in caches.values():
            await one.reflector.synced.wait()
        yield caches
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _one(client: KubeClient, caches: dict[str, Informer], name: str) -> tuple[float, float]:
    """Return after how many milliseconds an AgentType had its objects, and a pod that was ready."""
    began = time.perf_counter()
    await client.create(AGENT_TYPES, {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": SPEC}, NAMESPACE)
    # That of its settings has a digest behind it.
    wanted = [(one.kind, f"{NAMESPACE}/{name}") for one in CHILDREN if one is not CONFIG_MAPS]
    settings = f"{NAMESPACE}/{name}-sidecar-"
    await _until(
        lambda: (
            all(key in caches[kind].cache for kind, key in wanted)
            and any(one.key.startswith(settings) for one in caches[CONFIG_MAPS.kind].cache)
        )
    )
    applied = time.perf_counter() - began
    await _until(
        lambda: any(
            _ready(bytes(pod.status)) for pod in caches["Pod"].cache if pod.metadata.name.startswith(f"{name}-")
        )
    )
    return applied * 1000, (time.perf_counter() - began) * 1000


def _ready(status: bytes) -> bool:
    conditions = json.loads(status or b"{}").get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


async def _idle(client: KubeClient) -> float:
    """Return what the leader uses of a processor, over ten seconds, in percent."""
    await asyncio.sleep(5)
    leader = (await _holder(client)).rpartition("_")[0]
    before, began = await _cpu(client, leader), time.perf_counter()
    await asyncio.sleep(10)
    return (await _cpu(client, leader) - before) / (time.perf_counter() - began) * 100


async def _cpu(client: KubeClient, pod: str) -> float:
    text = (await client.raw(f"/api/v1/namespaces/{SYSTEM}/pods/{pod}:8081/proxy/metrics")).decode()
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith("process_cpu_seconds_total"))


async def _holder(client: KubeClient) -> str:
    lease = await client.get(LEASES, LEASE, SYSTEM)
    return str(lease["spec"].get("holderIdentity") or "")


async def _handed_over(client: KubeClient, *, kill: bool) -> float:
    """Return after how many milliseconds another controller leads when the leader is asked to end, or killed."""
    before = await _holder(client)
    pod = before.rpartition("_")[0]
    began = time.perf_counter()
    if kill:
        os.kill(_process(pod), signal.SIGKILL)
    else:
        await client.delete(PODS, pod, SYSTEM)
    while await _holder(client) in ("", before):  # noqa: ASYNC110 - looked at all the time
        await asyncio.sleep(0.02)
    return (time.perf_counter() - began) * 1000


def _process(pod: str) -> int:
    """Return the process of a controller on this machine."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"HOSTNAME={pod}\0".encode() in (folder / "environ").read_bytes():
                return int(folder.name)
    raise AssertionError(pod)


async def _until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not look():  # noqa: ASYNC110 - caches are filled by callbacks
            await asyncio.sleep(0.002)


if __name__ == "__main__":
    main(__doc__ or "", measure)
