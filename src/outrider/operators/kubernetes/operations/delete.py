"""An object, deleted with what belongs to it."""

from typing import Annotated, Literal

import msgspec

from outrider.core.errors import DeadlineExceededError, NotFoundError
from outrider.core.operation import Change
from outrider.operators.kubernetes.dependents import dependents
from outrider.operators.kubernetes.edits import EditParams, Live, check_state, read_live, state_of
from outrider.operators.kubernetes.owners import check_owner
from outrider.operators.kubernetes.places import Place, changed_in_each, in_each, places, where
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_SHOWN = 200
_LOOK_SECONDS = 0.2
_CASCADE: dict[str, Literal["Background", "Foreground", "Orphan"]] = {
    "background": "Background",
    "foreground": "Foreground",
    "orphan": "Orphan",
}


class DeleteParams(EditParams, kw_only=True):
    """Which object, and what becomes of what belongs to it.

    Attributes:
        cascade: What it owns goes after it (background), before it (foreground), or stays (orphan).
        grace: Seconds that its containers have to end; what the pod says itself if not given.
        wait: Until it is gone.
    """

    cascade: Literal["background", "foreground", "orphan"] = "background"
    grace: Annotated[int, msgspec.Meta(ge=1, le=3600)] | None = None
    wait: bool = True


class Deleted(msgspec.Struct, kw_only=True):
    """What came of it in one place.

    Attributes:
        gone: Whether it is away; else its finalizers are still at work.
    """

    cluster: str
    namespace: str
    target: str
    gone: bool


class DeleteResult(msgspec.Struct, kw_only=True):
    """What came of it, place by place."""

    results: list[Deleted]


async def plan(params: DeleteParams, context: Context) -> Change:
    """Say what would go.

    Raises:
        NotFoundError: It is not there.
        ConflictError: Somebody else declares it.
    """
    async with places(params, context) as here:
        done, failed = await in_each(here, lambda place: _planned(params, place))
    return Change(
        target=params.target,
        will_also_remove=[title for one in done for title in one.will_also_remove],
        preconditions={key: state for one in done for key, state in one.preconditions.items()},
        warnings=[
            *(warning for one in done for warning in one.warnings),
            *(f"{one.cluster}/{one.namespace}: cannot be deleted: {one.message}" for one in failed),
        ],
    )


async def _planned(params: DeleteParams, place: Place) -> Change:
    live = await _admitted(params, place)
    metadata = live.object["metadata"]
    await place.client.delete(live.kind.resource, metadata["name"], place.namespace, uid=metadata["uid"], dry_run=True)
    found, unread = await dependents(live) if params.cascade != "orphan" else ([], [])
    titles = [one.title for one in found[:_SHOWN]]
    if len(found) > _SHOWN:
        titles.append(f"and {len(found) - _SHOWN} more")
    warnings = [f"objects of these kinds could not be looked at: {', '.join(unread)}"] if unread else []
    if finalizers := metadata.get("finalizers"):
        warnings.append(f"{live.title} goes when its finalizers are done: {', '.join(finalizers)}")
    return Change(
        target=params.target, will_also_remove=titles, preconditions={_key(live): state_of(live.object)}, warnings=warnings
    )  # fmt: skip


async def run(params: DeleteParams, context: Context) -> DeleteResult:
    """Delete it.

    Raises:
        NotFoundError: It is not there.
        ConflictError: Somebody else declares it.
        PreconditionFailedError: It is no longer the object that the plan was made for.
        DeadlineExceededError: It is deleted and not gone in time.
    """
    async with places(params, context) as here:
        return DeleteResult(results=await changed_in_each(here, lambda place: _deleted(params, place, context)))


async def _deleted(params: DeleteParams, place: Place, context: Context) -> Deleted:
    live = await _admitted(params, place)
    metadata = live.object["metadata"]
    check_state(context.preconditions.get(_key(live)), live.object, live.title)
    # The uid makes sure that an object of the same name that was made meanwhile stays.
    await place.client.delete(
        live.kind.resource, metadata["name"], place.namespace, uid=metadata["uid"],
        propagation=_CASCADE[params.cascade], grace=params.grace,
    )  # fmt: skip
    gone = await _gone(live, context) if params.wait else await _is_gone(live)
    return Deleted(**where(place, metadata), target=params.target, gone=gone)


async def _gone(live: Live, context: Context) -> bool:
    while not await _is_gone(live):
        if context.deadline - context.clock.monotonic() < 2 * _LOOK_SECONDS:
            finalizers = live.object["metadata"].get("finalizers") or []
            raise DeadlineExceededError(
                f"{live.title}: deleted, and not yet gone", found=f"finalizers {', '.join(finalizers)}" if finalizers else "still ending",
                suggestions=["give a longer timeout", "see what it waits for: outrider kubernetes describe"],
            )  # fmt: skip
        await context.clock.sleep(_LOOK_SECONDS)
    return True


async def _is_gone(live: Live) -> bool:
    metadata = live.object["metadata"]
    try:
        there = await live.place.client.get(live.kind.resource, metadata["name"], live.place.namespace)
    except NotFoundError:
        return True
    return bool(there["metadata"]["uid"] != metadata["uid"])


async def _admitted(params: DeleteParams, place: Place) -> Live:
    live = await read_live(params.target, place)
    if not params.override_owner:
        check_owner(live.object, live.title)
    return live


def _key(live: Live) -> str:
    return f"{live.place.cluster.name}/{live.object['metadata'].get('namespace') or ''}"


OPERATION = Implementation(
    params=DeleteParams, result=DeleteResult, run=run, plan=plan, target=lambda params: params.target
)
