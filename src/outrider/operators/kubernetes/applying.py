"""Server-side apply of manifests: what it would change, field by field, and the change itself."""

import copy
from collections.abc import Mapping
from typing import Any

import msgspec

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError
from outrider.core.operation import Change, Difference
from outrider.operators.kubernetes.edits import check_state, state_of
from outrider.operators.kubernetes.kinds import kind_of_object, target_of_object
from outrider.operators.kubernetes.manifests import ManifestParams
from outrider.operators.kubernetes.owners import check_owner
from outrider.operators.kubernetes.places import Failure, Place
from outrider.operators.kubernetes.shown import Object, differences, shown
from outrider.ports.kube.answers import Written
from outrider.ports.kube.discovery import find_resource
from outrider.ports.kube.resources import Resource

_ATTEMPTS = 8
# Between the making of a kind's definition and the moment at which it is served.
_PATIENCE_SECONDS = 15.0


class Applied(msgspec.Struct, kw_only=True):
    """What came of an object, or would come of it.

    Attributes:
        action: `created`, `changed` or `unchanged`.
    """

    cluster: str
    namespace: str
    target: str
    action: str
    difference: list[Difference] = []
    warnings: list[str] = []


class Judged(msgspec.Struct, frozen=True):
    """What would come of an object, and what must still be so when it is done.

    Attributes:
        key: What tells it from all others of the call.
    """

    applied: Applied
    key: str
    state: dict[str, Any]


def placed(wanted: Object, place: Place, resource: Resource, *, named: bool) -> Object:
    """Return an object with the namespace that it is meant in.

    Args:
        wanted: The object.
        place: Where the call is.
        resource: Its kind.
        named: Whether the caller has named namespaces.

    Raises:
        InvalidConfigError: It names another namespace than the caller.
    """
    own = str(wanted["metadata"].get("namespace") or "")
    if not resource.namespaced:
        return wanted
    if named and own not in ("", place.namespace):
        raise InvalidConfigError(
            f"{target_of_object(wanted)} names another namespace than the call", path="metadata.namespace", found=own, expected=place.namespace,
            suggestions=["leave the namespace out, here or there"],
        )  # fmt: skip
    return {**wanted, "metadata": {**wanted["metadata"], "namespace": own or place.namespace}}


async def judge(params: ManifestParams, place: Place) -> list[Judged]:
    """Let the server say what would come of a manifest; nothing is changed.

    Raises:
        ConflictError: Fields belong to other managers, or somebody else declares an object.
        InvalidConfigError: The server takes an object for a fault.
    """
    wanted = params.wanted()
    made_here = {one["metadata"]["name"] for one in wanted if _is(one, "namespace")}
    defined = {_defined(one) for one in wanted if _is(one, "customresourcedefinition")}
    return [await _judge_one(params, place, one, made_here, defined) for one in wanted]


async def _judge_one(
    params: ManifestParams, place: Place, one: Object, made_here: set[str], defined: set[str]
) -> Judged:
    catalogue = await place.cluster.catalogue()
    try:
        resource = catalogue.of_object(one["apiVersion"], one["kind"])
    except NotFoundError:
        if kind_of_object(one["apiVersion"], one["kind"]) not in defined:
            raise
        return unseen(
            place, one, f"{one['kind']} is defined by this manifest; the server can judge objects of it only then"
        )
    one = placed(one, place, resource, named=bool(params.namespace))
    live = await _find(place, resource, one)
    if live is None and one["metadata"].get("namespace") in made_here:
        namespace = one["metadata"]["namespace"]
        if not await _namespace_exists(place, namespace):
            return unseen(
                place,
                one,
                f"namespace {namespace} is made by this manifest; the server can judge what is in it only then",
            )
    if live is not None and not params.override_owner:
        check_owner(live, _title(resource, one))
    written = await _write(params, place, resource, one, live, dry_run=True)
    return Judged(applied(place, one, live, written), _key(place, one), state_of(live))


def change_of(judged: list[Judged], failed: list[Failure], *, several: bool) -> Change:
    """Return what would come of a call as its plan.

    Args:
        judged: What would come of each object.
        failed: Places where nothing can be done.
        several: Whether there are several places, so that a difference must say where it is.
    """
    titles = list(dict.fromkeys(one.applied.target for one in judged))
    several = several or len(titles) > 1
    return Change(
        target=", ".join(titles),
        difference=[
            msgspec.structs.replace(d, path=f"{one.key}: {d.path}")
            if several and one.applied.action == "changed"
            else d
            for one in judged
            for d in one.applied.difference
        ],
        preconditions={one.key: one.state for one in judged if one.state},
        warnings=[
            *dict.fromkeys(warning for one in judged for warning in one.applied.warnings),
            *(f"{one.cluster}/{one.namespace}: cannot be changed: {one.message}" for one in failed),
        ],
    )


