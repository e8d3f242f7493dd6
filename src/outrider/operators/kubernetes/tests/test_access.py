from pathlib import Path
from typing import Any

import pytest

from outrider.core.codec import encode
from outrider.core.errors import DeniedError
from outrider.operators.kubernetes.reviews import may
from outrider.operators.kubernetes.rules import allows, read_rule
from outrider.operators.kubernetes.subjects import identity_of, subject_of
from outrider.operators.kubernetes.tests.accounts import account, acting_as, becomes, rule, target_of
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.ports.kube.answers import Access
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import CONFIG_MAPS, NAMESPACES, PODS, ROLE_BINDINGS, SECRETS

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


async def test_what_somebody_may_is_answered_by_the_server_and_by_the_rule(shop: Shop) -> None:
    web = await account(shop, "web", rule("get list", "pods pods/log"), rule("get", "secrets", "keys"))
    [yes] = (await shop.run("access_check", verb="get", kind="po", part="log", subject=web)).items
    assert (yes.allowed, yes.subject, yes.namespace) == (True, web, shop.namespace)
    assert yes.granted_by == "rolebinding/web of role/web: get, list: pods, pods/log"
    cases: list[tuple[dict[str, Any], str]] = [
        ({"verb": "delete", "kind": "pods"}, "granted are get, list"),
        ({"verb": "get", "kind": "secret/other"}, "for these names alone: keys"),
        ({"verb": "get", "kind": "pods", "namespace": "*"}, "no rule grants it"),
        ({"verb": "get", "kind": "nodes"}, "no rule grants it"),
        ({"verb": "crate", "kind": "pods"}, "did you mean 'create'?"),
    ]
    for asked, why in cases:
        [no] = (await shop.run("access_check", subject=web, **asked)).items
        assert not no.allowed
        assert why in no.reason
    [named] = (await shop.run("access_check", verb="get", kind="secret/keys", subject=web)).items
    assert named.allowed


async def test_the_caller_is_asked_about_where_nobody_is_named(shop: Shop, tmp_path: Path) -> None:
    web = await account(shop, "web", rule("get", "pods"))
    [me] = (await shop.run("access_check", verb="*", kind="*")).items
    assert (me.allowed, me.subject) == (True, "user/kubernetes-admin")
    with acting_as(await target_of(shop, "web"), tmp_path):
        [own] = (await shop.run("access_check", verb="get", kind="pods")).items
        assert (own.allowed, own.subject) == (True, web)
        [no] = (await shop.run("access_check", verb="get", kind="secrets")).items
        assert "may not read what RBAC grants" in no.reason
        error = await shop.refused("access_check", verb="get", kind="pods", subject="user/ana")
        assert (error.code, "subjectaccessreviews" in error.suggestions[0]) == ("DENIED", True)
        assert (await shop.refused("access_who", verb="get", kind="pods")).code == "DENIED"


async def test_groups_paths_and_namespaces_are_asked_as_the_server_sees_them(shop: Shop) -> None:
    web = await account(shop, "web", rule("get", "namespaces"))
    own = f"namespace/{shop.namespace}"
    [inside] = (await shop.run("access_check", verb="get", kind=own, subject=web, namespace="default")).items
    assert inside.allowed, "a namespace is within itself"
    [other] = (await shop.run("access_check", verb="get", kind="namespace/default", subject=web)).items
    assert not other.allowed
    [path] = (await shop.run("access_check", verb="get", kind="/healthz", subject="group/anybody")).items
    assert path.allowed
    assert "system:public-info-viewer" in path.granted_by
    for groups, expected in (([], False), (["system:masters"], True)):
        [ana] = (await shop.run("access_check", verb="get", kind="nodes", subject="user/ana", groups=groups)).items
        assert ana.allowed is expected
    [root] = (await shop.run("access_check", verb="impersonate", kind="user/ana", subject="user/ana")).items
    assert not root.allowed
    assert (await shop.refused("access_check", verb="get", kind="pods", part="lgo")).suggestions == [
        "did you mean 'log'?"
    ]
    assert (await shop.refused("access_check", verb="get", kind="/healthz", part="log")).path == "part"
    assert (await shop.refused("access_check", verb="get", kind="widgets")).path == "kind"


