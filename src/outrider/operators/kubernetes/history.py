"""What containers have used over time: as it was recorded, or as Prometheus has it from the kubelets."""

import re
from itertools import pairwise
from statistics import median
from typing import Annotated

import msgspec

from outrider.core.codec import decode
from outrider.core.errors import InvalidConfigError
from outrider.core.timestamps import parse_timestamp
from outrider.operators.kubernetes.prometheus import Prometheus, Series
from outrider.operators.kubernetes.reservations import MIB
from outrider.operators.kubernetes.scaling import Load
from outrider.operators.kubernetes.usage import ContainerKey, Usage, measured

RecordedHistory = Annotated[str, msgspec.Meta(extra_json_schema={"contentMediaType": "application/json"})]
Point = tuple[float, float]
_Amount = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
_CPU, _MEMORY = "container_cpu_usage_seconds_total", "container_memory_working_set_bytes"
# cAdvisor and the kubelet's metrics/resource tell the same of a container. The first has series of whole pods, too: without a
# container, or with this one.
_BY_CONTAINER, _PAUSE = "max by (namespace, pod, container)", "POD"
# A rate needs a few scrapes.
_RATE_SECONDS, _STEP_SECONDS = 300.0, 60.0
_AVERAGE_POINTS, _MOST_POINTS = 300, 2000


