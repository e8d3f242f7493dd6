import asyncio
from typing import Any

import pytest

from outrider.core.errors import NotFoundError
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.operators.kubernetes.tests.scenery import deployment
from outrider.ports.kube.resources import CONFIG_MAPS, DEPLOYMENTS, PODS, SECRETS, SERVICES

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
TALKER = {"command": ["sh", "-c", "echo one; echo two; echo boom; exec sleep 1000"]}


def secret(name: str = "keys", **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "type": "Opaque", "stringData": data}


async def test_objects_are_found_by_name_and_by_selectors(shop: Shop) -> None:
    await shop.make(CONFIG_MAPS, {"metadata": {"name": "one", "labels": {"app": "a"}}, "data": {"x": "1"}})
    await shop.make(CONFIG_MAPS, {"metadata": {"name": "two", "labels": {"app": "b"}}})
    by_name = await shop.run("get", kind="cm", name="one")
    assert (by_name.items[0].namespace, by_name.items[0].object["data"]) == (shop.namespace, {"x": "1"})
    assert "managedFields" not in by_name.items[0].object["metadata"]
    assert [one.name for one in (await shop.run("get", kind="configmaps", labels="app=b")).items] == ["two"]
    assert [one.name for one in (await shop.run("get", kind="configmap/two")).items] == ["two"]
    assert len((await shop.run("get", kind="cm", limit=1)).items) == 1
    assert isinstance(await shop.refused("get", kind="cm", name="three"), NotFoundError)


async def test_a_list_has_the_columns_of_kubectl(shop: Shop) -> None:
    await shop.web()
    rows = (await shop.run("list", kind="deploy")).items
    header = shop.cluster.kubectl("get", "deploy", "-n", shop.namespace).splitlines()[0].split()
    assert [name for name in rows[0] if name != "namespace"] == [word.lower().replace("-", "_") for word in header]
    assert rows[0]["name"] == "web"
    wide = (await shop.run("list", kind="deploy", wide=True)).items
    assert {"containers", "images", "selector"} <= set(wide[0])
    everywhere = (await shop.run("list", kind="deploy", namespace="*")).items
    assert shop.namespace in {row["namespace"] for row in everywhere}


async def test_values_of_secrets_are_never_told(shop: Shop) -> None:
    text = "correct-horse-battery-staple"
    await shop.make(SECRETS, secret(key=text))
    applied = shop.cluster.kubectl(
        "apply", "-n", shop.namespace, "-f", "-",
        input=f"apiVersion: v1\nkind: Secret\nmetadata: {{name: other}}\nstringData: {{key: {text}}}\n",
    )  # fmt: skip
    assert "created" in applied
    for result in (
        await shop.run("get", kind="secrets"),
        await shop.run("get", kind="secret", name="other"),
        await shop.run("describe", target="secret/other"),
        await shop.run("diff", objects=[{"apiVersion": "v1", "kind": "Secret", **secret(key="another")}]),
        await shop.plan("apply", objects=[{"apiVersion": "v1", "kind": "Secret", **secret("new", key=text)}]),
    ):
        assert text not in str(result)
        assert "Y29ycmVjd" not in str(result), "not in base64 either"
    found = await shop.run("get", kind="secret", name="keys")
    assert found.items[0].object["data"] == {"key": f"({len(text)} bytes)"}


async def test_a_description_has_what_belongs_to_an_object(shop: Shop) -> None:
    await shop.web(replicas=2)
    await shop.settled()
    [found] = (await shop.run("describe", target="deploy/web")).items
    assert found.rollout.complete
    assert [pod.ready for pod in found.pods] == ["1/1", "1/1"]
    assert "ScalingReplicaSet" in {event.reason for event in found.events}
    [of_pod] = (await shop.run("describe", target=f"pod/{found.pods[0].name}")).items
    assert of_pod.owner.kind == "ReplicaSet"
    assert {"Scheduled", "Started"} <= {event.reason for event in of_pod.events}


