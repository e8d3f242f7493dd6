"""Who scales a workload: HorizontalPodAutoscalers, and ScaledObjects of KEDA."""

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError
from outrider.operators.kubernetes.edits import Live
from outrider.operators.kubernetes.kinds import kind_of_object, target_of_object
from outrider.operators.kubernetes.places import Place
from outrider.operators.kubernetes.shown import Object
from outrider.ports.kube.resources import AUTOSCALERS, Resource

HORIZONTAL = "horizontalpodautoscaler"
SCALED_OBJECT = "scaledobject.keda.sh"
KEDA_VERSION = "keda.sh/v1alpha1"


def check_scalable(live: Live) -> None:
    """Refuse what has no replicas to set.

    Raises:
        InvalidConfigError: It is of such a kind.
    """
    if "scale" not in live.kind.parts:
        raise InvalidConfigError(
            f"target: a {live.kind.resource.kind} cannot be scaled", path="target", found=live.kind.resource.kind,
            expected="a kind with the subresource scale, such as deployment or statefulset",
        )  # fmt: skip


async def keda_resource(place: Place) -> Resource | None:
    """Return the kind ScaledObject of KEDA where the cluster serves it."""
    try:
        return (await place.cluster.catalogue()).of_object(KEDA_VERSION, "ScaledObject")
    except NotFoundError:
        return None


async def autoscalers_of(live: Live) -> list[Object]:
    """Return the HorizontalPodAutoscalers of a workload."""
    namespace = str(live.object["metadata"].get("namespace") or "")
    return [one for one in await live.place.client.list(AUTOSCALERS, namespace) if _scales(one, live)]


async def scaled_objects_of(live: Live) -> list[Object]:
    """Return the ScaledObjects of a workload; none where the cluster has no KEDA."""
    resource = await keda_resource(live.place)
    if resource is None:
        return []
    namespace = str(live.object["metadata"].get("namespace") or "")
    return [one for one in await live.place.client.list(resource, namespace) if _scales(one, live)]


def _scales(autoscaler: Object, live: Live) -> bool:
    return target_of(autoscaler) == target_of_object(live.object)


def target_of(autoscaler: Object) -> str:
    """Return what an autoscaler scales, as `KIND/NAME`."""
    reference = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    # A ScaledObject may leave the kind of a Deployment out.
    kind = kind_of_object(str(reference.get("apiVersion") or "apps/v1"), str(reference.get("kind") or "Deployment"))
    return f"{kind}/{reference.get('name')}"


def scaled_object_of(autoscaler: Object) -> str:
    """Return the name of the ScaledObject that has made an autoscaler; empty where none has."""
    references = autoscaler["metadata"].get("ownerReferences") or ()
    return next((str(one["name"]) for one in references if one.get("kind") == "ScaledObject"), "")


async def check_unscaled(live: Live, wanted: str) -> None:
    """Refuse a second autoscaler for a workload: each would undo what the other does.

    Args:
        live: The workload.
        wanted: The autoscaler that is to be there, as `KIND/NAME`.

    Raises:
        ConflictError: Another one scales it.
    """
    kind, _, name = wanted.partition("/")
    for other in [*await scaled_objects_of(live), *await autoscalers_of(live)]:
        title = target_of_object(other)
        if title == wanted or (kind == SCALED_OBJECT and scaled_object_of(other) == name):
            continue
        other_kind, _, other_name = title.partition("/")
        raise ConflictError(
            f"{live.title} is scaled by {title} already", path="target", found=title, expected="one autoscaler for a workload",
            suggestions=[
                f"change that one: --name {other_name}" if other_kind == kind else "leave the workload to it",
                f"outrider kubernetes delete {title} --namespace {live.place.namespace}",
            ],
        )  # fmt: skip
