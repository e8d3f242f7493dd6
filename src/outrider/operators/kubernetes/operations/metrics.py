"""How much processor and memory pods and nodes use, beside what they keep and what there is."""

from decimal import Decimal
from typing import Literal

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.timestamps import timestamp
from outrider.operators.kubernetes.grouping import grouped, selected_pods
from outrider.operators.kubernetes.kinds import kind_name
from outrider.operators.kubernetes.places import Failure, Place, Places, in_each, places
from outrider.operators.kubernetes.reservations import (
    CPU,
    MEMORY,
    MIB,
    Reserved,
    lives,
    of_container,
    of_node,
    of_pod,
    running_containers,
    runs,
    total,
    whole,
)
from outrider.operators.kubernetes.selection import KindOrTarget
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.usage import UNKNOWN, Readings, Remark, Usage, usage_of_nodes, usage_of_pods
from outrider.ports.kube.resources import NODES, PODS
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class MetricsParams(Places, kw_only=True):
    """Whose usage.

    Attributes:
        target: pods, nodes, or one with its name: deployment/web, pod/web-1, service/web, node/a.
        labels: Label selector for pods or nodes, such as app=web.
        by: What pods are told by: each container, each pod, or added up by workload or namespace. Nodes are told by node.
        sort: The highest usage of a resource first, or by name.
    """

    target: KindOrTarget = "pods"
    labels: str = ""
    by: Literal["container", "pod", "workload", "namespace"] = "pod"
    sort: Literal["cpu", "memory", "name"] = "cpu"

    def __post_init__(self) -> None:
        """Bring the target into its one form.

        Raises:
            InvalidConfigError: Its kind is none.
        """
        kind, slash, name = self.target.partition("/")
        self.target = f"{kind_name(kind, 'target')}{slash}{name}"


class UsageRow(msgspec.Struct, kw_only=True):
    """Usage of pods, in processors and MiB; null where it is not known, and where no request or limit is set.

    Attributes:
        name: Of the pod, container, workload or namespace.
        cpu_limit: What all may use together; null where one of them has no limit.
        memory_mib: The working set, which the kernel cannot take back.
        pods: How many are added up.
        unknown: How many of them nobody has measured; they are not in the sum.
    """

    cluster: str
    namespace: str
    name: str
    cpu: float | None
    cpu_request: float | None
    cpu_limit: float | None
    memory_mib: float | None
    memory_request_mib: float | None
    memory_limit_mib: float | None
    pods: int
    unknown: int


class NodeRow(msgspec.Struct, kw_only=True):
    """Usage of a node, in processors and MiB; null where it is not known.

    Attributes:
        cpu_requested: What its pods keep for themselves.
        cpu_allocatable: What pods may have of it.
        pods: That run on it.
    """

    cluster: str
    name: str
    cpu: float | None
    cpu_requested: float
    cpu_allocatable: float
    memory_mib: float | None
    memory_requested_mib: float
    memory_allocatable_mib: float
    pods: int


class MetricsResult(msgspec.Struct, kw_only=True):
    """Usage, row by row.

    Attributes:
        time: When it was asked for (RFC 3339).
        sources: Who has measured it, by cluster: metrics.k8s.io or the kubelets.
        items: Of pods.
        nodes: Where nodes were asked for.
        remarks: Nodes that have not answered, and why.
        failed: Clusters and namespaces that gave none, and why.
    """

    time: str
    sources: dict[str, str]
    items: list[UsageRow] = []
    nodes: list[NodeRow] = []
    remarks: list[Remark] = []
    failed: list[Failure] = []


class _Found(msgspec.Struct):
    place: Place
    readings: Readings
    items: list[UsageRow] = []
    nodes: list[NodeRow] = []


async def run(params: MetricsParams, context: Context) -> MetricsResult:
    """Ask for it.

    Raises:
        NotFoundError: The target is not there.
        InvalidConfigError: The target has no pods.
        DeniedError: The caller may read neither metrics.k8s.io nor the kubelets.
    """
    kind, named, _ = params.target.partition("/")
    time = timestamp(context.clock.now())
    async with places(params, context, every=kind == "node" or not named) as here:
        if kind == "node":  # nodes stand in no namespace
            clusters = {place.cluster.name: place for place in here}
            found, failed = await in_each(list(clusters.values()), lambda place: _read_nodes(params, place))
        else:
            found, failed = await in_each(here, lambda place: _read_pods(params, place))
    return MetricsResult(
        time=time,
        sources={one.place.cluster.name: one.readings.source for one in found},
        items=sorted((row for one in found for row in one.items), key=lambda row: _rank(row, params.sort)),
        nodes=sorted((row for one in found for row in one.nodes), key=lambda row: _rank(row, params.sort)),
        remarks=list(dict.fromkeys(remark for one in found for remark in one.readings.remarks)),
        failed=failed,
    )