class Sample(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What was used at a time; what is null or left out is not known.

    Attributes:
        time: RFC 3339, or seconds since the epoch.
        cpu: Processors, of all pods together.
        memory_mib: Working set in MiB, of all pods together.
        pods: How many pods that were.
        container: Which of their containers; all if empty.
        values: Other metrics that an autoscaler follows, by name, of all pods together.
    """

    time: str | float
    cpu: _Amount | None = None
    memory_mib: _Amount | None = None
    pods: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1
    container: str = ""
    values: dict[str, _Amount] = {}

    @property
    def at(self) -> float:
        """Seconds since the epoch.

        Raises:
            InvalidConfigError: The time is none.
        """
        return parse_timestamp(self.time) if isinstance(self.time, str) else float(self.time)


class Track(msgspec.Struct, kw_only=True):
    """What a container of one pod has used: processors, and bytes, each with its time in seconds since the epoch."""

    container: str
    cpu: list[Point] = []
    memory: list[Point] = []


def recorded(history: str, samples: list[Sample]) -> list[Sample]:
    """Return samples that are given as JSON or as data, in the order of their time.

    Raises:
        InvalidConfigError: They cannot be read.
    """
    try:
        found = [*(decode(history, list[Sample]) if history.strip() else ()), *samples]
        found = [msgspec.structs.replace(one, time=one.at) for one in found]
    except InvalidConfigError as error:
        raise error.about("history" if history.strip() else "samples") from error
    return sorted(found, key=lambda one: one.at)


def check_one_history(prometheus: str, history: str, samples: list[Sample]) -> None:
    """Refuse calls without a history, or with two.

    Raises:
        InvalidConfigError: It is such a call.
    """
    if bool(prometheus) != bool(history.strip() or samples):
        return
    raise InvalidConfigError(
        "a history is needed" if not prometheus else "there are two histories", path="prometheus", found=prometheus or "none",
        expected="prometheus, or a recorded history",
        suggestions=["--prometheus http://127.0.0.1:9090", "--prometheus monitoring/prometheus:9090", "--history @usage.json"],
    )  # fmt: skip


def tracks_of(samples: list[Sample], containers: list[str]) -> list[Track]:
    """Return recorded samples as what each container of a pod has used; of several pods the mean.

    Args:
        samples: In the order of their time.
        containers: Those of the workload.

    Raises:
        InvalidConfigError: A sample names no container where there are several, or none of them.
    """
    tracks = {name: Track(container=name) for name in containers}
    for one in samples:
        name = one.container or (containers[0] if len(containers) == 1 else "")
        if name not in tracks:
            raise InvalidConfigError(
                f"samples: '{one.container}' is no container of the workload" if name else "samples: a sample names no container, and there are several",
                path="samples.container", found=one.container, expected=", ".join(containers),
            )  # fmt: skip
        if one.cpu is not None:
            tracks[name].cpu.append((one.at, one.cpu / one.pods))
        if one.memory_mib is not None:
            tracks[name].memory.append((one.at, one.memory_mib * MIB / one.pods))
    return list(tracks.values())


def totals_of(samples: list[Sample]) -> list[Load]:
    """Return what is known at each time, of all containers together."""
    loads: dict[float, dict[str, float | None]] = {}
    for one in samples:
        known = {"cpu": one.cpu, "memory_mib": one.memory_mib, **one.values}
        totals = loads.setdefault(one.at, {})
        for name, value in known.items():
            if value is not None:
                totals[name] = (totals.get(name) or 0.0) + value
    return list(loads.items())


def usual_step(samples: list[Sample]) -> float:
    """Return how many seconds usually lie between two samples."""
    times = sorted({one.at for one in samples})
    return median(later - earlier for earlier, later in pairwise(times)) if len(times) > 1 else 0.0


async def average_usage(prometheus: Prometheus, namespace: str, seconds: float) -> dict[ContainerKey, Usage]:
    """Return what each container has used on average over the last seconds, as long as it was there.

    Raises:
        OutriderError: Prometheus has no answer.
    """
    which = prometheus.selector(namespace=re.escape(namespace), container=".+")
    step = max(_RATE_SECONDS, seconds / _AVERAGE_POINTS)
    window = f"[{seconds:.0f}s:{step:.0f}s]"
    cpu = await prometheus.instant(f"{_BY_CONTAINER} (avg_over_time(rate({_CPU}{which}[{step:.0f}s]){window}))")
    memory = await prometheus.instant(f"{_BY_CONTAINER} (avg_over_time({_MEMORY}{which}{window}))")
    found = [{_key(series): series.points[0][1] for series in some if series.points} for some in (cpu, memory)]
    return {key: measured(found[0].get(key), found[1].get(key)) for key in {*found[0], *found[1]}}


async def tracks_from(prometheus: Prometheus, target: str, namespace: str, seconds: float) -> list[Track]:
    """Return what the containers of all pods that a workload has had used over the last seconds.

    Raises:
        OutriderError: Prometheus has no answer.
    """
    which = _of_workload(prometheus, target, namespace)
    step = max(_STEP_SECONDS, seconds / _MOST_POINTS)
    rate = f"rate({_CPU}{which}[{max(step, _RATE_SECONDS):.0f}s])"
    # Of memory the peaks matter, which may stand between two steps.
    peak = f"max_over_time({_MEMORY}{which}[{step:.0f}s])"
    tracks: dict[ContainerKey, Track] = {}
    for field, expression in (("cpu", rate), ("memory", peak)):
        for series in await prometheus.history(f"{_BY_CONTAINER} ({expression})", seconds, step):
            key = _key(series)
            if key[2] != _PAUSE:
                setattr(tracks.setdefault(key, Track(container=key[2])), field, series.points)
    return list(tracks.values())


async def totals_from(prometheus: Prometheus, target: str, namespace: str, seconds: float) -> list[Sample]:
    """Return what all pods of a workload have used together over the last seconds.

    Raises:
        OutriderError: Prometheus has no answer.
    """
    which = _of_workload(prometheus, target, namespace)
    step = max(_STEP_SECONDS, seconds / (5 * _MOST_POINTS))
    rate = f"rate({_CPU}{which}[{max(step, _RATE_SECONDS):.0f}s])"
    by_time: list[dict[float, float]] = []
    for expression in (
        f"sum({_BY_CONTAINER} ({rate}))",
        f"sum({_BY_CONTAINER} ({_MEMORY}{which}))",
        f"count(count by (pod) ({_MEMORY}{which}))",
    ):
        found = await prometheus.history(expression, seconds, step)
        by_time.append(dict(found[0].points) if found else {})
    cpu, memory, pods = by_time
    return [
        Sample(
            time=time,
            cpu=cpu.get(time),
            memory_mib=memory[time] / MIB if time in memory else None,
            pods=max(1, round(pods.get(time, 1))),
        )
        for time in sorted({*cpu, *memory})
    ]


def _of_workload(prometheus: Prometheus, target: str, namespace: str) -> str:
    return prometheus.selector(namespace=re.escape(namespace), pod=pods_pattern(target), container=".+")


def pods_pattern(target: str) -> str:
    """Return an expression (RE2) for the names of all pods that a workload may have had."""
    kind, _, name = target.partition("/")
    # Of a Deployment the template and the pod, of a StatefulSet the number.
    rest = {"deployment": "[a-z0-9]+-[a-z0-9]+", "statefulset": "[0-9]+"}.get(kind, "[a-z0-9]+")
    return f"{re.escape(name)}-{rest}"


def _key(series: Series) -> ContainerKey:
    labels = series.labels
    return labels.get("namespace", ""), labels.get("pod", ""), labels.get("container", "")
