"""All pods of a workload replaced, a few at a time, as its update strategy says (what `kubectl rollout restart` does)."""

from outrider.core.operation import Change
from outrider.core.timestamps import timestamp
from outrider.operators.kubernetes.edits import Decide, Edit, EditParams, EditResult, Live, plan_edit, run_edit
from outrider.operators.kubernetes.kinds import WorkloadWord
from outrider.operators.kubernetes.workloads import check_not_paused
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

# kubectl's own, so that both see the same history.
_MARK = "kubectl.kubernetes.io/restartedAt"


class RestartParams(EditParams, kw_only=True):
    """Which workload.

    Attributes:
        target: A deployment, statefulset or daemonset.
    """

    target: WorkloadWord


async def plan(params: RestartParams, context: Context) -> Change:
    """Let the server say what would come of it.

    Raises:
        NotFoundError: It is not there.
        ConflictError: Somebody else declares it, or it is paused.
    """
    return await plan_edit(params, context, _decide(context))


async def run(params: RestartParams, context: Context) -> EditResult:
    """Restart it.

    Raises:
        NotFoundError: It is not there.
        ConflictError: Somebody else declares it, or it is paused.
        PreconditionFailedError: It is no longer the object that the plan was made for.
    """
    return await run_edit(params, context, _decide(context))


def _decide(context: Context) -> Decide[RestartParams]:
    now = timestamp(context.clock.now())

    async def decide(params: RestartParams, live: Live) -> Edit:
        del params
        check_not_paused(live)
        return Edit({"spec": {"template": {"metadata": {"annotations": {_MARK: now}}}}})

    return decide


OPERATION = Implementation(
    params=RestartParams, result=EditResult, run=run, plan=plan, target=lambda params: params.target
)
