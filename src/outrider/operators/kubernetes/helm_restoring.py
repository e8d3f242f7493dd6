"""A rollback and an uninstallation without `helm`: from what Helm keeps of a release, in the steps in which Helm makes them.

No chart is rendered in either. Hooks are what only `helm` runs: where a release has some for these moments, it is needed.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress

import msgspec

from outrider.core.errors import DeadlineExceededError, MissingRequirementError, NotFoundError
from outrider.operators.kubernetes.edits import Live
from outrider.operators.kubernetes.helm_changes import settled
from outrider.operators.kubernetes.helm_objects import ChangedObjects, ReleaseObject, write
from outrider.operators.kubernetes.helm_records import Record
from outrider.operators.kubernetes.helm_releases import Revision
from outrider.operators.kubernetes.helm_storage import add_rollback, mark
from outrider.operators.kubernetes.kinds import kind_of_object
from outrider.operators.kubernetes.places import Place
from outrider.operators.kubernetes.workloads import WORKLOADS, wait_for_rollout
from outrider.ports.kube.resources import SECRETS
from outrider.runtime.context import Context

_LOOK_SECONDS = 0.2


def check_helmless(hooks: Sequence[str], objects: ChangedObjects | None = None) -> None:
    """Refuse to do without helm what only helm can do.

    Args:
        hooks: Those that are to run.
        objects: Those that are to be written.

    Raises:
        MissingRequirementError: There are hooks, or objects that cannot be written just like that.
    """
    titles = [one.target for one in objects.unseen] if objects else []
    if found := [*hooks, *titles]:
        raise MissingRequirementError(
            f"this release needs helm, which is not there, for {', '.join(found)}", found="no helm in PATH", expected="helm in PATH",
            suggestions=["install it: https://helm.sh/docs/intro/install"],
        )  # fmt: skip


class Rollback(msgspec.Struct, frozen=True):
    """What a rollback goes by.

    Attributes:
        revisions: All of the release, the newest first.
        target: The one that it is to be like.
        record: Of that.
        objects: What becomes of its objects.
    """

    revisions: list[Revision]
    target: Revision
    record: Record
    objects: ChangedObjects


async def restore(place: Place, rollback: Rollback, context: Context, *, wait: bool) -> None:
    """Have a release be again what it was at a revision.

    Args:
        place: Where.
        rollback: What it goes by.
        context: The call.
        wait: Until its workloads are complete.

    Raises:
        ConflictError: Somebody else changes the release, or fields belong to other managers.
        ExecutionFailedError: A rollout failed.
    """
    now = context.clock.now()
    made = await add_rollback(rollback.target, rollback.revisions[0], now)
    async with settled(place, made.release, made.number - 1, context):
        written = [(await write(place, rollback.record, one)).object for one in rollback.objects.wanted]
        await remove(place, (one for one in rollback.objects.lost if not one.stays))
        for found in written if wait else ():
            kind = kind_of_object(found["apiVersion"], found["kind"])
            if kind in WORKLOADS:
                await wait_for_rollout(Live(place, await place.cluster.kind(kind), found), context)
        for one in rollback.revisions:
            if one.status == "deployed":
                await mark(one, "superseded", "", now)
        await mark(made, "deployed", "", now)


async def uninstall(
    place: Place, revisions: list[Revision], objects: list[ReleaseObject], context: Context, *, wait: bool
) -> None:
    """Delete the objects of a release, and then what Helm keeps of it.

    Args:
        place: Where.
        revisions: All of the release, the newest first.
        objects: Those that go.
        context: The call.
        wait: Until they are gone.

    Raises:
        DeadlineExceededError: They are deleted and not gone in time; the release is told as `uninstalling`.
    """
    await mark(revisions[0], "uninstalling", "Deletion in progress (or silently failed)", context.clock.now())
    await remove(place, reversed(objects))
    while wait and (there := [one for one in objects if not await _is_gone(place, one)]):
        if context.deadline - context.clock.monotonic() < 2 * _LOOK_SECONDS:
            raise DeadlineExceededError(
                f"release {revisions[0].release}: deleted, and not yet gone", found=", ".join(one.title for one in there[:5]),
                suggestions=["give a longer timeout", f"outrider kubernetes helm_uninstall {revisions[0].words}"],
            )  # fmt: skip
        await context.clock.sleep(_LOOK_SECONDS)
    for one in revisions:
        with suppress(NotFoundError):
            await place.client.delete(SECRETS, one.secret, one.namespace, uid=one.uid)


async def remove(place: Place, objects: Iterable[ReleaseObject]) -> None:
    """Delete objects, those very ones that were seen."""
    for one in objects:
        if one.live is not None:
            with suppress(NotFoundError):
                metadata = one.live["metadata"]
                await place.client.delete(one.resource, metadata["name"], one.namespace, uid=metadata["uid"])


async def _is_gone(place: Place, one: ReleaseObject) -> bool:
    try:
        found = await place.client.get(one.resource, one.wanted["metadata"]["name"], one.namespace)
    except NotFoundError:
        return True
    return one.live is None or bool(found["metadata"]["uid"] != one.live["metadata"]["uid"])
