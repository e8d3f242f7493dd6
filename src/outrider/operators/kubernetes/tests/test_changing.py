from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.core.errors import ConflictError, InvalidConfigError, PartialError, PreconditionFailedError
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.operators.kubernetes.tests.scenery import deployment
from outrider.ports.kube.resources import AUTOSCALERS, CONFIG_MAPS, CRDS, DEPLOYMENTS, NAMESPACES, Resource

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


def setting(value: str, name: str = "settings", **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": {"level": value}}


def differences(change: Any) -> list[tuple[str, Any, Any]]:
    return [(one.path, one.before, one.after) for one in change.difference]


async def test_apply_does_what_its_plan_says(shop: Shop) -> None:
    plan = await shop.plan("apply", objects=[setting("info")])
    assert (plan.target, plan.difference[0].before) == ("configmap/settings", None)
    done = await shop.run("apply", seen=plan, objects=[setting("info")])
    assert [(one.target, one.action) for one in done.results] == [("configmap/settings", "created")]
    plan = await shop.plan("apply", objects=[setting("debug")])
    assert differences(plan) == [("data.level", "info", "debug")]
    assert (await shop.run("apply", seen=plan, objects=[setting("debug")])).results[0].action == "changed"
    assert (await shop.run("apply", objects=[setting("debug")])).results[0].action == "unchanged"
    assert (await shop.run("diff", objects=[setting("debug")])).changes == 0


async def test_a_plan_ends_when_its_object_changes(shop: Shop) -> None:
    await shop.run("apply", objects=[setting("info")])
    stale = await shop.plan("apply", objects=[setting("debug")])
    absent = await shop.plan("apply", objects=[setting("x", "new")])
    await shop.make(CONFIG_MAPS, {"metadata": {"name": "settings"}, "data": {"other": "1"}}, manager="somebody")
    await shop.make(CONFIG_MAPS, {"metadata": {"name": "new"}, "data": {}}, manager="somebody")
    for plan, wanted in ((stale, setting("debug")), (absent, setting("x", "new"))):
        with pytest.raises(PreconditionFailedError):
            await shop.run("apply", seen=plan, objects=[wanted])
    assert (await shop.client.get(CONFIG_MAPS, "settings", shop.namespace))["data"]["level"] == "info"


async def test_a_change_of_status_alone_does_not_end_a_plan(shop: Shop) -> None:
    await shop.web()
    plan = await shop.plan("scale", target="deployment/web", replicas=3)
    await shop.settled()
    done = await shop.run("scale", seen=plan, target="deployment/web", replicas=3)
    assert differences(done.results[0]) == [("spec.replicas", 1, 3)]


async def test_fields_of_others_are_left_to_them(shop: Shop) -> None:
    await shop.make(CONFIG_MAPS, setting("info"), manager="kubectl")
    with pytest.raises(ConflictError, match=r"data\.level \(kubectl\)"):
        await shop.plan("apply", objects=[setting("debug")])
    await shop.run("apply", objects=[setting("debug")], force=True)
    assert (await shop.client.get(CONFIG_MAPS, "settings", shop.namespace))["data"]["level"] == "debug"


@pytest.mark.parametrize(
    ("metadata", "owner"),
    [
        ({"annotations": {"argocd.argoproj.io/tracking-id": "shop:v1/ConfigMap:x/settings"}}, "Argo CD shop"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}, "Flux Kustomization apps"),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "web"}}, "Flux HelmRelease web"),
        (
            {"labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": {"meta.helm.sh/release-name": "web"}},
            "Helm web",
        ),
    ],
)
async def test_what_others_declare_is_not_changed_behind_their_back(
    shop: Shop, metadata: dict[str, Any], owner: str
) -> None:
    await shop.make(CONFIG_MAPS, setting("info", **metadata))
    for verb, params in (("apply", {"objects": [setting("debug")]}), ("delete", {"target": "configmap/settings"})):
        error = await shop.refused(verb, **params)
        assert (error.code, error.found) == ("CONFLICT", owner)
        with pytest.raises(ConflictError):
            await shop.plan(verb, **params)
    await shop.run("delete", target="configmap/settings", override_owner=True)


