"""Installing a chart, and upgrading a release to it: helm does it, so that the release stays one of Helm's own."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import ConflictError, NotFoundError
from outrider.core.operation import Change
from outrider.operators.kubernetes.helm_changes import (
    CHART_VERSION,
    Foreseen,
    Released,
    ReleaseResult,
    budget,
    check_release,
    plan_release,
    release_difference,
    released,
    run_release,
    settled,
    state_of_release,
)
from outrider.operators.kubernetes.helm_charts import ChartParams, InstallParams, UpgradeParams, render, value_flags
from outrider.operators.kubernetes.helm_objects import absent, changed_objects, compared
from outrider.operators.kubernetes.helm_records import Record
from outrider.operators.kubernetes.helm_releases import Revision, all_revisions, check_not_declared, check_not_stuck
from outrider.operators.kubernetes.places import Place
from outrider.ports.helm import Helm
from outrider.runtime.context import Context
from outrider.runtime.implementation import Inverse

_WHAT = "a chart"
_HOOKS = {"install": ("pre-install", "post-install"), "upgrade": ("pre-upgrade", "post-upgrade")}


async def plan_chart(params: ChartParams, context: Context) -> Change:
    """Let helm render a chart, and the server say what would come of it.

    Raises:
        MissingRequirementError: There is no helm.
        ConflictError: The release is there already, in the middle of a change, or declared by git.
        NotFoundError: There is no release to upgrade.
    """
    return await plan_release(params, context, lambda place: foresee(params, place, context))


async def run_chart(params: ChartParams, context: Context) -> ReleaseResult:
    """Let helm install a chart, or upgrade a release to it.

    Raises:
        MissingRequirementError: There is no helm.
        ConflictError: The release is there already, in the middle of a change, or declared by git.
        NotFoundError: There is no release to upgrade.
        PreconditionFailedError: The release is no longer the one that the plan was made for.
        ExecutionFailedError: It failed; the release is as it was before, or marked as failed.
    """
    return await run_release(params, context, lambda place: _made(params, place, context))


async def foresee(params: ChartParams, place: Place, context: Context) -> Foreseen:
    """Return what a chart would make of a release.

    Raises:
        OutriderError: As `plan_chart`.
    """
    helm = await Helm.need(place.client.target, place.namespace, _WHAT)
    revisions = await _revisions(params, place)
    before = await _current(params, revisions)
    rendered = await render(params, helm, context.remaining())
    after = rendered.record
    new_namespace = place.namespace if isinstance(params, InstallParams) and params.create_namespace else ""
    objects = await changed_objects(
        place, after, before, more=await absent(place, rendered.definitions), new_namespace=new_namespace
    )
    try:
        items = await compared(place, after, objects, override_owner=params.override_owner)
    except NotFoundError as error:
        if isinstance(params, InstallParams) and f'namespaces "{place.namespace}" not found' in error.message:
            error.suggestions = ["make it too: create_namespace"]
        raise
    return Foreseen(
        place=place,
        state={**state_of_release(revisions), CHART_VERSION: after.metadata.version},
        difference=release_difference(before, after),
        items=items,
        warnings=[
            *_warnings(params, before, after),
            *(f"{one.title} stays: its helm.sh/resource-policy is keep" for one in objects.lost if one.stays),
        ],
    )


async def _made(params: ChartParams, place: Place, context: Context) -> Released:
    helm = await Helm.need(place.client.target, place.namespace, _WHAT)
    revisions = await _revisions(params, place)
    seen = context.preconditions.get(place.title)
    check_release(seen, revisions, params.target)
    await _current(params, revisions)
    params = msgspec.structs.replace(params, version=params.version or _planned_version(params.chart, seen))
    before, time = revisions[0].number if revisions else 0, budget(context)
    with value_flags(params) as values:
        flags = [*params.flags(), *values, time.flag]
        if params.wait:
            flags += ["--wait", "--rollback-on-failure" if helm.major > 3 else "--atomic"]
        async with settled(place, params.release, before, context):
            await helm.run(params.verb, params.release, params.chart, flags=flags, timeout=time.whole, grace=time.grace)
    return await released(place, params.release, before)


async def _revisions(params: ChartParams, place: Place) -> list[Revision]:
    """Return the revisions of a release that a chart is to change; none where there is none to be.

    Raises:
        ConflictError: It is there already, or in the middle of a change.
        NotFoundError: There is none to upgrade.
    """
    revisions = next(iter((await all_revisions(place, params.release)).values()), [])
    there = bool(revisions) and revisions[0].status != "uninstalled"
    if isinstance(params, InstallParams):
        if there:
            raise ConflictError(
                f"{place.title}: release {params.release} is there already", found=f"revision {revisions[0].number}, {revisions[0].status}",
                expected="no such release", suggestions=[f"outrider kubernetes helm_upgrade {params.release} {params.chart}"],
            )  # fmt: skip
    elif not there:
        raise NotFoundError(
            f"{place.title}: there is no release '{params.release}' to upgrade", found=params.release,
            suggestions=[f"outrider kubernetes helm_install {params.release} {params.chart}", "see all: outrider kubernetes helm_list"],
        )  # fmt: skip
    else:
        check_not_stuck(revisions)
    return revisions


async def _current(params: ChartParams, revisions: list[Revision]) -> Record | None:
    """Return the record that an upgrade begins with, as helm takes it.

    Raises:
        ConflictError: Git declares the release.
    """
    if isinstance(params, InstallParams):
        return None
    record = await next((one for one in revisions if one.status == "deployed"), revisions[0]).record()
    if not params.override_owner:
        check_not_declared(record)
    return record


def _planned_version(chart: str, seen: Mapping[str, Any] | None) -> str:
    """Return the version that a plan was made with, where another one may be the newest by now."""
    moves = re.fullmatch(r"oci://[^@]*/[^/@:]+|[^/:]+/[^/:]+", chart) and not Path(chart).exists()
    return str((seen or {}).get(CHART_VERSION) or "") if moves else ""


def _warnings(params: ChartParams, before: Record | None, after: Record) -> list[str]:
    found = [f"runs hook {hook}" for hook in after.hooks_of(*_HOOKS[params.verb])]
    if after.metadata.deprecated:
        found.append(f"chart {after.chart_title} is deprecated")
    given = after.config or {}
    dropped = [key for key in (before and before.config) or {} if key not in given]
    if dropped and isinstance(params, UpgradeParams):
        found.append(
            f"values that the release has now, and will not have: {', '.join(dropped)} (keep them: reuse_values)"
        )
    return found


def inverse(params: ChartParams, result: Mapping[str, Any]) -> Inverse | None:
    """Return the call that takes a finished change back; None where the places had different revisions before."""
    before = {one["before"] for one in result["results"]}
    if len(before) != 1:
        return None
    release = {"cluster": params.cluster, "namespace": params.namespace, "release": params.release}
    if isinstance(params, InstallParams):
        return "helm_uninstall", release
    return "helm_rollback", {**release, "revision": before.pop(), "override_owner": params.override_owner}
