"""A Deployment whose rollout goes on after a pause."""

from collections.abc import Mapping
from typing import Any

from outrider.core.operation import Change
from outrider.operators.kubernetes.edits import Edit, EditParams, EditResult, Live, plan_edit, run_edit
from outrider.operators.kubernetes.kinds import DeploymentWord
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation, Inverse


class RolloutResumeParams(EditParams, kw_only=True):
    """Which Deployment.

    Attributes:
        target: `deployment/NAME`.
    """

    target: DeploymentWord


async def plan(params: RolloutResumeParams, context: Context) -> Change:
    """Let the server say what would come of it.

    Raises:
        NotFoundError: It is not there.
        ConflictError: Somebody else declares it.
    """
    return await plan_edit(params, context, _decide)


async def run(params: RolloutResumeParams, context: Context) -> EditResult:
    """Resume it.

    Raises:
        NotFoundError: It is not there.
        ConflictError: Somebody else declares it.
        PreconditionFailedError: It is no longer the object that the plan was made for.
    """
    return await run_edit(params, context, _decide)


async def _decide(params: RolloutResumeParams, live: Live) -> Edit | None:
    del params
    paused = bool(live.object["spec"].get("paused"))
    return Edit({"spec": {"paused": False}}) if paused else None


def inverse(params: RolloutResumeParams, result: Mapping[str, Any]) -> Inverse | None:
    """Return the call that undoes it; None where nothing was changed."""
    if not any(part["difference"] for part in result["results"]):
        return None
    place = {"cluster": params.cluster, "namespace": params.namespace}
    return "rollout_pause", {**place, "target": params.target, "override_owner": params.override_owner}


OPERATION = Implementation(
    params=RolloutResumeParams,
    result=EditResult,
    run=run,
    plan=plan,
    inverse=inverse,
    target=lambda params: params.target,
)
