"""A kind with two versions on a real API server, which has them converted by our webhook."""

import time
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from outrider.controller.admission import PodAdmission
from outrider.controller.certificates import rotated
from outrider.controller.webhooks import CONVERSION_PATH, Webhooks
from outrider.ports.certificates.in_memory import load_pair, serving_context
from outrider.ports.kube.cache import ObjectCache
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.conversion import Conversions
from outrider.ports.kube.definitions import CustomKind, definition
from outrider.ports.kube.resources import CRDS, Resource
from outrider.ports.kube.versions import migrate_storage, several_versions
from tests.ports.kube.conftest import served
from tests.ports.kube.test_conversion import GROUP, KIND
from tests.servers.cluster import RealCluster

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
OLD, HUB = (Resource(GROUP, version, "agents", "Agent") for version in ("v1alpha1", "v1"))
TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
WORDS = {"type": "array", "items": TEXT}
SCHEMAS: dict[str, dict[str, Any]] = {
    "v1alpha1": {"replicas": NUMBER, "image": TEXT, "command": WORDS, "model": TEXT},
    "v1": {
        "replicas": NUMBER,
        "program": {"type": "object", "properties": {"image": TEXT, "command": WORDS, "user": TEXT}},
        "models": {"type": "array", "items": {"type": "object", "properties": {"name": TEXT, "weight": NUMBER}}},
        "labels": {"type": "object", "additionalProperties": TEXT},
    },
}


def one_version(version: str) -> dict[str, Any]:
    made, _ = definition(
        CustomKind(group=GROUP, kind="Agent", version=version), {"type": "object", "properties": SCHEMAS[version]}
    )
    return made


class Webhook(msgspec.Struct):
    """A webhook that converts, and by which words the API server finds it."""

    asks: dict[str, str]
    kinds: dict[tuple[str, str], Conversions]


@pytest.fixture
async def webhook(cluster: RealCluster) -> AsyncIterator[Webhook]:
    if not cluster.report:
        pytest.skip("a cluster of somebody else does not reach this process")
    host = cluster.report["server"].split("//")[1].rpartition(".")[0] + ".1"
    held, context, kinds = rotated(None, host, time.time()), serving_context(), {(GROUP, "Agent"): KIND}
    load_pair(context, held.current.pair)
    web = Webhooks(PodAdmission(ObjectCache()), context, kinds).server
    port = await web.start_tcp(host, 0)
    bundle = b64encode(held.trusted.encode()).decode()
    yield Webhook({"url": f"https://{host}:{port}{CONVERSION_PATH}", "caBundle": bundle}, kinds)
    await web.stop(0)


@pytest.fixture
async def client(cluster: RealCluster, webhook: Webhook) -> AsyncIterator[KubeClient]:
    """Yield a client of a cluster in which objects were stored in the old version, before there was another one."""
    del webhook  # what is stored is read until the kind has gone
    async with KubeClient(cluster.target(), component="tests") as made:
        await made.apply(CRDS, one_version("v1alpha1"))
        cluster.kubectl("wait", "--for=condition=Established", f"crd/agents.{GROUP}", "--timeout=20s")
        first = {"metadata": {"name": "first", "namespace": "default"}, "spec": {"image": "a", "model": "m"}}
        await served(made, OLD)
        await made.create(OLD, first, "default")
        yield made
        await made.delete(CRDS, f"agents.{GROUP}")
        cluster.kubectl("wait", "--for=delete", f"crd/agents.{GROUP}", "--timeout=60s")


async def test_what_was_stored_is_there_in_both_and_comes_to_be_stored_in_the_new(
    webhook: Webhook, client: KubeClient
) -> None:
    both = several_versions([one_version("v1alpha1"), one_version("v1")], "v1", webhook.asks)
    await client.apply(CRDS, both, force=True)
    await served(client, HUB)
    first = await client.get(HUB, "first", "default")
    assert first["spec"] == {"program": {"image": "a"}, "models": [{"name": "m"}]}
    rich = {
        "program": {"image": "b", "user": "me"},
        "models": [{"name": "m", "weight": 2}, {"name": "n"}],
        "labels": {"x": "y"},
    }
    await client.create(HUB, {"metadata": {"name": "rich", "namespace": "default"}, "spec": rich}, "default")
    old = await client.get(OLD, "rich", "default")
    assert old["spec"] == {"image": "b", "model": "m"}
    change = [{"op": "replace", "path": "/spec/image", "value": "c"}]
    await client.patch(OLD, "rich", "default", change, content_type="application/json-patch+json")
    after = await client.get(HUB, "rich", "default")
    assert after["spec"] == {**rich, "program": {"image": "c", "user": "me"}}
    assert [one["metadata"]["name"] for one in await client.list(OLD, "default")] == ["first", "rich"]

    assert (await client.get(CRDS, f"agents.{GROUP}"))["status"]["storedVersions"] == ["v1alpha1", "v1"]
    assert await migrate_storage(client, HUB) == 2
    assert (await client.get(CRDS, f"agents.{GROUP}"))["status"]["storedVersions"] == ["v1"]
    assert await migrate_storage(client, HUB) == 0
    # Nobody has to be asked any more: all of it is stored as the hub has it.
    webhook.kinds.clear()
    assert {one["metadata"]["name"]: one["spec"] for one in await client.list(HUB, "default")}["rich"] == after["spec"]
