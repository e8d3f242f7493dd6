"""Until a very revision of git is in the cluster."""

from typing import Annotated

import msgspec

from outrider.core.errors import ConflictError, DeadlineExceededError, ExecutionFailedError
from outrider.operators.kubernetes.deliveries import deliverer_or_itself, sources_of
from outrider.operators.kubernetes.edits import Live, read_live
from outrider.operators.kubernetes.kinds import TargetWord, target_of_object
from outrider.operators.kubernetes.places import TargetInOnePlace, connected
from outrider.operators.kubernetes.progress import Progress, is_at, progress_of
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_LOOK_SECONDS = 0.5


class GitopsWaitParams(TargetInOnePlace, kw_only=True):
    """What is waited for.

    Attributes:
        target: An object that Argo CD or Flux declares, or the Application, Kustomization or HelmRelease itself.
        revision: Commit, or its first 7 letters and more; of a HelmRelease the version of the chart.
    """

    target: TargetWord
    revision: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+_-]{0,199}(?!\n)$", examples=["4f1c0de"])]


class GitopsWaitResult(msgspec.Struct, kw_only=True):
    """What is in the cluster now.

    Attributes:
        deliverer: Who brought it there.
        health: Of the objects; empty where nobody looks at it.
        seconds: How long it took.
    """

    deliverer: str
    revision: str
    health: str
    seconds: float


async def run(params: GitopsWaitParams, context: Context) -> GitopsWaitResult:
    """Look at it until it is there and well.

    Raises:
        ExecutionFailedError: It was given up, or another revision has taken its place.
        ConflictError: Nothing is brought into the cluster as long as it is suspended.
        DeadlineExceededError: It is not there in time.
        NotFoundError: The object is not there, or who brings it into the cluster is not.
    """
    began = context.clock.monotonic()
    async with connected(params, context) as place:
        deliverer = await deliverer_or_itself(await read_live(params.target, place))
        progress = await _until(deliverer, params.revision, context)
    return GitopsWaitResult(
        deliverer=target_of_object(deliverer.object),
        revision=next(one for one in progress.revisions if is_at((one,), params.revision)),
        health=progress.health,
        seconds=round(context.clock.monotonic() - began, 3),
    )


async def _until(deliverer: Live, wanted: str, context: Context) -> Progress:
    metadata, seen = deliverer.object["metadata"], False
    found = deliverer.object
    while True:
        progress = progress_of(found)
        ours = is_at(progress.revisions, wanted)
        if ours and progress.deployed:
            return progress
        if ours and progress.failed:
            raise _ended(deliverer, "failed", progress.message, progress)
        seen = seen or ours or is_at(progress.earlier, wanted)
        if seen and not ours and progress.revisions:
            raise _ended(deliverer, "superseded", f"it is at {', '.join(progress.revisions)}", progress)
        if progress.sync == "Suspended":
            raise ConflictError(
                f"{deliverer.title} is suspended", found="spec.suspend: true", expected="one that follows git",
                suggestions=[f"set spec.suspend to false where {target_of_object(deliverer.object)} is declared"],
            )  # fmt: skip
        if context.deadline - context.clock.monotonic() < 2 * _LOOK_SECONDS:
            raise await _late(deliverer, wanted, progress, seen=seen)
        await context.clock.sleep(_LOOK_SECONDS)
        found = await deliverer.place.client.get(deliverer.kind.resource, metadata["name"], metadata["namespace"])


def _ended(deliverer: Live, how: str, why: str, progress: Progress) -> ExecutionFailedError:
    target, namespace = target_of_object(deliverer.object), deliverer.object["metadata"]["namespace"]
    return ExecutionFailedError(
        f"{deliverer.title}: the revision {'has failed' if how == 'failed' else 'is superseded'}: {why}", found=how,
        expected="the revision in the cluster", context=msgspec.to_builtins(progress),
        suggestions=[f"outrider kubernetes describe {target} --namespace {namespace}"],
    )  # fmt: skip


async def _late(deliverer: Live, wanted: str, progress: Progress, *, seen: bool) -> DeadlineExceededError:
    sources = [one.message for one in await sources_of(deliverer)]
    target, namespace = target_of_object(deliverer.object), deliverer.object["metadata"]["namespace"]
    at = ", ".join(progress.revisions) or "no revision yet"
    state = " ".join(filter(None, [progress.sync, progress.health, progress.message, *sources]))
    why = state if seen else f"it is at {at}, and has not yet seen {wanted}: {state}"
    sync = f"outrider kubernetes gitops_sync {target} --namespace {namespace}"
    return DeadlineExceededError(
        f"{deliverer.title}: the revision is not in the cluster: {why}", found=state, expected="Synced Healthy", context=msgspec.to_builtins(progress),
        suggestions=[sync if progress.automatic else f"it does nothing by itself: {sync}", "give a longer timeout"],
    )  # fmt: skip


OPERATION = Implementation(
    params=GitopsWaitParams, result=GitopsWaitResult, run=run, target=lambda params: params.target
)
