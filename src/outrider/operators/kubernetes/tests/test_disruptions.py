import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import ConflictError, PartialError, PreconditionFailedError
from outrider.operators.kubernetes.disruptions import objections, stays
from outrider.operators.kubernetes.selectors import selects
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.operators.kubernetes.tests.scenery import deployment
from outrider.operators.kubernetes.tests.world import opened
from outrider.ports.kube.resources import DAEMON_SETS, DEPLOYMENTS, DISRUPTION_BUDGETS, JOBS, NODES, PODS


async def budget(shop: Shop, name: str = "web", app: str = "web", **spec: Any) -> None:
    selector = {"matchLabels": {"app": app}}
    await shop.make(DISRUPTION_BUDGETS, {"metadata": {"name": name}, "spec": {"selector": selector, **spec}})
    await shop.run("wait", target=f"pdb/{name}", until="object.status.observedGeneration == object.metadata.generation")


async def pods(shop: Shop, labels: str = "app=web") -> dict[str, dict[str, Any]]:
    found = await shop.client.list(PODS, shop.namespace, labels=labels)
    return {one["metadata"]["name"]: one for one in found if not one["metadata"].get("deletionTimestamp")}


@asynccontextmanager
async def node(shop: Shop) -> AsyncIterator[str]:
    name = (await shop.client.list(NODES))[0]["metadata"]["name"]
    try:
        yield name
    finally:
        await opened(shop.client, name)


@pytest.mark.real
@pytest.mark.timeout(120)
class TestEvict:
    async def test_the_pods_of_a_workload_go_one_by_one(self, shop: Shop) -> None:
        await shop.web(replicas=2)
        await budget(shop, maxUnavailable=1)
        await shop.settled()
        before = await pods(shop)
        plan = await shop.plan("evict", target="deploy/web")
        assert (plan.target, plan.warnings) == ("deployment/web", [])
        assert [line.split(" ")[0] for line in plan.will_also_remove] == [
            f"{shop.namespace}/pod/{one}" for one in before
        ]
        assert all("(replicaset/web-" in line and "web allows 1)" in line for line in plan.will_also_remove)
        done = await shop.run("evict", seen=plan, target="deploy/web")
        assert {(one.pod, one.outcome) for one in done.results} == {(one, "evicted") for one in before}
        assert not before.keys() & (await pods(shop)).keys()
        with pytest.raises(PreconditionFailedError):
            await shop.run("evict", seen=plan, target="deploy/web")

    async def test_none_goes_before_the_workload_is_available_again(self, shop: Shop) -> None:
        await shop.web(replicas=2)
        await shop.settled()
        async with node(shop) as name:
            done = await shop.run("cordon", target=name)
            assert next((one.path, one.after) for one in done.results[0].difference) == ("spec.unschedulable", True)
            error = await shop.refused("evict", target="deploy/web", seconds=2.5)
            assert isinstance(error, PartialError)
            assert [one["outcome"] for one in error.context["pods"]] == ["evicted", "refused"]
            assert f"Deployment {shop.namespace}/web has 1 of 2 pods available" in error.message

    async def test_a_budget_that_allows_none_is_named_and_waited_for(self, shop: Shop) -> None:
        await shop.web()
        await shop.settled()
        await budget(shop, minAvailable=1)
        [name] = await pods(shop)
        plan = await shop.plan("evict", target=f"pod/{name}")
        assert (
            f"PodDisruptionBudget {shop.namespace}/web allows 0 disruptions now (ready 1, needed 1)" in plan.warnings[0]
        )
        for params in ({"wait": False}, {"seconds": 2.0}):
            error = await shop.refused("evict", target=f"pod/{name}", **params)
            assert (error.code, error.context) == ("LIMITED", {})
            assert f"{shop.namespace}/web allows 0" in error.message
        waiting = asyncio.create_task(shop.run("evict", target=f"pod/{name}"))
        await budget(shop, minAvailable=0)
        assert (await waiting).results[0].outcome == "evicted"

    async def test_several_budgets_for_a_pod_are_named(self, shop: Shop) -> None:
        await shop.web()
        await shop.settled()
        for one in ("web", "other"):
            await budget(shop, one, maxUnavailable=1)
        error = await shop.refused("evict", target="deploy/web")
        assert isinstance(error, ConflictError)
        assert "/web allows" in error.found
        assert "/other allows" in error.found
        assert error.message in (await shop.plan("evict", target="deploy/web")).warnings

    async def test_a_pod_that_does_not_come_back_needs_a_word(self, shop: Shop) -> None:
        await shop.make(PODS, {"metadata": {"name": "solo"}, "spec": deployment()["spec"]["template"]["spec"]})
        assert (await shop.refused("evict", target="pod/solo")).suggestions == ["evict it all the same: force"]
        with pytest.raises(ConflictError):
            await shop.plan("evict", target="po/solo")
        done = await shop.run("evict", target="pod/solo", force=True)
        assert done.results[0].controller == ""
        await shop.run("wait", target="pod/solo", until="deleted")
        assert (await shop.refused("evict", target="pod/solo")).code == "NOT_FOUND"


