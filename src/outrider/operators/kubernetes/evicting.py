"""Pods evicted one after the other, of one workload never more than one step ahead of what is available."""

import asyncio
from collections.abc import Iterable
from typing import Literal

import msgspec

from outrider.core.errors import CODES, DeadlineExceededError, NotFoundError, OutriderError, PartialError, collected
from outrider.operators.kubernetes.disruptions import controller_title, is_ready, pod_title
from outrider.operators.kubernetes.evictions import ask, refusal
from outrider.operators.kubernetes.places import Place
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.workloads import pods_of
from outrider.ports.kube.resources import PODS, Resource
from outrider.runtime.context import Context

_LOOK_SECONDS = 0.3
# Before a budget is asked again.
_PAUSE_SECONDS = 1.0
# For what is to be said when the time is over.
_RESERVE_SECONDS = 0.6


class PodOutcome(msgspec.Struct, kw_only=True):
    """What came of a pod.

    Attributes:
        controller: `KIND/NAME` of what makes it anew; empty where nothing does.
        outcome: `gone` where it was so already.
        reason: Why it is still there.
    """

    cluster: str
    namespace: str
    pod: str
    controller: str = ""
    outcome: Literal["evicted", "gone", "refused"] = "refused"
    reason: str = ""


class Terms(msgspec.Struct, frozen=True):
    """How pods are evicted.

    Attributes:
        grace: Seconds that their containers have; what the pod says itself if None.
        patient: Whether it is tried again until the deadline where a budget allows none.
        until_gone: Whether a pod must be away before it counts.
        slots: How many may be on their way out at once.
    """

    place: Place
    context: Context
    slots: asyncio.Semaphore
    grace: int | None = None
    patient: bool = True
    until_gone: bool = False

    @property
    def left(self) -> float:
        """Seconds that are left for requests."""
        return self.context.deadline - self.context.clock.monotonic() - _RESERVE_SECONDS

    async def pause(self, seconds: float) -> None:
        """Wait a little."""
        await self.context.clock.sleep(min(seconds, max(self.left, 0.0)))


class Watched(msgspec.Struct, frozen=True):
    """A workload that is to stay available."""

    resource: Resource
    namespace: str
    name: str

    async def lacks(self, place: Place) -> str:
        """Return what it lacks to be available; empty where it lacks nothing or is no longer there.

        Raises:
            OutriderError: What the server says.
        """
        try:
            found = await place.client.get(self.resource, self.name, self.namespace)
        except NotFoundError:
            return ""
        wanted, available = _numbers(found)
        # Its own count is late: a pod that is on its way out is in it still.
        ready = sum(is_ready(pod) for pod in await pods_of(found, place))
        there = min(available, ready)
        title = f"{self.resource.kind} {self.namespace}/{self.name}"
        return "" if there >= wanted else f"{title} has {there} of {wanted} pods available"


def _numbers(found: Object) -> tuple[int, int]:
    """Return how many pods of a workload are wanted, and how many it counts as available."""
    spec, status = found.get("spec") or {}, found.get("status") or {}
    if found["kind"] == "DaemonSet":
        return int(status.get("desiredNumberScheduled") or 0), int(status.get("numberAvailable") or 0)
    replicas = 1 if spec.get("replicas") is None else int(spec["replicas"])
    return replicas, int(status.get("availableReplicas") or 0)


class Attempt(msgspec.Struct):
    """A pod that is to go, what came of it, and why it did not where it did not."""

    pod: Object
    outcome: PodOutcome
    error: OutriderError | None = None

    @classmethod
    def of(cls, pod: Object, place: Place) -> "Attempt":
        """Begin with a pod whose turn has not come."""
        metadata = pod["metadata"]
        outcome = PodOutcome(
            cluster=place.cluster.name,
            namespace=metadata["namespace"],
            pod=metadata["name"],
            controller=controller_title(pod),
            reason="not tried",
        )
        return cls(pod, outcome, DeadlineExceededError(f"{pod_title(pod)}: the time was over before its turn"))

    def ended(self, outcome: Literal["evicted", "gone"]) -> None:
        """Say that the pod is on its way, or away."""
        self.outcome.outcome, self.outcome.reason, self.error = outcome, "", None

    def failed(self, error: OutriderError) -> None:
        """Say why it is there still."""
        self.error, self.outcome.reason = error, error.message


