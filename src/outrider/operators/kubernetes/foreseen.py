"""What a cluster would make of objects that are to come to it from git, as far as it can be asked."""

import msgspec

from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError
from outrider.core.operation import Difference
from outrider.operators.kubernetes.deliveries import with_marks
from outrider.operators.kubernetes.kinds import target_of_object
from outrider.operators.kubernetes.places import OnePlace, Place, connected
from outrider.operators.kubernetes.shown import Object, differences
from outrider.runtime.context import Context


class Foreseen(msgspec.Struct):
    """What would come of them.

    Attributes:
        warnings: What the server remarks, and what it was not asked.
        refusals: What it would not take.
    """

    difference: list[Difference] = []
    warnings: list[str] = []
    refusals: list[OutriderError] = []


async def foresee(
    where: OnePlace, context: Context, objects: list[Object], *, namespace: str, manager: str
) -> Foreseen:
    """Let the server try them, by its dry run.

    Args:
        where: The cluster.
        context: The call.
        objects: As they will stand in git; those that are not in the cluster yet are left out.
        namespace: Of those that name none; that of the call if empty.
        manager: By which name they are applied; our own if empty.
    """
    found = Foreseen()
    try:
        async with connected(where, context) as place:
            for one in objects:
                await _foresee_one(place, one, namespace or place.namespace, manager, found)
    except OutriderError as error:
        found.warnings.append(f"the cluster could not be asked what would come of it: {error.message}")
    return found


async def _foresee_one(place: Place, one: Object, namespace: str, manager: str, found: Foreseen) -> None:
    title, cluster = target_of_object(one), place.cluster.name
    try:
        resource = (await place.cluster.catalogue()).of_object(one["apiVersion"], one["kind"])
        namespace = str(one["metadata"].get("namespace") or namespace) if resource.namespaced else ""
        live = await place.client.get(resource, one["metadata"]["name"], namespace)
    except NotFoundError:
        found.warnings.append(f"{title} is not in cluster {cluster}, which was not asked about it")
        return
    content = with_marks(one, live)
    if namespace:
        content["metadata"]["namespace"] = namespace
    try:
        written = await place.client.apply(resource, content, manager=manager, force=True, dry_run=True)
    except InvalidConfigError as error:
        error.suggestions = ["write it all the same: --force"]
        found.refusals.append(error.about(f"cluster {cluster} would not take it"))
        return
    found.warnings += written.warnings
    found.difference += [
        msgspec.structs.replace(d, path=f"{cluster}/{namespace}: {title}: {d.path}")
        for d in differences(live, written.object)
    ]
