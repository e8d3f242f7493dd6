"""The controller of AgentTypes, on a scripted API server: what is written, what is not, and what is said."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from outrider.controller.agenttypes import AgentTypes
from outrider.controller.definitions import AGENT_TYPES, MODEL_PROVIDERS, TOOLS
from outrider.controller.owned import CHILD_KINDS
from outrider.kinds.agenttype.pod import Images
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.manager import Manager
from outrider.ports.kube.resources import CONFIG_MAPS, CRDS, DEPLOYMENTS, SCALED_OBJECTS, SERVICES, Resource
from tests.ports.kube.conftest import target_of, until
from tests.ports.kube.test_reflector import QUICK
from tests.servers.kube_api.faults import Match
from tests.servers.kube_api.kinds import Kind
from tests.servers.kube_api.server import FakeApi

SPEC: dict[str, Any] = {
    "agent": {"image": "shop/triage:1"}, "invocation": {"mode": "http", "port": 8000},
    "llm": {"routes": [{"alias": "default", "providers": [{"ref": "inner", "model": "m"}]}]},
}  # fmt: skip
PROVIDER = {
    "metadata": {"name": "inner", "namespace": "shop"},
    "spec": {"provider": "inner", "url": "http://10.0.0.1/v1", "dialect": "openai"},
}
LISTS = {AGENT_TYPES: {"status.conditions": "type"}, SERVICES: {"spec.ports": "port,protocol"}}
WRITES = ("POST", "PUT", "PATCH", "DELETE")


def named(resource: Resource) -> str:
    return f"{resource.api_version}/{resource.plural}"


@pytest.fixture
async def server() -> AsyncIterator[FakeApi]:
    async with FakeApi() as fake:
        for one in (AGENT_TYPES, TOOLS, MODEL_PROVIDERS, CRDS, *CHILD_KINDS):
            with contextlib.suppress(ValueError, KeyError):
                fake.register(
                    Kind(
                        kind=one.kind, plural=one.plural, group=one.group, version=one.version, generation=one != CONFIG_MAPS, namespaced=one.namespaced,
                        status=one in (AGENT_TYPES, DEPLOYMENTS), builtin=one.group != AGENT_TYPES.group,
                        lists=LISTS.get(one, {}),
                    )
                )  # fmt: skip
        yield fake


@contextlib.asynccontextmanager
async def controlled(server: FakeApi) -> AsyncIterator[AgentTypes]:
    async with KubeClient(target_of(server), component="controller") as client:
        manager = Manager(client, pace=QUICK)
        agents = AgentTypes(client, manager, Images(outrider="outrider.dev/outrider:1"))
        task = asyncio.create_task(manager.run())
        try:
            yield agents
        finally:
            task.cancel()
            await asyncio.wait((task,))


def put(server: FakeApi, spec: dict[str, Any], name: str = "triage") -> None:
    server.put(named(AGENT_TYPES), {"metadata": {"name": name, "namespace": "shop"}, "spec": spec})


def status(server: FakeApi, name: str = "triage") -> dict[str, Any]:
    found = server.get(named(AGENT_TYPES), "shop", name)
    return found.get("status", {}) if found else {}


def ready(server: FakeApi, name: str = "triage") -> tuple[str, str]:
    for one in status(server, name).get("conditions", ()):
        if one["type"] == "Ready":
            return one["reason"], one["message"]
    return "", ""


def writes(server: FakeApi) -> int:
    return sum(call.method in WRITES for call in server.requests)


def deployment(server: FakeApi, name: str = "triage") -> dict[str, Any]:
    found = server.get(named(DEPLOYMENTS), "shop", name)
    assert found is not None
    return found


async def quiet(server: FakeApi) -> None:
    """Wait until nothing is written any more."""
    before = -1
    while before != writes(server):
        before = writes(server)
        await asyncio.sleep(0.15)


async def test_what_is_declared_is_made_and_a_start_that_finds_it_writes_nothing(server: FakeApi) -> None:
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    put(server, SPEC)
    async with controlled(server):
        await until(lambda: ready(server)[0] == "PodsNotReady")
        for resource in ("serviceaccounts", "configmaps", "deployments", "services", "networkpolicies"):
            assert server.objects(resource), resource
        assert status(server)["references"].keys() == {"ModelProvider/inner"}
        await quiet(server)
    server.requests.clear()
    async with controlled(server) as agents:
        await until(lambda: agents.controller.synced)
        await quiet(server)
        assert writes(server) == 0


async def test_what_somebody_changes_is_mended_and_what_others_own_stays(server: FakeApi) -> None:
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    put(server, {**SPEC, "scaling": {"replicas": 2, "most": 5}})
    async with controlled(server):
        await until(lambda: ready(server)[0] == "PodsNotReady")
        await quiet(server)
        changed = deployment(server)
        changed["spec"]["template"]["spec"]["containers"][0]["image"] = "else:1"
        changed["spec"]["replicas"] = 4
        server.put(named(DEPLOYMENTS), changed, manager="autoscaler")
        await until(lambda: deployment(server)["spec"]["template"]["spec"]["containers"][0]["image"] == "shop/triage:1")
        assert deployment(server)["spec"]["replicas"] == 4, "an autoscaler decides"
        server.remove("services", "shop", "triage")
        await until(lambda: server.get("services", "shop", "triage") is not None)


async def test_items_that_others_put_into_lists_do_not_stay(server: FakeApi) -> None:
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    put(server, SPEC)

    def ports() -> list[int]:
        found = server.get("services", "shop", "triage")
        return [one["port"] for one in found["spec"]["ports"]] if found else []

    async with controlled(server):
        await until(lambda: ports() == [80])
        await quiet(server)
        service = server.get("services", "shop", "triage")
        assert service is not None
        service["spec"]["ports"] = [{"name": "tasks", "port": 81, "targetPort": 1, "protocol": "TCP"}]
        server.put("services", service, manager="somebody")
        await until(lambda: ports() == [80])
        before = writes(server)
        await quiet(server)
        assert writes(server) <= before + 1, "that is the end of it"


async def test_a_change_of_what_it_names_reaches_the_sidecar_and_restarts_nothing(server: FakeApi) -> None:
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    put(server, SPEC)
    async with controlled(server):
        await until(lambda: ready(server)[0] == "PodsNotReady")
        await quiet(server)
        before = deployment(server)["metadata"]["generation"]
        server.put(named(MODEL_PROVIDERS), {**PROVIDER, "spec": {**PROVIDER["spec"], "url": "http://10.0.0.2/v1"}})
        await until(lambda: "10.0.0.2" in str(server.objects("configmaps")))
        await quiet(server)
        assert deployment(server)["metadata"]["generation"] == before


async def test_what_is_wrong_is_said_with_its_remedy_and_mended_when_that_comes(server: FakeApi) -> None:
    put(server, SPEC)
    put(server, {"agent": {"command": ["python", "a.py"]}}, "program")
    put(server, {**SPEC, "invocation": {"mode": "http"}}, "portless")
    async with controlled(server):
        await until(lambda: all(ready(server, name)[0] for name in ("triage", "program", "portless")))
        assert ready(server) == (
            "ReferenceMissing",
            "no ModelProvider is called 'inner' · declare a ModelProvider named 'inner'",
        )
        assert ready(server, "program") == (
            "Unsupported",
            "spec.agent.image: on Kubernetes an agent needs an image · add image: REGISTRY/NAME:TAG",
        )
        assert ready(server, "portless")[0] == "InvalidSpec"
        assert "a server has a port" in ready(server, "portless")[1]
        assert not server.objects("deployments")
        server.put(named(MODEL_PROVIDERS), PROVIDER)
        await until(lambda: ready(server)[0] == "PodsNotReady")
        await quiet(server)
        before = writes(server)
        await asyncio.sleep(0.3)
        assert writes(server) == before, "a fault that stays is not said again and again"


async def test_an_object_of_somebody_else_is_left_alone(server: FakeApi) -> None:
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    server.put(named(DEPLOYMENTS), {"metadata": {"name": "triage", "namespace": "shop"}, "spec": {"replicas": 7}})
    put(server, SPEC)
    async with controlled(server):
        await until(lambda: ready(server)[0] == "NameTaken")
        assert "Deployment shop/triage is there already" in ready(server)[1]
        assert deployment(server)["spec"] == {"replicas": 7}


async def test_objects_of_one_of_the_same_name_that_is_gone_make_room(server: FakeApi) -> None:
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    gone = {
        "apiVersion": AGENT_TYPES.api_version,
        "kind": "AgentType",
        "name": "triage",
        "uid": "gone",
        "controller": True,
    }
    for resource, held in (("services", []), ("serviceaccounts", ["example.org/hold"])):
        metadata = {
            "name": "triage",
            "namespace": "shop",
            "labels": {"outrider.dev/agenttype": "triage"},
            "ownerReferences": [gone],
            "finalizers": held,
        }
        server.put(resource, {"metadata": metadata})
    put(server, SPEC)

    def owners(resource: str) -> set[str]:
        found = server.get(resource, "shop", "triage")
        return {one["uid"] for one in found["metadata"]["ownerReferences"]} if found else set()

    async with controlled(server):
        await asyncio.sleep(0.5)
        assert owners("serviceaccounts") == {"gone"}, "somebody holds it"
        server.remove("serviceaccounts", "shop", "triage")
        await until(lambda: ready(server)[0] == "PodsNotReady")
        assert "gone" not in owners("serviceaccounts") | owners("services")


async def test_what_is_declared_no_longer_goes_away(server: FakeApi) -> None:
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    put(server, {**SPEC, "scaling": {"replicas": 2, "most": 5}})
    async with controlled(server):
        await until(lambda: bool(server.objects("horizontalpodautoscalers")))
        put(server, {**SPEC, "scaling": {"replicas": 1}})
        await until(
            lambda: not server.objects("horizontalpodautoscalers") and not server.objects("poddisruptionbudgets")
        )
        await until(lambda: deployment(server)["spec"].get("replicas") == 1)


async def test_who_gets_an_autoscaler_keeps_its_pods(server: FakeApi) -> None:
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    put(server, {**SPEC, "scaling": {"replicas": 10}})
    async with controlled(server):
        await until(lambda: ready(server)[0] == "PodsNotReady")
        await quiet(server)
        put(server, {**SPEC, "scaling": {"replicas": 10, "most": 20}})
        await until(lambda: bool(server.objects("horizontalpodautoscalers")))
        await quiet(server)
        assert deployment(server)["spec"]["replicas"] == 10


async def test_what_was_changed_while_no_controller_ran_is_mended(server: FakeApi) -> None:
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    put(server, SPEC)
    async with controlled(server):
        await until(lambda: ready(server)[0] == "PodsNotReady")
        await quiet(server)
    changed = deployment(server)
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "else:1"
    server.put(named(DEPLOYMENTS), changed, manager="somebody")
    async with controlled(server):
        await until(lambda: deployment(server)["spec"]["template"]["spec"]["containers"][0]["image"] == "shop/triage:1")


async def test_a_volume_that_was_enlarged_stays_so(server: FakeApi) -> None:
    memory = [{"name": "notes", "type": "kv"}]
    put(server, {"agent": {"image": "i:1"}, "invocation": {"mode": "http", "port": 8000}, "memory": memory})
    async with controlled(server):
        await until(lambda: ready(server)[0] == "PodsNotReady")
        await quiet(server)
        (claim,) = server.objects("persistentvolumeclaims")
        claim["spec"]["resources"]["requests"]["storage"] = "5Gi"
        server.put("persistentvolumeclaims", claim)
        await quiet(server)
        assert server.objects("persistentvolumeclaims")[0]["spec"]["resources"]["requests"]["storage"] == "5Gi"
        assert ready(server)[0] == "PodsNotReady"


async def test_it_is_not_ready_before_what_was_declared_last_runs(server: FakeApi) -> None:
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    put(server, SPEC)
    async with controlled(server):
        await until(lambda: ready(server)[0] == "PodsNotReady")
        await quiet(server)
        runs = deployment(server)
        counts = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas", "availableReplicas"), 1)
        runs["spec"]["replicas"] = 1
        runs = server.put(named(DEPLOYMENTS), runs)
        runs["status"] = {**counts, "observedGeneration": runs["metadata"]["generation"]}
        server.put(named(DEPLOYMENTS), runs)
        await until(lambda: ready(server)[0] == "PodsReady")
        put(server, {**SPEC, "agent": {"image": "shop/triage:2"}})
        await until(lambda: ready(server)[0] != "PodsReady")


async def test_a_tool_that_cannot_be_read_is_told_of_as_such(server: FakeApi) -> None:
    put(server, {**SPEC, "llm": {}, "tools": [{"server": "sums", "tools": ["add"]}]})
    server.put(named(TOOLS), {"metadata": {"name": "sums", "namespace": "shop"}, "spec": {"version": 1}})
    async with controlled(server):
        await until(lambda: "Tool/sums" in ready(server)[1])


async def test_pods_that_fail_are_told_of(server: FakeApi) -> None:
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    put(server, SPEC)
    async with controlled(server):
        await until(lambda: ready(server)[0] == "PodsNotReady")
        waiting = {"name": "agent", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
        pod = {
            "metadata": {"name": "triage-1", "namespace": "shop", "labels": {"outrider.dev/agenttype": "triage"}},
            "status": {"containerStatuses": [waiting]},
        }
        server.put("pods", pod)
        await until(lambda: "ImagePullBackOff" in ready(server)[1])
        assert ready(server)[1].endswith("check name, tag and pull secret of the image")
        server.remove("pods", "shop", "triage-1")
        await until(lambda: "ImagePullBackOff" not in ready(server)[1])


async def test_nothing_is_asked_for_again_and_again(server: FakeApi) -> None:
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    for number in range(20):
        put(server, SPEC, f"agent-{number}")
    async with controlled(server):
        await until(lambda: all(ready(server, f"agent-{number}")[0] for number in range(20)))
        await quiet(server)
        # Five objects, and the status of each as they come.
        assert len(server.seen(Match(method="PATCH"))) <= 20 * 9


async def test_triggers_wait_for_keda_and_there_is_never_a_second_autoscaler(server: FakeApi) -> None:
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    triggers = [{"type": "cron", "metadata": {"desiredReplicas": "3"}, "authentication": "clock"}]
    put(server, {**SPEC, "scaling": {"replicas": 1, "most": 5}})
    async with controlled(server):
        await until(lambda: ready(server)[0] == "PodsNotReady")
        assert len(server.objects("horizontalpodautoscalers")) == 1
        put(server, {**SPEC, "scaling": {"replicas": 0, "most": 5, "triggers": triggers}})
        await until(lambda: ready(server)[0] == "Unsupported")
        assert "install KEDA" in ready(server)[1]
        server.register(
            Kind(kind="ScaledObject", plural="scaledobjects", group="keda.sh", version="v1alpha1", generation=True)
        )
        server.put(named(CRDS), {"metadata": {"name": SCALED_OBJECTS.title}, "spec": {}})
        await until(lambda: ready(server)[0] == "PodsNotReady")
        (scaled,) = server.objects(named(SCALED_OBJECTS))
        assert scaled["spec"] == {
            "scaleTargetRef": {"name": "triage"}, "minReplicaCount": 0, "maxReplicaCount": 5,
            "triggers": [{"type": "cron", "metadata": {"desiredReplicas": "3"}, "authenticationRef": {"name": "clock"}}],
        }  # fmt: skip
        assert not server.objects("horizontalpodautoscalers"), "KEDA refuses a Deployment that has one"
        server.remove(named(SCALED_OBJECTS), "shop", "triage")
        await until(lambda: len(server.objects(named(SCALED_OBJECTS))) == 1)
        await quiet(server)
        put(server, SPEC)
        await until(lambda: not server.objects(named(SCALED_OBJECTS)))
    put(server, {**SPEC, "scaling": {"most": 5, "triggers": triggers}})
    async with controlled(server):
        await until(lambda: len(server.objects(named(SCALED_OBJECTS))) == 1)
