"""A release of Helm, uninstalled with its objects and its history."""

import msgspec

from outrider.core.operation import Change, Difference
from outrider.operators.kubernetes.applying import Applied
from outrider.operators.kubernetes.helm_changes import (
    Foreseen,
    budget,
    check_release,
    plan_release,
    settled,
    state_of_release,
)
from outrider.operators.kubernetes.helm_objects import ReleaseObject, live_objects
from outrider.operators.kubernetes.helm_records import Record, objects_of
from outrider.operators.kubernetes.helm_releases import (
    PENDING,
    ReleaseParams,
    Revision,
    check_not_declared,
    revisions_of,
)
from outrider.operators.kubernetes.helm_restoring import check_helmless, uninstall
from outrider.operators.kubernetes.places import Place, changed_in_each, places
from outrider.ports.helm import Helm
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_HOOKS = ("pre-delete", "post-delete")


class HelmUninstallParams(ReleaseParams, kw_only=True):
    """What is uninstalled.

    Attributes:
        wait: Until its objects are gone.
        override_owner: Uninstall it although git declares it, and would install it again.
    """

    wait: bool = True
    override_owner: bool = False


class Uninstalled(msgspec.Struct, kw_only=True):
    """What came of it in one place.

    Attributes:
        revision: The last one that there was.
        removed: Its objects that were there.
        left: Those that stay, because their helm.sh/resource-policy is keep.
    """

    cluster: str
    namespace: str
    release: str
    revision: int
    removed: list[str]
    left: list[str] = []


class HelmUninstallResult(msgspec.Struct, kw_only=True):
    """What came of it, place by place."""

    results: list[Uninstalled]


class _Content(msgspec.Struct, frozen=True):
    """A release with those of its objects that are there."""

    revisions: list[Revision]
    record: Record
    objects: list[ReleaseObject]


async def plan(params: HelmUninstallParams, context: Context) -> Change:
    """Say what would go.

    Raises:
        NotFoundError: There is no such release.
        ConflictError: Git declares the release.
    """
    return await plan_release(params, context, lambda place: _foreseen(params, place))


async def run(params: HelmUninstallParams, context: Context) -> HelmUninstallResult:
    """Uninstall it: by helm where that is there, else from what Helm keeps of the release.

    Raises:
        NotFoundError: There is no such release.
        ConflictError: Git declares the release.
        PreconditionFailedError: The release is no longer the one that the plan was made for.
        MissingRequirementError: There is no helm, and the release has hooks.
        DeadlineExceededError: Its objects are deleted and not gone in time.
        PartialError: It was done in some of several places.
    """
    async with places(params, context) as here:
        return HelmUninstallResult(results=await changed_in_each(here, lambda place: _made(params, place, context)))


async def _foreseen(params: HelmUninstallParams, place: Place) -> Foreseen:
    found = await _read(params, place)
    if await Helm.find(place.client.target, place.namespace) is None:
        check_helmless(found.record.hooks_of(*_HOOKS))
    newest = found.revisions[0]
    warnings = [f"runs hook {hook}" for hook in found.record.hooks_of(*_HOOKS)]
    if newest.status in PENDING:
        warnings.append(
            f"revision {newest.number} is {newest.status}: make sure that no helm is at work on it any more"
        )
    return Foreseen(
        place=place,
        state=state_of_release(found.revisions),
        difference=[Difference("revision", newest.number, None)],
        items=[
            Applied(cluster=place.cluster.name, namespace=one.namespace, target=one.title, action="deleted")
            for one in found.objects if not one.stays
        ],
        warnings=[*warnings, *(f"{one.title} stays: its helm.sh/resource-policy is keep" for one in found.objects if one.stays)],
    )  # fmt: skip


async def _made(params: HelmUninstallParams, place: Place, context: Context) -> Uninstalled:
    helm = await Helm.find(place.client.target, place.namespace)
    found = await _read(params, place)
    check_release(context.preconditions.get(place.title), found.revisions, params.target)
    going = [one for one in found.objects if not one.stays]
    if helm is None:
        check_helmless(found.record.hooks_of(*_HOOKS))
        await uninstall(place, found.revisions, going, context, wait=params.wait)
    else:
        time = budget(context)
        flags = [f"--timeout={time.whole:.0f}s", *(["--wait"] if params.wait else [])]
        async with settled(place, params.release, found.revisions[0].number, context):
            await helm.run("uninstall", params.release, flags=flags, timeout=time.whole, grace=time.grace)
    return Uninstalled(
        cluster=place.cluster.name, namespace=place.namespace, release=params.release, revision=found.revisions[0].number,
        removed=[one.title for one in going], left=[one.title for one in found.objects if one.stays],
    )  # fmt: skip


async def _read(params: HelmUninstallParams, place: Place) -> _Content:
    revisions = await revisions_of(place, params.release)
    record = await revisions[0].record()
    if not params.override_owner:
        check_not_declared(record)
    return _Content(revisions, record, await live_objects(place, record, objects_of(record.manifest)))


OPERATION = Implementation(
    params=HelmUninstallParams, result=HelmUninstallResult, run=run, plan=plan, target=lambda params: params.target
)