@pytest.mark.real
@pytest.mark.timeout(120)
class TestNodes:
    async def test_the_status_of_a_node_does_not_end_a_plan(self, shop: Shop) -> None:
        async with node(shop) as name:
            plan = await shop.plan("cordon", target=name)
            assert (plan.target, len(plan.warnings)) == (f"node/{name}", 1)
            assert "new ones will wait" in plan.warnings[0]
            condition = {"type": "Test", "status": "True", "reason": "Test"}
            await shop.client.patch(
                NODES, name, "", {"status": {"conditions": [condition]}}, part="status", content_type="application/strategic-merge-patch+json"
            )  # fmt: skip
            done = await shop.run("cordon", seen=plan, target=name)
            again = await shop.run("cordon", target=name)
            assert again.results[0].difference == []
            with pytest.raises(PreconditionFailedError):
                await shop.run("uncordon", seen=plan, target=name)
            await shop.undo("cordon", done, target=name)
            assert "unschedulable" not in (await shop.client.get(NODES, name))["spec"]
            assert await shop.undo("cordon", again, target=name) is None
        assert (await shop.refused("cordon", target="nowhere")).code == "NOT_FOUND"
        assert (await shop.refused("cordon", target="pod/web")).code == "INVALID_CONFIG"

    async def test_a_drain_takes_what_comes_back_and_leaves_the_rest(self, shop: Shop) -> None:
        labels = f"drain={shop.namespace}"
        await self._everything(shop, {"app": "web", "drain": shop.namespace})
        async with node(shop) as name:
            error = await shop.refused("drain", target=name, labels=labels)
            assert isinstance(error, ConflictError)
            assert error.suggestions == [
                "let them go all the same: force",
                "let them go all the same: delete_empty_dir_data",
            ]
            assert "unschedulable" not in (await shop.client.get(NODES, name))["spec"], "nothing was changed"
            word: dict[str, Any] = {"labels": labels, "force": True, "delete_empty_dir_data": True}
            plan = await shop.plan("drain", target=name, **word)
            assert [line.split("/")[2][:4] for line in plan.will_also_remove] == ["solo", "web-"]
            assert [(one.path, one.after) for one in plan.difference] == [("spec.unschedulable", True)]
            assert [text for text in plan.warnings if "loses the data" in text or "does not come back" in text]
            done = await shop.run("drain", seen=plan, target=name, **word)
            assert [(one.pod[:4], one.outcome) for one in done.pods] == [("solo", "evicted"), ("web-", "evicted")]
            assert sorted(one.reason for one in done.staying) == ["finished", "of DaemonSet agent"]
            assert done.cordoned
            left = await shop.client.list(PODS, shop.namespace, fields=f"spec.nodeName={name}")
            assert sorted(one["metadata"]["name"][:5] for one in left) == ["agent", "once-"]
            await shop.undo("drain", done, target=name)
            assert "unschedulable" not in (await shop.client.get(NODES, name))["spec"]

    async def _everything(self, shop: Shop, labels: dict[str, str]) -> None:
        web = deployment(volumeMounts=[{"name": "data", "mountPath": "/data"}])
        template = web["spec"]["template"]
        template["metadata"]["labels"] = labels
        template["spec"]["volumes"] = [{"name": "data", "emptyDir": {}}]
        await shop.make(DEPLOYMENTS, web)
        plain = deployment()["spec"]["template"]["spec"]
        await shop.make(PODS, {"metadata": {"name": "solo", "labels": labels}, "spec": plain})
        selector = {"matchLabels": {"drain": labels["drain"], "app": "agent"}}
        agent = {"metadata": {"labels": {**labels, "app": "agent"}}, "spec": plain}
        await shop.make(DAEMON_SETS, {"metadata": {"name": "agent"}, "spec": {"selector": selector, "template": agent}})
        once = {**plain, "restartPolicy": "Never", "containers": [{**plain["containers"][0], "command": ["true"]}]}
        await shop.make(
            JOBS,
            {
                "metadata": {"name": "once"},
                "spec": {"template": {"metadata": {"labels": {**labels, "app": "once"}}, "spec": once}},
            },
        )
        await shop.settled()
        await shop.settled("daemonset/agent")
        await shop.run("wait", target="job/once", until="ready")
        await shop.run("wait", target="pod/solo", until="ready")

    async def test_a_drain_that_comes_to_no_end_says_which_pods_remain(self, shop: Shop) -> None:
        app = shop.namespace
        await shop.web(name=app, replicas=2)
        await shop.settled(f"deployment/{app}")
        await budget(shop, app=app, minAvailable=1)
        params: dict[str, Any] = {"labels": f"app={app}", "pace": "gone", "seconds": 4.0}
        async with node(shop) as name:
            error = await shop.refused("drain", target=name, **params)
            assert isinstance(error, PartialError)
            assert [one["outcome"] for one in error.context["pods"]] == ["evicted", "refused"]
            assert error.message.startswith(f"Node {name} takes no new pods: 1 of 2 pods are still there: ")
            assert f"PodDisruptionBudget {shop.namespace}/web allows 0" in error.message
            assert f"outrider kubernetes uncordon node/{name}" in error.suggestions
            await budget(shop, app=app, minAvailable=0)
            error = await shop.refused("drain", target=name, **{**params, "pace": "available", "seconds": 2.0})
            assert f"{app}/pod/{app}-" in error.message
            assert "has 1 of 2 pods available" in error.message
            done = await shop.run("drain", target=name, **params)
            assert (done.cordoned, [one.outcome for one in done.pods]) == (False, ["evicted"])


