"""What is asked of the server for one pod that is to go (policy/v1 Eviction), and what it would say of many.

It answers 429 where a budget allows none now, and 500 where several budgets select the pod.
"""

import asyncio
from typing import Any

import msgspec

from outrider.core.errors import ConflictError, LimitedError, OutriderError
from outrider.operators.kubernetes.disruptions import Budget, budgets_in, controller_title, pod_title
from outrider.operators.kubernetes.places import Place
from outrider.operators.kubernetes.shown import Object
from outrider.ports.kube.client import SECONDS
from outrider.ports.kube.resources import PODS

_AT_ONCE = 8
_MOST_FORESEEN, _FORESEEN_SECONDS = 200, 5.0


async def ask(
    pod: Object, place: Place, *, grace: int | None = None, seconds: float = SECONDS, dry_run: bool = False
) -> None:
    """Ask the server to evict this very pod.

    Raises:
        LimitedError: A budget allows none now.
        ConflictError: Another pod has its name.
        OutriderError: What else the server says.
    """
    metadata = pod["metadata"]
    options: dict[str, Any] = {"preconditions": {"uid": metadata["uid"]}}
    if grace is not None:
        options["gracePeriodSeconds"] = grace
    content = {
        "apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]}, "deleteOptions": options,
    }  # fmt: skip
    await place.client.create(
        PODS, content, metadata["namespace"], part="eviction", name=metadata["name"], dry_run=dry_run,
        timeout=max(0.4, min(seconds, SECONDS)),
    )  # fmt: skip


async def refusal(pod: Object, error: OutriderError, place: Place) -> OutriderError:
    """Return why the server does not let a pod go, with the budgets that guard it now.

    Raises:
        OutriderError: What the server says when it is asked for budgets.
    """
    if error.context.get("status") not in (429, 500):
        return error
    return _explained(pod, error, await budgets_in(place, pod["metadata"]["namespace"]))


def _explained(pod: Object, error: OutriderError, budgets: list[Budget]) -> OutriderError:
    status = error.context.get("status")
    guards = [one for one in budgets if one.covers(pod)]
    told = "; ".join(one.title for one in guards)
    if status == 500 and len(guards) > 1:
        return ConflictError(
            f"{pod_title(pod)}: several budgets select it, and the server evicts no such pod: {told}", found=told, expected="one budget",
            suggestions=["narrow the selectors of the budgets, so that each pod has one"],
        )  # fmt: skip
    if status == 429 and guards:
        return LimitedError(
            f"{pod_title(pod)}: {told}", found=told, expected="a budget that allows a disruption",
            suggestions=[f"outrider kubernetes describe poddisruptionbudget/{guards[0].name} --namespace {guards[0].namespace}"],
        )  # fmt: skip
    return error


class Foreseen(msgspec.Struct):
    """What the server would say of evictions.

    Attributes:
        lines: A pod in a line, with what makes it anew and the budgets that guard it.
        warnings: Why some would have to wait.
    """

    lines: list[str]
    warnings: list[str]


async def foresee(pods: list[Object], place: Place, namespace: str) -> Foreseen:
    """Let the server say what would come of evictions, pod by pod; each as if it were the only one.

    Raises:
        OutriderError: What the server says when it is asked for budgets.
    """
    budgets = await budgets_in(place, namespace)
    slots = asyncio.Semaphore(_AT_ONCE)

    async def judged(pod: Object) -> str:
        async with slots:
            try:
                await ask(pod, place, seconds=_FORESEEN_SECONDS, dry_run=True)
            except OutriderError as error:
                return _explained(pod, error, budgets).message
            return ""

    asked = pods[:_MOST_FORESEEN]
    warnings = [said for said in await asyncio.gather(*(judged(pod) for pod in asked)) if said]
    if len(pods) > len(asked):
        warnings.append(f"of {len(pods) - len(asked)} more pods the server was not asked")
    return Foreseen([_line(pod, budgets) for pod in pods], warnings)


def _line(pod: Object, budgets: list[Budget]) -> str:
    guards = [f"PodDisruptionBudget {one.name} allows {one.allowed}" for one in budgets if one.covers(pod)]
    facts = ", ".join([controller_title(pod) or "no controller", *guards])
    return f"{pod_title(pod)} ({facts})"
