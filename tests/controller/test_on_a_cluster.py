"""AgentTypes on a real cluster: an unchanged program with OpenAI's SDK gets answers, tools and memory through its sidecar."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.controller.children import _holds
from outrider.core.objects import Metadata, Object
from outrider.core.schema import convert
from outrider.kinds.agenttype.manifests import kubernetes_manifests
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.agenttype.pod import Images
from outrider.kinds.agenttype.render import References
from outrider.kinds.modelprovider.model import ModelProviderSpec
from outrider.kinds.tool.model import ToolSpec
from outrider.local.cluster.lifecycle import Cluster
from outrider.ports.kube.definitions import CustomKind, definition
from outrider.ports.kube.objects import KubeObject
from tests.controller.support import KEY, PROGRAM, eventually
from tests.servers.agent_images import OPENAI_IMAGE, OUTRIDER_IMAGE
from tests.servers.cluster import RealCluster
from tests.servers.mcp_servers import McpServerProcess
from tests.servers.models import TEXT, ModelServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def shop(installed: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Shop"]:
    """Return an agent that is ready, in a namespace of the strictest standard."""
    host = installed.report["server"].split("//")[1].rpartition(".")[0] + ".1"
    folder = tmp_path_factory.mktemp("shop")
    with ModelServer(KEY, host=host) as models, McpServerProcess("mcp1", folder / "mcp.log", host=host) as tools:
        one = Shop(installed, folder)
        one.apply(models.url, tools.url)
        yield one
        one.remove()


class Shop:
    """An agent in a namespace of its own."""

    def __init__(self, cluster: RealCluster, folder: Path) -> None:
        self.cluster = cluster
        self.volume = folder / "memory"
        self.volume.mkdir(mode=0o777)

    def kubectl(self, *arguments: str, **more: Any) -> str:
        return self.cluster.kubectl("-n", "shop", *arguments, **more)

    def apply(self, models: str, tools: str) -> None:
        self.cluster.kubectl("create", "namespace", "shop")
        self.cluster.kubectl("label", "namespace", "shop", "pod-security.kubernetes.io/enforce=restricted")
        self.kubectl("create", "secret", "generic", "models", f"--from-literal=key={KEY}")
        volume = {
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "shop-memory"},
            "spec": {
                "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "local": {"path": str(self.volume)},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]}]}},
            },
        }  # fmt: skip
        provider = {"apiVersion": "outrider.dev/v1alpha1", "kind": "ModelProvider", "metadata": {"name": "inner"},
                    "spec": {"provider": "openai", "url": f"{models}/v1", "key": {"secret": "models", "key": "key"}}}  # fmt: skip
        tool = {"apiVersion": "outrider.dev/v1alpha1", "kind": "Tool", "metadata": {"name": "sums"},
                "spec": {"version": "1.0.0", "transport": {"http": {"url": tools}}}}  # fmt: skip
        agent = {
            "apiVersion": "outrider.dev/v1alpha1", "kind": "AgentType", "metadata": {"name": "triage"},
            "spec": {
                "agent": {"image": OPENAI_IMAGE, "command": ["python3", "-c", PROGRAM]},
                "invocation": {"mode": "http", "port": 8000},
                "llm": {"routes": [{"alias": "default", "providers": [{"ref": "inner", "model": "small"}]}]},
                "tools": [{"server": "sums", "tools": ["add"]}], "memory": [{"name": "notes", "type": "kv"}],
            },
        }  # fmt: skip
        for one in (volume, provider, tool, agent):
            self.kubectl("apply", "-f", "-", input=json.dumps(one))
        self.wait()

    def wait(self) -> None:
        try:
            self.kubectl("wait", "--for=condition=Ready", "agenttype/triage", "--timeout=30s")
        except AssertionError as error:
            told = self.kubectl("get", "agenttype", "triage", "-o", "jsonpath={.status.message}")
            logs = self.kubectl("logs", "deploy/triage", "--all-containers", "--tail=20", check=False)
            raise AssertionError(f"{error}\n{told}\n{self.kubectl('get', 'pods', '-o', 'wide')}\n{logs}") from None

    def ask(self, **task: Any) -> dict[str, Any]:
        address = self.kubectl("get", "service", "triage", "-o", "jsonpath={.spec.clusterIP}")
        done = subprocess.run(
            ["curl", "-s", "--max-time", "20", "-H", "content-type: application/json", "-d", json.dumps(task), f"http://{address}/"], capture_output=True, text=True, check=True
        )  # fmt: skip
        answer: dict[str, Any] = json.loads(done.stdout or "{}")
        return answer

    def pod(self) -> dict[str, Any]:
        pods = json.loads(self.kubectl("get", "pods", "-o", "json"))["items"]
        found: dict[str, Any] = next(one for one in pods if not one["metadata"].get("deletionTimestamp"))
        return found

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl("get", "agenttype", "triage", "-o", "json"))["status"]
        return found

    def remove(self) -> None:
        self.kubectl("delete", "pods", "--all", "--grace-period=1", "--wait=false")
        self.cluster.kubectl("delete", "namespace", "shop", "--wait=false")
        self.cluster.kubectl("delete", "pv", "shop-memory", "--wait=false")


def test_the_unchanged_program_gets_answers_and_never_a_key(shop: Shop) -> None:
    answer = shop.ask(say="web is down")
    assert (answer["said"], answer["uid"]) == (TEXT, 10001)
    assert KEY not in json.dumps(answer)
    assert KEY not in shop.kubectl("get", "configmaps,deployments,pods", "-o", "json")


def test_it_gets_its_tools_and_no_others_and_remembers(shop: Shop) -> None:
    assert "5" in json.dumps(shop.ask(tool="sums_add", arguments={"a": 2, "b": 3}))
    shop.ask(tool="notes_put", arguments={"key": "cause", "value": "memory"})
    shop.kubectl("delete", "pod", shop.pod()["metadata"]["name"], "--grace-period=2")
    eventually(
        lambda: "cause" not in shop.pod()["metadata"]["name"] and shop.status()["readyReplicas"] == 1, what="a new pod"
    )
    shop.wait()
    eventually(
        lambda: "memory" in json.dumps(shop.ask(tool="notes_get", arguments={"key": "cause"})),
        what="what it remembered",
    )


def test_three_containers_run_confined_and_the_status_says_how_it_does(shop: Shop) -> None:
    pod = shop.pod()
    assert [one["name"] for one in pod["spec"]["initContainers"]] == ["init", "sidecar"]
    assert [one["image"] for one in pod["spec"]["containers"]] == [OPENAI_IMAGE]
    eventually(lambda: "spent" in shop.status(), what="what its sidecar says")
    status = shop.status()
    assert {one["type"]: one["status"] for one in status["conditions"]} == {
        "Ready": "True",
        "Progressing": "False",
        "Degraded": "False",
        "ToolsReady": "True",
    }
    tools = {one["tool"]: one for one in status["discoveredTools"]}
    assert {"notes_get", "notes_put", "sums_add"} <= tools.keys()
    assert (tools["sums_add"]["server"], tools["sums_add"]["version"]) == ("sums", "1.0.0")
    assert tools["sums_add"]["hash"]
    assert (status["tools"], status["model"], sorted(status["references"])) == (
        1,
        "default",
        ["ModelProvider/inner", "Tool/sums"],
    )
    columns = shop.kubectl("get", "agenttypes").splitlines()
    assert columns[0].split() == ["NAME", "READY", "TOOLS", "MODEL", "SPENT", "MESSAGE", "AGE"]
    assert columns[1].split()[:4] == ["triage", "True", "1", "default"]


def test_whatever_of_it_is_killed_comes_back(shop: Shop) -> None:
    before = shop.pod()["metadata"]["uid"]
    shop.ask(crash=True)
    eventually(
        lambda: shop.pod()["status"]["containerStatuses"][0]["restartCount"] == 1, what="a restart of the program"
    )
    eventually(lambda: shop.ask(say="again").get("said") == TEXT, what="an answer")
    assert shop.pod()["metadata"]["uid"] == before, "the pod is the same"
    shop.kubectl("delete", "deployment", "triage")
    eventually(lambda: "triage" in shop.kubectl("get", "deployments", "-o", "name"), what="the deployment")
    shop.kubectl(
        "patch", "service", "triage", "--type=merge", "-p", '{"spec":{"selector":{"outrider.dev/agenttype":"else"}}}'
    )
    eventually(
        lambda: '"triage"' in shop.kubectl("get", "service", "triage", "-o", "jsonpath={.spec.selector}"),
        what="the selector",
    )
    shop.wait()


def test_another_leader_goes_on_and_restarts_nothing(shop: Shop) -> None:
    def leader() -> str:
        lease = shop.cluster.kubectl(
            "get", "lease", "outrider-controller", "-n", "outrider-system", "-o", "jsonpath={.spec.holderIdentity}"
        )
        return lease.rpartition("_")[0]

    shop.wait()
    first, generation = leader(), shop.kubectl("get", "deployment", "triage", "-o", "jsonpath={.metadata.generation}")
    shop.cluster.kubectl("delete", "pod", first, "-n", "outrider-system", "--grace-period=0", "--force")
    eventually(lambda: leader() not in ("", first), what="another leader")
    shop.kubectl(
        "patch", "agenttype", "triage", "--type=merge", "-p", '{"spec":{"llm":{"limits":{"requestsPerMinute":1000}}}}'
    )
    eventually(
        lambda: "1000" in shop.kubectl("get", "configmaps", "-o", "jsonpath={.items[*].data}"),
        what="the new limit",
    )
    assert shop.kubectl("get", "deployment", "triage", "-o", "jsonpath={.metadata.generation}") == generation


def test_what_is_there_is_seen_to_be_as_wanted_so_that_a_start_writes_nothing(shop: Shop) -> None:
    found = {
        kind: json.loads(shop.kubectl("get", kind, "-o", "json"))["items"]
        for kind in ("deployments", "services", "configmaps", "networkpolicies")
    }
    spec = json.loads(shop.kubectl("get", "agenttype", "triage", "-o", "json"))["spec"]
    item = Object(kind="AgentType", metadata=Metadata(name="triage"), spec=convert(spec, AgentTypeSpec))
    named = {
        kind: json.loads(shop.kubectl("get", kind, name, "-o", "json"))["spec"]
        for kind, name in (("modelprovider", "inner"), ("tool", "sums"))
    }
    references = References(
        providers={"inner": convert(named["modelprovider"], ModelProviderSpec)},
        tools={"sums": convert(named["tool"], ToolSpec)},
    )
    rendered = kubernetes_manifests(item, "shop", references, Images(outrider=OUTRIDER_IMAGE))
    checked = 0
    for content in rendered.manifests:
        plural = {"NetworkPolicy": "networkpolicies"}.get(content["kind"], f"{content['kind'].lower()}s")
        for one in found.get(plural, ()):
            if one["metadata"]["name"] == content["metadata"]["name"]:
                live = msgspec.json.decode(json.dumps(one), type=KubeObject)
                assert _holds(live, content), content["kind"]
                checked += 1
    assert checked == 4


def test_what_is_wrong_stands_in_the_status(shop: Shop) -> None:
    wrong = {"apiVersion": "outrider.dev/v1alpha1", "kind": "AgentType", "metadata": {"name": "wrong"},
             "spec": {"agent": {"image": "Nobody/Has:this"}, "invocation": {"mode": "http", "port": 8000}}}  # fmt: skip
    shop.kubectl("apply", "-f", "-", input=json.dumps(wrong))
    message = ("get", "agenttype", "wrong", "-o", "jsonpath={.status.message}")
    eventually(lambda: "correct the name of the image" in shop.kubectl(*message), what="the reason")
    shop.kubectl("delete", "agenttype", "wrong")
    eventually(
        lambda: "wrong" not in shop.kubectl("get", "deployments,services,configmaps", "-o", "name"), what="their end"
    )


def test_keda_is_used_once_it_is_there(shop: Shop) -> None:
    triggers = [
        {
            "type": "cron",
            "metadata": {"timezone": "UTC", "start": "0 6 * * *", "end": "0 20 * * *", "desiredReplicas": "2"},
        }
    ]
    scaled = {
        "apiVersion": "outrider.dev/v1alpha1", "kind": "AgentType", "metadata": {"name": "scaled"},
        "spec": {
            "agent": {"image": OPENAI_IMAGE}, "invocation": {"mode": "http", "port": 8000}, "scaling": {"replicas": 0, "most": 2, "triggers": triggers},
        },
    }  # fmt: skip
    shop.kubectl("apply", "-f", "-", input=json.dumps(scaled))
    message = ("get", "agenttype", "scaled", "-o", "jsonpath={.status.message}")
    eventually(lambda: "install KEDA" in shop.kubectl(*message), what="the reason")
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    kind, _ = definition(CustomKind(group="keda.sh", kind="ScaledObject", version="v1alpha1"), anything, anything)
    shop.cluster.kubectl("apply", "-f", "-", input=json.dumps(kind))
    eventually(
        lambda: "scaled" in shop.kubectl("get", "scaledobjects", "-o", "name", check=False), what="the scaled object"
    )
    shop.kubectl("delete", "agenttype", "scaled")
    eventually(lambda: "scaled" not in shop.kubectl("get", "scaledobjects", "-o", "name"), what="its end")
    shop.cluster.kubectl("delete", "crd", "scaledobjects.keda.sh")


def process_of(pod: dict[str, Any], words: str) -> int:
    """Return a process of a pod on this machine, by a part of its command line."""
    uid = pod["metadata"]["uid"]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                groups, command = (entry / "cgroup").read_text(), (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                if (uid in groups or uid.replace("-", "_") in groups) and words.encode() in command:
                    return int(entry.name)
    return 0


def test_the_sidecar_the_runtime_and_the_api_server_may_be_killed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", shop.cluster.environment["XDG_STATE_HOME"])
    cluster, pod = Cluster(shop.cluster.name), shop.pod()

    def restarts(container: str) -> int:
        statuses = shop.pod()["status"]
        found = [*statuses.get("initContainerStatuses", ()), *statuses["containerStatuses"]]
        return int(next(one["restartCount"] for one in found if one["name"] == container))

    def answers() -> bool:
        return shop.ask(say="again").get("said") == TEXT

    before = {name: restarts(name) for name in ("sidecar", "agent")}
    os.kill(process_of(pod, "sidecar serve"), signal.SIGKILL)
    eventually(lambda: restarts("sidecar") == before["sidecar"] + 1, 60, "a restart of the sidecar")
    eventually(answers, 60, "an answer by the new sidecar")
    os.kill(cluster.processes()["containerd"], signal.SIGKILL)
    assert answers(), "who runs containers is not needed for those that run"
    eventually(lambda: cluster.processes().get("containerd", 0) > 0, 60, "another containerd")
    address = shop.kubectl("get", "service", "triage", "-o", "jsonpath={.spec.clusterIP}")
    os.kill(cluster.processes()["kube-apiserver"], signal.SIGKILL)
    answered = subprocess.run(
        ["curl", "-s", "--max-time", "20", "-H", "content-type: application/json", "-d", '{"say": "up?"}', f"http://{address}/"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert TEXT in answered.stdout, "an agent goes on without an API server"
    eventually(lambda: "ok" in shop.cluster.kubectl("get", "--raw", "/readyz", check=False), 60, "the API server")
    shop.kubectl(
        "patch", "agenttype", "triage", "--type=merge", "-p", '{"spec":{"llm":{"limits":{"requestsPerMinute":777}}}}'
    )
    eventually(lambda: "777" in shop.kubectl("get", "configmaps", "-o", "jsonpath={.items[*].data}"), 60, "the limit")
    eventually(lambda: shop.status().get("readyReplicas") == 1, 60, "its readiness")
    assert shop.pod()["metadata"]["uid"] == pod["metadata"]["uid"], "the pod is the same"
    assert restarts("agent") == before["agent"]
