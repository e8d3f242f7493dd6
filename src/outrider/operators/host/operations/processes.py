"""The processes of this machine that this user may see."""

import asyncio
from fnmatch import fnmatchcase
from typing import Annotated, Literal

import msgspec

from outrider.operators.host.processes import ProcessFacts, facts
from outrider.ports.process import ProcessInfo, list_processes
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class ProcessesParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which processes, in which order.

    Attributes:
        name: Shell pattern for the name, such as nginx*.
        user: Only those of this user.
        sort: Most processor time, most memory, or lowest number first.
        limit: How many at most.
    """

    name: str = "*"
    user: str | None = None
    sort: Literal["cpu", "memory", "pid"] = "cpu"
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20


class ProcessesResult(msgspec.Struct, kw_only=True):
    """The processes; `matching` counts those beyond the limit too."""

    processes: list[ProcessFacts]
    matching: int


async def run(params: ProcessesParams, context: Context) -> ProcessesResult:
    """Read the process table.

    Raises:
        UnsupportedError: There is no /proc.
    """
    del context
    found = [info for info in await asyncio.to_thread(list_processes) if _matches(params, info)]
    found.sort(key=lambda info: _rank(params, info))
    return ProcessesResult(processes=[facts(info) for info in found[: params.limit]], matching=len(found))


def _matches(params: ProcessesParams, info: ProcessInfo) -> bool:
    return fnmatchcase(info.name, params.name) and params.user in (None, info.user)


def _rank(params: ProcessesParams, info: ProcessInfo) -> tuple[float, int]:
    amount = {"cpu": info.cpu_seconds, "memory": info.rss, "pid": 0}[params.sort]
    return -amount, info.pid


OPERATION = Implementation(
    params=ProcessesParams, result=ProcessesResult, run=run, target=lambda params: f"process/{params.name}"
)
