"""The objects of a release that changes, and what the change makes of each: by the server's dry run, as Helm will write them."""

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from outrider.core.errors import NotFoundError
from outrider.operators.kubernetes.applying import Applied, applied, unseen
from outrider.operators.kubernetes.helm_records import Record, objects_of
from outrider.operators.kubernetes.helm_releases import check_foreign
from outrider.operators.kubernetes.kinds import kind_of_object, target_of_object
from outrider.operators.kubernetes.places import Place
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.three_way import three_way_patch
from outrider.ports.kube.answers import Written
from outrider.ports.kube.resources import NAMESPACES, Resource

_MANAGER = "helm"
_POLICY = "helm.sh/resource-policy"
_NAME, _NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"


class ReleaseObject(msgspec.Struct, frozen=True):
    """An object of a release.

    Attributes:
        wanted: As Helm writes it, with namespace and marks.
        before: The same of the revision before; None where that did not have it.
        live: As the cluster has it; None where it does not.
    """

    resource: Resource
    wanted: Object
    before: Object | None = None
    live: Object | None = None

    @property
    def title(self) -> str:
        """`KIND/NAME`."""
        return target_of_object(self.wanted)

    @property
    def namespace(self) -> str:
        """Where it is; empty for a kind that has no namespaces."""
        return str(self.wanted["metadata"].get("namespace") or "")

    @property
    def stays(self) -> bool:
        """Whether it is left when its release no longer has it."""
        annotations = (self.live or self.wanted)["metadata"].get("annotations") or {}
        return str(annotations.get(_POLICY)).strip().lower() == "keep"


class ChangedObjects(msgspec.Struct, frozen=True):
    """The objects of a release that changes from one record to another one.

    Attributes:
        wanted: Those that it is to have.
        unseen: The same, for those that the cluster cannot judge yet.
        lost: Those that it no longer has, and the cluster still does.
    """

    wanted: list[ReleaseObject]
    unseen: list[Applied]
    lost: list[ReleaseObject]


async def changed_objects(
    place: Place, after: Record, before: Record | None, *, more: Sequence[Object] = (), new_namespace: str = ""
) -> ChangedObjects:
    """Return the objects of a release that changes.

    Args:
        place: Where.
        after: What is wanted.
        before: What there is, if anything.
        more: Objects that are made before all others.
        new_namespace: The namespace that is made beforehand.

    Raises:
        NotFoundError: The cluster does not have the kind of one.
    """
    objects = [*more, *objects_of(after.manifest)]
    older = {_key(one, after): one for one in (objects_of(before.manifest) if before else ())}
    wanted, later = [], []
    for one in objects:
        if why := await _why_unseen(place, one, after, [*objects, _namespace(new_namespace)]):
            later.append(
                unseen(place, one, f"{target_of_object(one)}: {why}; the server can judge it only then").applied
            )
        else:
            wanted.append(await _found(place, one, after, older.get(_key(one, after))))
    names = {_key(one, after) for one in objects}
    lost = await live_objects(place, after, (one for key, one in older.items() if key not in names))
    return ChangedObjects(wanted, later, lost)


async def live_objects(place: Place, record: Record, objects: Iterable[Object]) -> list[ReleaseObject]:
    """Return those objects of a release that are there and still its own; kinds that the cluster no longer has count for nothing."""
    there = []
    for one in objects:
        try:
            found = await _found(place, one, record, one)
        except NotFoundError:
            continue
        if found.live is not None and _owner(found.live) == (record.name, record.namespace):
            there.append(found)
    return there


async def compared(place: Place, record: Record, objects: ChangedObjects, *, override_owner: bool) -> list[Applied]:
    """Let the server say what would come of a change, object by object.

    Raises:
        ConflictError: An object, or fields of it, belong to somebody else.
        InvalidConfigError: The server takes an object for a fault.
    """
    items = list(objects.unseen)
    for one in objects.wanted:
        if one.live is not None and not override_owner:
            check_foreign(one.live, record.name)
        items.append(applied(place, one.wanted, one.live, await write(place, record, one, dry_run=True)))
    items += [
        Applied(cluster=place.cluster.name, namespace=one.namespace, target=one.title, action="deleted")
        for one in objects.lost if not one.stays
    ]  # fmt: skip
    return items


