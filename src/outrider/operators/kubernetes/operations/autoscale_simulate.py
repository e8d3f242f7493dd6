"""What an autoscaler would have done with the recorded load of a workload."""

import asyncio
from itertools import pairwise
from typing import Annotated

import msgspec

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.core.quantities import Duration, duration
from outrider.core.timestamps import timestamp
from outrider.operators.kubernetes.behavior import Behavior, Percent, ReplicaCount
from outrider.operators.kubernetes.edits import read_live
from outrider.operators.kubernetes.history import (
    RecordedHistory,
    Sample,
    check_one_history,
    recorded,
    totals_from,
    totals_of,
    usual_step,
)
from outrider.operators.kubernetes.kinds import ScalableWord, target_name
from outrider.operators.kubernetes.places import OnePlace, Place, connected
from outrider.operators.kubernetes.plots import sparkline
from outrider.operators.kubernetes.prometheus import Matchers, Prometheus, PrometheusAddress
from outrider.operators.kubernetes.reservations import CPU, MEMORY, MIB, of_container, running_containers
from outrider.operators.kubernetes.scaling import SYNC_SECONDS, Goal, Load, Outcome, Settings, simulate
from outrider.operators.kubernetes.usage import Remark
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_MOST_LOOKS = 250_000
# As samples name them.
_FIELDS = {CPU: "cpu", MEMORY: "memory_mib"}


class AutoscaleSimulateParams(OnePlace, kw_only=True):
    """The settings of an autoscaler, and a history: from Prometheus, or as it was recorded.

    Attributes:
        target: KIND/NAME of a workload. Not needed with a recorded history and averages alone; no cluster is asked then.
        max_replicas: The most; without bounds it shows how many would be needed.
        min_replicas: The least.
        cpu_percent: How much of the processors that the target requests its pods are to use on average.
        memory_percent: How much of the memory, likewise.
        averages: What one pod is to have on average of cpu, memory_mib, or another metric that the samples have.
        scale_up_window: For so long a rise must last.
        scale_down_window: For so long a fall must last; 5 minutes if not given.
        behavior: How fast to go, as spec.behavior of autoscaling/v2 has it.
        prometheus: Address of a Prometheus server that scrapes the kubelets, or NAMESPACE/SERVICE:PORT of one in the cluster.
        matchers: Further label matchers, where it has the series of several clusters.
        window: How far back Prometheus is asked.
        history: Samples as a JSON list, in place of Prometheus; on the command line @FILE, or @- for standard input.
        samples: The same as data.
    """

    target: ScalableWord | None = None
    max_replicas: ReplicaCount = 1000
    min_replicas: ReplicaCount = 1
    cpu_percent: Percent | None = None
    memory_percent: Percent | None = None
    averages: dict[str, Annotated[float, msgspec.Meta(ge=1e-9, le=1e12)]] = msgspec.field(default_factory=dict)
    scale_up_window: Duration | None = None
    scale_down_window: Duration | None = None
    behavior: Behavior = msgspec.field(default_factory=Behavior)
    prometheus: PrometheusAddress = ""
    matchers: Matchers = ""
    window: Duration = duration("24h")
    history: RecordedHistory = ""
    samples: list[Sample] = msgspec.field(default_factory=list)

    def __post_init__(self) -> None:
        """Bring the target into its one form.

        Raises:
            InvalidConfigError: Its kind is none.
        """
        self.target = target_name(self.target) if self.target else None

    def check(self) -> None:
        """Check what is asked for, before anything is read.

        Raises:
            InvalidConfigError: The parameters do not fit together.
        """
        check_one_history(self.prometheus, self.history, self.samples)
        if fault := self._fault():
            path, message, expected = fault
            raise InvalidConfigError(message, path=path, found=str(getattr(self, path) or "none"), expected=expected)

    def _fault(self) -> tuple[str, str, str] | None:
        if self.min_replicas > self.max_replicas:
            return "min_replicas", "min_replicas is above max_replicas", f"at most {self.max_replicas}"
        if not (self.percents or self.averages):
            return "cpu_percent", "nothing to scale by", "cpu_percent, memory_percent or averages"
        if self.target is None and (self.percents or self.prometheus):
            return "target", "a target is needed: percents are those of its requests", "such as deployment/web"
        if twice := [_FIELDS[resource] for resource in self.percents if _FIELDS[resource] in self.averages]:
            return "averages", f"{twice[0]} has two goals", "a percentage or an average"
        if not 600 <= self.window <= 30 * 86_400:
            return "window", "window is out of bounds", "10m to 30d"
        return None

    @property
    def percents(self) -> dict[str, int]:
        """By which resources to scale, and at which share of their requests."""
        given = {CPU: self.cpu_percent, MEMORY: self.memory_percent}
        return {resource: percent for resource, percent in given.items() if percent is not None}


class ReplicaChange(msgspec.Struct, kw_only=True):
    """From when on there were how many pods."""

    time: str
    replicas: int


