"""How many replicas a workload has, by the subresource `scale` of its kind."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.operation import Change
from outrider.operators.kubernetes.edits import Edit, EditParams, EditResult, Live, plan_edit, run_edit
from outrider.ports.kube.resources import AUTOSCALERS
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
    if "scale" not in live.kind.parts:
        raise InvalidConfigError(
            f"target: a {live.kind.resource.kind} cannot be scaled", path="target", found=params.target,
            expected="a kind with the subresource scale, such as deployment or statefulset",
        )  # fmt: skip
    if (live.object.get("spec") or {}).get("replicas") == params.replicas:
        return None
    warnings = [
        f"HorizontalPodAutoscaler {name} owns spec.replicas; it will set it back" for name in await _autoscalers(live)
    ]
    return Edit({"spec": {"replicas": params.replicas}}, part="scale", warnings=tuple(warnings))


async def _autoscalers(live: Live) -> list[str]:
    metadata = live.object["metadata"]
    found = await live.place.client.list(AUTOSCALERS, str(metadata.get("namespace") or ""))
    wanted = {"kind": live.kind.resource.kind, "name": metadata["name"]}
    return [
        f"{one['metadata']['namespace']}/{one['metadata']['name']}"
        for one in found
        if {key: one["spec"]["scaleTargetRef"].get(key) for key in wanted} == wanted
    ]


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
