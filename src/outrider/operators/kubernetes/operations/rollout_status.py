"""How far the rollout of a workload is."""

import msgspec

from outrider.operators.kubernetes.edits import read_live
from outrider.operators.kubernetes.kinds import WorkloadWord
from outrider.operators.kubernetes.places import Failure, Place, TargetInPlaces, in_each, places, where
from outrider.operators.kubernetes.workloads import (
    Rollout,
    replica_sets,
    revision_of,
    rollout_of,
    wait_for_rollout,
)
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class RolloutStatusParams(TargetInPlaces, kw_only=True):
    """Which workload.

    Attributes:
        target: A deployment, statefulset or daemonset.
        wait: Until the rollout is complete; that it fails is an error then.
    """

    target: WorkloadWord
    wait: bool = False


class PlacedRollout(Rollout, kw_only=True):
    """How far a rollout is, and where.

    Attributes:
        revision: Of a Deployment; 0 for others.
        revisions: All that it may be rolled back to, the newest first.
    """

    cluster: str
    namespace: str
    target: str
    revision: int = 0
    revisions: list[int] = msgspec.field(default_factory=list)


class RolloutStatusResult(msgspec.Struct, kw_only=True):
    """How far it is, place by place.

    Attributes:
        failed: Clusters and namespaces that gave none, and why.
    """

    items: list[PlacedRollout]
    failed: list[Failure] = []


async def run(params: RolloutStatusParams, context: Context) -> RolloutStatusResult:
    """Look at it.

    Raises:
        NotFoundError: It is not there.
        ExecutionFailedError: It was to be waited for, and failed.
        DeadlineExceededError: It was to be waited for, and is not complete in time.
    """
    async with places(params, context) as here:
        items, failed = await in_each(here, lambda place: _read(params, place, context))
    return RolloutStatusResult(items=items, failed=failed)


async def _read(params: RolloutStatusParams, place: Place, context: Context) -> PlacedRollout:
    live = await read_live(params.target, place)
    rollout = await wait_for_rollout(live, context) if params.wait else rollout_of(live.object)
    found = PlacedRollout(
        **msgspec.structs.asdict(rollout), **where(place, live.object["metadata"]), target=params.target
    )
    if live.object["kind"] == "Deployment":
        sets = await replica_sets(live.object, place)
        found.revisions = [revision_of(one) for one in sets if revision_of(one)]
        found.revision = max(found.revisions, default=0)
    return found


OPERATION = Implementation(
    params=RolloutStatusParams, result=RolloutStatusResult, run=run, target=lambda params: params.target
)
