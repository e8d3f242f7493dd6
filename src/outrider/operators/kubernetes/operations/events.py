"""What the parts of a cluster say of objects, in the order of time."""

from typing import Annotated, Literal

import msgspec

from outrider.core.quantities import Duration, duration
from outrider.core.timestamps import parse_timestamp
from outrider.operators.kubernetes.edits import read_live
from outrider.operators.kubernetes.happenings import Happening, happenings, happenings_of
from outrider.operators.kubernetes.kinds import OptionalTargetWord
from outrider.operators.kubernetes.places import Failure, Place, PlacesOrTarget, in_each, places
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class EventsParams(PlacesOrTarget, kw_only=True):
    """Which events.

    Attributes:
        target: Of one object, such as pod/web-0; of all if empty.
        severity: Only such ones.
        since: Only those that were seen within this time.
        limit: How many of each cluster and namespace at most, the newest.
    """

    target: OptionalTargetWord = ""
    severity: Literal["", "Normal", "Warning"] = ""
    since: Duration = duration("1h")
    limit: Annotated[int, msgspec.Meta(ge=1, le=20000)] = 200


class PlacedEvent(Happening, kw_only=True):
    """An event and the cluster that it is of."""

    cluster: str


class EventsResult(msgspec.Struct, kw_only=True):
    """The events, the newest last.

    Attributes:
        failed: Clusters and namespaces that gave none, and why.
    """

    items: list[PlacedEvent]
    failed: list[Failure] = []


async def run(params: EventsParams, context: Context) -> EventsResult:
    """Read them.

    Raises:
        NotFoundError: There is no such object.
    """
    async with places(params, context, every=not params.target) as here:
        found, failed = await in_each(here, lambda place: _read(params, place, context.clock.now()))
    items = sorted((item for items in found for item in items), key=lambda item: item.time)
    return EventsResult(items=items, failed=failed)


async def _read(params: EventsParams, place: Place, now: float) -> list[PlacedEvent]:
    if params.target:
        there = await happenings_of(place, (await read_live(params.target, place)).object)
    else:
        there = await happenings(place, fields=f"type={params.severity}" if params.severity else "")
    kept = [
        one
        for one in there
        if params.severity in ("", one.severity) and parse_timestamp(one.time) >= now - float(params.since)
    ]
    return [PlacedEvent(**msgspec.structs.asdict(one), cluster=place.cluster.name) for one in kept[-params.limit :]]


OPERATION = Implementation(
    params=EventsParams, result=EventsResult, run=run, target=lambda params: params.target or "event/*"
)