class AutoscaleSimulateResult(msgspec.Struct, kw_only=True):
    """What the autoscaler would have done.

    Attributes:
        hours: How long the history is.
        load: Of the first metric, over time; a dot where it is not known.
        replicas: Over time.
        highest: The most pods that there were.
        changes: How often their number changed.
        pod_hours: Of all pods.
        recorded_pod_hours: Of the pods that there really were, after the samples.
        fixed_pod_hours: Of the highest number of pods, had there always been so many.
        short_hours: For how long a metric was above its target by more than the tolerance.
        unknown_hours: For how long no metric was known, and nothing changed.
        items: How many pods there were at first, and each change.
        remarks: What may make the history incomplete.
    """

    hours: float
    load: str
    replicas: str
    highest: int
    lowest: int
    changes: int
    pod_hours: float
    recorded_pod_hours: float
    fixed_pod_hours: float
    short_hours: float
    unknown_hours: float
    items: list[ReplicaChange]
    remarks: list[Remark] = []


async def run(params: AutoscaleSimulateParams, context: Context) -> AutoscaleSimulateResult:
    """Let it follow the history.

    Raises:
        NotFoundError: The target is not there, or the history has nothing to scale by.
        InvalidConfigError: The parameters do not fit together, the target requests nothing of which a share could be counted, or the history is too long.
        ExecutionFailedError: Prometheus cannot tell.
    """
    params.check()
    behavior = params.behavior.with_windows(params.scale_up_window, params.scale_down_window)
    goals = {name: Goal(average) for name, average in params.averages.items()}
    samples, remarks = recorded(params.history, params.samples), []
    if params.target is not None:
        async with connected(params, context) as place:
            goals |= await _shares(params, params.target, place)
            if params.prometheus:
                prometheus = Prometheus(params.prometheus, params.matchers, place, context)
                samples = await totals_from(prometheus, params.target, place.namespace, params.window)
                remarks = prometheus.remarks
    loads = totals_of(samples)
    _check(loads, goals)
    settings = Settings(least=params.min_replicas, most=params.max_replicas, goals=goals, behavior=behavior)
    longest = 2 * max(usual_step(samples), SYNC_SECONDS)
    # In a thread: a month has some 170 000 looks of the controller.
    outcome = await asyncio.to_thread(simulate, settings, loads, samples[0].pods, longest=longest)
    first = next(iter(goals))
    load = sparkline((time, totals.get(first)) for time, totals in loads)
    return _told(samples, load, outcome, remarks)


async def _shares(params: AutoscaleSimulateParams, target: str, place: Place) -> dict[str, Goal]:
    """Return the goals that are shares of what a pod of the target requests."""
    live = await read_live(target, place)
    template = (live.object["spec"].get("template") or {}).get("spec") or {}
    goals = {}
    for resource, percent in params.percents.items():
        requests = {str(one["name"]): of_container(one, resource).request for one in running_containers(template)}
        lacking = [name for name, request in requests.items() if not request]
        if lacking or not requests:
            raise InvalidConfigError(
                f"{live.title}: container {', '.join(lacking)} requests no {resource}, so that no share of it can be counted", path=f"{resource}_percent",
                found=", ".join(lacking), expected="requests of all containers",
                suggestions=[f"outrider kubernetes set_resources {target}", "give averages"],
            )  # fmt: skip
        request = sum(float(one) for one in requests.values() if one is not None)
        goals[_FIELDS[resource]] = Goal(percent, request / MIB if resource == MEMORY else request)
    return goals


def _check(loads: list[Load], goals: dict[str, Goal]) -> None:
    for name in goals:
        if not any(name in totals for _, totals in loads):
            known = sorted({name for _, totals in loads for name in totals})
            raise NotFoundError(
                f"the history has no {name}", path="samples", found=", ".join(known) or "nothing", expected=name,
                suggestions=["give samples that have it", "of Prometheus: correct namespace and matchers"],
            )  # fmt: skip
    looks = (loads[-1][0] - loads[0][0]) / SYNC_SECONDS
    if looks > _MOST_LOOKS:
        raise InvalidConfigError(
            "the history is too long", path="samples", found=f"{looks * SYNC_SECONDS / 86_400:.0f} days", expected=f"at most {_MOST_LOOKS * SYNC_SECONDS / 86_400:.0f} days"
        )  # fmt: skip


def _told(samples: list[Sample], load: str, outcome: Outcome, remarks: list[Remark]) -> AutoscaleSimulateResult:
    points = outcome.replicas
    changes = [points[0], *(later for earlier, later in pairwise(points) if earlier[1] != later[1])]
    hours = len(points) * SYNC_SECONDS / 3600
    pods = [replicas for _, replicas in points]
    return AutoscaleSimulateResult(
        hours=round(hours, 2),
        load=load,
        replicas=sparkline(points),
        highest=max(pods),
        lowest=min(pods),
        changes=len(changes) - 1,
        pod_hours=round(sum(pods) * SYNC_SECONDS / 3600, 2),
        recorded_pod_hours=round(_recorded_hours(samples), 2),
        fixed_pod_hours=round(max(pods) * hours, 2),
        short_hours=round(outcome.over / 3600, 2),
        unknown_hours=round(outcome.unknown / 3600, 2),
        items=[ReplicaChange(time=timestamp(time), replicas=replicas) for time, replicas in changes],
        remarks=remarks,
    )


def _recorded_hours(samples: list[Sample]) -> float:
    times = [*(one.at for one in samples), samples[-1].at + SYNC_SECONDS]
    return sum(one.pods * (later - one.at) for one, later in zip(samples, times[1:], strict=True)) / 3600


OPERATION = Implementation(
    params=AutoscaleSimulateParams, result=AutoscaleSimulateResult, run=run, target=lambda params: params.target or "deployment/*"
)  # fmt: skip
