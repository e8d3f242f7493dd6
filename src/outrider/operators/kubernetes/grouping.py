"""Pods added up: by themselves, by the workload that they belong to, by namespace."""

from collections.abc import Iterable
from typing import Literal

from outrider.core.errors import InvalidConfigError
from outrider.operators.kubernetes.edits import read_live
from outrider.operators.kubernetes.owners import workload_of
from outrider.operators.kubernetes.places import Place
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.workloads import pods_of
from outrider.ports.kube.resources import PODS

By = Literal["pod", "workload", "namespace"]


async def selected_pods(place: Place, target: str, labels: str) -> list[Object]:
    """Return the pods of a target such as deployment/web, or those that labels select, or all.

    Raises:
        NotFoundError: The target is not there.
        InvalidConfigError: It has no pods, or labels are given too.
    """
    if not target:
        return await place.client.list(PODS, place.searched, labels=labels)
    if labels:
        raise InvalidConfigError(
            "labels: a target is named too", path="labels", found=labels, expected="either a target or labels", suggestions=["leave out one of them"]
        )  # fmt: skip
    return await pods_of((await read_live(target, place)).object, place)


def grouped(pods: Iterable[Object], by: By) -> dict[tuple[str, str], list[Object]]:
    """Return pods by namespace and the name of what they are added up to."""
    found: dict[tuple[str, str], list[Object]] = {}
    for pod in pods:
        found.setdefault((str(pod["metadata"]["namespace"]), _group(pod, by)), []).append(pod)
    return found


def _group(pod: Object, by: By) -> str:
    if by == "workload":
        return workload_of(pod)
    return str(pod["metadata"]["name" if by == "pod" else "namespace"])
