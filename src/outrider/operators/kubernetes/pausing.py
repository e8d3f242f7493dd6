"""Deployments whose rollouts rest, or go on (spec.paused)."""

from collections.abc import Mapping
from typing import Any

from outrider.operators.kubernetes.edits import Decide, Edit, EditParams, Live
from outrider.operators.kubernetes.kinds import DeploymentWord
from outrider.runtime.implementation import Inverse


class DeploymentParams(EditParams, kw_only=True):
    """Which Deployment.

    Attributes:
        target: `deployment/NAME`.
    """

    target: DeploymentWord


def marked(*, paused: bool) -> Decide[DeploymentParams]:
    """Return the change that has rollouts rest, or go on."""

    async def decide(params: DeploymentParams, live: Live) -> Edit | None:
        del params
        if bool(live.object["spec"].get("paused")) == paused:
            return None
        return Edit({"spec": {"paused": paused}})

    return decide


def undone_by(verb: str, params: DeploymentParams, result: Mapping[str, Any]) -> Inverse | None:
    """Return the call that undoes a change; None where nothing was changed."""
    if not any(part["difference"] for part in result["results"]):
        return None
    place = {"cluster": params.cluster, "namespace": params.namespace}
    return verb, {**place, "target": params.target, "override_owner": params.override_owner}
