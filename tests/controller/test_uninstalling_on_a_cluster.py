"""Whatever way the controller goes, nobody waits for it, and a Deployment is as it was in the end."""

import json
from typing import Any

import pytest

from tests.controller.support import eventually
from tests.servers.cluster import RealCluster

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "market"},
    "spec": {
        "replicas": 0, "selector": {"matchLabels": {"app": "market"}},
        "template": {"metadata": {"labels": {"app": "market"}}, "spec": {"containers": [{"name": "app", "image": "shop/app:1"}]}},
    },
}  # fmt: skip
AGENT = {
    "apiVersion": "outrider.dev/v1alpha1", "kind": "AgentType", "metadata": {"name": "trader"}, "spec": {"targetRef": {"name": "market"}},
}  # fmt: skip


def test_with_or_without_its_kinds_and_alive_or_dead(bare: RealCluster) -> None:
    def outrider(*arguments: str) -> None:
        done = bare.outrider("controller", *arguments)
        assert done.returncode == 0, done.stderr

    def template() -> str:
        return bare.kubectl("get", "deployment", "market", "-o", "jsonpath={.spec.template.metadata}")

    def attached() -> bool:
        held = "finalizers" in bare.kubectl("get", "agenttype", "trader", "-o", "json")
        return held and "outrider.dev/injected" in template()

    outrider("install")
    for one in (DEPLOYMENT, AGENT):
        bare.kubectl("apply", "-f", "-", input=json.dumps(one))
    eventually(attached, what="its mark")
    outrider("uninstall", "--yes", "--keep-kinds")
    assert "outrider.dev/injected" in template(), "what runs is left as it is"
    bare.kubectl("delete", "agenttype", "trader", "--timeout=5s")

    # The namespace is on its way out still, and a mark has outlived its agent.
    outrider("install")
    eventually(lambda: json.loads(template()) == {"labels": {"app": "market"}}, what="the end of the mark")
    bare.kubectl("apply", "-f", "-", input=json.dumps(AGENT))
    eventually(attached, what="its mark")
    bare.kubectl("-n", "outrider-system", "scale", "deployment", "outrider-controller", "--replicas=0")
    bare.kubectl("-n", "outrider-system", "wait", "--for=delete", "pods", "--all", "--timeout=30s")
    outrider("uninstall", "--yes")
    assert "agenttypes" not in bare.kubectl("get", "crds", "-o", "name")
    assert json.loads(template()) == {"labels": {"app": "market"}}
