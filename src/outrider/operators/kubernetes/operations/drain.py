"""A node without pods: closed to new ones, and those that it has evicted as their budgets allow (what `kubectl drain` does)."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from outrider.core.errors import PartialError, PreconditionFailedError
from outrider.core.operation import Change, Difference
from outrider.operators.kubernetes.disruptions import DELETE_DATA, FORCE
from outrider.operators.kubernetes.draining import (
    Staying,
    check_none_blocked,
    close_node,
    empty_node,
    left,
    losses,
    sorted_pods,
)
from outrider.operators.kubernetes.edits import Live, read_live
from outrider.operators.kubernetes.evicting import PodOutcome, Terms, check_all_went
from outrider.operators.kubernetes.evictions import foresee
from outrider.operators.kubernetes.kinds import NodeWord
from outrider.operators.kubernetes.nodes import is_closed, node_target, without_it
from outrider.operators.kubernetes.places import OnePlace, connected
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation, Inverse


class DrainParams(OnePlace, kw_only=True):
    """Which node, and which pods may go.

    Attributes:
        target: `node/NAME`, or its name alone.
        labels: Label selector of the pods that are meant; all if empty.
        delete_empty_dir_data: Evict pods with emptyDir volumes too, whose data is lost.
        force: Evict pods without a controller too, which do not come back.
        grace: Seconds that containers have to end; what the pod says itself if not given.
        at_once: How many pods may be on their way out at once; of one workload never more than one.
        pace: When the next pod of a workload may go: when all of it is available again elsewhere, or when the one before is gone.
    """

    target: NodeWord
    labels: str = ""
    delete_empty_dir_data: bool = False
    force: bool = False
    grace: Annotated[int, msgspec.Meta(ge=1, le=3600)] | None = None
    at_once: Annotated[int, msgspec.Meta(ge=1, le=100)] = 5
    pace: Literal["available", "gone"] = "available"

    def __post_init__(self) -> None:
        """Bring the target into its one form."""
        self.target = node_target(self.target)

    @property
    def granted(self) -> list[str]:
        """What may be lost."""
        return [name for name in (FORCE, DELETE_DATA) if getattr(self, name)]


class DrainResult(msgspec.Struct, kw_only=True):
    """What came of it.

    Attributes:
        cordoned: Whether this call has closed the node; false where it was closed before.
        pods: Those that have gone.
        staying: Those that a drain leaves: of DaemonSets, static and finished ones.
    """

    cluster: str
    target: str
    cordoned: bool
    pods: list[PodOutcome]
    staying: list[Staying]


async def plan(params: DrainParams, context: Context) -> Change:
    """Let the server say what would come of it.

    Raises:
        NotFoundError: There is no such node.
        ConflictError: Pods do not come back or lose data, and no parameter says that they may.
    """
    async with connected(params, context) as place:
        live = await read_live(params.target, place)
        found = await sorted_pods(live, params.labels, params.granted)
        check_none_blocked(found, live)
        foreseen = await foresee(found.going, place, "")
        closed = is_closed(live.object)
        alone = () if closed else await without_it(place, live.object)
    return Change(
        target=params.target,
        difference=[] if closed else [Difference("spec.unschedulable", None, after=True)],
        will_also_remove=foreseen.lines,
        preconditions={"uid": live.object["metadata"]["uid"]},
        warnings=[*alone, *losses(found.going), *foreseen.warnings, *left(found.staying)],
    )


async def run(params: DrainParams, context: Context) -> DrainResult:
    """Close it, evict its pods, and wait until they are gone.

    Raises:
        NotFoundError: There is no such node.
        ConflictError: Pods do not come back or lose data, and no parameter says that they may; nothing was changed.
        PreconditionFailedError: Another node has the name of the planned one.
        PartialError: It is closed, and some pods are still there.
    """
    async with connected(params, context) as place:
        live = await read_live(params.target, place)
        _check_same(context.preconditions.get("uid"), live)
        check_none_blocked(await sorted_pods(live, params.labels, params.granted), live)
        cordoned = await close_node(live)
        # Others may have come until then.
        found = await sorted_pods(live, params.labels, params.granted)
        terms = Terms(place, context, asyncio.Semaphore(params.at_once), grace=params.grace, until_gone=True)
        attempts = await empty_node(found, terms, watching=params.pace == "available")
    outcomes = [one.outcome for one in attempts]
    result = DrainResult(
        cluster=place.cluster.name, target=params.target, cordoned=cordoned, pods=outcomes, staying=found.staying
    )
    try:
        check_all_went(attempts, done=True)
    except PartialError as error:
        error.context = msgspec.to_builtins(result)
        impatient = ["do not wait until workloads are available elsewhere: pace gone"] if params.pace != "gone" else []
        error.suggestions = [*error.suggestions[:1], *impatient, f"outrider kubernetes uncordon {params.target}"]
        raise error.about(f"{live.title} takes no new pods") from None
    return result


def _check_same(uid: str | None, live: Live) -> None:
    found = live.object["metadata"]["uid"]
    if uid not in (None, found):
        raise PreconditionFailedError(
            f"{live.title}: another node has its name", found=found, expected=uid, suggestions=["make a new plan"]
        )


def inverse(params: DrainParams, result: Mapping[str, Any]) -> Inverse | None:
    """Return the call that lets it take pods again; None where it was closed before."""
    return ("uncordon", {"cluster": params.cluster, "target": params.target}) if result["cordoned"] else None


OPERATION = Implementation(
    params=DrainParams, result=DrainResult, run=run, plan=plan, inverse=inverse, target=lambda params: params.target
)
