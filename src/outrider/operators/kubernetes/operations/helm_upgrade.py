"""A release of Helm, upgraded to a chart."""

from outrider.core.operation import Change
from outrider.operators.kubernetes.helm_changes import ReleaseResult
from outrider.operators.kubernetes.helm_charts import UpgradeParams
from outrider.operators.kubernetes.helm_upgrades import inverse, plan_chart, run_chart
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class HelmUpgradeParams(UpgradeParams, kw_only=True):
    """What is upgraded."""


async def plan(params: HelmUpgradeParams, context: Context) -> Change:
    """Let helm render it, and the server say what would come of it.

    Raises:
        MissingRequirementError: There is no helm.
        NotFoundError: There is no such release.
        ConflictError: The release is in the middle of a change or declared by git, or an object belongs to somebody else.
    """
    return await plan_chart(params, context)


async def run(params: HelmUpgradeParams, context: Context) -> ReleaseResult:
    """Upgrade it.

    Raises:
        MissingRequirementError: There is no helm.
        NotFoundError: There is no such release.
        ConflictError: The release is in the middle of a change, or declared by git.
        PreconditionFailedError: The release is no longer the one that the plan was made for.
        ExecutionFailedError: It failed; with `wait`, all is as it was before.
        PartialError: It was done in some of several places.
    """
    return await run_chart(params, context)


OPERATION = Implementation(
    params=HelmUpgradeParams, result=ReleaseResult, run=run, plan=plan, inverse=inverse, target=lambda params: params.target
)  # fmt: skip
