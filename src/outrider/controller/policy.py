"""What the API server itself refuses: AgentTypes that ask for what a pod cannot do (ValidatingAdmissionPolicy, in CEL)."""

from typing import Any

from outrider.controller.definitions import AGENT_TYPES
from outrider.kinds.agenttype.bounds import BOUNDS, Bound
from outrider.ports.kube.resources import ADMISSION_POLICIES, ADMISSION_POLICY_BINDINGS

NAME = "outrider-agenttypes"
Manifest = dict[str, Any]


def policy(labels: dict[str, str]) -> list[Manifest]:
    """Return the policy and what puts it into force.

    Args:
        labels: Of both.
    """
    rule = {
        "apiGroups": [AGENT_TYPES.group], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": [AGENT_TYPES.plural],
    }  # fmt: skip
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        # One that was there before may still be labelled, and let go.
        "matchConditions": [{"name": "its-spec-changes", "expression": "oldObject == null || oldObject.spec != object.spec"}],
        "validations": [_validation(bound) for bound in BOUNDS],
    }  # fmt: skip
    metadata = {"name": NAME, "labels": labels}
    return [
        {"apiVersion": ADMISSION_POLICIES.api_version, "kind": ADMISSION_POLICIES.kind, "metadata": metadata, "spec": spec},
        {
            "apiVersion": ADMISSION_POLICY_BINDINGS.api_version, "kind": ADMISSION_POLICY_BINDINGS.kind, "metadata": metadata,
            "spec": {"policyName": NAME, "validationActions": ["Deny"]},
        },
    ]  # fmt: skip


def _validation(bound: Bound) -> Manifest:
    return {"expression": bound.rule, "message": f"{bound.path}: {bound.what} · {bound.remedy}", "reason": "Invalid"}