async def write(place: Place, record: Record, one: ReleaseObject, *, dry_run: bool = False) -> Written:
    """Write an object as Helm does: applied by the server, or by a patch that takes out what was wanted before.

    Raises:
        ConflictError: Fields belong to other managers.
        InvalidConfigError: The server takes it for a fault.
    """
    client, resource = place.client.lenient(), one.resource
    if record.apply_method == "ssa":
        return await client.apply(resource, one.wanted, manager=_MANAGER, dry_run=dry_run)
    if one.live is None:
        return await client.create(resource, one.wanted, one.namespace, dry_run=dry_run)
    strategic = "." not in kind_of_object(resource.api_version, resource.kind)
    return await client.patch(
        resource, one.wanted["metadata"]["name"], one.namespace,
        three_way_patch(one.before or {}, one.wanted, strategic=strategic), dry_run=dry_run,
        content_type="application/strategic-merge-patch+json" if strategic else "application/merge-patch+json",
    )  # fmt: skip


async def absent(place: Place, objects: Sequence[Object]) -> list[Object]:
    """Return those of some objects that the cluster does not have."""
    catalogue = await place.cluster.catalogue()
    return [
        one for one in objects
        if await _live(place, catalogue.of_object(one["apiVersion"], one["kind"]), one) is None
    ]  # fmt: skip


async def _found(place: Place, one: Object, record: Record, before: Object | None) -> ReleaseObject:
    catalogue = await place.cluster.catalogue()
    resource = catalogue.of_object(one["apiVersion"], one["kind"])
    wanted = _marked(one, record, resource)
    return ReleaseObject(
        resource, wanted, _marked(before, record, resource) if before else None, await _live(place, resource, wanted)
    )


async def _live(place: Place, resource: Resource, one: Object) -> Object | None:
    try:
        return await place.client.get(resource, one["metadata"]["name"], one["metadata"].get("namespace", ""))
    except NotFoundError:
        return None


def _owner(live: Object) -> tuple[Any, Any]:
    """Return name and namespace of the release that has an object."""
    annotations = live["metadata"].get("annotations") or {}
    return annotations.get(_NAME), annotations.get(_NAMESPACE)


def _marked(one: Object, record: Record, resource: Resource) -> Object:
    """Return an object with the marks that Helm gives it (Helm "Labels and annotations")."""
    marked = copy.deepcopy(one)
    metadata = marked["metadata"]
    if resource.namespaced:
        metadata["namespace"] = metadata.get("namespace") or record.namespace
    metadata["labels"] = {**(metadata.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"}
    metadata["annotations"] = {
        **(metadata.get("annotations") or {}),
        _NAME: record.name,
        _NAMESPACE: record.namespace,
    }
    return marked


async def _why_unseen(place: Place, one: Object, record: Record, made: list[Object]) -> str:
    """Return why the server cannot judge an object before the change; empty where it can."""
    if "generateName" in one["metadata"]:
        return "the server makes its name"
    catalogue = await place.cluster.catalogue()
    try:
        resource = catalogue.of_object(one["apiVersion"], one["kind"])
    except NotFoundError:
        if not any(_defines(other, one) for other in made):
            raise
        return "its kind is made by this change"
    namespace = str(one["metadata"].get("namespace") or record.namespace)
    comes = any(other["kind"] == "Namespace" and other["metadata"]["name"] == namespace for other in made)
    if resource.namespaced and comes and await _live(place, NAMESPACES, _namespace(namespace)) is None:
        return "its namespace is made by this change"
    return ""


def _namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _defines(definition: Object, one: Object) -> bool:
    spec = definition.get("spec") or {}
    named = (spec.get("group"), (spec.get("names") or {}).get("kind"))
    return definition["kind"] == "CustomResourceDefinition" and named == (
        one["apiVersion"].rpartition("/")[0],
        one["kind"],
    )


def _key(one: Object, record: Record) -> tuple[str, str, str]:
    metadata = one["metadata"]
    kind = kind_of_object(one["apiVersion"], one["kind"])
    return kind, str(metadata.get("namespace") or record.namespace), str(metadata["name"])
