"""How many replicas a workload has, by the subresource `scale` of its kind."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from outrider.core.operation import Change
from outrider.operators.kubernetes.autoscalers import autoscalers_of, check_scalable
from outrider.operators.kubernetes.edits import Edit, EditParams, EditResult, Live, plan_edit, run_edit
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation, Inverse


class ScaleParams(EditParams, kw_only=True):
    """What is scaled.

    Attributes:
        replicas: How many it is to have.
    """

    replicas: Annotated[int, msgspec.Meta(ge=0, le=100_000)]


async def plan(params: ScaleParams, context: Context) -> Change:
    """Let the server say what would come of it.

    Raises:
        NotFoundError: It is not there.
        InvalidConfigError: Its kind cannot be scaled.
        ConflictError: Somebody else declares it.
    """
    return await plan_edit(params, context, _decide)


async def run(params: ScaleParams, context: Context) -> EditResult:
    """Scale it.

    Raises:
        NotFoundError: It is not there.
        InvalidConfigError: Its kind cannot be scaled.
        ConflictError: Somebody else declares it.
        PreconditionFailedError: It is no longer the object that the plan was made for.
    """
    return await run_edit(params, context, _decide)


async def _decide(params: ScaleParams, live: Live) -> Edit | None:
    check_scalable(live)
    if (live.object.get("spec") or {}).get("replicas") == params.replicas:
        return None
    warnings = [
        f"HorizontalPodAutoscaler {one['metadata']['namespace']}/{one['metadata']['name']} owns spec.replicas; it will set it back"
        for one in await autoscalers_of(live)
    ]
    return Edit({"spec": {"replicas": params.replicas}}, part="scale", warnings=tuple(warnings))


def inverse(params: ScaleParams, result: Mapping[str, Any]) -> Inverse | None:
    """Return the call that gives it its former replicas; None where the places had different ones."""
    former = {
        one["before"] for part in result["results"] for one in part["difference"] if one["path"] == "spec.replicas"
    }
    if len(former) != 1 or not isinstance(replicas := former.pop(), int | None):
        return None
    place = {"cluster": params.cluster, "namespace": params.namespace}
    return "scale", {
        **place,
        "target": params.target,
        "replicas": replicas or 0,
        "override_owner": params.override_owner,
    }


OPERATION = Implementation(
    params=ScaleParams, result=EditResult, run=run, plan=plan, inverse=inverse, target=lambda params: params.target
)
