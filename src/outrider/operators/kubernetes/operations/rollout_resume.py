"""A Deployment whose rollout goes on after a pause."""

from collections.abc import Mapping
from typing import Any

from outrider.core.operation import Change
from outrider.operators.kubernetes.edits import EditResult, plan_edit, run_edit
from outrider.operators.kubernetes.pausing import DeploymentParams, marked, undone_by
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation, Inverse


class RolloutResumeParams(DeploymentParams, kw_only=True):
    """Which Deployment."""


async def plan(params: RolloutResumeParams, context: Context) -> Change:
    """Let the server say what would come of it.

    Raises:
        NotFoundError: It is not there.
        ConflictError: Somebody else declares it.
    """
    return await plan_edit(params, context, marked(paused=False))


async def run(params: RolloutResumeParams, context: Context) -> EditResult:
    """Resume it.

    Raises:
        NotFoundError: It is not there.
        ConflictError: Somebody else declares it.
        PreconditionFailedError: It is no longer the object that the plan was made for.
    """
    return await run_edit(params, context, marked(paused=False))


def inverse(params: RolloutResumeParams, result: Mapping[str, Any]) -> Inverse | None:
    """Return the call that undoes it; None where nothing was changed."""
    return undone_by("rollout_pause", params, result)


OPERATION = Implementation(
    params=RolloutResumeParams,
    result=EditResult,
    run=run,
    plan=plan,
    inverse=inverse,
    target=lambda params: params.target,
)
