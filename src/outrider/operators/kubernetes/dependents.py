"""What goes with an object when it is deleted: what the garbage collector takes along, what stands in a namespace, what a kind defines."""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec

from outrider.core.codec import decode
from outrider.core.errors import OutriderError
from outrider.operators.kubernetes.edits import Live
from outrider.operators.kubernetes.kinds import kind_of_object
from outrider.operators.kubernetes.places import Place
from outrider.ports.kube.catalogue import ServedKind
from outrider.ports.kube.objects import Metadata
from outrider.ports.kube.resources import Resource, query

_METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_PAGE = 500
_AT_ONCE = 16
# Written anew all the time, by everybody; nobody misses them.
_LEFT_OUT = frozenset({"event", "event.events.k8s.io", "endpoints", "lease"})


class _Item(msgspec.Struct):
    metadata: Metadata


class _Items(msgspec.Struct):
    items: list[_Item] | None = None


class Dependent(msgspec.Struct, frozen=True):
    """An object that goes too."""

    kind: str
    namespace: str
    name: str
    uid: str

    @property
    def title(self) -> str:
        """`NAMESPACE/KIND/NAME`."""
        return "/".join(filter(None, (self.namespace, self.kind, self.name)))


async def dependents(live: Live) -> tuple[list[Dependent], list[str]]:
    """Return what goes with an object, and the kinds that could not be looked at.

    Raises:
        OutriderError: What the server says.
    """
    found, place, metadata = live.object, live.place, live.object["metadata"]
    kind = kind_of_object(found["apiVersion"], found["kind"])
    if kind == "namespace":
        return await _listed(place, str(metadata["name"]))
    if kind == "customresourcedefinition":
        return await _of_definition(place, found)
    namespace = str(metadata.get("namespace") or "")
    there, unread = await _listed(place, namespace, owned=True)
    mine = _reached(str(metadata["uid"]), there)
    return [Dependent(one.kind, one.namespace, one.name, one.uid) for one in mine], unread


class _Owned(Dependent, frozen=True):
    owners: tuple[str, ...] = ()


def _reached(root: str, there: Iterable[Any]) -> list[Any]:
    """Return what a deletion reaches from owner to owned; what has another owner too stays."""
    gone, reached = {root}, []
    waiting = [one for one in there if one.owners]
    while found := [one for one in waiting if all(owner in gone for owner in one.owners)]:
        reached += found
        gone |= {one.uid for one in found}
        waiting = [one for one in waiting if one.uid not in gone]
    return reached


async def _listed(place: Place, namespace: str, *, owned: bool = False) -> tuple[list[Any], list[str]]:
    """Return the objects of a namespace, or of all where none is named, and the kinds that could not be read."""
    catalogue = await place.cluster.catalogue()
    kinds = [
        served for served in catalogue.kinds
        if "list" in served.verbs and "delete" in served.verbs and (served.resource.namespaced or not namespace)
        and kind_of_object(served.resource.api_version, served.resource.kind) not in _LEFT_OUT
    ]  # fmt: skip
    slots = asyncio.Semaphore(_AT_ONCE)

    async def read(served: ServedKind) -> list[_Owned] | None:
        async with slots:
            try:
                return await _of_kind(place, served.resource, namespace)
            except OutriderError:
                return None

    answers = await asyncio.gather(*(read(served) for served in kinds))
    unread = [served.resource.title for served, answer in zip(kinds, answers, strict=True) if answer is None]
    items = [item for answer in answers for item in answer or () if item.owners or not owned]
    return items, unread


async def _of_kind(place: Place, resource: Resource, namespace: str) -> list[_Owned]:
    path = resource.path(namespace) + query(limit=_PAGE)
    answer = decode(await place.client.raw(path, shown=f"list {resource.title}", accept=_METADATA), _Items)
    kind = kind_of_object(resource.api_version, resource.kind)
    return [
        _Owned(kind, one.metadata.namespace, one.metadata.name, one.metadata.uid,
               tuple(owner.uid for owner in one.metadata.owner_references))
        for one in answer.items or ()
    ]  # fmt: skip


async def _of_definition(place: Place, found: dict[str, Any]) -> tuple[list[Any], list[str]]:
    spec = found["spec"]
    version = next((one["name"] for one in spec["versions"] if one.get("served")), "")
    if not version:
        return [], []
    names = spec["names"]
    resource = Resource(spec["group"], version, names["plural"], names["kind"], spec["scope"] == "Namespaced")
    return list(await _of_kind(place, resource, "")), []
