"""The end of a canary: its pods go, the present version stays as it is."""

import msgspec

from outrider.core.errors import NotFoundError, PreconditionFailedError
from outrider.core.operation import Change, Difference
from outrider.operators.kubernetes.canaries import CanaryOf, progress_of, read_canary, remove
from outrider.operators.kubernetes.edits import Live, read_live
from outrider.operators.kubernetes.places import Place, connected
from outrider.operators.kubernetes.shown import Object
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class CanaryAbortParams(CanaryOf, kw_only=True):
    """Of which Deployment."""


class CanaryAbortResult(msgspec.Struct, kw_only=True):
    """What went."""

    cluster: str
    namespace: str
    target: str
    removed: list[str]


async def plan(params: CanaryAbortParams, context: Context) -> Change:
    """Say what would go.

    Raises:
        NotFoundError: The Deployment is not there, or has no canary.
    """
    async with connected(params, context) as place:
        _, found = await _canary(params, place)
        progress = progress_of(found)
        state = f"{progress.phase}, step {progress.step + 1}"
        return Change(
            target=params.target,
            difference=[Difference(f"deployment/{found['metadata']['name']}", state, None)],
            preconditions={"canary": found["metadata"]["uid"]},
        )


async def run(params: CanaryAbortParams, context: Context) -> CanaryAbortResult:
    """End it.

    Raises:
        NotFoundError: The Deployment is not there, or has no canary.
        PreconditionFailedError: It is another canary than that of the plan.
    """
    async with connected(params, context) as place:
        live, found = await _canary(params, place)
        uid = found["metadata"]["uid"]
        if context.preconditions.get("canary", uid) != uid:
            raise PreconditionFailedError(
                f"{live.title} has another canary than that of the plan", found=uid, expected=str(context.preconditions["canary"]),
                suggestions=["make a new plan"],
            )  # fmt: skip
        removed = await remove(place.client, live.object)
        return CanaryAbortResult(
            cluster=place.cluster.name, namespace=place.namespace, target=params.target, removed=removed
        )


async def _canary(params: CanaryAbortParams, place: Place) -> tuple[Live, Object]:
    live = await read_live(params.target, place)
    found = await read_canary(place.client, live.object)
    if found is None:
        raise NotFoundError(f"{live.title} has no canary", found=params.target, expected="a canary that runs")
    return live, found


OPERATION = Implementation(
    params=CanaryAbortParams, result=CanaryAbortResult, run=run, plan=plan, target=lambda params: params.target
)
