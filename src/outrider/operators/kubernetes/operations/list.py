"""Objects as a table, in the columns that the API server has for their kind (the same as `kubectl get` prints)."""

import re
from typing import Any

import msgspec

from outrider.core.codec import decode
from outrider.operators.kubernetes.places import Failure, Place, in_each, places
from outrider.operators.kubernetes.selection import Selection
from outrider.ports.kube.resources import query
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


class ListParams(Selection, kw_only=True):
    """Which objects, and how much of each.

    Attributes:
        wide: The further columns too.
    """

    wide: bool = False


class ListResult(msgspec.Struct, kw_only=True):
    """A row for each object: cluster where there are several, namespace, and the server's columns in snake_case.

    Attributes:
        more: Whether there are more objects than asked for.
        failed: Clusters and namespaces that gave none, and why.
    """

    items: list[dict[str, Any]]
    more: bool = False
    failed: list[Failure] = []


async def run(params: ListParams, context: Context) -> ListResult:
    """Read them.

    Raises:
        NotFoundError: There is no object of this name, or no such kind.
    """
    async with places(params, context, every=not params.name) as here:
        named = len({place.cluster.name for place in here}) > 1
        found, failed = await in_each(here, lambda place: _read(params, place, named=named))
    return ListResult(
        items=[row for rows, _ in found for row in rows], more=any(more for _, more in found), failed=failed
    )


class _Column(msgspec.Struct):
    name: str
    priority: int = 0


class _Metadata(msgspec.Struct):
    name: str = ""
    namespace: str = ""


class _Partial(msgspec.Struct):
    metadata: _Metadata


class _Row(msgspec.Struct):
    cells: list[Any]
    object: _Partial


class _ListMetadata(msgspec.Struct):
    rest: str = msgspec.field(name="continue", default="")


class _Table(msgspec.Struct, rename="camel"):
    metadata: _ListMetadata
    column_definitions: list[_Column] = []
    rows: list[_Row] | None = None


async def _read(params: ListParams, place: Place, *, named: bool) -> tuple[list[dict[str, Any]], bool]:
    resource = (await place.cluster.kind(params.kind)).resource
    selectors: dict[str, Any] = {"labelSelector": params.labels, "fieldSelector": params.fields, "limit": params.limit}
    path = resource.path(place.searched, params.name) + ("" if params.name else query(**selectors))
    table = decode(await place.client.raw(path, shown=f"list {resource.title}", accept=_TABLE), _Table)
    columns = [
        (index, re.sub(r"\W+", "_", column.name).lower())
        for index, column in enumerate(table.column_definitions)
        if params.wide or column.priority == 0
    ]
    rows = []
    for row in table.rows or ():
        head = {"cluster": place.cluster.name} if named else {}
        if row.object.metadata.namespace:
            head["namespace"] = row.object.metadata.namespace
        rows.append({**head, **{name: row.cells[index] for index, name in columns}})
    return rows, bool(table.metadata.rest)


OPERATION = Implementation(params=ListParams, result=ListResult, run=run, target=lambda params: params.target)
