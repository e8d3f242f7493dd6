"""The pods of a node that is drained: which go, which stay, and how they go. The classes are those of `kubectl drain`."""

import asyncio
from collections.abc import Iterable

import msgspec

from outrider.core.errors import ConflictError, OutriderError
from outrider.operators.kubernetes.disruptions import objections, pod_title, stays
from outrider.operators.kubernetes.edits import Live
from outrider.operators.kubernetes.evicting import Attempt, Terms, Watched, in_turn
from outrider.operators.kubernetes.nodes import is_closed
from outrider.operators.kubernetes.owners import controller_of
from outrider.operators.kubernetes.shown import Object
from outrider.ports.kube.resources import PODS, REPLICA_SETS, STATEFUL_SETS, Resource

# Those that say how many of their pods are available.
_COUNTING = {
    one.kind: one
    for one in (
        REPLICA_SETS,
        STATEFUL_SETS,
        Resource("", "v1", "replicationcontrollers", "ReplicationController"),
    )
}


class Staying(msgspec.Struct, kw_only=True):
    """A pod that is left where it is."""

    namespace: str
    pod: str
    reason: str


class Sorted(msgspec.Struct):
    """The pods of a node.

    Attributes:
        going: Those that may go.
        staying: Those that a drain leaves.
        blocked: Those that must not go, with what speaks against it by the parameter that would grant it.
    """

    going: list[Object] = []
    staying: list[Staying] = []
    blocked: list[tuple[Object, dict[str, str]]] = []


async def sorted_pods(node: Live, labels: str, granted: Iterable[str]) -> Sorted:
    """Return the pods of a node, sorted by what becomes of them.

    Raises:
        OutriderError: What the server says.
    """
    found = Sorted()
    name = node.object["metadata"]["name"]
    pods = await node.place.client.list(PODS, fields=f"spec.nodeName={name}", labels=labels)
    for pod in sorted(pods, key=pod_title):
        metadata = pod["metadata"]
        if reason := stays(pod):
            found.staying.append(Staying(namespace=metadata["namespace"], pod=metadata["name"], reason=reason))
        elif against := objections(pod, granted):
            found.blocked.append((pod, against))
        else:
            found.going.append(pod)
    return found


def check_none_blocked(found: Sorted, node: Live) -> None:
    """Refuse to drain a node whose pods would lose something that nobody has granted.

    Raises:
        ConflictError: There are such pods.
    """
    if not found.blocked:
        return
    told = "; ".join(f"{pod_title(pod)} {' and '.join(against.values())}" for pod, against in found.blocked)
    parameters = dict.fromkeys(name for _, against in found.blocked for name in against)
    raise ConflictError(
        f"{node.title} cannot be drained: {told}", found=", ".join(pod_title(pod) for pod, _ in found.blocked),
        expected="pods that come back with all they need", suggestions=[f"let them go all the same: {name}" for name in parameters],
    )  # fmt: skip


def losses(going: Iterable[Object]) -> list[str]:
    """Return what is lost with pods, a pod in a line."""
    return [f"{pod_title(pod)} {' and '.join(lost.values())}" for pod in going if (lost := objections(pod, ()))]


def left(staying: Iterable[Staying]) -> list[str]:
    """Return which pods stay, a reason in a line."""
    by_reason: dict[str, list[str]] = {}
    for one in staying:
        by_reason.setdefault(one.reason, []).append(f"{one.namespace}/pod/{one.pod}")
    return [f"left on the node ({reason}): {', '.join(titles)}" for reason, titles in by_reason.items()]


async def close_node(node: Live) -> bool:
    """Have this very node take no new pods, and return whether it did before.

    Raises:
        ConflictError: Another node has its name.
        OutriderError: What else the server says.
    """
    if is_closed(node.object):
        return False
    metadata = node.object["metadata"]
    change = {"metadata": {"uid": metadata["uid"]}, "spec": {"unschedulable": True}}
    await node.place.client.patch(node.kind.resource, metadata["name"], "", change)
    return True


async def empty_node(found: Sorted, terms: Terms, *, watching: bool) -> list[Attempt]:
    """Evict the pods of a node: those of one workload in turn, workloads beside each other.

    Args:
        found: The pods.
        terms: How they are evicted.
        watching: Whether the next pod of a workload waits until all of it is available.
    """
    groups: dict[str, list[Object]] = {}
    for pod in found.going:
        controller = controller_of(pod)
        groups.setdefault(controller["uid"] if controller else pod["metadata"]["uid"], []).append(pod)
    done = await asyncio.gather(
        *(in_turn(pods, _watched(pods[0]) if watching else None, terms) for pods in groups.values())
    )
    return [*(attempt for attempts in done for attempt in attempts), *(_blocked(*one, terms) for one in found.blocked)]


def _watched(pod: Object) -> Watched | None:
    controller = controller_of(pod)
    resource = _COUNTING.get(controller["kind"]) if controller else None
    if controller is None or resource is None or controller["apiVersion"] != resource.api_version:
        return None
    return Watched(resource, pod["metadata"]["namespace"], controller["name"])


def _blocked(pod: Object, against: dict[str, str], terms: Terms) -> Attempt:
    """Say of a pod that has come meanwhile why it stays."""
    attempt = Attempt.of(pod, terms.place)
    error: OutriderError = ConflictError(f"{pod_title(pod)} {' and '.join(against.values())}")
    attempt.failed(error)
    return attempt
