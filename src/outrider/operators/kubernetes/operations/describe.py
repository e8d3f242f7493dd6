"""An object with what belongs to it: who made it, its pods, what was said of it lately."""

from typing import Any

import msgspec

from outrider.core.errors import OutriderError
from outrider.operators.kubernetes.edits import Live, read_live
from outrider.operators.kubernetes.happenings import Happening, happenings_of
from outrider.operators.kubernetes.kinds import kind_of_object
from outrider.operators.kubernetes.owners import Owner, owner_of
from outrider.operators.kubernetes.places import Failure, Place, TargetInPlaces, in_each, places, where
from outrider.operators.kubernetes.shown import Object, shown
from outrider.operators.kubernetes.workloads import WORKLOADS, Rollout, pods_of, rollout_of
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_MOST_EVENTS = 50


class DescribeParams(TargetInPlaces, kw_only=True):
    """Which object."""


class PodLine(msgspec.Struct, kw_only=True):
    """A pod in a line."""

    name: str
    phase: str
    ready: str
    restarts: int
    node: str


class Description(msgspec.Struct, kw_only=True):
    """An object with what belongs to it; the values of a Secret are not told.

    Attributes:
        owner: Who declares it and would set a change back.
        rollout: How far the rollout of a workload is.
        pods: Those that it stands for.
        events: The newest last.
    """

    cluster: str
    namespace: str
    target: str
    object: dict[str, Any]
    owner: Owner | None = None
    rollout: Rollout | None = None
    pods: list[PodLine] = []
    events: list[Happening] = []


class DescribeResult(msgspec.Struct, kw_only=True):
    """The object, place by place.

    Attributes:
        failed: Clusters and namespaces that gave none, and why.
    """

    items: list[Description]
    failed: list[Failure] = []


async def run(params: DescribeParams, context: Context) -> DescribeResult:
    """Read it and what belongs to it.

    Raises:
        NotFoundError: It is not there.
    """
    async with places(params, context) as here:
        items, failed = await in_each(here, lambda place: _described(params.target, place))
    return DescribeResult(items=items, failed=failed)


async def _described(target: str, place: Place) -> Description:
    live = await read_live(target, place)
    found = live.object
    return Description(
        **where(place, found["metadata"]),
        target=target,
        object=shown(found),
        owner=owner_of(found),
        rollout=rollout_of(found) if kind_of_object(found["apiVersion"], found["kind"]) in WORKLOADS else None,
        pods=[_pod_line(pod) for pod in await _pods(live)],
        events=(await happenings_of(place, found))[-_MOST_EVENTS:],
    )


async def _pods(live: Live) -> list[Object]:
    if live.object["kind"] == "Pod":
        return []
    try:
        return await pods_of(live.object, live.place)
    except OutriderError as error:
        if error.code != "INVALID_CONFIG":
            raise
        return []


def _pod_line(pod: Object) -> PodLine:
    status = pod.get("status") or {}
    containers = status.get("containerStatuses") or []
    ready = sum(bool(one.get("ready")) for one in containers)
    return PodLine(
        name=str(pod["metadata"]["name"]),
        phase=str(status.get("reason") or status.get("phase") or "Unknown"),
        ready=f"{ready}/{len(pod['spec'].get('containers') or ())}",
        restarts=sum(int(one.get("restartCount") or 0) for one in containers),
        node=str(pod["spec"].get("nodeName") or ""),
    )


OPERATION = Implementation(params=DescribeParams, result=DescribeResult, run=run, target=lambda params: params.target)
