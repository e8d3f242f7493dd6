"""A workload, made reachable: by a Service, and by an Ingress or a route of the Gateway API that leads to it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from outrider.core.errors import OutriderError, PreconditionFailedError
from outrider.core.operation import Change
from outrider.operators.kubernetes.applying import Applied, Judged, apply_all, change_of, judge
from outrider.operators.kubernetes.edits import Live, read_live
from outrider.operators.kubernetes.exposing import ExposeParams, wanted
from outrider.operators.kubernetes.manifests import ManifestParams
from outrider.operators.kubernetes.obstacles import obstacles
from outrider.operators.kubernetes.places import Place, changed_in_each, in_each, places
from outrider.operators.kubernetes.reachability import Reach, Scope, reach_of
from outrider.operators.kubernetes.shown import Object
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class Exposed(msgspec.Struct, kw_only=True):
    """What is reachable in one place.

    Attributes:
        ready: Endpoints to which its Service leads.
        pods: Pods that its Service selects.
    """

    cluster: str
    namespace: str
    target: str
    ready: int
    pods: int


class ExposedAddress(msgspec.Struct, kw_only=True):
    """How it is reached.

    Attributes:
        scope: Within the cluster, at its nodes, or from outside.
        address: Host and port, or URL.
    """

    cluster: str
    namespace: str
    scope: Scope
    address: str


class Remark(msgspec.Struct, kw_only=True):
    """What is still to come, or lacks, in a place."""

    cluster: str
    namespace: str
    remark: str


class ExposeResult(msgspec.Struct, kw_only=True):
    """What is reachable now, and how.

    Attributes:
        results: Place by place.
        addresses: By which it is reached, as far as the cluster says.
        remarks: What is still to come, or lacks.
        objects: What was made for it.
    """

    results: list[Exposed]
    addresses: list[ExposedAddress]
    remarks: list[Remark]
    objects: list[Applied]


class _Done(msgspec.Struct):
    place: dict[str, str]
    reach: Reach
    objects: list[Applied]


async def plan(params: ExposeParams, context: Context) -> Change:
    """Let the server say what would come of it, and say what would keep it from being reached.

    Raises:
        NotFoundError: It is not there.
        InvalidConfigError: It has no ports, or its pods cannot be selected by a Service.
        UnsupportedError: The cluster does not serve the Gateway API.
        ConflictError: Fields belong to other managers, or somebody else declares an object.
    """
    async with places(params, context) as here:
        found, failed = await in_each(here, lambda place: _planned(params, place))
    change = change_of([one for ones, _, _ in found for one in ones], failed, several=len(here) > 1)
    change.warnings += [text for _, texts, _ in found for text in texts]
    change.preconditions |= {key: state for _, _, states in found for key, state in states.items()}
    return change


async def _planned(params: ExposeParams, place: Place) -> tuple[list[Judged], list[str], dict[str, Any]]:
    live = await read_live(params.target, place)
    objects = await wanted(params, live)
    judged = await judge(_manifest(params, objects), place)
    return judged, await obstacles(params, place, live.object, objects), {_key(place): objects}


async def run(params: ExposeParams, context: Context) -> ExposeResult:
    """Make it reachable.

    Raises:
        NotFoundError: It is not there.
        InvalidConfigError: It has no ports, or its pods cannot be selected by a Service.
        UnsupportedError: The cluster does not serve the Gateway API.
        ConflictError: Fields belong to other managers, or somebody else declares an object.
        PreconditionFailedError: The workload or an object is no longer as it was when the plan was made.
        PartialError: It was done in some of several places.
    """
    async with places(params, context) as here:
        found = await changed_in_each(here, lambda place: _exposed(params, place, context))
    return ExposeResult(
        results=[
            Exposed(**one.place, target=params.target, ready=one.reach.ready, pods=one.reach.pods) for one in found
        ],
        addresses=[
            ExposedAddress(**one.place, scope=at.scope, address=at.address)
            for one in found
            for at in one.reach.addresses
        ],
        remarks=[Remark(**one.place, remark=text) for one in found for text in one.reach.remarks],
        objects=[applied for one in found for applied in one.objects],
    )


async def _exposed(params: ExposeParams, place: Place, context: Context) -> _Done:
    live = await read_live(params.target, place)
    objects = await wanted(params, live)
    _check_same(context.preconditions, live, objects)
    done = await apply_all(_manifest(params, objects), place, context.preconditions)
    try:
        reach = await reach_of(params, place, context)
    except OutriderError as error:  # it is made all the same
        reach = Reach(addresses=[], ready=0, pods=0, remarks=[f"it was made, and not looked at: {error.message}"])
    return _Done({"cluster": place.cluster.name, "namespace": place.namespace}, reach, done)


def _check_same(preconditions: Mapping[str, Any], live: Live, objects: list[Object]) -> None:
    """Refuse to make other objects than the planned ones: the workload has other ports or labels since."""
    if preconditions.get(_key(live.place), objects) != objects:
        raise PreconditionFailedError(
            f"{live.title}: its ports or labels changed since the plan was made", suggestions=["make a new plan"]
        )


def _key(place: Place) -> str:
    return f"{place.title}: wanted"


def _manifest(params: ExposeParams, objects: list[Object]) -> ManifestParams:
    return ManifestParams(
        namespace=params.namespace, objects=objects, force=params.force, override_owner=params.override_owner
    )


OPERATION = Implementation(
    params=ExposeParams, result=ExposeResult, run=run, plan=plan, target=lambda params: params.targets
)
