"""A release of Helm, as it was at an earlier revision; also what mends one that was left in the middle of a change."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from outrider.core.errors import ConflictError, NotFoundError
from outrider.core.operation import Change, Difference
from outrider.operators.kubernetes.helm_changes import (
    Foreseen,
    Released,
    ReleaseResult,
    budget,
    check_release,
    plan_release,
    released,
    run_release,
    settled,
    state_of_release,
)
from outrider.operators.kubernetes.helm_objects import changed_objects, compared
from outrider.operators.kubernetes.helm_releases import (
    PENDING,
    ReleaseParams,
    check_not_declared,
    find_revision,
    last_good,
    revisions_of,
)
from outrider.operators.kubernetes.helm_restoring import Rollback, check_helmless, restore
from outrider.operators.kubernetes.helm_storage import mark
from outrider.operators.kubernetes.places import Place
from outrider.ports.helm import Helm
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation, Inverse

_HOOKS = ("pre-rollback", "post-rollback")


class HelmRollbackParams(ReleaseParams, kw_only=True):
    """What is rolled back, and how far.

    Attributes:
        revision: As helm_history lists them; the last one before the present one that was once deployed if 0.
        wait: Until all is ready.
        override_owner: Change it although git declares it, and would set it back.
    """

    revision: Annotated[int, msgspec.Meta(ge=0)] = 0
    wait: bool = True
    override_owner: bool = False


async def plan(params: HelmRollbackParams, context: Context) -> Change:
    """Let the server say what would come of it.

    Raises:
        NotFoundError: There is no such release, or revision.
        ConflictError: Git declares the release, or an object belongs to somebody else.
    """
    return await plan_release(params, context, lambda place: _foreseen(params, place))


async def run(params: HelmRollbackParams, context: Context) -> ReleaseResult:
    """Roll it back: by helm where that is there, else from what Helm keeps of the release.

    Raises:
        NotFoundError: There is no such release, or revision.
        ConflictError: Git declares the release, or somebody else changes it at the same time.
        PreconditionFailedError: The release is no longer the one that the plan was made for.
        MissingRequirementError: There is no helm, and the release has hooks.
        ExecutionFailedError: It failed; the new revision is marked as failed.
        PartialError: It was done in some of several places.
    """
    return await run_release(params, context, lambda place: _made(params, place, context))


async def _foreseen(params: HelmRollbackParams, place: Place) -> Foreseen:
    found = await _read(params, place)
    newest = found.revisions[0]
    if await Helm.find(place.client.target, place.namespace) is None:
        check_helmless(found.record.hooks_of(*_HOOKS), found.objects)
    warnings = [f"runs hook {hook}" for hook in found.record.hooks_of(*_HOOKS)]
    if newest.status in PENDING:
        warnings.append(
            f"revision {newest.number} is {newest.status}: make sure that no helm is at work on it any more"
        )
    return Foreseen(
        place=place,
        state=state_of_release(found.revisions),
        difference=[
            Difference("revision", newest.number, newest.number + 1),
            Difference("content of revision", newest.number, found.target.number),
        ],
        items=await compared(place, found.record, found.objects, override_owner=params.override_owner),
        warnings=warnings,
    )


async def _made(params: HelmRollbackParams, place: Place, context: Context) -> Released:
    helm = await Helm.find(place.client.target, place.namespace)
    found = await _read(params, place)
    newest, number = found.revisions[0], found.target.number
    check_release(context.preconditions.get(place.title), found.revisions, params.target)
    if helm is None:
        check_helmless(found.record.hooks_of(*_HOOKS), found.objects)
    if newest.status in PENDING:
        await mark(newest, "failed", f"ended before it was done; rolled back to {number}", context.clock.now())
    time = budget(context)
    if helm is None:
        # Ended in time to see to the release, as helm is.
        end = msgspec.structs.replace(context, deadline=context.clock.monotonic() + time.whole)
        await restore(place, found, end, wait=params.wait)
    else:
        flags = [time.flag, *(["--wait"] if params.wait else [])]
        async with settled(place, params.release, newest.number, context):
            await helm.run("rollback", params.release, str(number), flags=flags, timeout=time.whole, grace=time.grace)
    return await released(place, params.release, newest.number)


async def _read(params: HelmRollbackParams, place: Place) -> Rollback:
    revisions = await revisions_of(place, params.release)
    target = find_revision(revisions, params.revision) if params.revision else last_good(revisions)
    if target is None:
        raise NotFoundError(
            f"{place.title}: release {params.release} has no earlier revision that was once deployed", path="revision",
            found=", ".join(f"{one.number} {one.status}" for one in revisions), expected="one that is deployed or superseded",
            suggestions=[f"outrider kubernetes helm_uninstall {revisions[0].words}"],
        )  # fmt: skip
    if revisions[0].status in ("uninstalling", "uninstalled"):
        raise ConflictError(
            f"{place.title}: release {params.release} is {revisions[0].status}", found=revisions[0].status, expected="a release that is there",
            suggestions=[f"outrider kubernetes helm_uninstall {revisions[0].words}"],
        )  # fmt: skip
    record, before = await target.record(), await revisions[0].record()
    if not params.override_owner:
        check_not_declared(before)
    return Rollback(revisions, target, record, await changed_objects(place, record, before))


def inverse(params: HelmRollbackParams, result: Mapping[str, Any]) -> Inverse | None:
    """Return the call that gives the release what it had before; None where the places had different revisions."""
    before = {one["before"] for one in result["results"]}
    if len(before) != 1:
        return None
    place = {"cluster": params.cluster, "namespace": params.namespace, "override_owner": params.override_owner}
    return "helm_rollback", {**place, "release": params.release, "revision": before.pop()}


OPERATION = Implementation(
    params=HelmRollbackParams, result=ReleaseResult, run=run, plan=plan, inverse=inverse, target=lambda params: params.target
)  # fmt: skip
