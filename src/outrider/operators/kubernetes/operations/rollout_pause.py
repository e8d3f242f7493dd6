"""A Deployment whose rollout rests: changes of its template are taken, and no pod is replaced."""

from collections.abc import Mapping
from typing import Any

from outrider.core.operation import Change
from outrider.operators.kubernetes.edits import Edit, EditParams, EditResult, Live, plan_edit, run_edit
from outrider.operators.kubernetes.kinds import DeploymentWord
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation, Inverse


class RolloutPauseParams(EditParams, kw_only=True):
    """Which Deployment.

    Attributes:
        target: `deployment/NAME`.
    """

    target: DeploymentWord


async def plan(params: RolloutPauseParams, context: Context) -> Change:
    """Let the server say what would come of it.

    Raises:
        NotFoundError: It is not there.
        ConflictError: Somebody else declares it.
    """
    return await plan_edit(params, context, _decide)


async def run(params: RolloutPauseParams, context: Context) -> EditResult:
    """Pause it.

    Raises:
        NotFoundError: It is not there.
        ConflictError: Somebody else declares it.
        PreconditionFailedError: It is no longer the object that the plan was made for.
    """
    return await run_edit(params, context, _decide)


async def _decide(params: RolloutPauseParams, live: Live) -> Edit | None:
    del params
    paused = bool(live.object["spec"].get("paused"))
    return None if paused else Edit({"spec": {"paused": True}})


def inverse(params: RolloutPauseParams, result: Mapping[str, Any]) -> Inverse | None:
    """Return the call that undoes it; None where nothing was changed."""
    if not any(part["difference"] for part in result["results"]):
        return None
    place = {"cluster": params.cluster, "namespace": params.namespace}
    return "rollout_resume", {**place, "target": params.target, "override_owner": params.override_owner}


OPERATION = Implementation(
    params=RolloutPauseParams,
    result=EditResult,
    run=run,
    plan=plan,
    inverse=inverse,
    target=lambda params: params.target,
)
