"""Objects as the API server has them."""

from typing import Any

import msgspec

from outrider.operators.kubernetes.places import Failure, Place, in_each, places, where
from outrider.operators.kubernetes.selection import Selection
from outrider.operators.kubernetes.shown import Object, shown
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class GetParams(Selection, kw_only=True):
    """Which objects."""


class GottenObject(msgspec.Struct, kw_only=True):
    """An object and where it is; the values of a Secret are not told."""

    cluster: str
    namespace: str
    name: str
    object: dict[str, Any]


class GetResult(msgspec.Struct, kw_only=True):
    """The objects.

    Attributes:
        failed: Clusters and namespaces that gave none, and why.
    """

    items: list[GottenObject]
    failed: list[Failure] = []


async def run(params: GetParams, context: Context) -> GetResult:
    """Read them.

    Raises:
        NotFoundError: There is no object of this name, or no such kind.
    """
    async with places(params, context, every=not params.name) as here:
        found, failed = await in_each(here, lambda place: _read(params, place))
    return GetResult(items=[item for items in found for item in items], failed=failed)


async def _read(params: GetParams, place: Place) -> list[GottenObject]:
    resource = (await place.cluster.kind(params.kind)).resource
    if params.name:
        items = [await place.client.get(resource, params.name, place.namespace)]
    else:
        items = await place.client.list(
            resource, place.searched, labels=params.labels, fields=params.fields, most=params.limit
        )
    return [_gotten(place, item) for item in items]


def _gotten(place: Place, item: Object) -> GottenObject:
    metadata = item["metadata"]
    return GottenObject(**where(place, metadata), name=str(metadata["name"]), object=shown(item))


OPERATION = Implementation(params=GetParams, result=GetResult, run=run, target=lambda params: params.target)
