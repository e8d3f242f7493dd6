"""A namespace for a tenant, with quota, defaults, Pod Security, closed network and its own administrators."""

from collections.abc import Mapping
from typing import Any

import msgspec

from outrider.core.errors import DeniedError
from outrider.core.operation import Change
from outrider.operators.kubernetes.applying import Applied, Judged, apply_all, change_of, judge
from outrider.operators.kubernetes.bindings import explained, unknown_accounts
from outrider.operators.kubernetes.manifests import ManifestParams
from outrider.operators.kubernetes.networks import NetworkEnforcement, network_enforcement
from outrider.operators.kubernetes.places import Place, changed_in_each, in_each, places
from outrider.operators.kubernetes.subjects import subject_of
from outrider.operators.kubernetes.tenants import TenantParams
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_ROLES = "the ClusterRoles admin, edit and view"
_REMARK = "the ClusterRoles admin and edit let their holders change NetworkPolicies: they guard against others, not against them"


class TenantResult(msgspec.Struct, kw_only=True):
    """What came of it.

    Attributes:
        results: Object by object.
        networks: What is known of the enforcement of its NetworkPolicy, cluster by cluster.
        remark: What the objects do not do.
    """

    results: list[Applied]
    networks: list[NetworkEnforcement]
    remark: str


async def plan(params: TenantParams, context: Context) -> Change:
    """Let the server say what would come of it; of what is within a namespace that is not there yet it cannot.

    Raises:
        ConflictError: Fields belong to other managers, or somebody else declares an object.
        DeniedError: The caller may not give a role whose rules it does not hold itself.
    """
    manifest = _manifest(params)
    async with places(manifest, context) as here:
        found, failed = await in_each(here, lambda place: _judged(params, manifest, place))
    change = change_of([one for ones, _ in found for one in ones], failed, several=len(here) > 1)
    for _, remarks in found:
        change.warnings += remarks
    return change


async def run(params: TenantParams, context: Context) -> TenantResult:
    """Have it be so.

    Raises:
        PreconditionFailedError: An object is no longer as it was when the plan was made.
        ConflictError: Fields belong to other managers, or somebody else declares an object.
        DeniedError: The caller may not give a role whose rules it does not hold itself.
        PartialError: It was done in some of several clusters.
    """
    manifest = _manifest(params)
    async with places(manifest, context) as here:
        found = await changed_in_each(here, lambda place: _made(manifest, place, context.preconditions))
    return TenantResult(
        results=[one for ones, _ in found for one in ones],
        networks=[network for _, network in found],
        remark=_REMARK,
    )


def _manifest(params: TenantParams) -> ManifestParams:
    return ManifestParams(
        cluster=params.cluster, objects=params.objects(), force=params.force, override_owner=params.override_owner
    )


async def _judged(params: TenantParams, manifest: ManifestParams, place: Place) -> tuple[list[Judged], list[str]]:
    try:
        judged = await judge(manifest, place)
    except DeniedError as error:
        raise explained(error, _ROLES) from error
    people = [subject_of(word) for word in (*params.admins, *params.editors, *params.viewers)]
    network = await network_enforcement(place)
    return judged, [*await unknown_accounts(place, people), f"{network.cluster}: {network.message}", _REMARK]


async def _made(
    manifest: ManifestParams, place: Place, preconditions: Mapping[str, Any]
) -> tuple[list[Applied], NetworkEnforcement]:
    try:
        applied = await apply_all(manifest, place, preconditions)
    except DeniedError as error:
        raise explained(error, _ROLES) from error
    return applied, await network_enforcement(place)


OPERATION = Implementation(
    params=TenantParams,
    result=TenantResult,
    run=run,
    plan=plan,
    target=lambda params: ManifestParams(objects=params.objects()).targets(),
)
