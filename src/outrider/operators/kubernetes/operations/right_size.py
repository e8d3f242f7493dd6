"""How much the containers of a workload should request, after what they have used."""

import shlex
from decimal import Decimal

import msgspec

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.core.quantities import Duration, duration
from outrider.operators.kubernetes.autoscalers import autoscalers_of
from outrider.operators.kubernetes.edits import read_live
from outrider.operators.kubernetes.history import (
    Point,
    RecordedHistory,
    Sample,
    Track,
    check_one_history,
    recorded,
    tracks_from,
    tracks_of,
)
from outrider.operators.kubernetes.kinds import WorkloadWord, target_of_object
from outrider.operators.kubernetes.places import Place, TargetInOnePlace, connected
from outrider.operators.kubernetes.plots import sparkline
from outrider.operators.kubernetes.prometheus import Matchers, Prometheus, PrometheusAddress
from outrider.operators.kubernetes.quantities import show_cpu, show_memory
from outrider.operators.kubernetes.reservations import CPU, MEMORY, of_container
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.sizing import Size, size_of_cpu, size_of_memory
from outrider.operators.kubernetes.usage import Remark
from outrider.operators.kubernetes.workloads import pods_of
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

# As many days as the recommender of the Vertical Pod Autoscaler looks back.
_WHOLE_DAYS = 8.0


class RightSizeParams(TargetInOnePlace, kw_only=True):
    """Which workload, and its history: from Prometheus, or as it was recorded.

    Attributes:
        target: A deployment, statefulset or daemonset.
        prometheus: Address of a Prometheus server that scrapes the kubelets, or NAMESPACE/SERVICE:PORT of one in the cluster.
        matchers: Further label matchers, where it has the series of several clusters.
        window: How far back.
        history: Samples as a JSON list, in place of Prometheus; on the command line @FILE, or @- for standard input.
        samples: The same as data.
        series: Whether the result has the whole history too, for programs.
    """

    target: WorkloadWord
    prometheus: PrometheusAddress = ""
    matchers: Matchers = ""
    window: Duration = duration("8d")
    history: RecordedHistory = ""
    samples: list[Sample] = msgspec.field(default_factory=list)
    series: bool = False

    def check(self) -> None:
        """Check what is asked for, before anything is read.

        Raises:
            InvalidConfigError: There is not one history, or it is too short or too long.
        """
        check_one_history(self.prometheus, self.history, self.samples)
        if not 3600 <= self.window <= 90 * 86_400:
            raise InvalidConfigError(
                "window is out of bounds", path="window", found=str(self.window), expected="1h to 90d"
            )


class Recommendation(msgspec.Struct, kw_only=True):
    """What a container should request of a resource; null where it is not set, or nobody has measured it.

    Attributes:
        request: As it is.
        limit: As it is.
        target: What to request: with it the container has enough nine tenths of the time, and 15 % more.
        target_limit: The limit, in the proportion that it has to the request now.
        lower: With a request below it, it is short.
        upper: A request above it is waste.
        peak: The most that one pod has used.
        confidence: How much of 8 days the history covers: low below one day, fair, or good from 8 days on.
        usage: The history, the highest block as high as the request or the peak.
    """

    container: str
    resource: str
    request: str | None
    limit: str | None
    target: str | None
    target_limit: str | None
    lower: str | None
    upper: str | None
    peak: str | None
    confidence: str
    usage: str


class Command(msgspec.Struct, kw_only=True):
    """How to set what is recommended."""

    container: str
    command: str