def pod(**changes: Any) -> dict[str, Any]:
    metadata = {"name": "one", "namespace": "shop", **changes.pop("metadata", {})}
    return {"metadata": metadata, "spec": {}, "status": {"phase": "Running"}, **changes}


def test_the_classes_of_pods_are_those_of_kubectl_drain() -> None:
    def owned(kind: str) -> dict[str, Any]:
        return {"ownerReferences": [{"kind": kind, "name": "x", "uid": "1", "controller": True}]}

    assert stays(pod(metadata={"annotations": {"kubernetes.io/config.mirror": "1"}, **owned("Node")})) == "static pod"
    assert stays(pod(status={"phase": "Failed"})) == "finished"
    assert stays(pod(metadata=owned("DaemonSet"))) == "of DaemonSet x"
    assert stays(pod(metadata=owned("ReplicaSet"))) == ""
    data = pod(spec={"volumes": [{"name": "a", "emptyDir": {"medium": "Memory"}}]})
    assert list(objections(data, ())) == ["force", "delete_empty_dir_data"]
    assert list(objections(data, ["force"])) == ["delete_empty_dir_data"]
    assert not objections(pod(metadata=owned("StatefulSet")), ())


LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"))


@given(labels=LABELS, wanted=LABELS, key=st.sampled_from("abc"), values=st.lists(st.sampled_from("xyz"), min_size=1))
def test_selectors_select_as_the_api_says(
    labels: dict[str, str], wanted: dict[str, str], key: str, values: list[str]
) -> None:
    assert selects({"matchLabels": wanted}, labels) == (wanted.items() <= labels.items())
    one = {"In": labels.get(key) in values, "NotIn": labels.get(key) not in values,
           "Exists": key in labels, "DoesNotExist": key not in labels}  # fmt: skip
    for operator, expected in one.items():
        expression = {"key": key, "operator": operator, "values": values if "In" in operator else []}
        assert selects({"matchExpressions": [expression]}, labels) == expected
    assert selects({}, labels)
    assert not selects(None, labels)
