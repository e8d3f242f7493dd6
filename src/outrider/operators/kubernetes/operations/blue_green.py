"""A new version beside the present one, tried through a Service of its own; then the Service leads to it, all at once."""

from typing import Annotated, Any

import msgspec

from outrider.core.errors import DeadlineExceededError, ExecutionFailedError, OutriderError
from outrider.core.operation import Change, Difference
from outrider.core.quantities import Duration, duration
from outrider.operators.kubernetes.blue_greens import MANAGER, BlueGreenPlace, Colour, Pair, coloured, read_pair, switch
from outrider.operators.kubernetes.canaries import TRACK, changed_template, image_patch
from outrider.operators.kubernetes.edits import check_state, state_of
from outrider.operators.kubernetes.places import Place, connected
from outrider.operators.kubernetes.settling import broken_pods, wait_until_settled
from outrider.operators.kubernetes.shown import Object, differences
from outrider.ports.kube.resources import DEPLOYMENTS, SERVICES
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation, Inverse

_LOOK_SECONDS = 2.0


class BlueGreenParams(BlueGreenPlace, kw_only=True):
    """What is delivered, and how it is tried.

    Attributes:
        image: New image.
        container: Which container gets it; may be left out where there is one.
        changes: Further changes of the pod template, as a strategic merge patch.
        check: Path that must answer through the Service NAME-preview before it gets requests, such as /healthz; none if empty.
        checks: How often in a row.
        hold: For how long the new version is watched afterwards; if a pod breaks, the Service leads back.
    """

    image: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    container: str = ""
    changes: dict[str, Any] = msgspec.field(default_factory=dict)
    check: Annotated[str, msgspec.Meta(pattern=r"^(/[!-~]*)?(?!\n)$")] = ""
    checks: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 3
    hold: Duration = duration("30s")


class BlueGreenResult(msgspec.Struct, kw_only=True):
    """How it ended.

    Attributes:
        state: switched, or rolled back: the Service leads to the present version.
        active: The Deployment that gets the requests now.
        idle: The other one. After a switch it keeps its pods: switching back starts none.
        reason: Why it was taken back.
    """

    cluster: str
    namespace: str
    target: str
    state: str
    active: str
    idle: str
    reason: str = ""


async def plan(params: BlueGreenParams, context: Context) -> Change:
    """Let the server say what would become of the pods, and which way the Service would go.

    Raises:
        NotFoundError: Deployment or Service is not there.
        ConflictError: Somebody else declares one of them, or it is paused.
        InvalidConfigError: Nothing would change, or the Service does not select the pods.
    """
    async with connected(params, context) as place:
        pair = await read_pair(params, place)
        template = await _template(params, pair)
        serving = pair.serving.object
        changed = {**serving, "spec": {**serving["spec"], "template": template}}
        service = f"service/{pair.service['metadata']['name']}"
        warnings = [f"deployment/{pair.name(pair.active)} keeps its pods"]
        if not pair.marked:
            warnings.append(
                f"the pods of {params.target} are replaced once, a few at a time, so that both can be told apart"
            )
        return Change(
            target=params.target,
            difference=[
                Difference(service, pair.name(pair.active), pair.name(pair.idle)),
                *differences({**serving, "spec": {**serving["spec"]}}, changed),
            ],
            preconditions={"deployment": state_of(serving), "service": state_of(pair.service)},
            warnings=warnings,
        )


async def run(params: BlueGreenParams, context: Context) -> BlueGreenResult:
    """Deliver it.

    Raises:
        NotFoundError: Deployment or Service is not there.
        ConflictError: Somebody else declares or changes one of them, or it is paused.
        PreconditionFailedError: They are no longer as they were when the plan was made.
        DeadlineExceededError: The new version is not ready in time; the same call goes on.
    """
    async with connected(params, context) as place:
        pair = await read_pair(params, place)
        expected = context.preconditions
        check_state(expected.get("deployment"), pair.serving.object, pair.serving.title)
        check_state(expected.get("service"), pair.service, f"Service {pair.service['metadata']['name']}")
        template = await _template(params, pair)
        if not pair.marked:
            pair = await _told_apart(params, pair, context)
        try:
            await _ready(params, pair, template, context)
        except DeadlineExceededError:
            raise
        except ExecutionFailedError as error:
            await _scale_down(pair)
            return _result(params, pair, pair.active, error.message)
        await switch(pair, pair.idle)
        if broken := await _watched(params, pair, context):
            await switch(pair, pair.active)
            return _result(params, pair, pair.active, broken)
        return _result(params, pair, pair.idle, "")


async def _template(params: BlueGreenParams, pair: Pair) -> Object:
    serving = pair.serving.object
    patch = image_patch(serving, params.image, params.container, params.changes)
    return await changed_template(pair.place.client, serving, patch)