async def test_a_typo_is_an_error_and_nothing_is_written(shop: Shop) -> None:
    wrong = {**setting("info"), "dta": {"level": "x"}}
    with pytest.raises(InvalidConfigError, match="dta"):
        await shop.plan("apply", objects=[wrong])
    assert (await shop.refused("apply", manifest="kind: ConfigMap\nmetadata: {}\n---\n- 1\n")).code == "INVALID_CONFIG"
    assert len((await shop.refused("apply", manifest="a: 1\n---\nb: 2\n")).causes) == 2
    assert (await shop.refused("apply", objects=[setting("a"), setting("b")])).message.endswith("stands twice")
    assert (await shop.refused("apply", manifest="a: [")).source.startswith("manifest:2:")
    assert (await shop.refused("apply")).found == "0"
    assert "names another namespace" in (await shop.refused("apply", objects=[setting("a", namespace="other")])).message


async def test_kinds_and_namespaces_may_come_with_what_needs_them(shop: Shop) -> None:
    group = f"{shop.namespace}.example.org"
    names = {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"things.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }  # fmt: skip
    other = f"{shop.namespace}-other"
    wanted = [
        {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": {"name": "one", "namespace": other}},
        setting("info", namespace=other),
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}},
        definition,
    ]
    try:
        plan = await shop.plan("apply", objects=wanted, namespace="")
        assert len(plan.warnings) == 2, plan.warnings
        done = await shop.run("apply", seen=plan, objects=wanted, namespace="")
        assert {one.action for one in done.results} == {"created"}
        plan = await shop.plan("delete", target=f"crd/things.{group}")
        assert plan.will_also_remove == [f"{other}/thing.{group}/one"]
        plan = await shop.plan("delete", target=f"namespace/{other}")
        assert {f"{other}/thing.{group}/one", f"{other}/configmap/settings"} <= set(plan.will_also_remove)
    finally:
        await shop.client.delete(CRDS, f"things.{group}")
        await shop.client.delete(NAMESPACES, other)


async def test_delete_says_what_goes_too_and_takes_the_very_object(shop: Shop) -> None:
    await shop.web()
    await shop.settled()
    plan = await shop.plan("delete", target="deployment/web")
    assert [title.split("/")[1] for title in plan.will_also_remove] == ["replicaset", "pod"]
    await shop.client.delete(DEPLOYMENTS, "web", shop.namespace)
    await shop.run("wait", target="deployment/web", until="deleted")
    await shop.web()
    with pytest.raises(PreconditionFailedError):
        await shop.run("delete", seen=plan, target="deployment/web")
    done = await shop.run("delete", target="deployment/web", cascade="foreground")
    assert done.results[0].gone
    assert (await shop.run("get", kind="rs")).items == []


async def test_a_finalizer_that_nobody_removes_is_named(shop: Shop) -> None:
    await shop.make(CONFIG_MAPS, setting("info", finalizers=["example.org/never"]))
    plan = await shop.plan("delete", target="configmap/settings")
    assert "example.org/never" in plan.warnings[0]
    late = await shop.refused("delete", target="configmap/settings", seconds=1.5)
    assert (late.code, late.found) == ("TIMEOUT", "finalizers example.org/never")
    await shop.client.patch(CONFIG_MAPS, "settings", shop.namespace, {"metadata": {"finalizers": None}})


async def test_scale_tells_of_an_autoscaler_and_can_be_undone(shop: Shop) -> None:
    await shop.web()
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    await shop.make(
        AUTOSCALERS,
        {"metadata": {"name": "web"}, "spec": {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 4}},
    )
    plan = await shop.plan("scale", target="deploy/web", replicas=2)
    assert differences(plan) == [("spec.replicas", 1, 2)]
    assert "owns spec.replicas" in plan.warnings[0]
    done = await shop.run("scale", target="deploy/web", replicas=2)
    await shop.undo("scale", done, target="deploy/web", replicas=2)
    assert (await shop.client.get(DEPLOYMENTS, "web", shop.namespace))["spec"]["replicas"] == 1
    assert (await shop.run("scale", target="deploy/web", replicas=1)).results[0].difference == []
    assert (await shop.refused("scale", target="configmap/kube-root-ca.crt", replicas=1)).code == "INVALID_CONFIG"


async def test_a_rollout_is_paused_resumed_and_rolled_back(shop: Shop) -> None:
    await shop.web(level="one")
    await shop.settled()
    await shop.web(level="two")
    await shop.settled()
    [status] = (await shop.run("rollout_status", target="deployment/web")).items
    assert (status.revision, status.revisions, status.state) == (2, [2, 1], "complete")
    paused = await shop.run("rollout_pause", target="deployment/web")
    for verb in ("restart", "rollback"):
        assert "rollout_resume" in (await shop.refused(verb, target="deployment/web")).suggestions[0]
    await shop.undo("rollout_pause", paused, target="deployment/web")
    plan = await shop.plan("rollback", target="deployment/web")
    path = "spec.template.spec.containers[web].env[LEVEL].value"
    assert differences(plan) == [(path, "two", "one")]
    await shop.run("rollback", seen=plan, target="deployment/web")
    [status] = (await shop.run("rollout_status", target="deployment/web", wait=True)).items
    assert (status.revision, status.state) == (3, "complete")
    assert (await shop.refused("rollback", target="deployment/web", revision=9)).expected == "one of 3, 2"


