"""A workload with the pod template of an earlier revision, from its own history."""

from typing import Annotated, Any

import msgspec

from outrider.core.errors import NotFoundError
from outrider.core.operation import Change
from outrider.operators.kubernetes.edits import Edit, EditParams, EditResult, Live, plan_edit, run_edit
from outrider.operators.kubernetes.kinds import WorkloadWord
from outrider.operators.kubernetes.owners import TEMPLATE_HASH
from outrider.operators.kubernetes.workloads import (
    check_not_paused,
    replica_sets,
    revision_of,
)
from outrider.ports.kube.resources import CONTROLLER_REVISIONS
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class RollbackParams(EditParams, kw_only=True):
    """What is rolled back, and how far.

    Attributes:
        target: A deployment, statefulset or daemonset.
        revision: As rollout_status lists them; the one before the present one if 0.
    """

    target: WorkloadWord
    revision: Annotated[int, msgspec.Meta(ge=0)] = 0


async def plan(params: RollbackParams, context: Context) -> Change:
    """Let the server say what would come of it.

    Raises:
        NotFoundError: It is not there, or has no such revision.
        ConflictError: Somebody else declares it, or it is paused.
    """
    return await plan_edit(params, context, _decide)


async def run(params: RollbackParams, context: Context) -> EditResult:
    """Roll it back.

    Raises:
        NotFoundError: It is not there, or has no such revision.
        ConflictError: Somebody else declares it, or it is paused.
        PreconditionFailedError: It is no longer the object that the plan was made for.
    """
    return await run_edit(params, context, _decide)


async def _decide(params: RollbackParams, live: Live) -> Edit | None:
    check_not_paused(live)
    if live.object["kind"] == "Deployment":
        templates = {revision_of(one): _template(one) for one in await replica_sets(live.object, live.place)}
    else:
        templates = await _recorded(live)
    revision = _wanted(params, live, templates)
    template = templates[revision]
    if template == live.object["spec"]["template"]:
        return None
    # The strategic patch is the one that can replace a part as a whole.
    patch = {"spec": {"template": {**template, "$patch": "replace"}}}
    return Edit(patch, "application/strategic-merge-patch+json")


def _template(replica_set: dict[str, Any]) -> dict[str, Any]:
    template: dict[str, Any] = replica_set["spec"]["template"]
    metadata = template["metadata"]
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != TEMPLATE_HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}


async def _recorded(live: Live) -> dict[int, dict[str, Any]]:
    """Return the templates that a StatefulSet or DaemonSet had, by revision."""
    metadata = live.object["metadata"]
    found = await live.place.client.list(CONTROLLER_REVISIONS, str(metadata["namespace"]))
    mine = [
        one for one in found
        if any(owner["uid"] == metadata["uid"] for owner in one["metadata"].get("ownerReferences") or ())
    ]  # fmt: skip
    templates = {}
    for one in mine:
        template = dict(one["data"]["spec"]["template"])
        template.pop("$patch", None)
        templates[int(one["revision"])] = template
    return templates


def _wanted(params: RollbackParams, live: Live, templates: dict[int, Any]) -> int:
    there = sorted((revision for revision in templates if revision), reverse=True)
    if params.revision in there:
        return params.revision
    if not params.revision and len(there) > 1:
        return there[1]
    shown = ", ".join(map(str, there)) or "none"
    raise NotFoundError(
        f"{live.title} has no {f'revision {params.revision}' if params.revision else 'earlier revision'}", path="revision",
        found=str(params.revision), expected=f"one of {shown}",
        suggestions=[f"outrider kubernetes rollout_status {params.target}", "keep more of them: spec.revisionHistoryLimit"],
    )  # fmt: skip


OPERATION = Implementation(
    params=RollbackParams, result=EditResult, run=run, plan=plan, target=lambda params: params.target
)