async def in_turn(pods: Iterable[Object], watched: Watched | None, terms: Terms) -> list[Attempt]:
    """Evict the pods of a workload one after the other: first those that are not ready; of the others each only when all of it is available."""
    attempts = [Attempt.of(pod, terms.place) for pod in sorted(pods, key=is_ready)]
    for attempt in attempts:
        try:
            await _evicted(attempt, watched, terms)
        except OutriderError as error:
            attempt.failed(error)
        if terms.left <= 0:
            break
    return attempts


async def _evicted(attempt: Attempt, watched: Watched | None, terms: Terms) -> None:
    while (pod := await _same(attempt.pod, terms.place)) is not None:
        lacking = await watched.lacks(terms.place) if watched is not None and is_ready(pod) else ""
        if lacking:
            attempt.failed(_not_available(pod, lacking))
        elif await _asked(attempt, terms):
            return
        if terms.left <= 0 or not (lacking or _passes(attempt.error, terms)):
            return
        await terms.pause(_LOOK_SECONDS if lacking else _PAUSE_SECONDS)
    attempt.ended("gone")


def _passes(error: OutriderError | None, terms: Terms) -> bool:
    """Return whether a refusal is a matter of time."""
    if error is None or error.context.get("status") in (404, 409):  # the pod has just gone, or another has its name
        return True
    return terms.patient and CODES[error.code].retryable


async def _same(pod: Object, place: Place) -> Object | None:
    """Return a pod as it is now; None where it is away, if another one has its name."""
    metadata = pod["metadata"]
    try:
        found = await place.client.get(PODS, metadata["name"], metadata["namespace"])
    except NotFoundError:
        return None
    return found if found["metadata"]["uid"] == metadata["uid"] else None


async def _asked(attempt: Attempt, terms: Terms) -> bool:
    """Ask the server once, and return whether it has let the pod go."""
    async with terms.slots:
        if terms.left <= 0:
            return False
        try:
            await ask(attempt.pod, terms.place, grace=terms.grace, seconds=terms.left)
        except OutriderError as error:
            attempt.failed(await refusal(attempt.pod, error, terms.place))
            return False
        attempt.ended("evicted")
        while terms.until_gone and await _same(attempt.pod, terms.place) is not None:
            if terms.left <= 0:
                attempt.failed(_still_ending(attempt.pod))
                break
            await terms.pause(_LOOK_SECONDS)
    return True


def _not_available(pod: Object, lacking: str) -> OutriderError:
    return DeadlineExceededError(
        f"{pod_title(pod)}: {lacking}", found=lacking, expected="all of them, before the next one goes",
        suggestions=[f"outrider kubernetes describe pod/{pod['metadata']['name']} --namespace {pod['metadata']['namespace']}"],
    )  # fmt: skip


def _still_ending(pod: Object) -> OutriderError:
    finalizers = ", ".join(pod["metadata"].get("finalizers") or ())
    why = f"; finalizers {finalizers}" if finalizers else ""
    return DeadlineExceededError(
        f"{pod_title(pod)}: evicted, and not yet gone{why}", suggestions=["give a longer timeout"]
    )


def check_all_went(attempts: list[Attempt], *, done: bool = False) -> None:
    """Raise what kept pods where they are.

    Args:
        attempts: What was tried.
        done: Whether something was changed besides.

    Raises:
        PartialError: Some went, and some did not.
        OutriderError: None went.
    """
    failed = [one for one in attempts if one.error is not None]
    errors = [one.error for one in failed if one.error is not None]
    if not errors:
        return
    if not done and all(one.outcome.outcome == "refused" for one in attempts):
        raise collected(errors)
    reasons = "; ".join(dict.fromkeys(one.outcome.reason for one in failed))
    raise PartialError(
        f"{len(failed)} of {len(attempts)} pods are still there: {reasons}", found=", ".join(pod_title(one.pod) for one in failed),
        expected="no pod", context={"pods": [msgspec.to_builtins(one.outcome) for one in attempts]}, causes=errors,
        suggestions=[*errors[0].suggestions, "call it again with a longer timeout"],
    )  # fmt: skip
