"""The real API server takes our kinds, and what is declared in them."""

import json
from typing import Any

import pytest

from outrider.controller.definitions import AGENT_TYPES, definitions
from outrider.core.errors import InvalidConfigError
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import CRDS
from tests.kinds.agenttype.support import FULL
from tests.servers.cluster import RealCluster


def nodes(schema: dict[str, Any], path: str = "") -> list[tuple[str, dict[str, Any]]]:
    found = [(path, schema)]
    for name, one in schema.get("properties", {}).items():
        found += nodes(one, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            found += nodes(schema[name], f"{path}.{name}")
    return found


def test_every_node_has_a_type_or_takes_anything() -> None:
    for definition in definitions():
        schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for path, node in nodes(schema):
            assert ("type" in node) != ("x-kubernetes-preserve-unknown-fields" in node and "type" not in node), path
            assert not {"$ref", "anyOf", "default", "propertyNames", "title"} & node.keys(), path
            assert not ("properties" in node and "additionalProperties" in node), path


def test_an_object_in_which_every_field_says_something_fits() -> None:
    assert len(json.dumps(definitions())) < 256 * 1024
    schema = definitions()[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert set(FULL) <= set(schema["properties"])


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_a_real_server_takes_the_kinds_and_judges_their_objects(cluster: RealCluster) -> None:
    async with KubeClient(cluster.target(), component="tests") as client:
        for definition in definitions():
            await client.apply(CRDS, definition)
        names = cluster.kubectl("wait", "--for=condition=Established", "crd/agenttypes.outrider.dev", "--timeout=20s")
        assert "condition met" in names
        cluster.kubectl("wait", "--for=condition=Established", "crd/tools.outrider.dev", "--timeout=20s")
        item = {"metadata": {"name": "full", "namespace": "default"}, "spec": FULL}
        made = await client.apply(AGENT_TYPES, item, dry_run=True)
        assert made.object["spec"] == FULL, "nothing is lost, and nothing added"
        with pytest.raises(InvalidConfigError, match="routess"):
            await client.apply(AGENT_TYPES, {**item, "spec": {**FULL, "llm": {"routess": []}}}, dry_run=True)
        with pytest.raises(InvalidConfigError, match=r"spec\.invocation\.mode"):
            await client.apply(AGENT_TYPES, {**item, "spec": {**FULL, "invocation": {"mode": "guess"}}}, dry_run=True)