async def test_a_failed_rollout_is_told_and_rolled_back(shop: Shop) -> None:
    await shop.web()
    await shop.settled()
    broken = deployment(image="docker.io/library/absent:1", imagePullPolicy="Never")
    broken["spec"]["progressDeadlineSeconds"] = 2
    await shop.make(DEPLOYMENTS, broken)
    error = await shop.refused("rollout_status", target="deployment/web", wait=True)
    assert (error.code, error.found) == ("EXECUTION_FAILED", "failed")
    assert "outrider kubernetes rollback deployment/web" in error.suggestions
    await shop.run("rollback", target="deployment/web")
    await shop.settled()


@pytest.mark.parametrize(("kind", "plural"), [("StatefulSet", "statefulsets"), ("DaemonSet", "daemonsets")])
async def test_other_workloads_are_restarted_and_rolled_back(shop: Shop, kind: str, plural: str) -> None:
    resource = Resource("apps", "v1", plural, kind)
    target = f"{kind.lower()}/web"
    for level in ("one", "two"):
        wanted = deployment(level=level)
        if kind == "DaemonSet":
            del wanted["spec"]["replicas"]
        else:
            wanted["spec"]["serviceName"] = "web"
        await shop.make(resource, wanted)
        await shop.settled(target)
    await shop.run("rollback", target=target)
    await shop.settled(target)
    found = await shop.client.get(resource, "web", shop.namespace)
    assert found["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] == "one"
    done = await shop.run("restart", target=target)
    assert done.results[0].difference[0].path.endswith("['kubectl.kubernetes.io/restartedAt']")
    await shop.settled(target)


async def test_resources_are_set_for_one_container(shop: Shop) -> None:
    await shop.web()
    plan = await shop.plan("set_resources", target="deploy/web", memory="12Mi", cpu="1")
    assert differences(plan) == [
        ("spec.template.spec.containers[web].resources.limits.memory", "64Mi", "12Mi"),
        ("spec.template.spec.containers[web].resources.limits.cpu", None, "1"),
        ("spec.template.spec.containers[web].resources.requests.memory", "16Mi", "12Mi"),
    ]
    await shop.run("set_resources", seen=plan, target="deploy/web", memory="12Mi", cpu="1")
    again = await shop.run("set_resources", target="deploy/web", memory="12Mi", cpu="1")
    assert again.results[0].difference == []
    assert (await shop.refused("set_resources", target="deploy/web", memory="1Mi", container="wob")).code == "NOT_FOUND"
    assert (await shop.refused("set_resources", target="deploy/web")).path == "memory"
    assert (
        await shop.refused("set_resources", target="deploy/web", memory="1Mi", memory_request="2Mi")
    ).path == "memory_request"


async def test_several_namespaces_have_a_result_each(shop: Shop, tmp_path: Path) -> None:
    other = f"{shop.namespace}-b"
    await shop.client.create(NAMESPACES, {"metadata": {"name": other}})
    try:
        both = f"{shop.namespace},{other}"
        done = await shop.run("apply", objects=[setting("info")], namespace=both)
        assert [one.namespace for one in done.results] == [shop.namespace, other]
        await shop.web()
        with pytest.raises(PartialError) as caught:
            await shop.run("scale", target="deployment/web", replicas=2, namespace=both)
        assert [one["namespace"] for one in caught.value.context["done"]] == [shop.namespace]
        assert [one["code"] for one in caught.value.context["failed"]] == ["NOT_FOUND"]
        plan = await shop.plan("scale", target="deployment/web", replicas=3, namespace=both)
        assert plan.difference[0].path == f"{shop.cluster.report['context']}/{shop.namespace}: spec.replicas"
        found = await shop.run("get", kind="cm", name="settings", namespace=both)
        assert len(found.items) == 2
        assert (await shop.refused("scale", target="deployment/web", replicas=2, namespace="*")).path == "namespace"
        nowhere = await shop.refused("get", kind="cm", name="none", namespace=both)
        assert [cause.code for cause in nowhere.body().causes] == ["NOT_FOUND", "NOT_FOUND"]
    finally:
        await shop.client.delete(NAMESPACES, other)
    assert msgspec.to_builtins(found)["failed"] == []
