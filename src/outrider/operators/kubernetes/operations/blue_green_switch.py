"""The Service of a blue-green pair leads to the other Deployment: back to the version before, without a pod that starts."""

import msgspec

from outrider.core.errors import ConflictError
from outrider.core.operation import Change, Difference
from outrider.operators.kubernetes.blue_greens import BlueGreenPlace, Pair, read_pair, switch
from outrider.operators.kubernetes.disruptions import is_ready
from outrider.operators.kubernetes.edits import check_state, state_of
from outrider.operators.kubernetes.places import connected
from outrider.operators.kubernetes.workloads import pods_of
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class BlueGreenSwitchParams(BlueGreenPlace, kw_only=True):
    """Which pair."""


class BlueGreenSwitchResult(msgspec.Struct, kw_only=True):
    """Where the Service leads now.

    Attributes:
        active: The Deployment that gets the requests.
        idle: The other one, which keeps its pods.
        ready: Pods that are ready to get them.
    """

    cluster: str
    namespace: str
    target: str
    active: str
    idle: str
    ready: int


async def plan(params: BlueGreenSwitchParams, context: Context) -> Change:
    """Say where the Service would lead.

    Raises:
        NotFoundError: Deployment or Service is not there.
        ConflictError: The other Deployment has no pod that is ready, or somebody else declares one of them.
    """
    async with connected(params, context) as place:
        pair = await read_pair(params, place)
        ready = await _ready(pair)
        service = f"service/{pair.service['metadata']['name']}"
        return Change(
            target=params.target,
            difference=[Difference(service, pair.name(pair.active), pair.name(pair.idle))],
            preconditions={"service": state_of(pair.service)},
            warnings=[f"{ready} pods of {pair.name(pair.idle)} are ready"],
        )


async def run(params: BlueGreenSwitchParams, context: Context) -> BlueGreenSwitchResult:
    """Switch it.

    Raises:
        NotFoundError: Deployment or Service is not there.
        ConflictError: The other Deployment has no pod that is ready, or somebody else declares one of them.
        PreconditionFailedError: The Service is no longer as it was when the plan was made.
    """
    async with connected(params, context) as place:
        pair = await read_pair(params, place)
        check_state(context.preconditions.get("service"), pair.service, f"Service {pair.service['metadata']['name']}")
        ready = await _ready(pair)
        await switch(pair, pair.idle)
        return BlueGreenSwitchResult(
            cluster=place.cluster.name, namespace=place.namespace, target=params.target, active=f"deployment/{pair.name(pair.idle)}",
            idle=f"deployment/{pair.name(pair.active)}", ready=ready,
        )  # fmt: skip


async def _ready(pair: Pair) -> int:
    """Return how many pods of the other Deployment are ready.

    Raises:
        ConflictError: None is.
    """
    live = pair.live(pair.idle)
    # Pods of one that wants none are about to go.
    wanted = live is not None and live.object["spec"].get("replicas") != 0
    pods = await pods_of(live.object, pair.place) if live is not None and wanted else []
    ready = sum(map(is_ready, pods))
    if not ready or not pair.marked:
        target = f"deployment/{pair.name(pair.idle)}"
        raise ConflictError(
            f"{target} has no pod that is ready", found=f"{len(pods)} pods", expected="pods that keep warm",
            suggestions=[f"outrider kubernetes scale {target} {pair.serving.object['spec']['replicas']} --namespace {pair.place.namespace}"],
        )  # fmt: skip
    return ready


OPERATION = Implementation(
    params=BlueGreenSwitchParams,
    result=BlueGreenSwitchResult,
    run=run,
    plan=plan,
    inverse=lambda params, _: ("blue_green_switch", msgspec.structs.asdict(params)),
    target=lambda params: (params.target, f"service/{params.service or params.target.partition('/')[2]}"),
)
