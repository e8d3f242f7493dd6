"""AgentTypes for Deployments that are there already, on a scripted API server."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from outrider.controller.definitions import AGENT_TYPES, MODEL_PROVIDERS
from outrider.controller.targets import FINALIZER, MANAGER, hold_no_longer, let_go
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import DEPLOYMENTS, PODS
from tests.controller.test_agenttypes import PROVIDER, controlled, deployment, named, put, quiet, ready, server, status
from tests.ports.kube.conftest import target_of, until
from tests.servers.kube_api.server import FakeApi

__all__ = ["server"]
SPEC: dict[str, Any] = {
    "targetRef": {"name": "shop"},
    "llm": {"routes": [{"alias": "default", "providers": [{"ref": "inner", "model": "m"}]}]},
}
INJECT, INJECTED, LABEL = "outrider.dev/inject", "outrider.dev/injected", "outrider.dev/agenttype"


def put_target(server: FakeApi, name: str = "shop") -> None:
    pods = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "shop/app:1"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": pods}
    server.put(named(DEPLOYMENTS), {"metadata": {"name": name, "namespace": "shop"}, "spec": spec}, manager="owner")


def template(server: FakeApi, name: str = "shop") -> dict[str, Any]:
    found: dict[str, Any] = deployment(server, name)["spec"]["template"]
    return found


def finalizers(server: FakeApi, name: str = "triage") -> list[str]:
    found = server.get(named(AGENT_TYPES), "shop", name)
    return list(found["metadata"].get("finalizers", ())) if found else []


@contextlib.asynccontextmanager
async def attached(server: FakeApi) -> AsyncIterator[None]:
    """Have a controller run that has marked the Deployment of an AgentType, and has nothing more to do."""
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    put_target(server)
    put(server, SPEC)
    async with controlled(server):
        await until(lambda: INJECT in template(server)["metadata"]["labels"])
        await quiet(server)
        yield


async def test_a_deployment_is_marked_and_nothing_else_of_it_is_written(server: FakeApi) -> None:
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    put_target(server)
    put(server, SPEC)
    async with controlled(server):
        await until(lambda: ready(server)[0] == "PodsNotReady")
        await quiet(server)
        found = template(server)
        assert found["metadata"]["labels"] == {"app": "shop", LABEL: "triage", INJECT: "refuse"}
        assert set(found["metadata"]["annotations"]) == {INJECTED}
        assert found["spec"] == {"containers": [{"name": "app", "image": "shop/app:1"}]}
        assert deployment(server, "shop")["spec"]["replicas"] == 2
        assert finalizers(server) == [FINALIZER]
        assert [one["metadata"]["name"].startswith("triage-sidecar-") for one in server.objects("configmaps")] == [True]
        assert not server.objects("serviceaccounts"), "pods keep their own"
        writes = len(server.requests)
        put(server, {**SPEC, "llm": {**SPEC["llm"], "limits": {"requestsPerMinute": 5}}})
        await until(lambda: "requests_per_minute" in str(server.objects("configmaps")))
        await quiet(server)
        assert template(server)["metadata"] == found["metadata"], "limits restart nothing"
        assert len(server.requests) > writes


async def test_the_mark_goes_with_the_agent_and_follows_its_target(server: FakeApi) -> None:
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    put_target(server)
    put_target(server, "other")
    put(server, SPEC)
    async with controlled(server):
        await until(lambda: INJECT in template(server)["metadata"]["labels"])
        put(server, {**SPEC, "targetRef": {"name": "other", "onFailure": "start"}})
        await until(lambda: template(server, "other")["metadata"]["labels"].get(INJECT) == "start")
        await until(lambda: template(server)["metadata"] == {"labels": {"app": "shop"}})
        assert LABEL not in deployment(server, "shop")["metadata"].get("labels", {})
        await quiet(server)
        async with KubeClient(target_of(server), component="tests") as client:
            await client.delete(AGENT_TYPES, "triage", "shop")
            await until(lambda: server.get(named(AGENT_TYPES), "shop", "triage") is None)
        assert template(server, "other")["metadata"] == {"labels": {"app": "other"}}


async def test_what_is_not_there_or_is_anothers_is_said_and_left_alone(server: FakeApi) -> None:
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    put(server, SPEC)
    async with controlled(server):
        await until(lambda: ready(server)[0] == "TargetMissing")
        assert "there is no Deployment shop/shop" in ready(server)[1]
        assert not finalizers(server)
        put_target(server)
        await until(lambda: ready(server)[0] == "PodsNotReady", seconds=10)
        put(server, SPEC, "second")
        await until(lambda: ready(server, "second")[0] == "NameTaken")
        assert "belongs to AgentType triage already" in ready(server, "second")[1]
        assert template(server)["metadata"]["labels"][LABEL] == "triage"


async def test_a_mark_that_outlived_its_agent_is_taken_back(server: FakeApi) -> None:
    async with attached(server):
        assert finalizers(server) == [FINALIZER]
    async with KubeClient(target_of(server), component="tests") as client:
        await hold_no_longer(client)
    assert not finalizers(server), "nobody is to wait for a controller that is not there"
    assert INJECT in template(server)["metadata"]["labels"]
    server.remove(named(AGENT_TYPES), "shop", "triage")
    async with controlled(server):
        await until(lambda: template(server)["metadata"] == {"labels": {"app": "shop"}})


async def test_somebody_who_takes_the_mark_away_gets_it_back(server: FakeApi) -> None:
    async with attached(server):
        put_target(server)
        await until(lambda: INJECT in template(server)["metadata"]["labels"])


async def test_a_pod_without_its_sidecar_is_said(server: FakeApi) -> None:
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    put_target(server)
    put(server, {**SPEC, "targetRef": {"name": "shop", "onFailure": "start"}})
    pod = {
        "metadata": {"name": "shop-1", "namespace": "shop", "labels": {LABEL: "triage"}},
        "spec": {"containers": [{"name": "app"}]},
    }
    server.put(PODS.plural, pod)
    async with controlled(server):
        await until(lambda: "without its sidecar" in ready(server)[1])
        degraded = {one["type"]: one["status"] for one in status(server)["conditions"]}["Degraded"]
        assert degraded == "True"


async def test_all_are_let_go_where_no_controller_does_it(server: FakeApi) -> None:
    async with attached(server):
        assert finalizers(server) == [FINALIZER]
    async with KubeClient(target_of(server), component="tests") as client:
        await let_go(client)
    assert template(server)["metadata"] == {"labels": {"app": "shop"}}
    assert not finalizers(server)
    owners = {one["manager"] for one in deployment(server, "shop")["metadata"]["managedFields"]}
    assert MANAGER not in owners
