"""What containers and nodes use right now: from metrics.k8s.io where it is served, else from the kubelets themselves.

What nobody has measured, such as a container of a few seconds, is None: it is not known, and not zero.
"""

import asyncio
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from outrider.core.codec import decode
from outrider.core.errors import NotFoundError, OutriderError, UnavailableError
from outrider.operators.kubernetes.places import Place
from outrider.operators.kubernetes.quantities import parse_quantity
from outrider.operators.kubernetes.reservations import CPU, MEMORY, running_containers, whole
from outrider.operators.kubernetes.shown import Object
from outrider.ports.kube.resources import Resource

METRICS_GROUP = "metrics.k8s.io"
_POD_METRICS = Resource(METRICS_GROUP, "v1beta1", "pods", "PodMetrics")
_NODE_METRICS = Resource(METRICS_GROUP, "v1beta1", "nodes", "NodeMetrics", namespaced=False)
_AT_ONCE = 8
# A node that is gone must not take all of the time of the call.
_NODE_SECONDS = 10.0
_NANO = Decimal("1e-9")
ContainerKey = tuple[str, str, str]


class Usage(msgspec.Struct, frozen=True):
    """What is used of each resource: processors, and bytes of the working set; None where it is not known."""

    cpu: Decimal | None = None
    memory: Decimal | None = None

    def of(self, resource: str) -> Decimal | None:
        """Return what is used of `cpu` or `memory`."""
        return self.cpu if resource == CPU else self.memory


UNKNOWN = Usage()


def measured(cpu: float | str | None, memory: float | str | None) -> Usage:
    """Return processors and bytes as usage; None where one is not known."""
    return Usage(*(None if amount is None else Decimal(amount) for amount in (cpu, memory)))


class Remark(msgspec.Struct, frozen=True):
    """Something that is not known, and why."""

    cluster: str
    message: str


class Readings(msgspec.Struct, kw_only=True):
    """What was measured.

    Attributes:
        source: Who has measured it.
        containers: By namespace, pod and container.
        nodes: By name.
        remarks: What is not known, and why.
    """

    source: str
    containers: dict[ContainerKey, Usage] = {}
    nodes: dict[str, Usage] = {}
    remarks: list[Remark] = []

    def of(self, pod: Object, container: str) -> Usage:
        """Return what a container of a pod uses."""
        metadata = pod["metadata"]
        return self.containers.get((str(metadata["namespace"]), str(metadata["name"]), container), UNKNOWN)

    def of_pod(self, pod: Object) -> Usage:
        """Return what a pod uses; None where one of its containers is not known."""
        parts = [self.of(pod, str(one["name"])) for one in running_containers(pod["spec"])]
        return Usage(whole(one.cpu for one in parts), whole(one.memory for one in parts))


async def serves_metrics(place: Place) -> bool:
    """Return whether the cluster serves metrics.k8s.io."""
    return any(one.resource.group == METRICS_GROUP for one in (await place.cluster.catalogue()).kinds)


async def usage_of_pods(place: Place, pods: Iterable[Object]) -> Readings:
    """Return what the containers of pods use.

    Raises:
        OutriderError: Nobody has an answer; what the server says.
    """
    if await serves_metrics(place):
        try:
            found = await place.client.list(_POD_METRICS, place.searched)
            return Readings(source=METRICS_GROUP, containers={key: usage for one in found for key, usage in _pod(one)})
        except (NotFoundError, UnavailableError):
            # Its server has gone since the kinds were read: the kubelets are there.
            pass
    return await _from_kubelets(place, {str(pod["spec"].get("nodeName") or "") for pod in pods} - {""})


async def usage_of_nodes(place: Place, names: Iterable[str]) -> Readings:
    """Return what nodes use.

    Raises:
        OutriderError: Nobody has an answer; what the server says.
    """
    if await serves_metrics(place):
        try:
            found = await place.client.list(_NODE_METRICS)
            nodes = {str(one["metadata"]["name"]): _usage(one.get("usage") or {}) for one in found}
            return Readings(source=METRICS_GROUP, nodes=nodes)
        except (NotFoundError, UnavailableError):
            pass
    return await _from_kubelets(place, set(names))


def _pod(found: Object) -> list[tuple[ContainerKey, Usage]]:
    metadata = found["metadata"]
    return [
        ((str(metadata["namespace"]), str(metadata["name"]), str(one["name"])), _usage(one.get("usage") or {}))
        for one in found.get("containers") or ()
    ]


def _usage(usage: dict[str, Any]) -> Usage:
    cpu, memory = (parse_quantity(str(usage[name])) if name in usage else None for name in (CPU, MEMORY))
    return Usage(cpu, memory)


class _Cpu(msgspec.Struct, rename="camel"):
    usage_nano_cores: int | None = None


class _Memory(msgspec.Struct, rename="camel"):
    working_set_bytes: int | None = None


class _Measured(msgspec.Struct):
    name: str = ""
    cpu: _Cpu | None = None
    memory: _Memory | None = None

    def usage(self) -> Usage:
        nano = self.cpu.usage_nano_cores if self.cpu else None
        memory = self.memory.working_set_bytes if self.memory else None
        return Usage(None if nano is None else nano * _NANO, None if memory is None else Decimal(memory))


class _PodReference(msgspec.Struct):
    name: str
    namespace: str


class _Pod(msgspec.Struct, rename="camel"):
    pod_ref: _PodReference
    containers: list[_Measured] | None = None


class _Summary(msgspec.Struct):
    """What a kubelet tells of its node (k8s.io/kubelet, stats/v1alpha1)."""

    node: _Measured
    pods: list[_Pod] | None = None


async def _from_kubelets(place: Place, names: set[str]) -> Readings:
    slots = asyncio.Semaphore(_AT_ONCE)
    readings = Readings(source="kubelet")
    errors: list[OutriderError] = []

    async def read(name: str) -> None:
        async with slots:
            try:
                _take(readings, name, await _summary(place, name))
            except OutriderError as error:
                errors.append(error)
                readings.remarks.append(Remark(place.cluster.name, error.message))

    await asyncio.gather(*(read(name) for name in sorted(names)))
    if errors and len(errors) == len(names):
        raise errors[0]
    return readings


async def _summary(place: Place, name: str) -> _Summary:
    path = f"{Resource('', 'v1', 'nodes', 'Node', namespaced=False).path('', name)}/proxy/stats/summary?only_cpu_and_memory=true"
    try:
        async with asyncio.timeout(_NODE_SECONDS):
            return decode(await place.client.raw(path, shown=f"read the usage of node {name}"), _Summary)
    except TimeoutError as error:
        raise UnavailableError(
            f"node {name} has not told its usage within {_NODE_SECONDS:g} s", found=name, expected="a kubelet that answers",
            suggestions=[f"outrider kubernetes describe node/{name}"],
        ) from error  # fmt: skip


def _take(readings: Readings, name: str, summary: _Summary) -> None:
    readings.nodes[name] = summary.node.usage()
    for pod in summary.pods or ():
        for container in pod.containers or ():
            readings.containers[pod.pod_ref.namespace, pod.pod_ref.name, container.name] = container.usage()
