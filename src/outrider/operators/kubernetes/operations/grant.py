"""A role for a subject in a namespace, by a RoleBinding of its own."""

from collections.abc import Mapping
from typing import Any

import msgspec

from outrider.core.errors import DeniedError
from outrider.core.operation import Change, Difference
from outrider.operators.kubernetes.applying import Applied, Judged, apply_all, change_of, judge
from outrider.operators.kubernetes.bindings import GrantParams, check_role, explained, unknown_accounts
from outrider.operators.kubernetes.manifests import ManifestParams
from outrider.operators.kubernetes.places import Place, changed_in_each, in_each, places
from outrider.operators.kubernetes.subjects import subject_of
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation, Inverse


class GrantResult(msgspec.Struct, kw_only=True):
    """What came of it, place by place."""

    results: list[Applied]


async def plan(params: GrantParams, context: Context) -> Change:
    """Let the server say what would come of it.

    Raises:
        NotFoundError: There is no such role.
        DeniedError: The caller may not give what it does not hold itself; the error names it.
    """
    async with places(params, context) as here:
        found, failed = await in_each(here, lambda place: _judged(params, place))
    return change_of(found, failed, several=len(here) > 1)


async def run(params: GrantParams, context: Context) -> GrantResult:
    """Grant it.

    Raises:
        NotFoundError: There is no such role.
        DeniedError: The caller may not give what it does not hold itself; the error names it.
        PreconditionFailedError: The binding is no longer as it was when the plan was made.
        PartialError: It was done in some of several places.
    """
    async with places(params, context) as here:
        return GrantResult(
            results=await changed_in_each(here, lambda place: _granted(params, place, context.preconditions))
        )


async def _judged(params: GrantParams, place: Place) -> Judged:
    await check_role(place, params.role)
    try:
        [judged] = await judge(_manifest(params, place), place)
    except DeniedError as error:
        raise explained(error, params.role) from error
    judged.applied.warnings.extend(await unknown_accounts(place, [subject_of(params.subject)]))
    _tell(params, judged.applied)
    return judged


async def _granted(params: GrantParams, place: Place, preconditions: Mapping[str, Any]) -> Applied:
    await check_role(place, params.role)
    try:
        [applied] = await apply_all(_manifest(params, place), place, preconditions)
    except DeniedError as error:
        raise explained(error, params.role) from error
    _tell(params, applied)
    return applied


def _tell(params: GrantParams, applied: Applied) -> None:
    """Have a new binding be told by what it means."""
    if applied.action == "created":
        applied.difference = [Difference(f"{params.subject} in {applied.namespace}", None, params.role)]


def _manifest(params: GrantParams, place: Place) -> ManifestParams:
    return ManifestParams(objects=[params.wanted(place.namespace)])


def inverse(params: GrantParams, result: Mapping[str, Any]) -> Inverse | None:
    """Return the call that takes it back; None where it was so before in one of the places."""
    if any(one["action"] != "created" for one in result["results"]):
        return None
    return "revoke", msgspec.structs.asdict(params)


OPERATION = Implementation(
    params=GrantParams, result=GrantResult, run=run, plan=plan, inverse=inverse, target=lambda params: params.targets
)
