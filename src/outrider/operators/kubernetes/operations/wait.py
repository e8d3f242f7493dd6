"""Until something is so of an object."""

from collections.abc import Callable
from typing import Annotated

import msgspec

from outrider.core.errors import DeadlineExceededError, NotFoundError
from outrider.operators.kubernetes.edits import read_live
from outrider.operators.kubernetes.kinds import TargetWord
from outrider.operators.kubernetes.places import Place, TargetInOnePlace, connected
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.workloads import check_workload, rollout_of, wait_for_rollout
from outrider.runtime.context import Context
from outrider.runtime.expressions import compiled
from outrider.runtime.implementation import Implementation

_LOOK_SECONDS = 0.3
_SHOWN = 500


class WaitParams(TargetInOnePlace, kw_only=True):
    """What is waited for.

    Attributes:
        target: `KIND/NAME`, such as pod/web-0.
        until: exists, deleted, ready (its condition Ready or Available is True), rollout (of a workload, complete), or a CEL
            expression over `object`, such as object.status.phase == "Running".
    """

    target: TargetWord
    until: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] = "ready"

    def __post_init__(self) -> None:
        """Bring the target into its one form, and read the expression.

        Raises:
            InvalidConfigError: Its kind is none, or has no rollout, or the expression does not compile.
        """
        super().__post_init__()
        if self.until == "rollout":
            check_workload(self.target)
        elif self.until not in ("exists", "deleted", "ready"):
            compiled(self.until, ("object",))


class WaitResult(msgspec.Struct, kw_only=True):
    """How long it took."""

    target: str
    until: str
    seconds: float


async def run(params: WaitParams, context: Context) -> WaitResult:
    """Look at it until it is so.

    Raises:
        DeadlineExceededError: It is not so in time.
        ExecutionFailedError: The rollout failed.
        NotFoundError: It is not there, and `exists` was not asked for.
    """
    began = context.clock.monotonic()
    async with connected(params, context) as place:
        if params.until == "rollout":
            await wait_for_rollout(await read_live(params.target, place), context)
        else:
            await _until(params, place, context)
    return WaitResult(target=params.target, until=params.until, seconds=round(context.clock.monotonic() - began, 3))


async def _until(params: WaitParams, place: Place, context: Context) -> None:
    holds, missing_holds = _condition(params.until), params.until == "deleted"
    while True:
        found: Object | None = None
        try:
            found = (await read_live(params.target, place)).object
        except NotFoundError:
            if missing_holds:
                return
            if params.until != "exists":
                raise
        if found is not None and holds(found):
            return
        if context.deadline - context.clock.monotonic() < 2 * _LOOK_SECONDS:
            status = str((found or {}).get("status") or "no status")[:_SHOWN]
            raise DeadlineExceededError(
                f"{params.target}: not {params.until} in time", found=status if found else "it is not there", expected=params.until,
                suggestions=["give a longer timeout", f"outrider kubernetes describe {params.target}"],
            )  # fmt: skip
        await context.clock.sleep(_LOOK_SECONDS)


def _condition(until: str) -> Callable[[Object], bool]:
    if until == "exists":
        return lambda _: True
    if until == "deleted":
        return lambda _: False
    if until == "ready":
        return _ready
    expression = compiled(until, ("object",))
    return lambda found: expression.met({"object": found})


def _ready(found: Object) -> bool:
    if found["kind"] in ("StatefulSet", "DaemonSet"):  # they have no condition that says so
        return rollout_of(found).complete
    conditions = (found.get("status") or {}).get("conditions") or ()
    states = {one.get("type"): one.get("status") for one in conditions}
    return "True" in (states.get("Ready"), states.get("Available"), states.get("Complete"), states.get("Established"))


OPERATION = Implementation(params=WaitParams, result=WaitResult, run=run, target=lambda params: params.target)
