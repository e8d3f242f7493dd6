"""A change of one object in each place of a call: planned by the server's own dry run, made against the very object that was planned for."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, TypeVar

import msgspec

from outrider.core.errors import ConflictError, PreconditionFailedError
from outrider.core.operation import Change, Difference
from outrider.operators.kubernetes.kinds import TargetWord, split_target
from outrider.operators.kubernetes.owners import check_owner
from outrider.operators.kubernetes.places import Place, TargetInPlaces, changed_in_each, in_each, places, where
from outrider.operators.kubernetes.shown import Object, compared, differences
from outrider.ports.kube.catalogue import ServedKind
from outrider.runtime.context import Context

# An object changes at any time, if only its status: the change is then decided anew, as long as it is the planned one.
_ATTEMPTS = 8
P = TypeVar("P", bound="EditParams")


class EditParams(TargetInPlaces, kw_only=True):
    """What is changed.

    Attributes:
        target: `KIND/NAME`, such as deployment/web.
        override_owner: Change it although git, a Helm release or a controller declares it, and would set it back.
    """

    target: TargetWord
    override_owner: bool = False


class Edited(msgspec.Struct, kw_only=True):
    """What came of a change in one place; `difference` is empty where all was so already."""

    cluster: str
    namespace: str
    target: str
    difference: list[Difference] = []
    warnings: list[str] = []


class EditResult(msgspec.Struct, kw_only=True):
    """What came of a change, place by place."""

    results: list[Edited]


class Live(msgspec.Struct, frozen=True):
    """An object in its place, as the cluster has it."""

    place: Place
    kind: ServedKind
    object: Object

    @property
    def title(self) -> str:
        """Its name in errors."""
        metadata = self.object["metadata"]
        return f"{self.kind.resource.kind} {'/'.join(filter(None, (metadata.get('namespace'), metadata['name'])))}"


class Edit(msgspec.Struct, frozen=True):
    """A change of an object.

    Attributes:
        patch: As its content type has it; the version that it is made for is put into it.
        content_type: Merge patch (RFC 7396), or the strategic one that the built-in kinds of Kubernetes have.
        part: A subresource, such as `scale`.
        warnings: What the reader should know before saying yes.
    """

    patch: dict[str, Any]
    content_type: Literal["application/merge-patch+json", "application/strategic-merge-patch+json"] = (
        "application/merge-patch+json"
    )
    part: str = ""
    warnings: tuple[str, ...] = ()


# Returns the change, or None where all is so already.
Decide = Callable[[P, Live], Awaitable[Edit | None]]


async def plan_edit(params: P, context: Context, decide: Decide[P]) -> Change:
    """Let the server say what would come of a change.

    Raises:
        NotFoundError: The object is not there.
        ConflictError: Somebody else declares it.
    """
    async with places(params, context) as here:
        done, failed = await in_each(here, lambda place: _planned(params, place, decide))
    one = len(here) == 1
    return Change(
        target=params.target,
        difference=[
            d if one else msgspec.structs.replace(d, path=f"{e.cluster}/{e.namespace}: {d.path}")
            for e, _ in done
            for d in e.difference
        ],
        preconditions={f"{e.cluster}/{e.namespace}": state for e, state in done},
        warnings=[
            *(w if one else f"{e.cluster}/{e.namespace}: {w}" for e, _ in done for w in e.warnings),
            *(f"{one.cluster}/{one.namespace}: cannot be changed: {one.message}" for one in failed),
        ],
    )


async def run_edit(params: P, context: Context, decide: Decide[P]) -> EditResult:
    """Make a change.

    Raises:
        NotFoundError: The object is not there.
        ConflictError: Somebody else declares it.
        PreconditionFailedError: It is no longer the object that the plan was made for.
        PartialError: It was made in some of several places.
    """
    async with places(params, context) as here:
        return EditResult(
            results=await changed_in_each(here, lambda place: _made(params, place, context.preconditions, decide))
        )


async def read_live(target: str, place: Place) -> Live:
    """Return an object as the cluster has it.

    Raises:
        NotFoundError: It is not there.
    """
    kind_word, name = split_target(target)
    kind = await place.cluster.kind(kind_word)
    return Live(place, kind, await place.client.get(kind.resource, name, place.namespace))


def state_of(found: Object | None) -> dict[str, Any]:
    """Return what of an object must still be so when a plan is applied: all but its status."""
    if found is None:
        return {"absent": True}
    metadata = found["metadata"]
    if counted := metadata.get("generation"):
        return {"uid": metadata["uid"], "generation": counted}
    if "status" in found:  # of nodes and Services the server does not count the changes
        content = hashlib.sha256(msgspec.json.encode(compared(found), order="deterministic")).hexdigest()
        return {"uid": metadata["uid"], "content": content[:16]}
    return {"uid": metadata["uid"], "version": metadata["resourceVersion"]}


def check_state(expected: Any, found: Object | None, title: str) -> None:
    """Refuse to change what has changed since the plan was made.

    Raises:
        PreconditionFailedError: It has.
    """
    if expected is not None and expected != (state := state_of(found)):
        raise PreconditionFailedError(
            f"{title}: it changed since the plan was made", found=_told(state), expected=_told(expected),
            suggestions=["make a new plan"],
        )  # fmt: skip


def _told(state: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in state.items())


async def _planned(params: P, place: Place, decide: Decide[P]) -> tuple[Edited, dict[str, Any]]:
    live = await _admitted(params, place)
    edit = await decide(params, live)
    return await _sent(params, live, edit, dry_run=True), state_of(live.object)


async def _made(params: P, place: Place, preconditions: Mapping[str, Any], decide: Decide[P]) -> Edited:
    for attempt in range(_ATTEMPTS):
        live = await _admitted(params, place)
        expected = preconditions.get(f"{place.cluster.name}/{live.object['metadata'].get('namespace') or ''}")
        check_state(expected, live.object, live.title)
        try:
            return await _sent(params, live, await decide(params, live), dry_run=False)
        except ConflictError:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


async def _admitted(params: EditParams, place: Place) -> Live:
    live = await read_live(params.target, place)
    if not params.override_owner:
        check_owner(live.object, live.title)
    return live


async def _sent(params: EditParams, live: Live, edit: Edit | None, *, dry_run: bool) -> Edited:
    """Send a change that the server refuses where the object is not the one that it was decided for."""
    metadata = live.object["metadata"]
    here = where(live.place, metadata)
    if edit is None:
        return Edited(**here, target=params.target)
    resource, name, client = live.kind.resource, metadata["name"], live.place.client
    before = await client.get(resource, name, live.place.namespace, part=edit.part) if edit.part else live.object
    written = await client.patch(
        resource, name, live.place.namespace, edit.patch if dry_run else _for_version(edit, metadata["resourceVersion"]), part=edit.part,
        dry_run=dry_run, content_type=edit.content_type,
    )  # fmt: skip
    return Edited(
        **here,
        target=params.target,
        difference=differences(before, written.object),
        warnings=[*edit.warnings, *written.warnings],
    )


def _for_version(edit: Edit, version: str) -> dict[str, Any]:
    metadata = {**edit.patch.get("metadata", {}), "resourceVersion": version}
    return {**edit.patch, "metadata": metadata}
