"""Waits until the pods of a Deployment are ready, and ends at once where a cause is found that no waiting mends."""

import msgspec

from outrider.core.errors import DeadlineExceededError, ExecutionFailedError
from outrider.operators.kubernetes.diagnosis.findings import Address
from outrider.operators.kubernetes.diagnosis.gathering import one_case, surroundings
from outrider.operators.kubernetes.diagnosis.report import diagnosed
from outrider.operators.kubernetes.edits import read_live
from outrider.operators.kubernetes.places import Place
from outrider.operators.kubernetes.workloads import rollout_of
from outrider.runtime.context import Context

_LOOK_SECONDS = 0.5
# A search for causes reads all nodes and what was said in the namespace: far more than a look at the rollout.
_SEARCH_SECONDS = 2.0
# What may still pass while pods start.
_PASSING = (
    "Starting", "InitRunning", "ReadinessProbeFailed", "Unschedulable", "SchedulingGated", "FailedMount", "ReadinessGate",
)  # fmt: skip


async def wait_until_settled(target: str, place: Place, context: Context) -> None:
    """Wait until all wanted pods are of the newest template and available.

    Raises:
        ExecutionFailedError: They crash, cannot be made, or the progress deadline has passed.
        DeadlineExceededError: The call ends before it.
    """
    next_search = context.clock.monotonic()
    while True:
        rollout = rollout_of((await read_live(target, place)).object)
        if rollout.complete:
            return
        broken = rollout.message if rollout.state == "failed" else ""
        if not broken and context.clock.monotonic() >= next_search:
            broken = await broken_pods(target, place, context)
            next_search = context.clock.monotonic() + _SEARCH_SECONDS
        if broken:
            raise ExecutionFailedError(
                f"{target}: {broken}", found=rollout.state, expected="pods that are ready",
                suggestions=[f"outrider kubernetes diagnose {target} --namespace {place.namespace}"],
            )  # fmt: skip
        if context.deadline - context.clock.monotonic() < 2 * _LOOK_SECONDS:
            raise DeadlineExceededError(
                f"{target}: {rollout.message}", found=rollout.message, expected="pods that are ready",
                suggestions=["call it again, it goes on from here; or give a longer timeout"],
            )  # fmt: skip
        await context.clock.sleep(_LOOK_SECONDS)


async def broken_pods(target: str, place: Place, context: Context) -> str:
    """Return what keeps pods of the newest template from running, but for what may still pass; empty where nothing does."""
    around = await surroundings(place, Address("", place.namespace), context.clock.now(), everywhere=False)
    case = await one_case(target, place, around)
    if int(case.status.get("observedGeneration") or 0) < int(case.object["metadata"].get("generation") or 0):
        return ""  # what can be seen is of an earlier template
    newest = [pod for pod in case.examined if case.newest(pod)]
    diagnosis = diagnosed(msgspec.structs.replace(case, examined=newest), target, place.cluster.name)
    errors = [one for one in diagnosis.findings if one.severity == "error" and one.cause not in _PASSING]
    return f"{', '.join(errors[0].objects[:1])}: {errors[0].message}" if errors else ""