def _rank(row: UsageRow | NodeRow, by: str) -> tuple[float, str]:
    used = row.cpu if by == CPU else row.memory_mib if by == MEMORY else 0.0
    return (1.0 if used is None else -used), row.name


async def _read_pods(params: MetricsParams, place: Place) -> _Found:
    named = "/" in params.target
    if not named and params.target != "pod":
        raise InvalidConfigError(
            f"target: no usage of a {params.target} without a name", path="target", found=params.target, expected="pods, nodes, or KIND/NAME",
            suggestions=["all of them: --by workload"],
        )  # fmt: skip
    pods = [pod for pod in await selected_pods(place, params.target if named else "", params.labels) if lives(pod)]
    readings = await usage_of_pods(place, pods)
    if params.by == "container":
        parts = [
            (pod, f"{pod['metadata']['name']}/{one['name']}", [_container(pod, one, readings)])
            for pod in pods
            for one in running_containers(pod["spec"])
        ]
    else:
        parts = [
            (members[0], name, [_pod(pod, readings) for pod in members])
            for (_, name), members in grouped(pods, params.by).items()
        ]
    return _Found(
        place, readings, [_row(place, str(pod["metadata"]["namespace"]), name, some) for pod, name, some in parts]
    )


# Usage, and what is kept of processor and memory.
_Part = tuple[Usage, Reserved, Reserved]


def _container(pod: Object, container: Object, readings: Readings) -> _Part:
    return readings.of(pod, container["name"]), of_container(container, CPU), of_container(container, MEMORY)


def _pod(pod: Object, readings: Readings) -> _Part:
    return readings.of_pod(pod), of_pod(pod, CPU), of_pod(pod, MEMORY)


def _row(place: Place, namespace: str, name: str, parts: list[_Part]) -> UsageRow:
    usages, cpus, memories = zip(*parts, strict=True)
    return UsageRow(
        cluster=place.cluster.name,
        namespace=namespace,
        name=name,
        cpu=_processors(total(one.cpu for one in usages)),
        cpu_request=_processors(total(one.request for one in cpus)),
        cpu_limit=_processors(whole(one.limit for one in cpus)),
        memory_mib=_mib(total(one.memory for one in usages)),
        memory_request_mib=_mib(total(one.request for one in memories)),
        memory_limit_mib=_mib(whole(one.limit for one in memories)),
        pods=len(parts),
        unknown=sum(one.cpu is None or one.memory is None for one in usages),
    )


async def _read_nodes(params: MetricsParams, place: Place) -> _Found:
    name = params.target.partition("/")[2]
    nodes = [await place.client.get(NODES, name)] if name else await place.client.list(NODES, labels=params.labels)
    pods = await place.client.list(PODS, fields=f"spec.nodeName={name}" if name else "spec.nodeName!=")
    readings = await usage_of_nodes(place, (str(node["metadata"]["name"]) for node in nodes))
    return _Found(place, readings, nodes=[_node_row(place, node, pods, readings) for node in nodes])


def _node_row(place: Place, node: Object, pods: list[Object], readings: Readings) -> NodeRow:
    name = str(node["metadata"]["name"])
    mine = [pod for pod in pods if runs(pod) and pod["spec"]["nodeName"] == name]
    usage = readings.nodes.get(name, UNKNOWN)
    return NodeRow(
        cluster=place.cluster.name,
        name=name,
        cpu=_processors(usage.cpu),
        cpu_requested=_processors(total(of_pod(pod, CPU).request for pod in mine)) or 0.0,
        cpu_allocatable=float(of_node(node, CPU, "allocatable")),
        memory_mib=_mib(usage.memory),
        memory_requested_mib=_mib(total(of_pod(pod, MEMORY).request for pod in mine)) or 0.0,
        memory_allocatable_mib=_mib(of_node(node, MEMORY, "allocatable")) or 0.0,
        pods=len(mine),
    )


def _processors(amount: Decimal | None) -> float | None:
    return None if amount is None else round(float(amount), 4)


def _mib(amount: Decimal | None) -> float | None:
    return None if amount is None else round(float(amount) / MIB, 1)


OPERATION = Implementation(
    params=MetricsParams, result=MetricsResult, run=run,
    target=lambda params: params.target if "/" in params.target else f"{params.target}/*",
)  # fmt: skip
