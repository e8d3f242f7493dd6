"""What autoscalers want, what they see, and why they do not do more."""

from typing import Annotated, Any

import msgspec

from outrider.core.errors import NotFoundError
from outrider.operators.kubernetes.autoscaler_findings import Finding, findings_of, findings_of_scaled_object
from outrider.operators.kubernetes.autoscalers import (
    HORIZONTAL,
    SCALED_OBJECT,
    keda_resource,
    scaled_object_of,
    target_of,
)
from outrider.operators.kubernetes.kinds import OptionalTargetWord, target_of_object
from outrider.operators.kubernetes.places import Failure, Place, PlacesOrTarget, in_each, places
from outrider.operators.kubernetes.shown import Object
from outrider.ports.kube.resources import AUTOSCALERS
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class AutoscaleStatusParams(PlacesOrTarget, kw_only=True):
    """Which autoscalers.

    Attributes:
        target: One of them, or a workload that is scaled, as KIND/NAME; all if empty.
    """

    target: Annotated[OptionalTargetWord, msgspec.Meta(examples=["deployment/web", "hpa/web"])] = ""


class AutoscalerRow(msgspec.Struct, kw_only=True):
    """A HorizontalPodAutoscaler.

    Attributes:
        state: disabled at 0 replicas, blind without metrics, stuck if it cannot scale, at_most, at_least or limited where its
            bounds hold it, else working.
        desired: How many replicas it wants.
        scaled_object: That of KEDA which has made it, if one has.
    """

    cluster: str
    namespace: str
    name: str
    target: str
    state: str
    min_replicas: int
    max_replicas: int
    current: int
    desired: int
    scaled_object: str


class MetricRow(msgspec.Struct, kw_only=True):
    """A metric that an autoscaler follows; `current` is null where it is not known."""

    cluster: str
    namespace: str
    name: str
    metric: str
    current: str | None
    target: str


class AutoscaleStatusResult(msgspec.Struct, kw_only=True):
    """Autoscalers, their metrics, and what is to be said of them.

    Attributes:
        findings: What keeps them from scaling, and what limits them.
        failed: Clusters and namespaces that gave none, and why.
    """

    items: list[AutoscalerRow]
    metrics: list[MetricRow]
    findings: list[Finding]
    failed: list[Failure] = []


async def run(params: AutoscaleStatusParams, context: Context) -> AutoscaleStatusResult:
    """Read them.

    Raises:
        NotFoundError: The target has none.
    """
    async with places(params, context, every=True) as here:
        found, failed = await in_each(here, lambda place: _read(params, place))
    return AutoscaleStatusResult(
        items=[row for one in found for row in one.items],
        metrics=[row for one in found for row in one.metrics],
        findings=[row for one in found for row in one.findings],
        failed=failed,
    )


async def _read(params: AutoscaleStatusParams, place: Place) -> AutoscaleStatusResult:
    keda = await keda_resource(place)
    scaled = await place.client.list(keda, place.searched) if keda else []
    horizontal = await place.client.list(AUTOSCALERS, place.searched)
    if params.target:
        scaled, horizontal = ([one for one in some if params.target in _titles(one)] for some in (scaled, horizontal))
        if not scaled and not horizontal:
            raise NotFoundError(
                f"{params.target} in {place.title} has no autoscaler", path="target", found=params.target, expected="an autoscaler, or what one scales",
                suggestions=[f"outrider kubernetes autoscale {params.target}", "outrider kubernetes autoscale_status"],
            )  # fmt: skip
    cluster = place.cluster.name
    return AutoscaleStatusResult(
        items=[_row(one, cluster) for one in horizontal],
        metrics=[row for one in horizontal for row in _metrics(one, cluster)],
        findings=[
            *(finding for one in scaled for finding in findings_of_scaled_object(one, cluster)),
            *(finding for one in horizontal for finding in findings_of(one, target_of(one), cluster)),
        ],
    )


def _titles(autoscaler: Object) -> set[str]:
    """Return by which names an autoscaler may be asked for."""
    titles = {target_of_object(autoscaler), target_of(autoscaler)}
    if name := scaled_object_of(autoscaler):
        titles.add(f"{SCALED_OBJECT}/{name}")
    return titles


def _row(autoscaler: Object, cluster: str) -> AutoscalerRow:
    metadata, spec, status = autoscaler["metadata"], autoscaler["spec"], autoscaler.get("status") or {}
    return AutoscalerRow(
        cluster=cluster,
        namespace=metadata["namespace"],
        name=metadata["name"],
        target=target_of(autoscaler),
        state=_state(status),
        min_replicas=int(1 if spec.get("minReplicas") is None else spec["minReplicas"]),
        max_replicas=int(spec["maxReplicas"]),
        current=int(status.get("currentReplicas") or 0),
        desired=int(status.get("desiredReplicas") or 0),
        scaled_object=scaled_object_of(autoscaler),
    )


def _state(status: dict[str, Any]) -> str:
    conditions = {one.get("type"): one for one in status.get("conditions") or ()}
    able, active, limited = (conditions.get(kind) or {} for kind in ("AbleToScale", "ScalingActive", "ScalingLimited"))
    if able.get("status") == "False":
        return "stuck"
    if active.get("status") == "False":
        return "disabled" if active.get("reason") == "ScalingDisabled" else "blind"
    if limited.get("status") == "True":
        return {"TooManyReplicas": "at_most", "TooFewReplicas": "at_least"}.get(str(limited.get("reason")), "limited")
    return "working" if conditions else "new"


def _metrics(autoscaler: Object, cluster: str) -> list[MetricRow]:
    metadata = autoscaler["metadata"]
    current = {_metric_name(one): one for one in (autoscaler.get("status") or {}).get("currentMetrics") or ()}
    return [
        MetricRow(
            cluster=cluster, namespace=metadata["namespace"], name=metadata["name"], metric=name,
            current=_amount(_source(current[name]).get("current")) if name in current else None,
            target=_amount(_source(one).get("target")) or "",
        )
        for one in autoscaler["spec"].get("metrics") or ()
        for name in [_metric_name(one)]
    ]  # fmt: skip


def _source(metric: Object) -> Object:
    """Return what a metric says of where it comes from, which stands under its type."""
    kind = str(metric.get("type") or "")
    return metric.get(kind[:1].lower() + kind[1:]) or {}


def _metric_name(metric: Object) -> str:
    source = _source(metric)
    about = source.get("describedObject") or {}
    parts = (
        source.get("container"),
        about.get("kind"),
        about.get("name"),
        source.get("name"),
        (source.get("metric") or {}).get("name"),
    )
    return "/".join(str(part) for part in parts if part)


def _amount(value: Object | None) -> str | None:
    """Return a target or a present value as people read it: `70%`, `30m per pod`, `100`."""
    found = value or {}
    if "averageUtilization" in found:
        return f"{found['averageUtilization']}%"
    if "averageValue" in found:
        return f"{found['averageValue']} per pod"
    return str(found["value"]) if "value" in found else None


OPERATION = Implementation(
    params=AutoscaleStatusParams, result=AutoscaleStatusResult, run=run, target=lambda params: params.target or f"{HORIZONTAL}/*"
)  # fmt: skip