async def test_who_may_is_found_with_the_rule_that_grants_it(shop: Shop) -> None:
    web = await account(shop, "web", rule("get", "secrets", "keys"), rule("list", "secrets"))
    cron = await account(shop, "cron", rule("*", "*"))
    found = {one.subject: one for one in (await shop.run("access_who", verb="get", kind="secrets")).items}
    assert found[web].rule == "get: secrets [keys]"
    assert (found[cron].rule, found[cron].namespace, found[cron].role) == ("*: *", shop.namespace, "role/cron")
    assert (found["group/system:masters"].namespace, found["group/system:masters"].role) == (
        "*",
        "clusterrole/cluster-admin",
    )
    assert all(one.confirmed for one in found.values()), "the server says so too"
    other = await shop.run("access_who", verb="get", kind="secret/other")
    assert web not in {one.subject for one in other.items}
    assert "system:masters" in other.remark
    everywhere = await shop.run("access_who", verb="list", kind="secrets", namespace="*")
    assert {web, cron} <= {one.subject for one in everywhere.items}
    nodes = await shop.run("access_who", verb="get", kind="nodes", namespace="*")
    assert cron not in {one.subject for one in nodes.items}, "a Role grants nothing of what has no namespace"


async def test_rules_are_told_with_the_way_they_come(shop: Shop) -> None:
    web = await account(shop, "web", rule("get", "pods"))
    rows = (await shop.run("access_rules", subject=web)).items
    assert [(one.via, one.rule) for one in rows if one.namespace != "*"] == [(web, "get: pods")]
    assert "group/system:authenticated" in {one.via for one in rows}


async def test_our_reading_of_rules_is_that_of_the_server(shop: Shop) -> None:
    rules = [
        rule("get list", "pods pods/log"), rule("*", "deployments", group="apps"), rule("delete", "secrets", "a", "b"),
        rule("update", "*/scale", group="*"), rule("create", "configmaps", "a"), rule("watch", "*", group="batch"),
    ]  # fmt: skip
    web = identity_of(subject_of(await account(shop, "web", *rules)), [])
    read = [read_rule(one) for one in rules]
    asked = [
        Access(verb, group, resource, shop.namespace, name)
        for verb, group, resource, name in (
            ("get", "", "pods", ""), ("get", "", "pods/log", "x"), ("get", "", "pods/exec", ""), ("watch", "", "pods", ""),
            ("*", "", "pods", ""), ("get", "apps", "pods", ""), ("patch", "apps", "deployments", "x"), ("*", "apps", "deployments", ""),
            ("get", "apps", "deployments/scale", ""), ("update", "apps", "statefulsets/scale", "x"), ("update", "", "scale", ""),
            ("delete", "", "secrets", ""), ("delete", "", "secrets", "b"), ("delete", "", "secrets", "c"),
            ("create", "", "configmaps", ""), ("create", "", "configmaps", "a"), ("watch", "batch", "jobs/status", ""),
            ("watch", "batch", "jobs", ""), ("watch", "*", "jobs", ""), ("watch", "batch", "*", ""), ("get", "batch", "jobs", ""),
        )
    ]  # fmt: skip
    for access in asked:
        verdict = await may(shop.client, access, web)
        assert verdict.allowed == any(allows(one, access) for one in read), access


async def _work(client: KubeClient, namespace: str) -> None:
    """Do what a small program does."""
    setting = {"metadata": {"name": "settings", "namespace": namespace}, "data": {"level": "info"}}
    await client.apply(CONFIG_MAPS, setting)
    await client.get(CONFIG_MAPS, "settings", namespace)
    await client.list(PODS, namespace)
    await client.list(NAMESPACES)
    await client.delete(CONFIG_MAPS, "settings", namespace)


