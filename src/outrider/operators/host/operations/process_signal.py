"""A signal to one process, never to a later one with the same pid."""

import signal
from typing import Annotated, Literal

import msgspec

from outrider.core.errors import PreconditionFailedError
from outrider.core.operation import Change, Difference
from outrider.ports.process import ProcessInfo, process, send_signal
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class ProcessSignalParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which process, and which signal.

    Attributes:
        pid: Its number; process 1 is left alone.
        signal: Name of the signal.
    """

    pid: Annotated[int, msgspec.Meta(ge=2, le=4194304)]
    signal: Literal["TERM", "KILL", "HUP", "INT", "QUIT", "USR1", "USR2", "STOP", "CONT"] = "TERM"


class ProcessSignalResult(msgspec.Struct, kw_only=True):
    """The process that the signal was sent to; whether it obeys is its own affair."""

    pid: int
    name: str
    signal: str


async def plan(params: ProcessSignalParams, context: Context) -> Change:
    """Say which process the signal would reach."""
    del context
    found = process(params.pid)
    return Change(
        target=f"process/{params.pid}",
        difference=[
            Difference("process", f"{found.name} of {found.user}, state {found.state}", f"gets {params.signal}")
        ],
        preconditions={"birth": found.birth},
    )


async def run(params: ProcessSignalParams, context: Context) -> ProcessSignalResult:
    """Send it.

    Raises:
        NotFoundError: There is no such process.
        DeniedError: It belongs to another user.
        PreconditionFailedError: The pid belongs to another process than when the plan was made.
    """
    found = process(params.pid)
    _check(found, context)
    send_signal(found.pid, signal.Signals[f"SIG{params.signal}"], birth=found.birth)
    return ProcessSignalResult(pid=found.pid, name=found.name, signal=params.signal)


def _check(found: ProcessInfo, context: Context) -> None:
    expected = context.preconditions.get("birth", found.birth)
    if expected != found.birth:
        raise PreconditionFailedError(
            f"process/{found.pid}: another process has this number now",
            found=f"{found.name}, birth {found.birth}",
            expected=f"birth {expected}",
            suggestions=["make a new plan"],
        )


OPERATION = Implementation(
    params=ProcessSignalParams,
    result=ProcessSignalResult,
    run=run,
    plan=plan,
    target=lambda params: f"process/{params.pid}",
)
