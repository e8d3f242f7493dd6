"""A Deployment that is there already gets sidecars, on a real cluster: its pods are changed by the webhook, and it is not."""

import json
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from outrider.controller.certificates import RENEW_BEFORE, Held, rotated
from outrider.controller.keeper import NAME, SECRET, secret_data
from outrider.controller.targets import FINALIZER
from outrider.ports.certificates.subjects import DAY
from tests.controller.support import KEY, PROGRAM, eventually
from tests.servers.agent_images import OPENAI_IMAGE
from tests.servers.cluster import RealCluster
from tests.servers.models import TEXT, ModelServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]
SYSTEM = "outrider-system"
CONFINED = {
    "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "market"},
    "spec": {
        "replicas": 1, "selector": {"matchLabels": {"app": "market"}},
        "template": {
            "metadata": {"labels": {"app": "market"}},
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "containers": [
                    {
                        "name": "app", "image": OPENAI_IMAGE, "command": ["python3", "-c", PROGRAM.replace("127.0.0.1", "0.0.0.0")],
                        "env": [{"name": "PORT", "value": "4180"}, {"name": "OPENAI_API_KEY", "valueFrom": {"secretKeyRef": {"name": "models", "key": "key"}}}],
                        "ports": [{"containerPort": 4180}], "readinessProbe": {"httpGet": {"path": "/", "port": 4180}, "periodSeconds": 1},
                        "securityContext": CONFINED,
                    }
                ],
            },
        },
    },
}  # fmt: skip
AGENT: dict[str, Any] = {
    "apiVersion": "outrider.dev/v1alpha1", "kind": "AgentType", "metadata": {"name": "trader"},
    "spec": {
        "targetRef": {"name": "market"},
        "llm": {"routes": [{"alias": "default", "providers": [{"ref": "inner", "model": "small"}]}]},
    },
}  # fmt: skip


class Market:
    """A Deployment, and the agent that is attached to it."""

    def __init__(self, cluster: RealCluster) -> None:
        self.cluster = cluster

    def kubectl(self, *arguments: str, **more: Any) -> str:
        return self.cluster.kubectl("-n", "market", *arguments, **more)

    def apply(self, content: dict[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", input=json.dumps(content))

    def get(self, kind: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl("get", kind, name, "-o", "json"))
        return found

    def pods(self) -> list[dict[str, Any]]:
        found = json.loads(self.kubectl("get", "pods", "-o", "json"))["items"]
        return [one for one in found if not one["metadata"].get("deletionTimestamp")]

    def ready(self, sidecars: bool, pods: int = 1) -> bool:
        """Return whether so many pods are ready, and no others are there, with or without sidecars."""
        found = self.pods()
        return len(found) == pods and all(_ready(one) and _has_sidecar(one) is sidecars for one in found)

    def wait(self, sidecars: bool, pods: int = 1) -> None:
        try:
            eventually(lambda: self.ready(sidecars, pods), 60, "its pods")
        except AssertionError as error:
            told = self.kubectl("get", "agenttypes,pods,events", check=False)
            logs = self.kubectl("logs", "deploy/market", "--all-containers", "--tail=20", check=False)
            raise AssertionError(f"{error}\n{told}\n{logs}") from None

    def ask(self, **task: Any) -> dict[str, Any]:
        address = self.pods()[0]["status"]["podIP"]
        done = subprocess.run(
            ["curl", "-s", "--max-time", "20", "-d", json.dumps(task), f"http://{address}:4180/"], capture_output=True, text=True, check=True
        )  # fmt: skip
        answer: dict[str, Any] = json.loads(done.stdout or "{}")
        return answer

    def message(self) -> str:
        return str(self.get("agenttype", "trader").get("status", {}).get("message", ""))


def _ready(pod: dict[str, Any]) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ()))


def _has_sidecar(pod: dict[str, Any]) -> bool:
    return "outrider-sidecar" in [one["name"] for one in pod["spec"].get("initContainers", ())]


@pytest.fixture(scope="module")
def market(installed: RealCluster) -> Iterator[Market]:
    host = installed.report["server"].split("//")[1].rpartition(".")[0] + ".1"
    one = Market(installed)
    with ModelServer(KEY, host=host) as models:
        installed.kubectl("create", "namespace", "market")
        installed.kubectl("label", "namespace", "market", "pod-security.kubernetes.io/enforce=restricted")
        one.kubectl("create", "secret", "generic", "models", f"--from-literal=key={KEY}")
        provider = {"provider": "openai", "url": f"{models.url}/v1", "key": {"secret": "models", "key": "key"}}
        one.apply(
            {
                "apiVersion": "outrider.dev/v1alpha1",
                "kind": "ModelProvider",
                "metadata": {"name": "inner"},
                "spec": provider,
            }
        )
        one.apply(DEPLOYMENT)
        one.wait(sidecars=False)
        one.apply(AGENT)
        one.wait(sidecars=True)
        yield one
        one.kubectl("delete", "agenttype", "trader")
        installed.kubectl("delete", "namespace", "market", "--wait=false")


def test_its_program_gets_answers_by_the_sidecar_and_its_key_is_taken_away(market: Market) -> None:
    answer = market.ask(say="up?")
    assert answer["said"] == TEXT
    assert KEY not in json.dumps(answer)
    eventually(lambda: market.message() == "1 of 1 pods ready", what="its status")
    found = market.get("deployment", "market")["spec"]["template"]
    assert found["spec"]["containers"][0]["env"] == DEPLOYMENT["spec"]["template"]["spec"]["containers"][0]["env"]
    assert "initContainers" not in found["spec"]
    assert market.get("agenttype", "trader")["metadata"]["finalizers"] == [FINALIZER]


