"""One process and its children."""

import asyncio
from typing import Annotated

import msgspec

from outrider.operators.host.processes import ProcessFacts, facts
from outrider.ports.process import list_processes
from outrider.ports.process import process as find_process
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class ProcessParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which process.

    Attributes:
        pid: Its number.
    """

    pid: Annotated[int, msgspec.Meta(ge=1, le=4194304)]


class ProcessResult(ProcessFacts, kw_only=True):
    """Facts of the process; `children` are pids."""

    children: list[int]


async def run(params: ProcessParams, context: Context) -> ProcessResult:
    """Look it up.

    Raises:
        NotFoundError: There is no such process, or it ended meanwhile.
    """
    del context
    found = facts(find_process(params.pid))
    everyone = await asyncio.to_thread(list_processes)
    children = [info.pid for info in everyone if info.ppid == params.pid]
    return ProcessResult(**msgspec.structs.asdict(found), children=children)


OPERATION = Implementation(
    params=ProcessParams, result=ProcessResult, run=run, target=lambda params: f"process/{params.pid}"
)
