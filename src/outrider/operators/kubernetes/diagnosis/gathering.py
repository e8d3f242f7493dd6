"""Reads what a diagnosis looks at: one object with what stands around it, or all that runs in a namespace."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping

import msgspec

from outrider.core.errors import OutriderError
from outrider.operators.kubernetes.diagnosis.case import Case
from outrider.operators.kubernetes.diagnosis.findings import Address
from outrider.operators.kubernetes.edits import read_live
from outrider.operators.kubernetes.happenings import Happening, warnings_by_uid
from outrider.operators.kubernetes.kinds import target_of_object
from outrider.operators.kubernetes.owners import controller_of, maker_of
from outrider.operators.kubernetes.places import ALL, Place
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.workloads import (
    WORKLOADS,
    pods_of,
    replica_sets,
    revision_of,
)
from outrider.ports.kube.resources import (
    DAEMON_SETS,
    DEPLOYMENTS,
    JOBS,
    NODES,
    PODS,
    REPLICA_SETS,
    SERVICES,
    STATEFUL_SETS,
    VOLUME_CLAIMS,
)

_MOST = 20000
# Kinds that stand for pods; of others only the object itself is looked at.
_WITH_PODS = (*WORKLOADS, "pod", "service", "replicaset", "replicationcontroller", "job")
# How far a pod's makers are followed: Pod, ReplicaSet, Deployment.
_MOST_OWNERS = 3


class Surroundings(msgspec.Struct, kw_only=True):
    """What cases of one place share.

    Attributes:
        unread: What the caller may not read, so that causes there stay unknown.
    """

    address: Address
    now: float
    warnings: Mapping[str, list[Happening]] = {}
    nodes: Mapping[str, Object] = {}
    unread: list[str] = []


async def surroundings(place: Place, address: Address, now: float, *, everywhere: bool) -> Surroundings:
    """Read what was said of objects, and the nodes; what may not be read is left out, and named."""
    found = Surroundings(address=address, now=now)
    looked = msgspec.structs.replace(place, namespace=ALL) if everywhere else place
    warnings, nodes = await asyncio.gather(
        warnings_by_uid(looked), place.client.list(NODES, most=_MOST), return_exceptions=True
    )
    for name, read in (("events", warnings), ("nodes", nodes)):
        if isinstance(read, OutriderError):
            found.unread = [*found.unread, f"{place.title}: {name}: {read.message}"]
        elif isinstance(read, BaseException):
            raise read
    if isinstance(warnings, dict):
        found.warnings = warnings
    if isinstance(nodes, list):
        found.nodes = {str(one["metadata"]["name"]): one for one in nodes}
    return found


async def one_case(target: str, place: Place, around: Surroundings) -> Case:
    """Return an object with what stands around it; for a pod it is that of its workload.

    Raises:
        NotFoundError: It is not there.
    """
    live = await read_live(target, place)
    found = live.object
    if found["kind"] != "Pod":
        pods = await pods_of(found, place) if target.partition("/")[0] in _WITH_PODS and _selects(found) else []
        sets = await replica_sets(found, place) if found["kind"] == "Deployment" else []
        return _case(target, found, pods, sets, around)
    maker, name = await _maker(found, place)
    if maker is None:
        return _case(target, found, [found], [], around)
    sets = await replica_sets(maker, place) if maker["kind"] == "Deployment" else []
    case = _case(name, maker, await pods_of(maker, place), sets, around)
    return msgspec.structs.replace(case, examined=[found])


def _selects(found: Object) -> bool:
    return found["kind"] != "Service" or bool((found.get("spec") or {}).get("selector"))


async def _maker(pod: Object, place: Place) -> tuple[Object | None, str]:
    """Return the workload that has made a pod, and its name."""
    found = pod
    for _ in range(_MOST_OWNERS):
        target = maker_of(found)
        if target.partition("/")[0] not in (*WORKLOADS, "replicaset"):
            break
        try:
            found = (await read_live(target, place)).object
        except OutriderError:  # it is gone, or may not be read: the pod is looked at for itself
            return None, ""
        if target.partition("/")[0] in WORKLOADS:
            return found, target
    return None, ""


def _case(target: str, found: Object, pods: list[Object], sets: list[Object], around: Surroundings) -> Case:
    return Case(
        target=target, object=found, address=around.address, pods=pods, examined=pods, replica_sets=sets, warnings=around.warnings,
        nodes=around.nodes, now=around.now,
    )  # fmt: skip


async def all_cases(place: Place, around: Surroundings) -> list[Case]:
    """Return all workloads, jobs, claims, services and other pods of a place; with all namespaces the nodes too."""
    kinds = (DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, JOBS, VOLUME_CLAIMS, SERVICES, REPLICA_SETS, PODS)
    lists = await asyncio.gather(*(place.client.list(kind, place.searched, most=_MOST) for kind in kinds))
    *subjects, services, sets, pods = lists
    by_maker: dict[str, list[Object]] = defaultdict(list)
    for one in (*sets, *pods):
        if owner := controller_of(one):
            by_maker[str(owner["uid"])].append(one)
    cases = [_workload_case(found, by_maker, around) for kind in subjects for found in kind]
    cases += [_service_case(found, pods, around) for found in services]
    seen = {one["metadata"]["uid"] for case in cases for one in case.pods if case.kind != "Service"}
    cases += [
        _case(target_of_object(pod), pod, [pod], [], around) for pod in pods if pod["metadata"]["uid"] not in seen
    ]
    if place.namespace == ALL:
        cases += [_case(target_of_object(node), node, [], [], around) for node in around.nodes.values()]
    return [_addressed(case) for case in cases] if place.namespace == ALL else cases


def _workload_case(found: Object, by_maker: Mapping[str, list[Object]], around: Surroundings) -> Case:
    made = by_maker.get(str(found["metadata"]["uid"]), [])
    if found["kind"] != "Deployment":
        return _case(target_of_object(found), found, [one for one in made if one["kind"] == "Pod"], [], around)
    sets = sorted((one for one in made if one["kind"] == "ReplicaSet"), key=revision_of, reverse=True)
    pods = [pod for one in sets for pod in by_maker.get(str(one["metadata"]["uid"]), ())]
    return _case(target_of_object(found), found, pods, sets, around)


def _service_case(found: Object, pods: list[Object], around: Surroundings) -> Case:
    selector, namespace = (found.get("spec") or {}).get("selector") or {}, found["metadata"]["namespace"]
    mine = [
        pod for pod in pods
        if selector and pod["metadata"]["namespace"] == namespace and selector.items() <= (pod["metadata"].get("labels") or {}).items()
    ]  # fmt: skip
    # Its pods are looked at with their workloads.
    return msgspec.structs.replace(_case(target_of_object(found), found, mine, [], around), examined=[])


def _addressed(case: Case) -> Case:
    namespace = str(case.object["metadata"].get("namespace") or "")
    return msgspec.structs.replace(case, address=Address(case.address.cluster, namespace))
