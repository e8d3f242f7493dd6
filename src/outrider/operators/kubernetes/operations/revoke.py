"""What `grant` has given, taken back: its RoleBinding is deleted."""

from collections.abc import Mapping
from typing import Any

import msgspec

from outrider.core.errors import ConflictError, NotFoundError
from outrider.core.operation import Change, Difference
from outrider.operators.kubernetes.bindings import GrantParams
from outrider.operators.kubernetes.edits import check_state, state_of
from outrider.operators.kubernetes.owners import check_owner
from outrider.operators.kubernetes.places import Place, changed_in_each, in_each, places, where
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.subjects import bound_subject, subject_of
from outrider.ports.kube.resources import ROLE_BINDINGS
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation, Inverse


class Revoked(msgspec.Struct, kw_only=True):
    """What came of it in one place.

    Attributes:
        target: The RoleBinding that is gone.
        still: Other RoleBindings of the namespace that give the subject the same role.
    """

    cluster: str
    namespace: str
    target: str
    still: list[str]


class RevokeResult(msgspec.Struct, kw_only=True):
    """What came of it, place by place."""

    results: list[Revoked]


async def plan(params: GrantParams, context: Context) -> Change:
    """Say what would go.

    Raises:
        NotFoundError: It was not granted.
        ConflictError: The RoleBinding is not what grant has made of it.
    """
    async with places(params, context) as here:
        done, failed = await in_each(here, lambda place: _found(params, place))
    return Change(
        target=f"rolebinding/{params.binding}",
        difference=[Difference(f"{params.subject} in {place.namespace}", params.role, None) for place, _, _ in done],
        preconditions={place.title: state_of(found) for place, found, _ in done},
        warnings=[
            *(f"{place.title}: still granted by {title}" for place, _, still in done for title in still),
            *(f"{one.cluster}/{one.namespace}: cannot be revoked: {one.message}" for one in failed),
        ],
    )


async def run(params: GrantParams, context: Context) -> RevokeResult:
    """Take it back.

    Raises:
        NotFoundError: It was not granted.
        ConflictError: The RoleBinding is not what grant has made of it.
        PreconditionFailedError: It is no longer the object that the plan was made for.
        PartialError: It was done in some of several places.
    """
    async with places(params, context) as here:
        return RevokeResult(
            results=await changed_in_each(here, lambda place: _revoked(params, place, context.preconditions))
        )


async def _revoked(params: GrantParams, place: Place, preconditions: Mapping[str, Any]) -> Revoked:
    _, found, still = await _found(params, place)
    metadata, target = found["metadata"], f"rolebinding/{params.binding}"
    check_state(preconditions.get(place.title), found, target)
    await place.client.delete(ROLE_BINDINGS, params.binding, place.namespace, uid=metadata["uid"])
    return Revoked(**where(place, metadata), target=target, still=still)


async def _found(params: GrantParams, place: Place) -> tuple[Place, Object, list[str]]:
    """Return the binding, and which others give the same."""
    there = await place.client.list(ROLE_BINDINGS, place.namespace)
    giving = [one for one in there if _gives(params, one)]
    names = [str(one["metadata"]["name"]) for one in giving]
    others = [f"rolebinding/{name}" for name in names if name != params.binding]
    wanted = params.wanted(place.namespace)
    found = next((one for one in there if one["metadata"]["name"] == params.binding), None)
    if found is None:
        raise NotFoundError(
            f"{place.title}: {params.role} was not granted to {params.subject}", found=", ".join(others) or "no RoleBinding",
            expected=f"rolebinding/{params.binding}", suggestions=[f"outrider kubernetes delete {title} --namespace {place.namespace}" for title in others],
        )  # fmt: skip
    if (found["roleRef"], found.get("subjects")) != (wanted["roleRef"], wanted["subjects"]):
        raise ConflictError(
            f"{place.title}: somebody has changed rolebinding/{params.binding}", found=str(found.get("subjects")), expected=str(wanted["subjects"]),
            suggestions=[f"outrider kubernetes delete rolebinding/{params.binding} --namespace {place.namespace}"],
        )  # fmt: skip
    check_owner(found, f"rolebinding/{params.binding}")
    return place, found, others


def _gives(params: GrantParams, found: Object) -> bool:
    role = f"{found['roleRef']['kind'].lower()}/{found['roleRef']['name']}"
    subjects = [bound_subject(one, str(found["metadata"]["namespace"])) for one in found.get("subjects") or ()]
    return role == params.role and subject_of(params.subject) in subjects


def inverse(params: GrantParams, _: Mapping[str, Any]) -> Inverse:
    """Return the call that grants it again."""
    return "grant", msgspec.structs.asdict(params)


OPERATION = Implementation(
    params=GrantParams, result=RevokeResult, run=run, plan=plan, inverse=inverse, target=lambda params: params.targets
)
