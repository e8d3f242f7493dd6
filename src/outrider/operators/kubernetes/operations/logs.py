"""What containers have written, of one pod or of all pods of a workload, in the order of time."""

import asyncio
from typing import Annotated, Any

import msgspec

from outrider.core.errors import NotFoundError, OutriderError, did_you_mean
from outrider.core.quantities import Duration, duration
from outrider.operators.kubernetes.edits import read_live
from outrider.operators.kubernetes.kinds import TargetWord
from outrider.operators.kubernetes.places import Place, TargetInOnePlace, connected
from outrider.operators.kubernetes.workloads import pods_of
from outrider.ports.kube.resources import PODS, query
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_MAX_BYTES = 1024 * 1024
_MOST_PODS = 50


class LogsParams(TargetInOnePlace, kw_only=True):
    """Whose log, and how much of it.

    Attributes:
        target: A pod, or what has pods: deployment/web, service/web, node/n1.
        container: One of the pod's containers; all of them if empty.
        previous: What the container wrote before it was started again.
        lines: How many lines of each container at most, the last ones.
        since: Only lines of this time; all if 0.
        contains: Only lines with this text in them.
    """

    target: TargetWord
    container: str = ""
    previous: bool = False
    lines: Annotated[int, msgspec.Meta(ge=1, le=10000)] = 100
    since: Duration = duration("0s")
    contains: str = ""


class LogLine(msgspec.Struct, kw_only=True):
    """A line; bytes that are no UTF-8 are replaced."""

    time: str
    pod: str
    container: str
    text: str


class LogsResult(msgspec.Struct, kw_only=True):
    """The lines, the oldest first.

    Attributes:
        cut: Containers of whose lines the last ones are missing, because together they are longer than 1 MiB.
        silent: Containers that have no log, and why.
    """

    lines: list[LogLine]
    cut: list[str] = []
    silent: list[str] = []


async def run(params: LogsParams, context: Context) -> LogsResult:
    """Read them.

    Raises:
        NotFoundError: There is no such object or container.
        InvalidConfigError: It has no pods.
    """
    async with connected(params, context) as place:
        pods = (await pods_of((await read_live(params.target, place)).object, place))[:_MOST_PODS]
        wanted = [(pod, name) for pod in pods for name in _containers(pod) if params.container in ("", name)]
        if not wanted:
            raise _nothing(params, pods)
        found = await asyncio.gather(*(_read(params, place, pod, name) for pod, name in wanted))
    result = LogsResult(lines=[])
    for one in found:
        result.lines += one.lines
        result.cut += one.cut
        result.silent += one.silent
    result.lines.sort(key=lambda line: line.time)
    return result


def _containers(pod: dict[str, Any]) -> list[str]:
    spec = pod["spec"]
    return [str(one["name"]) for part in ("initContainers", "containers") for one in spec.get(part) or ()]


def _nothing(params: LogsParams, pods: list[dict[str, Any]]) -> NotFoundError:
    names = sorted({name for pod in pods for name in _containers(pod)})
    if not pods:
        return NotFoundError(
            f"{params.target} has no pods", found=params.target, suggestions=[f"outrider kubernetes diagnose {params.target}"]
        )  # fmt: skip
    return NotFoundError(
        f"{params.target} has no container '{params.container}'", path="container", found=params.container,
        expected=", ".join(names), suggestions=did_you_mean(params.container, names),
    )  # fmt: skip


async def _read(params: LogsParams, place: Place, pod: dict[str, Any], container: str) -> LogsResult:
    metadata = pod["metadata"]
    name, namespace = str(metadata["name"]), str(metadata["namespace"])
    fields: dict[str, Any] = {
        "container": container, "previous": params.previous, "timestamps": True, "tailLines": params.lines,
        "sinceSeconds": max(1, round(params.since)) if params.since else None, "limitBytes": _MAX_BYTES + 1,
    }  # fmt: skip
    title = f"{name}/{container}"
    try:
        data = await place.client.raw(
            PODS.path(namespace, name, "log") + query(**fields), shown=f"read the log of {title}", accept="text/plain, */*"
        )  # fmt: skip
    except OutriderError as error:
        # Of several containers one that waits to be started has no log yet, which is no fault of the others.
        if error.code not in ("INVALID_CONFIG", "NOT_FOUND") or params.container:
            raise
        return LogsResult(lines=[], silent=[f"{title}: {error.message.rpartition(': ')[2]}"])
    lines = [_line(text, name, container) for text in data[:_MAX_BYTES].decode("utf-8", "replace").splitlines()]
    kept = [line for line in lines if params.contains in line.text]
    return LogsResult(lines=kept, cut=[title] if len(data) > _MAX_BYTES else [])


def _line(text: str, pod: str, container: str) -> LogLine:
    time, _, rest = text.partition(" ")
    return LogLine(time=time, pod=pod, container=container, text=rest)


OPERATION = Implementation(params=LogsParams, result=LogsResult, run=run, target=lambda params: params.target)
