from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import ConflictError, PreconditionFailedError
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.operators.kubernetes.tests.meters import metrics_server
from outrider.operators.kubernetes.tests.scenery import deployment
from outrider.ports.kube.resources import AUTOSCALERS, CRDS, DEPLOYMENTS, Resource

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
WEB: Any = {"target": "deployment/web"}
SCALED_OBJECTS = Resource("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject")


async def test_the_plan_of_an_autoscaler_is_what_is_made(shop: Shop) -> None:
    await shop.web()
    wanted: Any = {**WEB, "max_replicas": 5, "cpu_percent": 70, "scale_down_window": "1m"}
    plan = await shop.plan("autoscale", **wanted)
    assert (plan.target, plan.difference[0].before) == ("horizontalpodautoscaler/web", None)
    assert ["metrics.k8s.io" in warning for warning in plan.warnings] == [True]
    done = await shop.run("autoscale", seen=plan, **wanted)
    assert [(one.target, one.action) for one in done.results] == [("horizontalpodautoscaler/web", "created")]
    spec = (await shop.client.get(AUTOSCALERS, "web", shop.namespace))["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 5)
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 60
    assert (await shop.run("autoscale", **wanted)).results[0].action == "unchanged"
    stale = await shop.plan("autoscale", **{**wanted, "max_replicas": 6})
    changes = {one.path: (one.before, one.after) for one in stale.difference}
    assert changes == {"spec.maxReplicas": (5, 6)}
    await shop.client.patch(AUTOSCALERS, "web", shop.namespace, {"spec": {"maxReplicas": 9}})
    with pytest.raises(PreconditionFailedError):
        await shop.run("autoscale", seen=stale, **{**wanted, "max_replicas": 6})
    await shop.undo("autoscale", done, **wanted)
    assert (await shop.run("get", kind="hpa")).items == []


async def test_nobody_is_scaled_by_two(shop: Shop) -> None:
    await shop.web()
    await shop.run("autoscale", **WEB, max_replicas=5, cpu_percent=70)
    with pytest.raises(ConflictError) as caught:
        await shop.plan("autoscale", **WEB, max_replicas=5, cpu_percent=70, name="other")
    assert caught.value.found == "horizontalpodautoscaler/web"
    assert caught.value.suggestions[0] == "change that one: --name web"


async def test_what_keeps_an_autoscaler_from_working_is_told(shop: Shop) -> None:
    bare = deployment("bare", resources={})
    bare["spec"]["replicas"] = 0
    bare["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] = "apps"
    await shop.make(DEPLOYMENTS, bare)
    plan = await shop.plan("autoscale", target="deployment/bare", max_replicas=3, cpu_percent=70, memory_percent=70)
    words = ("requests no cpu", "requests no memory", "metrics.k8s.io", "0 replicas", "Flux")
    assert all(word in warning for word, warning in zip(words, plan.warnings, strict=True)), plan.warnings
    for params, path in (
        ({"cpu_percent": None}, "cpu_percent"),
        ({"min_replicas": 4}, "min_replicas"),
        ({"min_replicas": 0}, "min_replicas"),
        ({"metrics": [{"type": "Wrong"}]}, "spec.metrics[0].type"),
        ({"scale_up_window": "2h"}, "scale_up_window"),
    ):
        error = await shop.refused("autoscale", **{"target": "deployment/bare", "max_replicas": 3, "cpu_percent": 70, **params})  # fmt: skip
        assert (error.code, error.path) == ("INVALID_CONFIG", path), error
    assert (await shop.refused("autoscale", **WEB, max_replicas=3, cpu_percent=70)).code == "NOT_FOUND"
    fixed = await shop.refused("autoscale", target="apiservice.apiregistration.k8s.io/v1.apps", max_replicas=3, cpu_percent=70)  # fmt: skip
    assert "cannot be scaled" in fixed.message


async def test_the_real_controller_does_what_the_simulation_says(shop: Shop, tmp_path: Path) -> None:
    await shop.web()
    await shop.settled()
    load = [20.0]
    # Thousandths of a processor, in the same parts on all pods; one requests 10.
    async with metrics_server(shop, tmp_path, lambda pods: {"cpu": f"{load[0] / pods:.0f}m", "memory": "1Mi"}):
        plan = await shop.plan("autoscale", **WEB, max_replicas=5, cpu_percent=50)
        assert plan.warnings == []
        await shop.run("autoscale", seen=plan, **WEB, max_replicas=5, cpu_percent=50)
        samples = [{"time": 0, "cpu": 0.02}, {"time": 60, "cpu": 0.04}, {"time": 120, "cpu": 0.04}]
        simulated = await shop.run("autoscale_simulate", **WEB, max_replicas=5, cpu_percent=50, samples=samples)
        assert [one.replicas for one in simulated.items] == [4, 5]
        await shop.run("wait", **WEB, until="object.status.readyReplicas == 4")
        load[0] = 40.0
        await shop.run("wait", **WEB, until="object.status.readyReplicas == 5")
        await shop.run("wait", target="hpa/web", until='object.status.conditions.exists(c, c.reason == "TooManyReplicas")')  # fmt: skip
        found = await shop.run("autoscale_status", target="deployment/web")
        assert [(row.state, row.desired, row.max_replicas) for row in found.items] == [("at_most", 5, 5)]
        assert [one.reason for one in found.findings] == ["TooManyReplicas"]
        assert [(row.metric, row.target) for row in found.metrics] == [("cpu", "50%")]
        assert found.metrics[0].current is not None


async def test_why_an_autoscaler_does_nothing(shop: Shop) -> None:
    await shop.web()
    await shop.run("autoscale", **WEB, max_replicas=5, cpu_percent=50)
    await shop.run("wait", target="hpa/web", until='object.status.conditions.exists(c, c.status == "False")')
    blind = await shop.run("autoscale_status")
    assert [row.state for row in blind.items] == ["blind"]
    assert [(row.metric, row.current, row.target) for row in blind.metrics] == [("cpu", None, "50%")]
    assert [(one.condition, one.reason) for one in blind.findings] == [("ScalingActive", "FailedGetResourceMetric")]
    assert "install metrics-server" in blind.findings[0].remedy
    await shop.run("scale", **WEB, replicas=0)
    await shop.run("wait", target="hpa/web", until='object.status.conditions.exists(c, c.reason == "ScalingDisabled")')
    [finding] = (await shop.run("autoscale_status", **WEB)).findings
    assert finding.remedy == "outrider kubernetes scale deployment/web 1"
    assert (await shop.refused("autoscale_status", target="deployment/none")).code == "NOT_FOUND"
    assert (await shop.run("autoscale_status", namespace="*")).items != []


async def test_keda_is_asked_for_where_it_is(shop: Shop) -> None:
    await shop.web()
    queue: dict[str, Any] = {**WEB, "max_replicas": 5, "min_replicas": 0, "triggers": [{"type": "cron", "metadata": {"timezone": "UTC"}}]}  # fmt: skip
    assert (await shop.refused("autoscale", **queue)).code == "UNSUPPORTED"
    await shop.client.apply(CRDS, scaled_object_definition())
    try:
        await shop.run("wait", target="crd/scaledobjects.keda.sh", until='object.status.conditions.exists(c, c.type == "Established" && c.status == "True")')  # fmt: skip
        done = await shop.run("autoscale", **queue, cpu_percent=60)
        assert [one.target for one in done.results] == ["scaledobject.keda.sh/web"]
        spec = (await shop.client.get(SCALED_OBJECTS, "web", shop.namespace))["spec"]
        assert (spec["minReplicaCount"], [one["type"] for one in spec["triggers"]]) == (0, ["cron", "cpu"])
        # Its target has no replicas, and so no autoscaler of Kubernetes at times: it is KEDA's all the same.
        taken = await shop.refused("autoscale", **WEB, max_replicas=5, cpu_percent=70)
        assert (taken.code, taken.found) == ("CONFLICT", "scaledobject.keda.sh/web")
        paused = {"conditions": [{"type": "Paused", "status": "True", "reason": "ScaledObjectPaused", "message": "x"}]}
        await shop.client.patch(SCALED_OBJECTS, "web", shop.namespace, {"status": paused})
        [finding] = (await shop.run("autoscale_status", target="scaledobject.keda.sh/web")).findings
        assert (finding.condition, finding.meaning) == ("Paused", "it is paused")
    finally:
        await shop.client.delete(CRDS, "scaledobjects.keda.sh")
        await shop.run("wait", target="crd/scaledobjects.keda.sh", until="deleted")


def scaled_object_definition() -> dict[str, Any]:
    names = {"plural": "scaledobjects", "singular": "scaledobject", "kind": "ScaledObject", "listKind": "ScaledObjectList"}  # fmt: skip
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": schema}
    return {
        "metadata": {"name": "scaledobjects.keda.sh"},
        "spec": {"group": "keda.sh", "scope": "Namespaced", "names": names, "versions": [version]},
    }