async def test_the_least_rights_are_enough_and_not_more(shop: Shop) -> None:
    calls: list[Access] = []
    async with KubeClient(shop.cluster.target(), on_access=calls.append) as recorded:
        await _work(recorded, shop.namespace)
    web = await account(shop, "web")
    lines = "\n".join(encode(call).decode() for call in calls)
    least = await shop.run("access_least", subject=web, recording=lines, name=f"{shop.namespace}-web")
    assert [(one.namespace, one.rule) for one in least.rules] == [
        ("*", "list: namespaces"), (shop.namespace, "create: configmaps"), (shop.namespace, "delete, get, patch: configmaps [settings]"),
        (shop.namespace, "list: pods"),
    ]  # fmt: skip
    assert (await shop.refused("access_drift", subject=web, manifest="")).path == "recording"
    try:
        await shop.run("apply", objects=least.items, namespace="")
        for one in calls:
            await becomes(shop, one, web, allowed=True)
        async with KubeClient(await target_of(shop, "web")) as own:
            await _work(own, shop.namespace)
            for refused in (
                own.list(CONFIG_MAPS, shop.namespace), own.get(CONFIG_MAPS, "other", shop.namespace), own.list(PODS), own.list(SECRETS, shop.namespace),
            ):  # fmt: skip
                with pytest.raises(DeniedError):
                    await refused
        drift = await shop.run("access_drift", subject=web, recording=lines)
        assert (drift.excess, drift.missing) == ([], [])
    finally:
        for one in least.items:
            if one["kind"].startswith("Cluster"):
                await shop.run("delete", target=f"{one['kind'].lower()}/{one['metadata']['name']}", wait=False)


async def test_drift_names_what_is_not_used_and_what_is_lacking(shop: Shop) -> None:
    web = await account(shop, "web", rule("get list delete", "pods"), rule("*", "secrets"))
    idle = await account(shop, "idle", rule("get", "pods"))
    calls = [Access("get", "", "pods", shop.namespace, "x"), Access("list", "", "secrets", shop.namespace)]
    lines = "\n".join(encode(one).decode() for one in [*calls, Access("list", "", "nodes")])
    found = await shop.run("access_drift", subject=web, recording=lines)
    assert [(one.binding, one.rule, one.used) for one in found.excess] == [
        ("rolebinding/web", "delete, list: pods", ""), ("rolebinding/web", "*: secrets", "list: secrets"),
    ]  # fmt: skip
    assert [(one.namespace, one.rule) for one in found.missing] == [("*", "list: nodes")]
    unused = await shop.run("access_drift", subject=idle, recording=encode(calls[1]).decode())
    assert [one.rule for one in unused.excess] == ["everything"]


async def test_drift_from_a_manifest(shop: Shop) -> None:
    web = await account(shop, "web", rule("get list", "pods"))
    await shop.run("grant", role="clusterrole/view", subject=web)
    binding = await shop.client.get(ROLE_BINDINGS, "web", shop.namespace)
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "web", "namespace": shop.namespace},
        "rules": [rule("get", "pods"), rule("delete", "pods", "old")],
    }  # fmt: skip
    text = "---\n".join(encode(one).decode() + "\n" for one in (binding, role))
    found = await shop.run("access_drift", subject=web, manifest=text)
    assert [one.rule for one in found.missing] == ["delete: pods [old]"]
    assert "list: pods" in {one.rule for one in found.excess if one.binding == "rolebinding/web"}
    assert any(one.role == "clusterrole/view" for one in found.excess)
    error = await shop.refused("access_drift", subject=web, manifest=encode(role).decode())
    assert (error.code, error.path) == ("NOT_FOUND", "manifest")
    broken = encode({**binding, "roleRef": {}}).decode()
    assert "roleRef" in (await shop.refused("access_drift", subject=web, manifest=broken)).message
