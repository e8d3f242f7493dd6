"""Ten thousand AgentTypes on a real API server. Part of `make test-long`."""

import asyncio
import time
from pathlib import Path

import pytest

from outrider.controller.definitions import AGENT_TYPES
from outrider.ports.kube.client import KubeClient
from tests.controller.scale import at_rest, fill, prepare, reconciled, usage, versions
from tests.servers.cluster import RealCluster, why_not

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(3600)]
COUNT = 10_000


async def test_ten_thousand_are_reconciled_and_another_start_writes_nothing(tmp_path: Path) -> None:
    if reason := why_not():
        pytest.skip(reason)
    with RealCluster() as cluster:
        if not cluster.report:
            pytest.skip("a cluster of somebody else is not to be filled")
        controller = prepare(cluster, tmp_path)
        async with KubeClient(cluster.target(), component="people") as client:
            began = time.monotonic()
            await fill(client, COUNT)
            print(f"made in {time.monotonic() - began:.0f} s")
            began = time.monotonic()
            controller.start()
            await at_rest(controller)
            assert await reconciled(client) == COUNT
            print(f"reconciled in {time.monotonic() - began:.0f} s, {usage(controller.pid)}")
            before = await versions(client)
            assert len(before) == 6 * COUNT
            controller.kill()
            controller.start()
            await at_rest(controller)
            print(f"started anew: {usage(controller.pid)}")
            assert await versions(client) == before
            # It follows: one that changes is looked at, as if it were alone.
            await client.patch(AGENT_TYPES, "agent-7", "scale-7", {"spec": {"invocation": {"port": 9000}}})
            async with asyncio.timeout(60):
                while True:
                    item = await client.get(AGENT_TYPES, "agent-7", "scale-7")
                    if item["status"]["observedGeneration"] == item["metadata"]["generation"]:
                        break
                    await asyncio.sleep(0.1)
        controller.close()
