"""Pods evicted as their budgets allow; those of a workload one at a time, each when all of the workload is available again."""

import asyncio
from typing import Annotated

import msgspec

from outrider.core.errors import ConflictError, PreconditionFailedError
from outrider.core.operation import Change
from outrider.operators.kubernetes.disruptions import FORCE, is_ending, is_finished, is_static, objections, pod_title
from outrider.operators.kubernetes.edits import Live, read_live
from outrider.operators.kubernetes.evicting import PodOutcome, Terms, Watched, check_all_went, in_turn
from outrider.operators.kubernetes.evictions import foresee
from outrider.operators.kubernetes.kinds import EvictableWord
from outrider.operators.kubernetes.places import Place, TargetInPlaces, changed_in_each, in_each, places
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.workloads import pods_of
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class EvictParams(TargetInPlaces, kw_only=True):
    """Which pods.

    Attributes:
        target: A pod, or the deployment, statefulset, daemonset or replicaset whose pods are meant.
        wait: Until budgets allow it; else that one does not is an error at once.
        force: Evict pods without a controller too, which do not come back.
        grace: Seconds that containers have to end; what the pod says itself if not given.
    """

    target: EvictableWord
    wait: bool = True
    force: bool = False
    grace: Annotated[int, msgspec.Meta(ge=1, le=3600)] | None = None


class EvictResult(msgspec.Struct, kw_only=True):
    """What came of each pod."""

    results: list[PodOutcome]


async def plan(params: EvictParams, context: Context) -> Change:
    """Let the server say what would come of it.

    Raises:
        NotFoundError: It is not there.
        ConflictError: A pod does not come back, and `force` does not say that it may go.
    """
    async with places(params, context) as here:
        done, failed = await in_each(here, lambda place: _planned(params, place))
    return Change(
        target=params.target,
        will_also_remove=[line for one in done for line in one.will_also_remove],
        preconditions={key: state for one in done for key, state in one.preconditions.items()},
        warnings=[
            *(warning for one in done for warning in one.warnings),
            *(f"{one.cluster}/{one.namespace}: nothing can be evicted: {one.message}" for one in failed),
        ],
    )


async def _planned(params: EvictParams, place: Place) -> Change:
    live, pods = await _meant(params, place)
    foreseen = await foresee(pods, place, place.namespace)
    warnings = foreseen.warnings if pods else [f"{live.title} has no pods"]
    return Change(
        target=params.target,
        will_also_remove=foreseen.lines,
        preconditions={place.title: [pod["metadata"]["uid"] for pod in pods]},
        warnings=warnings,
    )


async def run(params: EvictParams, context: Context) -> EvictResult:
    """Evict them. It ends when the server has let the last one go.

    Raises:
        NotFoundError: It is not there.
        ConflictError: A pod does not come back, and `force` does not say that it may go; or several budgets select it.
        LimitedError: A budget allows none, at once or until the deadline.
        DeadlineExceededError: The workload is not available, so that none of its pods may go.
        PreconditionFailedError: The pods of the plan are no longer there.
        PartialError: Some pods went, and some did not.
    """
    async with places(params, context) as here:
        found = await changed_in_each(here, lambda place: _evicted(params, place, context))
    return EvictResult(results=[one for ones in found for one in ones])


async def _evicted(params: EvictParams, place: Place, context: Context) -> list[PodOutcome]:
    live, pods = await _meant(params, place)
    planned = context.preconditions.get(place.title)
    if planned is not None:
        pods = [pod for pod in pods if pod["metadata"]["uid"] in planned]
    if planned and not pods:
        raise PreconditionFailedError(
            f"{live.title}: the pods that the plan was made for are no longer there", found="other pods, or none", expected="the pods of the plan",
            suggestions=["make a new plan"],
        )  # fmt: skip
    metadata = live.object["metadata"]
    watched = None
    if live.object["kind"] != "Pod":
        watched = Watched(live.kind.resource, metadata["namespace"], metadata["name"])
    terms = Terms(place, context, asyncio.Semaphore(1), grace=params.grace, patient=params.wait)
    attempts = await in_turn(pods, watched, terms)
    check_all_went(attempts)
    return [one.outcome for one in attempts]


async def _meant(params: EvictParams, place: Place) -> tuple[Live, list[Object]]:
    """Return what is named, and those of its pods that can be evicted."""
    live = await read_live(params.target, place)
    found = await pods_of(live.object, place)
    pods = [pod for pod in found if pod is live.object or not (is_ending(pod) or is_finished(pod))]
    static = [pod_title(pod) for pod in pods if is_static(pod)]
    lost = [pod_title(pod) for pod in pods if FORCE in objections(pod, [FORCE] if params.force else [])]
    if static:
        raise ConflictError(
            f"{', '.join(static)}: its kubelet has it from a file, and starts it again at once", found="a static pod", expected="a pod of a controller",
            suggestions=["remove its file on the node"],
        )  # fmt: skip
    if lost:
        raise ConflictError(
            f"{', '.join(lost)} has no controller and does not come back", found="no controller", expected="a pod of a controller",
            suggestions=["evict it all the same: force"],
        )  # fmt: skip
    return live, pods


OPERATION = Implementation(
    params=EvictParams, result=EvictResult, run=run, plan=plan, target=lambda params: params.target
)
