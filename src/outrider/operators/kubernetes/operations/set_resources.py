"""How much processor and memory the containers of a workload ask for, and may use."""

from typing import Any

from outrider.core.errors import InvalidConfigError, NotFoundError, did_you_mean
from outrider.core.operation import Change
from outrider.operators.kubernetes.edits import Edit, EditParams, EditResult, Live, plan_edit, run_edit
from outrider.operators.kubernetes.kinds import WorkloadWord
from outrider.operators.kubernetes.quantities import OptionalQuantity, parse_quantity
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class SetResourcesParams(EditParams, kw_only=True):
    """What is set; what is left empty stays.

    Attributes:
        target: A deployment, statefulset or daemonset.
        container: One of the pod's containers; all of them if empty.
        cpu: Processors that it may use at most, such as 500m.
        memory: Memory that it may use at most, such as 192Mi. A request above a new limit is lowered to it.
        cpu_request: Processors that are kept for it.
        memory_request: Memory that is kept for it.
    """

    target: WorkloadWord
    container: str = ""
    cpu: OptionalQuantity = ""
    memory: OptionalQuantity = ""
    cpu_request: OptionalQuantity = ""
    memory_request: OptionalQuantity = ""

    def __post_init__(self) -> None:
        """Bring the target into its one form.

        Raises:
            InvalidConfigError: Nothing is set, or a request is above its limit.
        """
        super().__post_init__()
        if not any((self.cpu, self.memory, self.cpu_request, self.memory_request)):
            raise InvalidConfigError(
                "nothing is set", path="memory", expected="cpu, memory, cpu_request or memory_request", suggestions=["--memory 192Mi"]
            )  # fmt: skip
        for name, limit, request in (("cpu", self.cpu, self.cpu_request), ("memory", self.memory, self.memory_request)):
            if limit and request and parse_quantity(request) > parse_quantity(limit):
                raise InvalidConfigError(
                    f"{name}_request is above the limit", path=f"{name}_request", found=request, expected=f"at most {limit}"
                )  # fmt: skip


async def plan(params: SetResourcesParams, context: Context) -> Change:
    """Let the server say what would come of it.

    Raises:
        NotFoundError: It is not there, or has no such container.
        ConflictError: Somebody else declares it.
    """
    return await plan_edit(params, context, _decide)


async def run(params: SetResourcesParams, context: Context) -> EditResult:
    """Set them; the pods are replaced, a few at a time.

    Raises:
        NotFoundError: It is not there, or has no such container.
        ConflictError: Somebody else declares it.
        PreconditionFailedError: It is no longer the object that the plan was made for.
    """
    return await run_edit(params, context, _decide)


async def _decide(params: SetResourcesParams, live: Live) -> Edit | None:
    containers: list[dict[str, Any]] = live.object["spec"]["template"]["spec"]["containers"]
    names = [str(one["name"]) for one in containers]
    if params.container and params.container not in names:
        raise NotFoundError(
            f"{live.title} has no container '{params.container}'", path="container", found=params.container,
            expected=", ".join(names), suggestions=did_you_mean(params.container, names),
        )  # fmt: skip
    patches = []
    for one in containers:
        before = one.get("resources") or {}
        after = _resources(params, before)
        if params.container in ("", one["name"]) and after != {part: before.get(part) or {} for part in after}:
            patches.append({"name": one["name"], "resources": after})
    if not patches:
        return None
    patch = {"spec": {"template": {"spec": {"containers": patches}}}}
    return Edit(patch, "application/strategic-merge-patch+json", warnings=("its pods are replaced, a few at a time",))


def _resources(params: SetResourcesParams, before: dict[str, Any]) -> dict[str, dict[str, str]]:
    limits, requests = dict(before.get("limits") or {}), dict(before.get("requests") or {})
    for name, limit, request in (
        ("cpu", params.cpu, params.cpu_request),
        ("memory", params.memory, params.memory_request),
    ):
        if limit:
            limits[name] = limit
        if request:
            requests[name] = request
        elif limit and name in requests and parse_quantity(str(requests[name])) > parse_quantity(limit):
            requests[name] = limit
    return {"limits": limits, "requests": requests}


OPERATION = Implementation(
    params=SetResourcesParams, result=EditResult, run=run, plan=plan, target=lambda params: params.target
)
