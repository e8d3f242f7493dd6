"""The chart, installed by helm on a cluster of its own: what helm writes and what the controller writes do not get in each other's way."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from outrider.controller.chart import chart
from outrider.controller.keeper import NAME
from tests.controller.support import WITHOUT_PODS, eventually
from tests.peers.helm_programs import helm_folder
from tests.servers.agent_images import OUTRIDER_IMAGE
from tests.servers.cluster import RealCluster

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
AGENT = {
    "apiVersion": "outrider.dev/v1alpha1",
    "kind": "AgentType",
    "metadata": {"name": "triage"},
    "spec": WITHOUT_PODS,
}


def test_it_is_installed_upgraded_and_uninstalled(bare: RealCluster, tmp_path: Path) -> None:
    for name, text in chart(OUTRIDER_IMAGE).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    def helm(*arguments: str) -> None:
        environment = {**os.environ, "KUBECONFIG": str(bare.kubeconfig), "HELM_CACHE_HOME": str(tmp_path / "cache")}
        command = [str(helm_folder("4") / "helm"), *arguments, "--namespace", "agents", "--wait", "--timeout", "90s"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def trust() -> list[str]:
        found: dict[str, Any] = json.loads(bare.kubectl("get", "mutatingwebhookconfiguration", NAME, "-o", "json"))
        return [one["clientConfig"].get("caBundle", "") for one in found["webhooks"]]

    helm("install", "outrider", str(tmp_path), "--create-namespace")
    eventually(lambda: all(trust()), what="whom the API server trusts")
    bare.kubectl("apply", "-f", "-", input=json.dumps(AGENT))
    message = ("get", "agenttype", "triage", "-o", "jsonpath={.status.message}")
    eventually(lambda: "no pods are wanted" in bare.kubectl(*message), what="its status")
    before = trust()
    helm("upgrade", "outrider", str(tmp_path), "--set", "replicas=2")
    assert trust() == before, "what the controller has written helm leaves"
    ready = ("-n", "agents", "get", "deployment", NAME, "-o", "jsonpath={.status.readyReplicas}")
    eventually(lambda: bare.kubectl(*ready) == "2", what="a second controller")
    helm("uninstall", "outrider")
    assert "mutatingwebhookconfiguration" not in bare.kubectl("get", "mutatingwebhookconfigurations", "-o", "name")
    assert "triage" in bare.kubectl("get", "agenttypes,deployments", "-o", "name"), (
        "the kinds stay, and what runs for them"
    )