async def _told_apart(params: BlueGreenParams, pair: Pair, context: Context) -> Pair:
    """Give the pods of blue their label, and have the Service select them by it."""
    name = pair.name("blue")
    patch = {"spec": {"template": {"metadata": {"labels": {TRACK: "blue"}}}}}
    await pair.place.client.patch(DEPLOYMENTS, name, pair.place.namespace, patch)
    await wait_until_settled(f"deployment/{name}", pair.place, context)
    await switch(pair, "blue")
    return await read_pair(params, pair.place)


async def _ready(params: BlueGreenParams, pair: Pair, template: Object, context: Context) -> None:
    """Have the new version there with all its pods, and try it.

    Raises:
        ExecutionFailedError: Its pods do not become ready, or do not answer as they should.
    """
    client, name = pair.place.client, pair.name(pair.idle)
    wanted = coloured(pair, pair.idle, template)
    if pair.idle == "green":
        await client.apply(DEPLOYMENTS, wanted, manager=MANAGER, force=True)
    else:
        whole = {
            "replicas": wanted["spec"]["replicas"],
            "template": {**wanted["spec"]["template"], "$patch": "replace"},
        }
        await client.patch(
            DEPLOYMENTS, name, pair.place.namespace, {"spec": whole}, content_type="application/strategic-merge-patch+json"
        )  # fmt: skip
    await wait_until_settled(f"deployment/{name}", pair.place, context)
    service = pair.service
    ports = [
        {key: one[key] for key in ("name", "port", "targetPort", "protocol") if key in one}
        for one in service["spec"].get("ports") or ()
    ]
    preview = {
        "metadata": {"name": f"{service['metadata']['name']}-preview", "namespace": pair.place.namespace},
        "spec": {"selector": {**(service["spec"].get("selector") or {}), TRACK: pair.idle}, "ports": ports},
    }
    await client.apply(SERVICES, preview, manager=MANAGER, force=True)
    if params.check:
        await _tried(params, pair.place, preview, context)


async def _tried(params: BlueGreenParams, place: Place, preview: Object, context: Context) -> None:
    """Ask the new version through the API server.

    Raises:
        ExecutionFailedError: It does not answer with success, as often as was asked for.
    """
    name, ports = preview["metadata"]["name"], preview["spec"]["ports"]
    path = f"/api/v1/namespaces/{place.namespace}/services/{name}:{ports[0]['port']}/proxy{params.check}"
    for number in range(params.checks):
        context.remaining()
        try:
            await place.client.raw(path, shown=f"GET {params.check} of {name}", accept="*/*")
        except OutriderError as error:
            raise ExecutionFailedError(
                f"check {number + 1} of {params.checks}: {error.message}", found=error.code, expected="success",
                suggestions=[f"outrider kubernetes logs service/{name} --namespace {place.namespace}"],
            ) from error  # fmt: skip


async def _watched(params: BlueGreenParams, pair: Pair, context: Context) -> str:
    """Watch the new version for a while; return what has broken."""
    end = min(context.clock.monotonic() + params.hold, context.deadline - 2 * _LOOK_SECONDS)
    target = f"deployment/{pair.name(pair.idle)}"
    while True:
        if broken := await broken_pods(target, pair.place, context):
            return broken
        if context.clock.monotonic() >= end:
            return ""
        await context.clock.sleep(min(_LOOK_SECONDS, max(0.1, end - context.clock.monotonic())))


async def _scale_down(pair: Pair) -> None:
    await pair.place.client.patch(
        DEPLOYMENTS, pair.name(pair.idle), pair.place.namespace, {"spec": {"replicas": 0}}, part="scale"
    )


def _result(params: BlueGreenParams, pair: Pair, active: Colour, reason: str) -> BlueGreenResult:
    idle: Colour = "green" if active == "blue" else "blue"
    return BlueGreenResult(
        cluster=pair.place.cluster.name, namespace=pair.place.namespace, target=params.target, state="rolled back" if reason else "switched",
        active=f"deployment/{pair.name(active)}", idle=f"deployment/{pair.name(idle)}", reason=reason,
    )  # fmt: skip


def inverse(params: BlueGreenParams, result: Any) -> Inverse | None:
    """Return the call that leads the Service back; none where it leads there already."""
    if result["state"] != "switched":
        return None
    kept = ("cluster", "namespace", "target", "service", "override_owner")
    return "blue_green_switch", {name: getattr(params, name) for name in kept}


OPERATION = Implementation(
    params=BlueGreenParams,
    result=BlueGreenResult,
    run=run,
    plan=plan,
    inverse=inverse,
    target=lambda params: (params.target, f"service/{params.service or params.target.partition('/')[2]}"),
)