async def apply_all(params: ManifestParams, place: Place, preconditions: Mapping[str, Any]) -> list[Applied]:
    """Have objects be as a manifest wants them, one after the other.

    Raises:
        PreconditionFailedError: One is no longer as it was when the plan was made.
        ConflictError: Fields belong to other managers, or somebody else declares an object.
        InvalidConfigError: The server takes an object for a fault.
    """
    done: list[Applied] = []
    for one in params.wanted():
        resource = await find_resource(place.client, one["apiVersion"], one["kind"], patience=_patience(params, one))
        full = placed(one, place, resource, named=bool(params.namespace))
        done.append(await _apply_one(params, place, resource, full, preconditions))
    return done


def _patience(params: ManifestParams, one: Object) -> float:
    kind = kind_of_object(one["apiVersion"], one["kind"])
    defined = any(_is(other, "customresourcedefinition") and _defined(other) == kind for other in params.wanted())
    return _PATIENCE_SECONDS if defined else 0.0


async def _apply_one(
    params: ManifestParams, place: Place, resource: Resource, one: Object, preconditions: Mapping[str, Any]
) -> Applied:
    for attempt in range(_ATTEMPTS):
        live = await _find(place, resource, one)
        check_state(preconditions.get(_key(place, one)), live, _title(resource, one))
        if live is not None and not params.override_owner:
            check_owner(live, _title(resource, one))
        try:
            return applied(place, one, live, await _write(params, place, resource, one, live, dry_run=False))
        except ConflictError as error:
            # That fields belong to others is no matter of time; that the object has changed, if only its status, is.
            if "owners" in error.context or attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


async def _write(
    params: ManifestParams, place: Place, resource: Resource, one: Object, live: Object | None, *, dry_run: bool
) -> Written:
    """Apply an object; where it is there, that very version of it is meant."""
    content = copy.deepcopy(one)
    if live is not None:
        content["metadata"]["uid"] = live["metadata"]["uid"]
        if not dry_run:
            content["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
    return await place.client.apply(resource, content, force=params.force, dry_run=dry_run)


async def _find(place: Place, resource: Resource, one: Object) -> Object | None:
    try:
        return await place.client.get(resource, one["metadata"]["name"], one["metadata"].get("namespace", ""))
    except NotFoundError:
        return None


async def _namespace_exists(place: Place, name: str) -> bool:
    kind = await place.cluster.kind("namespace")
    return await _find(place, kind.resource, {"metadata": {"name": name}}) is not None


def applied(place: Place, one: Object, live: Object | None, written: Written) -> Applied:
    """Return what came of an object that the server has answered for."""
    # Of a new object only what was wanted: all that the server adds to it would hide that.
    new = [Difference(target_of_object(one), None, shown(one))]
    difference = new if live is None else differences(live, written.object)
    return Applied(
        cluster=place.cluster.name,
        namespace=str(one["metadata"].get("namespace") or ""),
        target=target_of_object(one),
        action="created" if live is None else "changed" if difference else "unchanged",
        difference=difference,
        warnings=written.warnings,
    )


def unseen(place: Place, one: Object, why: str) -> Judged:
    """Return what will come of an object that the server cannot judge yet."""
    namespace = str(one["metadata"].get("namespace") or "")
    found = Applied(
        cluster=place.cluster.name, namespace=namespace, target=target_of_object(one), action="created",
        difference=[Difference(target_of_object(one), None, shown(one))],
        warnings=[why],
    )  # fmt: skip
    # That namespace or kind are not there is what must still be so; once they are, others may be quicker, as with a namespace's
    # ServiceAccount `default`.
    return Judged(found, _key(place, one), {})


def _key(place: Place, one: Object) -> str:
    return f"{place.cluster.name}/{one['metadata'].get('namespace') or ''}/{target_of_object(one)}"


def _title(resource: Resource, one: Object) -> str:
    metadata = one["metadata"]
    return f"{resource.kind} {'/'.join(filter(None, (metadata.get('namespace'), metadata['name'])))}"


def _is(one: Object, kind: str) -> bool:
    return kind_of_object(one["apiVersion"], one["kind"]) == kind


def _defined(definition: Object) -> str:
    spec = definition.get("spec") or {}
    return f"{str((spec.get('names') or {}).get('kind')).lower()}.{spec.get('group')}"
