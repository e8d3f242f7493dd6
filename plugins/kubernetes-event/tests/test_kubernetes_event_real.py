from pathlib import Path
from typing import Any

import pytest

from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES
from tests.plugins.harness import on_this_host, until
from tests.servers.cluster import shared_cluster
from tests.servers.images import BUSYBOX, busybox_archive

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


def deployment(command: str) -> dict[str, Any]:
    container = {"name": "web", "image": BUSYBOX, "command": ["sh", "-c", command]}
    labels = {"app": "web"}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    return {
        "metadata": {"name": "web", "namespace": "kubernetes-event"},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
    }


async def test_real_pods_and_any_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = shared_cluster()
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    cluster.outrider("cluster", "load-image", str(busybox_archive(tmp_path / "busybox.tar")), cluster.name)
    crashes = {"namespace": "kubernetes-event", "calm": "500ms"}
    settings = {
        "watch": "object", "kind": "configmaps", "namespace": "kubernetes-event", "labels": "watched=yes",
        "condition": 'object.data.level == "debug"', "values": {"reason": "object.data.level"}, "calm": "10ms",
    }  # fmt: skip
    async with KubeClient(cluster.target(), component="tests") as client:
        await client.apply(NAMESPACES, {"metadata": {"name": "kubernetes-event"}})
        await client.apply(DEPLOYMENTS, deployment("exit 3"))
        async with on_this_host("kubernetes-event", crashes, tmp_path) as plugin:
            await plugin.seen(1, within=30.0)
            first = plugin.events[0]
            assert (first.data["state"], first.data["workload"], first.unhealthy) == ("bad", "deployment/web", True)
            assert first.data["values"]["container"] == "web"
            await client.apply(DEPLOYMENTS, deployment("while true; do sleep 1; done"), force=True)
            await until(lambda: plugin.events[-1].data["state"] == "good", within=30.0)
            assert plugin.events[-1].key == first.key
        async with on_this_host("kubernetes-event", settings, tmp_path) as plugin:
            metadata = {"name": "settings", "namespace": "kubernetes-event", "labels": {"watched": "yes"}}
            for count, level in enumerate(("debug", "info"), 1):
                await client.apply(CONFIG_MAPS, {"metadata": metadata, "data": {"level": level}})
                await plugin.seen(count)
            assert [event.data["state"] for event in plugin.events] == ["bad", "good"]
            assert plugin.events[0].data["reason"] == "debug"
        await client.delete(NAMESPACES, "kubernetes-event")