def test_every_pod_of_it_gets_one_however_it_is_made(market: Market) -> None:
    market.kubectl("scale", "deployment", "market", "--replicas=3")
    market.wait(sidecars=True, pods=3)
    market.apply({**AGENT, "spec": {**AGENT["spec"], "egress": {"allow": ["api.example.org"]}}})
    eventually(lambda: "HTTPS_PROXY" in json.dumps(market.pods()), 60, "pods with a way out")
    market.wait(sidecars=True, pods=3)
    told = ("get", "configmaps", "-l", "outrider.dev/agenttype=trader", "-o", "name")
    eventually(lambda: len(market.kubectl(*told).split()) == 1, what="the end of the settings of before")
    market.kubectl("scale", "deployment", "market", "--replicas=1")
    market.wait(sidecars=True)
    assert market.ask(say="up?")["said"] == TEXT


def test_without_its_webhook_no_pod_is_made_or_one_that_is_said_as_it_was_asked(market: Market) -> None:
    market.cluster.kubectl("-n", SYSTEM, "scale", "deployment", NAME, "--replicas=0")
    controllers = ("-n", SYSTEM, "get", "pods", "-o", "name")
    eventually(lambda: not market.cluster.kubectl(*controllers).strip(), 60, "the end of the controller")
    market.kubectl("delete", "pod", "--all", "--wait=false")
    eventually(lambda: "sidecars.outrider.dev" in market.kubectl("get", "events"), 60, "the refusal")
    assert not market.pods()
    market.cluster.kubectl("-n", SYSTEM, "scale", "deployment", NAME, "--replicas=2")
    market.wait(sidecars=True)
    # As asked for, it runs without.
    market.apply({**AGENT, "spec": {**AGENT["spec"], "targetRef": {"name": "market", "onFailure": "start"}}})
    eventually(lambda: "start" in market.kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.labels}"), 60)
    market.wait(sidecars=True)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare", "labels": {"outrider.dev/inject": "start", "outrider.dev/agenttype": "trader"}},
           "spec": {"containers": [{"name": "app", "image": OPENAI_IMAGE, "command": ["sleep", "600"], "securityContext": CONFINED}]}}  # fmt: skip
    market.apply(pod)
    eventually(lambda: "pod bare runs without its sidecar" in market.message(), what="its status")
    market.kubectl("delete", "pod", "bare", "--grace-period=0", "--force")


def test_certificates_are_replaced_without_a_pod_that_is_refused(market: Market) -> None:
    def secret() -> dict[str, Any]:
        found = json.loads(market.cluster.kubectl("-n", SYSTEM, "get", "secret", SECRET, "-o", "json"))
        data: dict[str, Any] = found["data"]
        return data

    def trusted() -> set[str]:
        found = json.loads(market.cluster.kubectl("get", "mutatingwebhookconfiguration", NAME, "-o", "json"))
        return {one["clientConfig"]["caBundle"] for one in found["webhooks"]}

    def put(held: dict[str, str]) -> None:
        content = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "type": "Opaque", "data": held}
        market.cluster.kubectl("-n", SYSTEM, "replace", "-f", "-", input=json.dumps(content))

    def again() -> None:
        """Have a pod made anew, which the webhook must see."""
        market.kubectl("delete", "pod", "--all", "--grace-period=1")
        market.wait(sidecars=True)

    host, now = f"{NAME}.{SYSTEM}.svc", time.time()
    old = rotated(None, host, now - RENEW_BEFORE - 31 * DAY)
    put(secret_data(old))
    eventually(lambda: "next-tls.crt" in secret(), what="the next certificate")
    assert secret()["tls.crt"] == secret_data(old)["tls.crt"], (
        "the old one is shown until the API server trusts the next"
    )
    both = b64encode("".join(Held(old.current).trusted.splitlines(keepends=True)).encode()).decode()
    eventually(lambda: len(trusted()) == 1 and both[:200] in next(iter(trusted())), what="trust in both")
    again()
    following = secret()
    put({**following, "next-since": b64encode(repr(now - 3600).encode()).decode()})
    eventually(lambda: secret()["tls.crt"] == following["next-tls.crt"], what="the next one's turn")
    again()
    put({"tls.crt": "bm9uZQ==", "tls.key": "bm9uZQ==", "ca.crt": "bm9uZQ=="})
    eventually(lambda: secret()["tls.crt"] != "bm9uZQ==", what="another one in place of the damaged")
    eventually(lambda: trusted() == {secret()["ca.crt"]}, what="trust in it")
    again()


def test_it_is_as_it_was_when_the_agent_is_gone(market: Market) -> None:
    market.kubectl("delete", "agenttype", "trader", "--timeout=20s")
    market.wait(sidecars=False)
    found = market.get("deployment", "market")
    assert found["spec"]["template"]["metadata"].get("labels") == {"app": "market"}
    assert "outrider.dev/injected" not in json.dumps(found["spec"])
    assert "outrider.dev/agenttype" not in found["metadata"].get("labels", {})
    assert not json.loads(market.kubectl("get", "configmaps", "-l", "outrider.dev/agenttype", "-o", "json"))["items"]
    market.apply(AGENT)
    market.wait(sidecars=True)
