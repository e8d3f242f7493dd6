"""A chart, installed as a release of Helm."""

from outrider.core.operation import Change
from outrider.operators.kubernetes.helm_changes import ReleaseResult
from outrider.operators.kubernetes.helm_charts import InstallParams
from outrider.operators.kubernetes.helm_upgrades import inverse, plan_chart, run_chart
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class HelmInstallParams(InstallParams, kw_only=True):
    """What is installed."""


async def plan(params: HelmInstallParams, context: Context) -> Change:
    """Let helm render it, and the server say what would come of it.

    Raises:
        MissingRequirementError: There is no helm.
        ConflictError: The release is there already, or an object belongs to somebody else.
    """
    return await plan_chart(params, context)


async def run(params: HelmInstallParams, context: Context) -> ReleaseResult:
    """Install it.

    Raises:
        MissingRequirementError: There is no helm.
        ConflictError: The release is there already.
        PreconditionFailedError: The release was made since the plan.
        ExecutionFailedError: It failed; with `wait`, nothing of it is left.
        PartialError: It was done in some of several places.
    """
    return await run_chart(params, context)


OPERATION = Implementation(
    params=HelmInstallParams, result=ReleaseResult, run=run, plan=plan, inverse=inverse, target=lambda params: params.target
)  # fmt: skip
