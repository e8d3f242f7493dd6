"""How many replicas a workload has, left to a HorizontalPodAutoscaler, or to a ScaledObject of KEDA."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from outrider.core.codec import to_builtins
from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.core.operation import Change
from outrider.core.quantities import Duration
from outrider.operators.kubernetes.applying import Applied, Judged, apply_all, change_of, judge
from outrider.operators.kubernetes.autoscalers import (
    HORIZONTAL,
    KEDA_VERSION,
    SCALED_OBJECT,
    check_scalable,
    check_unscaled,
    keda_resource,
)
from outrider.operators.kubernetes.behavior import Behavior, Percent, ReplicaCount
from outrider.operators.kubernetes.edits import Live, read_live
from outrider.operators.kubernetes.kinds import ScalableWord
from outrider.operators.kubernetes.manifests import ManifestParams
from outrider.operators.kubernetes.owners import owner_of
from outrider.operators.kubernetes.places import Place, TargetInPlaces, changed_in_each, in_each, places
from outrider.operators.kubernetes.reservations import CPU, MEMORY, of_container, running_containers
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.usage import serves_metrics
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation, Inverse


class AutoscaleParams(TargetInPlaces, kw_only=True):
    """What is scaled, within which bounds, and by what.

    Attributes:
        target: KIND/NAME of a workload, such as deployment/web.
        max_replicas: The most.
        min_replicas: The least; 0 is for KEDA alone.
        cpu_percent: How much of the requested processors the pods are to use on average.
        memory_percent: How much of the requested memory, likewise.
        metrics: Further metrics, as spec.metrics of autoscaling/v2 has them.
        scale_up_window: For so long a rise must last.
        scale_down_window: For so long a fall must last; 5 minutes if not given.
        behavior: How fast to go, as spec.behavior of autoscaling/v2 has it.
        triggers: Let KEDA do it by these, as spec.triggers of a ScaledObject has them.
        name: Of the autoscaler; that of the workload if empty.
        force: Take over fields of it that other managers own.
        override_owner: Change it although git, a Helm release or a controller declares it, and would set it back.
    """

    target: ScalableWord
    max_replicas: ReplicaCount
    min_replicas: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 1
    cpu_percent: Percent | None = None
    memory_percent: Percent | None = None
    metrics: list[dict[str, Any]] = msgspec.field(default_factory=list)
    scale_up_window: Duration | None = None
    scale_down_window: Duration | None = None
    behavior: Behavior = msgspec.field(default_factory=Behavior)
    triggers: list[dict[str, Any]] = msgspec.field(default_factory=list)
    name: Annotated[str, msgspec.Meta(pattern=r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)?(?!\n)$")] = ""
    force: bool = False
    override_owner: bool = False

    def check(self) -> None:
        """Check what is asked for, before anything is read.

        Raises:
            InvalidConfigError: The parameters do not fit together.
        """
        if fault := self._fault():
            path, message, expected = fault
            raise InvalidConfigError(
                message, path=path, found=str(getattr(self, path) or "none"), expected=expected, suggestions=["such as --min-replicas 2 --cpu-percent 70"],
            )  # fmt: skip

    def _fault(self) -> tuple[str, str, str] | None:
        if self.min_replicas > self.max_replicas:
            return "min_replicas", "min_replicas is above max_replicas", f"at most {self.max_replicas}"
        if not any((self.cpu_percent, self.memory_percent, self.metrics, self.triggers)):
            return "cpu_percent", "nothing to scale by", "cpu_percent, memory_percent, metrics or triggers"
        if self.triggers and self.metrics:
            return "metrics", "metrics are for a HorizontalPodAutoscaler, triggers for KEDA", "one of them"
        if self.min_replicas == 0 and not self.triggers:
            return "min_replicas", "a HorizontalPodAutoscaler keeps at least one pod", "1, or triggers of KEDA"
        return None

    @property
    def autoscaler(self) -> str:
        """What is applied, as `KIND/NAME`."""
        kind = SCALED_OBJECT if self.triggers else HORIZONTAL
        return f"{kind}/{self.name or self.target.partition('/')[2]}"

    def percents(self) -> dict[str, int]:
        """Return by which resources to scale, and at which share of their requests."""
        given = {CPU: self.cpu_percent, MEMORY: self.memory_percent}
        return {resource: percent for resource, percent in given.items() if percent is not None}


class AutoscaleResult(msgspec.Struct, kw_only=True):
    """What came of the autoscaler, place by place."""

    results: list[Applied]


async def plan(params: AutoscaleParams, context: Context) -> Change:
    """Let the server say what would come of it.

    Raises:
        NotFoundError: The workload is not there.
        InvalidConfigError: The parameters do not fit together, it cannot be scaled, or the server takes the autoscaler for a fault.
        ConflictError: Another autoscaler scales it, or somebody else declares this one.
        UnsupportedError: The cluster has no KEDA.
    """
    params.check()
    async with places(params, context) as here:
        found, failed = await in_each(here, lambda place: _judged(params, place))
    return change_of(found, failed, several=len(here) > 1)


async def run(params: AutoscaleParams, context: Context) -> AutoscaleResult:
    """Apply it.

    Raises:
        NotFoundError: The workload is not there.
        InvalidConfigError: The parameters do not fit together, it cannot be scaled, or the server takes the autoscaler for a fault.
        ConflictError: Another autoscaler scales it, or somebody else declares this one.
        PreconditionFailedError: The autoscaler is no longer as it was when the plan was made.
        UnsupportedError: The cluster has no KEDA.
    """
    params.check()
    async with places(params, context) as here:
        return AutoscaleResult(
            results=await changed_in_each(here, lambda place: _applied(params, place, context.preconditions))
        )


async def _judged(params: AutoscaleParams, place: Place) -> Judged:
    manifest, warnings = await _manifest(params, place)
    [judged] = await judge(manifest, place)
    applied = msgspec.structs.replace(judged.applied, warnings=[*warnings, *judged.applied.warnings])
    return msgspec.structs.replace(judged, applied=applied)


async def _applied(params: AutoscaleParams, place: Place, preconditions: Mapping[str, Any]) -> Applied:
    manifest, warnings = await _manifest(params, place)
    [applied] = await apply_all(manifest, place, preconditions)
    return msgspec.structs.replace(applied, warnings=[*warnings, *applied.warnings])


async def _manifest(params: AutoscaleParams, place: Place) -> tuple[ManifestParams, list[str]]:
    """Return the autoscaler that is wanted, and what may keep it from working."""
    live = await read_live(params.target, place)
    check_scalable(live)
    if params.triggers and await keda_resource(place) is None:
        raise UnsupportedError(
            f"the cluster {place.cluster.name} has no KEDA: it does not serve {KEDA_VERSION}", path="triggers", found=KEDA_VERSION,
            expected="KEDA", suggestions=["install KEDA: https://keda.sh", "scale by cpu_percent, memory_percent or metrics"],
        )  # fmt: skip
    await check_unscaled(live, params.autoscaler)
    wanted = _scaled_object(params, live) if params.triggers else _horizontal(params, live)
    manifest = ManifestParams(objects=[wanted], force=params.force, override_owner=params.override_owner)
    return manifest, [*_missing_requests(params, live), *await _obstacles(params, live)]


def _horizontal(params: AutoscaleParams, live: Live) -> Object:
    metrics: list[Object] = [
        {
            "type": "Resource",
            "resource": {"name": resource, "target": {"type": "Utilization", "averageUtilization": percent}},
        }
        for resource, percent in params.percents().items()
    ]
    spec = {
        "scaleTargetRef": _reference(live),
        "minReplicas": params.min_replicas,
        "maxReplicas": params.max_replicas,
        "metrics": [*params.metrics, *metrics],
        **({"behavior": behavior} if (behavior := _behavior(params)) else {}),
    }
    return _object("autoscaling/v2", "HorizontalPodAutoscaler", params, live, spec)


def _scaled_object(params: AutoscaleParams, live: Live) -> Object:
    triggers: list[Object] = [
        {"type": resource, "metricType": "Utilization", "metadata": {"value": str(percent)}}
        for resource, percent in params.percents().items()
    ]
    behavior = _behavior(params)
    advanced = {"horizontalPodAutoscalerConfig": {"behavior": behavior}}
    spec = {
        "scaleTargetRef": _reference(live),
        "minReplicaCount": params.min_replicas,
        "maxReplicaCount": params.max_replicas,
        "triggers": [*params.triggers, *triggers],
        **({"advanced": advanced} if behavior else {}),
    }
    return _object(KEDA_VERSION, "ScaledObject", params, live, spec)


def _object(version: str, kind: str, params: AutoscaleParams, live: Live, spec: Object) -> Object:
    name = params.autoscaler.partition("/")[2]
    metadata = {"name": name, "namespace": live.place.namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _reference(live: Live) -> Object:
    resource = live.kind.resource
    return {"apiVersion": resource.api_version, "kind": resource.kind, "name": live.object["metadata"]["name"]}


def _behavior(params: AutoscaleParams) -> Object:
    found: Object = to_builtins(params.behavior.with_windows(params.scale_up_window, params.scale_down_window))
    return {direction: rules for direction, rules in found.items() if rules}


def _missing_requests(params: AutoscaleParams, live: Live) -> list[str]:
    """Tell of containers without a request, of which no share can be counted."""
    template = (live.object["spec"].get("template") or {}).get("spec") or {}
    return [
        f"container {one['name']} requests no {resource}: its share cannot be counted, and nothing will be scaled by it, "
        "unless a LimitRange sets a request"
        for resource in params.percents()
        for one in running_containers(template)
        if of_container(one, resource).request is None
    ]


async def _obstacles(params: AutoscaleParams, live: Live) -> list[str]:
    found = []
    if params.percents() and not await serves_metrics(live.place):
        found.append("the cluster does not serve metrics.k8s.io: nothing will be scaled until metrics-server is there")
    if not params.triggers and live.object["spec"].get("replicas") == 0:
        found.append(f"{live.title} has 0 replicas: an autoscaler leaves it so until it is scaled up by hand")
    if owner := owner_of(live.object):
        found.append(f"{owner.kind} {owner.name} declares {live.title}: leave spec.replicas out there, or it fights the autoscaler")  # fmt: skip
    return found


def inverse(params: AutoscaleParams, result: Mapping[str, Any]) -> Inverse | None:
    """Return the call that deletes an autoscaler that was not there before; None where one was."""
    if {one["action"] for one in result["results"]} != {"created"}:
        return None
    return "delete", {"target": params.autoscaler, "cluster": params.cluster, "namespace": params.namespace}


OPERATION = Implementation(
    params=AutoscaleParams, result=AutoscaleResult, run=run, plan=plan, inverse=inverse,
    target=lambda params: (params.target, params.autoscaler),
)  # fmt: skip
