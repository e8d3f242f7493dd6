from pathlib import Path
from typing import Any

import pytest

from outrider.operators.kubernetes.reservations import CPU, MEMORY, Reserved, of_pod
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.operators.kubernetes.tests.meters import metrics_server


def container(name: str, cpu: str = "", limit: str = "", **more: Any) -> dict[str, Any]:
    parts = {"requests": {"cpu": cpu} if cpu else {}, "limits": {"cpu": limit} if limit else {}}
    return {"name": name, "resources": parts, **more}


@pytest.mark.parametrize(
    ("spec", "request_", "limit"),
    [
        ({"containers": [container("a", "100m", "1"), container("b", "200m", "1")]}, "0.3", "2"),
        ({"containers": [container("a", "100m", "1"), container("b")]}, "0.1", None),
        ({"containers": [container("a")]}, None, None),
        ({"containers": [container("a", limit="500m")]}, "0.5", "0.5"),
        ({"containers": [container("a", "100m")], "initContainers": [container("i", "1")]}, "1", None),
        # A sidecar runs beside the others, and beside the init containers after it.
        (
            {
                "containers": [container("a", "100m")],
                "initContainers": [container("s", "50m", restartPolicy="Always"), container("i", "1")],
            },
            "1.05",
            None,
        ),
        (
            {
                "containers": [container("a", "100m")],
                "initContainers": [container("i", "100m"), container("s", "50m", restartPolicy="Always")],
            },
            "0.15",
            None,
        ),
        ({"containers": [container("a", "100m")], "overhead": {"cpu": "50m"}}, "0.15", None),
        (
            {"containers": [container("a", "100m")], "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "3"}}},
            "2",
            "3",
        ),
    ],
)
def test_a_pod_keeps_what_the_scheduler_counts(spec: dict[str, Any], request_: str | None, limit: str | None) -> None:
    found = of_pod({"spec": spec}, CPU)
    assert [None if one is None else str(one.normalize()) for one in (found.request, found.limit)] == [request_, limit]
    assert of_pod({"spec": spec}, MEMORY) == Reserved()


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_usage_of_the_kubelet_stands_beside_requests_and_limits(shop: Shop) -> None:
    await shop.web(replicas=2)
    await shop.settled()
    found = await shop.run("metrics")
    assert set(found.sources.values()) == {"kubelet"}
    assert [row.pods for row in found.items] == [1, 1]
    assert {(row.cpu_request, row.cpu_limit, row.memory_request_mib, row.memory_limit_mib) for row in found.items} == {
        (0.01, None, 16.0, 64.0)
    }
    [whole] = (await shop.run("metrics", target="deployment/web", by="workload")).items
    assert (whole.name, whole.pods, whole.memory_request_mib, whole.memory_limit_mib) == (
        "deployment/web",
        2,
        32.0,
        128.0,
    )
    [one, _] = (await shop.run("metrics", by="container", sort="name")).items
    assert one.name.endswith("/web")
    everywhere = await shop.run("metrics", namespace="*", by="namespace")
    assert shop.namespace in {row.name for row in everywhere.items}
    assert (await shop.run("metrics", labels="app=none")).items == []
    [node] = (await shop.run("metrics", target="nodes")).nodes
    assert node.memory_mib is not None
    assert node.cpu_requested >= 0.02
    assert node.memory_requested_mib < node.memory_allocatable_mib
    [same] = (await shop.run("metrics", target=f"node/{node.name}")).nodes
    assert same.cpu_allocatable == node.cpu_allocatable


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_what_nobody_has_measured_is_not_zero(shop: Shop, tmp_path: Path) -> None:
    await shop.web(replicas=2)
    measured = [{"cpu": "1500u", "memory": "2048Ki"}, None]
    async with metrics_server(shop, tmp_path, lambda _: measured[0]):
        found = await shop.run("metrics")
        assert set(found.sources.values()) == {"metrics.k8s.io"}
        assert {(row.cpu, row.memory_mib, row.unknown) for row in found.items} == {(0.0015, 2.0, 0)}
        measured[0] = {"cpu": "1m"}
        assert {(row.cpu, row.memory_mib, row.unknown) for row in (await shop.run("metrics")).items} == {
            (0.001, None, 1)
        }
        measured[0] = None
        [row] = (await shop.run("metrics", by="workload")).items
        assert (row.cpu, row.memory_mib, row.cpu_request, row.unknown) == (None, None, 0.02, 2)
        # Nodes are not served here: the kubelets tell of them.
        assert set((await shop.run("metrics", target="nodes")).sources.values()) == {"kubelet"}


@pytest.mark.real
async def test_what_has_no_usage_is_refused(shop: Shop) -> None:
    assert (await shop.refused("metrics", target="deployment/none")).code == "NOT_FOUND"
    assert "--by workload" in (await shop.refused("metrics", target="deployments")).suggestions[0]
    assert (await shop.refused("metrics", target="configmap/kube-root-ca.crt")).path == "target"
    assert (await shop.refused("metrics", target="deployment/web", labels="a=b")).path == "labels"
    assert (await shop.refused("metrics", target="deployment/web", namespace="*")).path == "namespace"
    assert (await shop.refused("metrics", target="node/none")).code == "NOT_FOUND"
