"""A request to Argo CD or Flux to look at git now, by the annotations that they take it by.

Sources: Argo CD "Sync Applications with Kubectl" (annotation refresh, field operation); Flux "Kustomization", "Triggering a reconcile".
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from outrider.core.errors import ConflictError
from outrider.core.operation import Change
from outrider.core.timestamps import timestamp
from outrider.operators.kubernetes.deliveries import APPLICATION, DelivererWord, is_deliverer, sources_of
from outrider.operators.kubernetes.edits import (
    Decide,
    Edit,
    EditParams,
    EditResult,
    Live,
    plan_edit,
    read_live,
    run_edit,
)
from outrider.operators.kubernetes.kinds import split_target
from outrider.operators.kubernetes.places import TargetInOnePlace, connected
from outrider.operators.kubernetes.progress import progress_of
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_ARGO, _FLUX = "argocd.argoproj.io/refresh", "reconcile.fluxcd.io/requestedAt"


class GitopsSyncParams(TargetInOnePlace, kw_only=True):
    """Who is to look at git.

    Attributes:
        target: An Application, Kustomization or HelmRelease, or a source of Flux: application.argoproj.io/shop. gitops_find tells it.
    """

    target: DelivererWord


async def plan(params: GitopsSyncParams, context: Context) -> Change:
    """Let the server say what would come of it.

    Raises:
        NotFoundError: It is not there.
        ConflictError: It is suspended, or busy.
    """
    change = Change(target=params.target)
    for one in await _all(params, context):
        part = await plan_edit(one, context, _decide(context))
        change.difference += [
            msgspec.structs.replace(d, path=f"{one.namespace}/{one.target}: {d.path}") for d in part.difference
        ]
        change.preconditions[f"{one.namespace}/{one.target}"] = part.preconditions
        change.warnings += part.warnings
    return change


async def run(params: GitopsSyncParams, context: Context) -> EditResult:
    """Ask for it; `gitops_wait` waits for what comes of it.

    Raises:
        NotFoundError: It is not there.
        ConflictError: It is suspended, or busy.
        PreconditionFailedError: It is no longer the object that the plan was made for.
    """
    results = []
    for one in await _all(params, context):
        expected: Mapping[str, Any] = context.preconditions.get(f"{one.namespace}/{one.target}", {})
        own = msgspec.structs.replace(context, preconditions=expected)
        results += (await run_edit(one, own, _decide(context))).results
    return EditResult(results=results)


async def _all(params: GitopsSyncParams, context: Context) -> list[EditParams]:
    """Return the objects that are asked: before a Kustomization the source that it takes its files from."""
    async with connected(params, context) as place:
        asked = [(params.target, place.namespace)]
        if is_deliverer(params.target):
            sources = await sources_of(await read_live(params.target, place))
            asked = [*((one.object, one.namespace) for one in sources if one.object), *asked]
        # The annotations belong to those who ask, whoever declares the object.
        return [
            EditParams(cluster=params.cluster, namespace=namespace, target=target, override_owner=True)
            for target, namespace in asked
        ]


def _decide(context: Context) -> Decide[EditParams]:
    now = timestamp(context.clock.now())

    async def decide(params: EditParams, live: Live) -> Edit:
        if split_target(params.target)[0] == APPLICATION:
            return Edit(_refreshed(live, f"{context.principal.kind}:{context.principal.name}"))
        if (live.object.get("spec") or {}).get("suspend"):
            raise ConflictError(
                f"{live.title} is suspended", found="spec.suspend: true", expected="one that follows git",
                suggestions=[f"set spec.suspend to false where {params.target} is declared"],
            )  # fmt: skip
        return Edit({"metadata": {"annotations": {_FLUX: now}}})

    return decide


def _refreshed(live: Live, principal: str) -> dict[str, Any]:
    patch: dict[str, Any] = {"metadata": {"annotations": {_ARGO: "normal"}}}
    progress = progress_of(live.object)
    if progress.automatic:
        return patch
    if progress.sync == "Progressing":
        raise ConflictError(
            f"{live.title}: a sync is under way", found=progress.message or progress.sync, expected="an Application at rest",
            suggestions=["wait for its end: outrider kubernetes gitops_wait"],
        )  # fmt: skip
    # It does nothing by itself: the sync is asked for as well.
    options = ((live.object.get("spec") or {}).get("syncPolicy") or {}).get("syncOptions")
    sync = {"syncOptions": options} if options else {}
    return {**patch, "operation": {"initiatedBy": {"username": principal}, "sync": sync}}


OPERATION = Implementation(
    params=GitopsSyncParams, result=EditResult, run=run, plan=plan, target=lambda params: params.target
)
