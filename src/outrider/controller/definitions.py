"""The kinds that the cluster learns: their CustomResourceDefinitions, generated from our types."""

from typing import Any

from outrider.controller.status import AgentTypeStatus
from outrider.core.objects import API_VERSION
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.modelprovider.model import ModelProviderSpec
from outrider.kinds.tool.model import ToolSpec
from outrider.ports.kube.conversion import Conversions
from outrider.ports.kube.definitions import CustomKind, definition
from outrider.ports.kube.resources import Resource
from outrider.ports.kube.structural import Schema, structural_schema

GROUP, VERSION = API_VERSION.split("/")
AGENT_TYPES = Resource(GROUP, VERSION, "agenttypes", "AgentType")
MODEL_PROVIDERS = Resource(GROUP, VERSION, "modelproviders", "ModelProvider")
TOOLS = Resource(GROUP, VERSION, "tools", "Tool")
# Kinds that have several versions, by group and kind. There is one version of each, v1alpha1.
CONVERSIONS: dict[tuple[str, str], Conversions] = {}
_COLUMNS = {
    "AgentType": {
        "Ready": '.status.conditions[?(@.type=="Ready")].status',
        "Tools": ".status.tools",
        "Model": ".status.model",
        "Spent": ".status.spent.amount",
        "Message": ".status.message",
    },
    "Tool": {"Version": ".spec.version"},
    "ModelProvider": {"Url": ".spec.url"},
}


def definitions() -> list[dict[str, Any]]:
    """Return the CustomResourceDefinitions of AgentType, Tool and ModelProvider."""
    return [
        _definition(AGENT_TYPES, structural_schema(AgentTypeSpec), structural_schema(AgentTypeStatus)),
        _definition(TOOLS, structural_schema(ToolSpec), None),
        _definition(MODEL_PROVIDERS, structural_schema(ModelProviderSpec), None),
    ]


def converted_kinds() -> list[str]:
    """Return the names of the definitions whose objects the controller converts."""
    return [one.title for one in (AGENT_TYPES, TOOLS, MODEL_PROVIDERS) if (one.group, one.kind) in CONVERSIONS]


def _definition(resource: Resource, spec: Schema, status: Schema | None) -> dict[str, Any]:
    kind = CustomKind(
        group=resource.group,
        kind=resource.kind,
        version=resource.version,
        plural=resource.plural,
        categories=["outrider"],
        columns=_COLUMNS[resource.kind],
        list_keys={"status.conditions": ["type"]} if status else {},
    )
    made, _ = definition(kind, spec, status)
    made["metadata"]["labels"] = {"app.kubernetes.io/part-of": "outrider"}
    return made