async def test_events_are_narrowed(shop: Shop) -> None:
    await shop.web(image="docker.io/library/absent:1", imagePullPolicy="Never")
    await shop.run("wait", target="deployment/web", until="object.status.unavailableReplicas == 1")
    for _ in range(50):
        warnings = (await shop.run("events", severity="Warning")).items
        if warnings:
            break
        await asyncio.sleep(0.2)
    assert {one.severity for one in warnings} == {"Warning"}
    assert all(one.target.startswith("pod/web-") for one in warnings)
    assert warnings == sorted(warnings, key=lambda one: one.time)
    everywhere = (await shop.run("events", namespace="*", severity="Warning")).items
    assert shop.namespace in {one.namespace for one in everywhere}
    of_one = (await shop.run("events", target="deployment/web")).items
    assert {one.target for one in of_one} == {"deployment/web"}


async def test_logs_of_all_pods_come_in_the_order_of_time(shop: Shop) -> None:
    await shop.web(replicas=2, **TALKER)
    await shop.make(
        SERVICES, {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}
    )
    await shop.settled()
    found = await shop.run("logs", target="deploy/web")
    assert sorted(line.text for line in found.lines) == ["boom", "boom", "one", "one", "two", "two"]
    assert [line.time for line in found.lines] == sorted(line.time for line in found.lines)
    assert len({line.pod for line in found.lines}) == 2
    assert [line.text for line in (await shop.run("logs", target="svc/web", lines=1)).lines] == ["boom"] * 2
    assert {line.text for line in (await shop.run("logs", target="svc/web", contains="tw")).lines} == {"two"}
    error = await shop.refused("logs", target="deploy/web", container="wob")
    assert (error.code, error.suggestions) == ("NOT_FOUND", ["did you mean 'web'?"])
    assert (await shop.refused("logs", target="deploy/web", previous=True, container="web")).code == "INVALID_CONFIG"


async def test_waits_until_it_is_so(shop: Shop) -> None:
    await shop.web()
    assert (await shop.run("wait", target="deployment/web", until="rollout")).seconds < 60
    await shop.run("wait", target="deployment/web")
    await shop.run("wait", target="deployment/web", until="object.status.readyReplicas == 1")
    await shop.run("wait", target="configmap/none", until="deleted")
    late = await shop.refused("wait", target="configmap/none", until="exists", seconds=1.0)
    assert late.code == "TIMEOUT"
    late = await shop.refused("wait", target="deployment/web", until="object.status.readyReplicas == 7", seconds=1.0)
    assert "readyReplicas" in late.found, "what was seen last is told"
    assert (await shop.refused("wait", target="configmap/none")).code == "NOT_FOUND"
    assert (await shop.refused("wait", target="service/x", until="rollout")).code == "INVALID_CONFIG"
    assert (await shop.refused("wait", target="service/x", until="object.")).code == "INVALID_CONFIG"


async def test_pods_of_others_with_the_same_labels_are_left_out(shop: Shop) -> None:
    await shop.web()
    stray = deployment("stray")["spec"]["template"]
    await shop.make(DEPLOYMENTS, {**deployment("stray"), "spec": {
        "replicas": 1, "selector": {"matchLabels": {"app": "web", "role": "stray"}},
        "template": {**stray, "metadata": {"labels": {"app": "web", "role": "stray"}}},
    }})  # fmt: skip
    await shop.settled()
    await shop.settled("deployment/stray")
    assert len(await shop.client.list(PODS, shop.namespace, labels="app=web")) == 2
    [found] = (await shop.run("describe", target="deployment/web")).items
    assert [pod.name.rsplit("-", 2)[0] for pod in found.pods] == ["web"]


async def test_an_unknown_context_is_named(shop: Shop) -> None:
    error = await shop.refused("get", kind="pods", cluster="nowhere")
    assert (error.code, error.found) == ("NOT_FOUND", "nowhere")
    assert (await shop.refused("get", kind="pods", cluster="a,a")).path == "cluster"