class RightSizeResult(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What to request, container by container.

    Attributes:
        days: How much of the time the history covers, in days.
        remarks: What may make the history incomplete.
        series: By container and resource, what each pod has used: seconds since the epoch, and processors or bytes.
    """

    cluster: str
    namespace: str
    target: str
    source: str
    days: float
    items: list[Recommendation]
    commands: list[Command]
    remarks: list[Remark] = []
    series: dict[str, list[list[Point]]] = {}


async def run(params: RightSizeParams, context: Context) -> RightSizeResult:
    """Work it out.

    Raises:
        NotFoundError: The workload is not there, or nobody has measured it.
        InvalidConfigError: There is not one history, or a sample names no container of it.
        ExecutionFailedError: Prometheus cannot tell.
    """
    params.check()
    async with connected(params, context) as place:
        live = await read_live(params.target, place)
        containers: list[Object] = live.object["spec"]["template"]["spec"]["containers"]
        pods = await pods_of(live.object, place)
        tracks, source, remarks = await _tracks(params, place, [str(one["name"]) for one in containers], context)
        remarks += [
            Remark(place.cluster.name, f"{target_of_object(one)} scales by shares of the requests: with others it has another number of pods")
            for one in await autoscalers_of(live)
            if any("averageUtilization" in str(metric) for metric in one["spec"].get("metrics") or ())
        ]  # fmt: skip
    result = RightSizeResult(
        cluster=place.cluster.name, namespace=place.namespace, target=params.target, source=source, days=0.0, items=[], commands=[],
        remarks=remarks,
    )  # fmt: skip
    for container in containers:
        _judge(container, [one for one in tracks if one.container == container["name"]], pods, params, result)
    if not any(one.target for one in result.items):
        raise NotFoundError(
            f"nobody has measured {params.target} in {place.title}", path="prometheus", found=source, expected="usage of its containers",
            suggestions=["correct namespace and matchers", "let Prometheus scrape the kubelets: /metrics/cadvisor"] if params.prometheus
            else ["give samples with cpu or memory_mib"],
        )  # fmt: skip
    return result


async def _tracks(
    params: RightSizeParams, place: Place, containers: list[str], context: Context
) -> tuple[list[Track], str, list[Remark]]:
    if not params.prometheus:
        return tracks_of(recorded(params.history, params.samples), containers), "recorded", []
    prometheus = Prometheus(params.prometheus, params.matchers, place, context)
    found = await tracks_from(prometheus, params.target, place.namespace, params.window)
    return found, "prometheus", prometheus.remarks


def _judge(
    container: Object, tracks: list[Track], pods: list[Object], params: RightSizeParams, result: RightSizeResult
) -> None:
    name = str(container["name"])
    sizes = {CPU: size_of_cpu(tracks), MEMORY: size_of_memory(tracks, _killed_at(container, pods))}
    result.days = round(max([result.days, *(size.days for size in sizes.values() if size)]), 2)
    rows = []
    for resource, size in sizes.items():
        histories = [track.cpu if resource == CPU else track.memory for track in tracks]
        rows.append(_row(container, resource, size, [point for history in histories for point in history]))
        if params.series:
            result.series[f"{name}/{resource}"] = histories
    result.items += rows
    if command := _command(params, result, rows):
        result.commands.append(Command(container=name, command=command))


def _row(container: Object, resource: str, size: Size | None, points: list[Point]) -> Recommendation:
    now = of_container(container, resource)
    sized = msgspec.structs.asdict(size) if size else {}
    if size and now.limit and now.request:
        sized["target_limit"] = Decimal(size.target) * now.limit / now.request

    def shown(amount: Decimal | float | None) -> str | None:
        return None if amount is None else show_cpu(amount) if resource == CPU else show_memory(amount)

    return Recommendation(
        container=str(container["name"]),
        resource=resource,
        request=shown(now.request),
        limit=shown(now.limit),
        **{name: shown(sized.get(name)) for name in ("target", "target_limit", "lower", "upper", "peak")},
        confidence=_confidence(size.days) if size else "none",
        usage=sparkline(points, top=max(float(now.request or 0), size.peak) if size else None),
    )


def _confidence(days: float) -> str:
    # A history of eight days ends a step before them.
    return "low" if days < 1 else "fair" if days < 0.99 * _WHOLE_DAYS else "good"


def _killed_at(container: Object, pods: list[Object]) -> float | None:
    """Return the limit at which a container was killed for its memory, if it was."""
    limit = of_container(container, MEMORY).limit
    states = [
        state.get("terminated") or {}
        for pod in pods
        for status in (pod.get("status") or {}).get("containerStatuses") or ()
        if status["name"] == container["name"]
        for state in (status.get("state") or {}, status.get("lastState") or {})
    ]
    killed = any(state.get("reason") == "OOMKilled" for state in states)
    return float(limit) if limit is not None and killed else None


def _command(params: RightSizeParams, result: RightSizeResult, rows: list[Recommendation]) -> str:
    """Return the command that sets what is recommended; empty where all is so already."""
    settings = [
        (f"--{row.resource}{suffix}", value)
        for row in rows
        for suffix, value, now in (("-request", row.target, row.request), ("", row.target_limit, row.limit))
        if value and value != now
    ]
    if not settings:
        return ""
    words = ["outrider", "kubernetes", "set_resources", params.target, "--container", rows[0].container]
    words += [word for setting in settings for word in setting]
    words += ["--namespace", result.namespace, *(["--cluster", params.cluster] if params.cluster else [])]
    return shlex.join(words)


OPERATION = Implementation(params=RightSizeParams, result=RightSizeResult, run=run, target=lambda params: params.target)
