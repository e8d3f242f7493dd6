"""The kinds that the cluster learns: their CustomResourceDefinitions, generated from our types."""

from typing import Any

from outrider.controller.status import AgentTypeStatus
from outrider.core.objects import API_VERSION
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.modelprovider.model import ModelProviderSpec
from outrider.kinds.tool.model import ToolSpec
from outrider.ports.kube.resources import Resource
from outrider.ports.kube.structural import Schema, structural_schema

GROUP, VERSION = API_VERSION.split("/")
AGENT_TYPES = Resource(GROUP, VERSION, "agenttypes", "AgentType")
MODEL_PROVIDERS = Resource(GROUP, VERSION, "modelproviders", "ModelProvider")
TOOLS = Resource(GROUP, VERSION, "tools", "Tool")
# Of labels, Services and CronJobs, which all get it.
_METADATA = {
    "type": "object", "properties": {"name": {"type": "string", "maxLength": 52, "pattern": "^[a-z]([-a-z0-9]*[a-z0-9])?$"}},
}  # fmt: skip
_COLUMNS = {
    "AgentType": [
        {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
        {"name": "Tools", "type": "integer", "jsonPath": ".status.tools"},
        {"name": "Model", "type": "string", "jsonPath": ".status.model"},
        {"name": "Message", "type": "string", "jsonPath": ".status.message"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ],
    "Tool": [
        {"name": "Version", "type": "string", "jsonPath": ".spec.version"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ],
    "ModelProvider": [
        {"name": "Url", "type": "string", "jsonPath": ".spec.url"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ],
}


def definitions() -> list[dict[str, Any]]:
    """Return the CustomResourceDefinitions of AgentType, Tool and ModelProvider."""
    return [
        _definition(AGENT_TYPES, structural_schema(AgentTypeSpec), _status()),
        _definition(TOOLS, structural_schema(ToolSpec), None),
        _definition(MODEL_PROVIDERS, structural_schema(ModelProviderSpec), None),
    ]


def _status() -> Schema:
    schema = structural_schema(AgentTypeStatus)
    schema["properties"]["conditions"] |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
    return schema


def _definition(resource: Resource, spec: Schema, status: Schema | None) -> dict[str, Any]:
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": spec,
    }
    version: dict[str, Any] = {
        "name": resource.version,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": _COLUMNS[resource.kind],
        "schema": {
            "openAPIV3Schema": {
                "type": "object", "required": ["spec"], "properties": properties | ({"status": status} if status else {}),
            }
        },
    }  # fmt: skip
    if status is not None:
        version["subresources"] = {"status": {}}
    singular = resource.kind.lower()
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": resource.title, "labels": {"app.kubernetes.io/part-of": "outrider"}},
        "spec": {
            "group": resource.group,
            "scope": "Namespaced",
            "names": {
                "kind": resource.kind, "listKind": f"{resource.kind}List", "plural": resource.plural, "singular": singular, "categories": ["outrider"],
            },
            "versions": [version],
        },
    }  # fmt: skip
