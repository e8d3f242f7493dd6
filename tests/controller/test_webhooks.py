"""What the API server is answered, and how the certificates get to where they are needed."""

import asyncio
import contextlib
import json
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator
from typing import Any

import pytest

from outrider.controller.admission import AdmissionRequest, PodAdmission
from outrider.controller.keeper import NAME, SECRET, CertificateKeeper
from outrider.controller.webhooks import Webhooks
from outrider.kinds.agenttype.injection import injected, injection
from outrider.ports.http.client import Client
from outrider.ports.kube.cache import ObjectCache
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.manager import Manager
from outrider.ports.kube.objects import read_object
from outrider.ports.kube.resources import MUTATING_WEBHOOKS, SECRETS
from tests.kinds.agenttype.support import REFERENCES, agent
from tests.kinds.agenttype.test_injection import IMAGES, SPEC, TARGET
from tests.ports.kube.conftest import target_of, until
from tests.ports.kube.test_reflector import QUICK
from tests.servers.kube_api.kinds import Kind
from tests.servers.kube_api.server import FakeApi

MADE = injection(agent(SPEC), "shop", REFERENCES, IMAGES, TARGET)
MARKS = {"outrider.dev/injected": MADE.addition.digest}
LABELS = {"outrider.dev/agenttype": "triage", "outrider.dev/inject": "refuse"}


def admission(*config_maps: dict[str, Any]) -> PodAdmission:
    cache = ObjectCache()
    for one in config_maps:
        cache.observe(
            read_object(
                {**one, "metadata": {**one["metadata"], "uid": one["metadata"]["name"], "resourceVersion": "1"}}
            )
        )
    return PodAdmission(cache)


def pod(labels: dict[str, str] = LABELS, annotations: dict[str, str] = MARKS, **spec: Any) -> AdmissionRequest:
    metadata = {"generateName": "shop-", "labels": labels, "annotations": annotations}
    return AdmissionRequest(
        uid="7", namespace="shop", object={"metadata": metadata, "spec": {**TARGET["spec"], **spec}}
    )


def answer(asked: AdmissionRequest, *config_maps: dict[str, Any]) -> dict[str, Any]:
    review = admission(*(config_maps or MADE.manifests)).review(asked)
    assert (review["apiVersion"], review["kind"], review["response"]["uid"]) == (
        "admission.k8s.io/v1",
        "AdmissionReview",
        "7",
    )
    response: dict[str, Any] = review["response"]
    return response


def test_a_marked_pod_is_given_its_sidecar_once() -> None:
    response = answer(pod())
    assert (response["allowed"], response["patchType"]) == (True, "JSONPatch")
    spec = dict(TARGET["spec"])
    for change in json.loads(b64decode(response["patch"])):
        assert change["op"] == "add"
        spec[change["path"].removeprefix("/spec/")] = change["value"]
    assert spec == MADE.addition.pod_spec(TARGET["spec"])
    assert injected(spec)
    assert answer(pod(**spec)) == {"uid": "7", "allowed": True}
    assert answer(pod(labels={"app": "x"})) == {"uid": "7", "allowed": True}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (pod(annotations={}), "not marked yet"),
        (pod(annotations={"outrider.dev/injected": "0" * 32}), "not written yet"),
        (pod(containers=[{"name": "else"}]), "no container 'app'"),
    ],
)
def test_a_pod_that_cannot_have_one_is_refused_or_let_go_as_was_asked(asked: AdmissionRequest, said: str) -> None:
    response = answer(asked)
    assert response["allowed"] is False
    assert said in response["status"]["message"]
    asked.object["metadata"]["labels"] = {**LABELS, "outrider.dev/inject": "start"}
    response = answer(asked)
    assert response["allowed"] is True
    assert said in response["warnings"][0]


def test_what_was_changed_in_the_config_map_is_given_to_nobody() -> None:
    config_map = json.loads(json.dumps(MADE.manifests[0]).replace("outrider.dev/outrider:1", "evil:1"))
    response = answer(pod(), config_map)
    assert response["allowed"] is False
    assert "has been changed" in response["status"]["message"]


@pytest.fixture
async def server() -> AsyncIterator[FakeApi]:
    async with FakeApi() as fake:
        webhooks = Kind(
            kind="MutatingWebhookConfiguration", plural=MUTATING_WEBHOOKS.plural, group=MUTATING_WEBHOOKS.group,
            version="v1", namespaced=False, generation=True, lists={"webhooks": "name"}, builtin=True,
        )  # fmt: skip
        fake.register(webhooks)
        with contextlib.suppress(ValueError):
            fake.register(Kind(kind="Secret", plural=SECRETS.plural, group="", version="v1", builtin=True))
        yield fake


@contextlib.asynccontextmanager
async def kept(server: FakeApi) -> AsyncIterator[CertificateKeeper]:
    async with KubeClient(target_of(server), component="controller") as client:
        manager = Manager(client, pace=QUICK)
        keeper = CertificateKeeper(client, manager, "outrider-system")
        task = asyncio.create_task(manager.run())
        try:
            await until(lambda: keeper.controller.synced)
            yield keeper
        finally:
            task.cancel()
            await asyncio.wait((task,))


async def test_without_webhooks_there_are_no_certificates(server: FakeApi) -> None:
    async with kept(server) as keeper:
        await asyncio.sleep(0.1)
        assert keeper.ready
        assert not server.objects("secrets")


async def test_the_api_server_trusts_what_every_replica_shows(server: FakeApi) -> None:
    webhooks = [{"name": f"{one}.sidecars.outrider.dev", "clientConfig": {}} for one in ("refuse", "start")]
    server.put(
        f"{MUTATING_WEBHOOKS.api_version}/{MUTATING_WEBHOOKS.plural}",
        {"metadata": {"name": NAME}, "webhooks": webhooks},
    )

    def bundles() -> list[str]:
        found = server.get(f"{MUTATING_WEBHOOKS.api_version}/{MUTATING_WEBHOOKS.plural}", "", NAME)
        return [one["clientConfig"].get("caBundle", "") for one in (found or {})["webhooks"]]

    async with kept(server) as leader, kept(server) as follower:
        await until(lambda: leader.loaded and follower.loaded and all(bundles()))
        context = ssl.create_default_context(cadata=b64decode(bundles()[0]).decode())
        context.check_hostname = False  # its name leads to a cluster
        for keeper in (leader, follower):
            web = Webhooks(admission(*MADE.manifests), keeper.context, {}).server
            port = await web.start_tcp("127.0.0.1", 0)
            client = Client(f"https://127.0.0.1:{port}", tls=context)
            asked = {
                "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
                "request": {"uid": "7", "namespace": "shop", "operation": "CREATE", "object": pod().object, "oldObject": None},
            }  # fmt: skip
            response = await client.request("POST", "/pods", body=json.dumps(asked).encode())
            assert isinstance(response.body, bytes)
            assert (response.status, json.loads(response.body)["response"]["allowed"]) == (200, True)
            for garbage in (b"", b"{", b"[]", b'{"apiVersion": "v2"}', b"\xff"):
                assert (await client.request("POST", "/pods", body=garbage)).status == 400
            await client.close()
            await web.stop(0)
        secret = server.get("secrets", "outrider-system", SECRET)
        assert secret is not None
        server.remove("secrets", "outrider-system", SECRET)
        await until(lambda: server.get("secrets", "outrider-system", SECRET) is not None)
