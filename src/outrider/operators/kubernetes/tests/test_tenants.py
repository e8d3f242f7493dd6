from collections.abc import AsyncIterator
from typing import Any

import pytest

from outrider.core.errors import ConflictError, DeniedError, InvalidConfigError, NotFoundError, PreconditionFailedError
from outrider.operators.kubernetes.subjects import RBAC
from outrider.operators.kubernetes.tenants import TenantParams
from outrider.operators.kubernetes.tests.accounts import account, becomes
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.operators.kubernetes.tests.scenery import deployment
from outrider.ports.kube.answers import Access
from outrider.ports.kube.resources import DAEMON_SETS, NAMESPACES, NETWORK_POLICIES, PODS, Resource
from tests.servers.images import BUSYBOX

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota")
CONFINED = {
    "allowPrivilegeEscalation": False, "runAsNonRoot": True, "runAsUser": 1000, "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip


def pod(name: str, **security: Any) -> dict[str, Any]:
    """Return a pod that no node takes, so that it is there and does not run."""
    container = {"name": "main", "image": BUSYBOX, "securityContext": security or CONFINED}
    return {"metadata": {"name": name}, "spec": {"nodeSelector": {"none": "such"}, "containers": [container]}}


@pytest.fixture
async def name(shop: Shop) -> AsyncIterator[str]:
    """Return the name of a tenant that is not there yet."""
    found = f"{shop.namespace}-team"
    yield found
    try:
        await shop.client.delete(NAMESPACES, found)
    except NotFoundError:
        return


async def test_a_tenant_is_kept_within_its_bounds_by_the_server(shop: Shop, name: str) -> None:
    admin, other = await account(shop, "admin"), await account(shop, "other")
    wanted: dict[str, Any] = {"name": name, "admins": [admin], "editors": ["user/ed"], "pods": 1}
    plan = await shop.plan("tenant", **wanted)
    assert len(plan.difference) == 8
    done = await shop.run("tenant", seen=plan, **wanted)
    # The cluster makes the ServiceAccount `default` too, and may have been quicker.
    assert {one.action for one in done.results if one.target != "serviceaccount/default"} == {"created"}
    await shop.run("wait", target="resourcequota/tenant", until="has(object.status.used)", namespace=name)

    with pytest.raises(DeniedError, match='violates PodSecurity "restricted'):
        await shop.client.create(PODS, pod("root", privileged=True), name)
    made = (await shop.client.create(PODS, pod("one"), name)).object
    assert made["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "500m", "memory": "256Mi"}, "requests": {"cpu": "50m", "memory": "128Mi"},
    }  # fmt: skip
    assert not [one for one in made["spec"].get("volumes", ()) if "projected" in one], "no token is mounted"
    with pytest.raises(DeniedError, match="exceeded quota: tenant"):
        await shop.client.create(PODS, pod("two"), name)
    for subject, verb, group, resource, expected in (
        (admin, "create", RBAC, "rolebindings", True), ("user/ed", "create", "apps", "deployments", True),
        ("user/ed", "create", RBAC, "rolebindings", False), (other, "get", "", "pods", False),
        (admin, "patch", "", "resourcequotas", False), (admin, "patch", "", "namespaces", False),
    ):  # fmt: skip
        await becomes(shop, Access(verb, group, resource, name), subject, allowed=expected)


async def test_a_tenant_that_is_set_anew_loses_what_is_no_longer_named(shop: Shop, name: str) -> None:
    await shop.run("tenant", name=name, admins=["user/ana", "user/ben"], viewers=["group/all"], internal_traffic=True)
    policy = await shop.client.get(NETWORK_POLICIES, "tenant", name)
    assert policy["spec"]["ingress"] == [{"from": [{"podSelector": {}}]}]
    again: dict[str, Any] = {"name": name, "admins": ["user/ben"], "cpu": "6"}
    plan = await shop.plan("tenant", **again)
    assert f"{name}/resourcequota/tenant: spec.hard['limits.cpu']" in " ".join(one.path for one in plan.difference)
    done = await shop.run("tenant", seen=plan, **again)
    actions = {one.target: one.action for one in done.results}
    assert actions == {
        f"namespace/{name}": "unchanged", "serviceaccount/default": "unchanged", "resourcequota/tenant": "changed",
        "limitrange/tenant": "unchanged", "networkpolicy/tenant": "changed", "rolebinding/tenant-admin": "changed",
        "rolebinding/tenant-edit": "unchanged", "rolebinding/tenant-view": "changed",
    }  # fmt: skip
    policy = await shop.client.get(NETWORK_POLICIES, "tenant", name)
    assert "ingress" not in policy["spec"]
    assert [port["port"] for one in policy["spec"]["egress"] for port in one["ports"]] == [53, 53]
    for user, expected in (("ana", False), ("ben", True)):
        await becomes(shop, Access("get", "", "pods", name), f"user/{user}", allowed=expected)


async def test_pods_that_are_there_and_would_not_be_allowed_are_told_in_the_plan(shop: Shop, name: str) -> None:
    await shop.client.create(NAMESPACES, {"metadata": {"name": name}})
    await shop.run("wait", target="serviceaccount/default", until="exists", namespace=name)
    await shop.client.create(PODS, pod("root", privileged=True), name)
    plan = await shop.plan("tenant", name=name)
    assert "root: privileged" in " ".join(plan.warnings)
    await shop.make(NAMESPACES, {"metadata": {"name": name, "labels": {"argocd.argoproj.io/x": "y"}}})
    with pytest.raises(PreconditionFailedError):
        await shop.run("tenant", seen=plan, name=name)
    tracked = {"argocd.argoproj.io/tracking-id": "teams:v1/Namespace:x/y"}
    await shop.make(NAMESPACES, {"metadata": {"name": name, "annotations": tracked}})
    with pytest.raises(ConflictError, match="Argo CD teams"):
        await shop.plan("tenant", name=name)


async def test_a_network_policy_is_not_said_to_do_what_nobody_knows(shop: Shop, name: str) -> None:
    [before] = (await shop.run("tenant", name=name)).networks
    assert (before.enforced, before.found) == ("not known", [])
    agent = deployment("cilium")
    del agent["spec"]["replicas"]
    await shop.make(DAEMON_SETS, agent)
    await shop.settled("daemonset/cilium")
    [after] = (await shop.run("tenant", name=name)).networks
    assert (after.enforced, after.found) == ("likely", [f"{shop.namespace}/cilium"])
    assert "Cilium" in " ".join((await shop.plan("tenant", name=name)).warnings)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"name": "kube-system"}, "name"),
        ({"name": "default"}, "name"),
        ({"container_cpu": "5"}, "container_cpu"),
        ({"container_memory_request": "1Gi"}, "container_memory_request"),
        ({"admins": ["ana"]}, "admins"),
        ({"viewers": ["sa/web"]}, "viewers"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(given: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        TenantParams(**{"name": "shop", **given})
    assert caught.value.path == path
