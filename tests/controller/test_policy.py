"""What a pod cannot do is refused by the API server in the same cases as by the controller."""

import json
from typing import Any

import pytest

from outrider.controller.definitions import AGENT_TYPES
from outrider.controller.policy import NAME
from outrider.core.errors import OutriderError, UnsupportedError
from outrider.core.schema import convert
from outrider.kinds.agenttype.bounds import BOUNDS, check_bounds
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.ports.kube.client import KubeClient
from tests.servers.cluster import RealCluster

PLAIN: dict[str, Any] = {"agent": {"image": "shop/triage:1"}, "invocation": {"mode": "http", "port": 8000}}
TARGET: dict[str, Any] = {"targetRef": {"name": "shop"}}
STORE = {"url": "postgresql://db/memory"}
APPROVAL = {"server": "sums", "tools": ["add"], "requireApproval": {}}
BUDGET = {"amount": "5 USD", "per": "day"}
# What is refused, and by which field.
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"agent": {"command": ["python3", "a.py"]}}, "spec.agent.image"),
    ({**PLAIN, "agent": {"image": "", "command": ["a"]}}, "spec.agent.image"),
    ({**PLAIN, "wrapper": {"packages": ["six==1.17.0"]}}, "spec.wrapper.packages"),
    ({**PLAIN, "egress": {"minLevel": "sealed"}}, "spec.egress.minLevel"),
    ({**PLAIN, "invocation": {"mode": "queue"}}, "spec.invocation.mode"),
    ({**PLAIN, "invocation": {"mode": "a2a", "port": 80}}, "spec.invocation.mode"),
    ({**PLAIN, "tools": [{"operation": "host.file_tail"}]}, "spec.tools"),
    ({**PLAIN, "identity": {"certificate": "a", "key": "b", "authorities": "c"}}, "spec.identity"),
    ({**PLAIN, "isolation": {"minLevel": "namespaced"}}, "spec.isolation.minLevel"),
    ({**PLAIN, "isolation": {"files": {"read": ["a"]}}}, "spec.isolation.files"),
    ({**PLAIN, "isolation": {"files": {"write": ["a"]}}}, "spec.isolation.files"),
    ({**PLAIN, "approval": {}}, "spec.approval"),
    ({**PLAIN, "tools": [APPROVAL]}, "spec.approval"),
    ({**PLAIN, "invocation": {"mode": "job"}, "memory": [{"name": "notes", "type": "kv"}]}, "spec.memory"),
    ({**PLAIN, "scaling": {"replicas": 2}, "memory": [{"name": "notes", "type": "kv"}]}, "spec.memory"),
    ({**PLAIN, "scaling": {"most": 2}, "memory": [{"name": "notes", "type": "kv"}]}, "spec.memory"),
    ({**TARGET, "memory": [{"name": "notes", "type": "kv"}]}, "spec.memory"),
    ({**PLAIN, "llm": {"budget": BUDGET}}, "spec.llm.budget"),
    ({**TARGET, "scaling": {"replicas": 0}}, "spec.scaling"),
    ({**TARGET, "scaling": {"most": 3}}, "spec.scaling"),
    ({**TARGET, "size": "small"}, "spec.resources"),
    ({**TARGET, "mesh": {"istio": "ambient"}}, "spec.mesh"),
    ({**TARGET, "resources": {"cpu": 1}}, "spec.resources"),
]
TAKEN: list[dict[str, Any]] = [
    PLAIN,
    {**PLAIN, "mesh": {"istio": "sidecar"}, "scaling": {"replicas": 0, "most": 3, "triggers": [{"type": "cron"}]}},
    TARGET,
    {"agent": {"image": "shop/triage:1"}},
    {**PLAIN, "memory": [{"name": "notes", "type": "kv"}]},
    {**PLAIN, "scaling": {"replicas": 1, "most": 1}, "memory": [{"name": "notes", "type": "kv"}]},
    {**PLAIN, "scaling": {"replicas": 0}, "memory": [{"name": "notes", "type": "kv"}]},
    {**TARGET, "memory": [{"name": "notes", "type": "kv", "store": STORE}]},
    {**PLAIN, "scaling": {"most": 4}, "memory": [{"name": "notes", "type": "kv", "store": STORE}]},
    {**PLAIN, "tools": [{"server": "sums", "tools": ["add"]}], "wrapper": {"packages": []}, "isolation": {"minLevel": "landlock"}},
    {**PLAIN, "llm": {"budget": BUDGET, "shared": {"url": "redis://store"}}, "egress": {"minLevel": "advisory"}},
    {**TARGET, "scaling": {"cpu": 50}, "invocation": {"mode": "http", "port": 80}},
]  # fmt: skip


def refusal(spec: dict[str, Any]) -> str:
    try:
        check_bounds(convert(spec, AgentTypeSpec))
    except UnsupportedError as error:
        return error.path
    return ""


def test_each_bound_is_tried_and_names_its_field() -> None:
    assert {path for _, path in REFUSED} == {bound.path for bound in BOUNDS}
    assert [refusal(spec) for spec, _ in REFUSED] == [path for _, path in REFUSED]
    assert [refusal(spec) for spec in TAKEN] == [""] * len(TAKEN)


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_the_real_server_refuses_the_same(installed: RealCluster) -> None:
    async with KubeClient(installed.target(), component="tests") as client:
        name = f"validatingadmissionpolicy/{NAME}"
        installed.kubectl("wait", "--for=jsonpath={.status.observedGeneration}=1", name, "--timeout=20s", check=False)
        status = json.loads(installed.kubectl("get", name, "-o", "json"))["status"]
        assert not status.get("typeChecking", {}).get("expressionWarnings"), "the server understands every rule"

        async def said(spec: dict[str, Any]) -> str:
            item = {"metadata": {"name": "tried", "namespace": "default"}, "spec": spec}
            try:
                await client.apply(AGENT_TYPES, item, dry_run=True)
            except OutriderError as error:
                return error.message
            return ""

        for spec, path in REFUSED:
            assert f"{path}: " in await said(spec), spec
        for spec in TAKEN:
            assert await said(spec) == "", spec
