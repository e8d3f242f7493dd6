"""Ten thousand AgentTypes without pods on a real API server: what another start of the controller needs, which finds nothing to do.

It starts a cluster of its own (root); the controller runs beside it as a process. There is no rival that has such children.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, main
from outrider.ports.kube.client import KubeClient
from tests.controller.scale import at_rest, fill, prepare, usage, versions
from tests.servers.cluster import RealCluster, why_not

COUNT, QUICK_COUNT = 10_000, 500
# Bars: of processor time in seconds, of memory in MB.
CPU, RSS = 6.0, 450.0


def measure(quick: bool = False) -> list[Figure]:
    """Measure on a cluster of this run."""
    if reason := why_not():
        print(f"not measured: {reason}")
        return []
    with RealCluster() as cluster, tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measured(cluster, Path(folder), QUICK_COUNT if quick else COUNT))


async def _measured(cluster: RealCluster, folder: Path, count: int) -> list[Figure]:
    controller = prepare(cluster, folder)
    async with KubeClient(cluster.target(), component="bench") as client:
        await fill(client, count)
        began = time.monotonic()
        controller.start()
        await at_rest(controller)
        filled, first = time.monotonic() - began, usage(controller.pid)
        before = await versions(client)
        controller.kill()
        controller.start()
        await at_rest(controller)
        again = usage(controller.pid)
        after = await versions(client)
    controller.close()
    written = sum(before.get(name) != version for name, version in after.items())
    return [
        Figure(name=f"{count} AgentTypes get their objects", value=filled, unit="s"),
        Figure(name="the same, CPU of the controller", value=first.cpu, unit="s"),
        Figure(name="another start, all reconciled with nothing to do, CPU", value=again.cpu, unit="s", bar=CPU),
        Figure(name="the same, RSS", value=again.rss, unit="MB", bar=RSS),
        Figure(name="the same, objects written", value=float(written), unit="", bar=0.0),
    ]


if __name__ == "__main__":
    main(__doc__ or "", measure)
