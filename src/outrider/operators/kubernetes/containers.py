"""Which container a call means: of a pod, or of a ready pod of a workload or service."""

from typing import Any

from outrider.core.errors import InvalidConfigError, NotFoundError, UnavailableError, did_you_mean
from outrider.operators.kubernetes.disruptions import is_ready
from outrider.operators.kubernetes.edits import read_live
from outrider.operators.kubernetes.kinds import PodsWord
from outrider.operators.kubernetes.places import Place, TargetInOnePlace
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.workloads import pods_of
from outrider.ports.kube.execution import Container
from outrider.runtime.context import Context

# https://kubernetes.io/docs/reference/labels-annotations-taints/#kubectl-kubernetes-io-default-container
_DEFAULT = "kubectl.kubernetes.io/default-container"
# Of the time of a call: for the end of what did not end in time.
_RESERVE_SECONDS, _RESERVE_SHARE = 2.0, 0.1
_LISTS = {
    "containers": "containerStatuses",
    "initContainers": "initContainerStatuses",
    "ephemeralContainers": "ephemeralContainerStatuses",
}


class PodParams(TargetInOnePlace, kw_only=True):
    """Which pod.

    Attributes:
        target: pod/NAME, or a workload or service, of which the first ready pod is meant: deployment/web, service/web.
    """

    target: PodsWord


class ContainerParams(PodParams, kw_only=True):
    """Which container.

    Attributes:
        container: One of the pod's; its only one, or the one that the pod names as its default, if empty.
    """

    container: str = ""


async def container_of(params: ContainerParams, place: Place) -> Container:
    """Return the container that is meant, which runs.

    Raises:
        NotFoundError: There is no such object or container.
        InvalidConfigError: The pod has several containers and none is named, or the target has no pods.
        UnavailableError: It does not run, or no pod is ready.
    """
    live = await read_live(params.target, place)
    pods = [live.object] if live.object["kind"] == "Pod" else await ready_pods(live.object, params.target, place)
    pod = pods[0]
    metadata = pod["metadata"]
    name = _named(pod, params.container)
    found = Container(str(metadata["namespace"]), str(metadata["name"]), name)
    if why := _why_not(pod, name):
        raise UnavailableError(
            f"the container {found.title} does not run: {why}", found=why, expected="a container that runs",
            suggestions=[f"outrider kubernetes logs pod/{found.pod} --container {name} --namespace {found.namespace}", f"outrider kubernetes describe pod/{found.pod} --namespace {found.namespace}"],
        )  # fmt: skip
    return found


def working_seconds(context: Context) -> float:
    """Return how long something in a container may take.

    Raises:
        DeadlineExceededError: The call has no time left.
    """
    left = context.remaining()
    return left - min(_RESERVE_SECONDS, left * _RESERVE_SHARE)


async def ready_pods(found: Object, target: str, place: Place) -> list[Object]:
    """Return the pods of a workload or service that are ready, in the order of their names; at least one.

    Raises:
        InvalidConfigError: It has no pods.
        UnavailableError: None is ready.
    """
    pods = await pods_of(found, place)
    ready = [pod for pod in pods if is_ready(pod)]
    if not ready:
        names = ", ".join(str(pod["metadata"]["name"]) for pod in pods[:5])
        raise UnavailableError(
            f"{target} has no ready pod", found=f"not ready: {names}" if names else "no pods", expected="a ready pod",
            suggestions=["see why: outrider kubernetes describe", *(["name one of its pods all the same: pod/NAME"] if names else [])],
        )  # fmt: skip
    return ready


def _named(pod: Object, wanted: str) -> str:
    names = [str(one["name"]) for part in _LISTS for one in pod["spec"].get(part) or ()]
    usual = [str(one["name"]) for one in pod["spec"]["containers"]]
    title = f"pod {pod['metadata']['name']}"
    if wanted:
        if wanted not in names:
            raise NotFoundError(
                f"{title} has no container '{wanted}'", path="container", found=wanted, expected=", ".join(names), suggestions=did_you_mean(wanted, names)
            )  # fmt: skip
        return wanted
    default = (pod["metadata"].get("annotations") or {}).get(_DEFAULT)
    if default in names:
        return str(default)
    if len(usual) > 1:
        raise InvalidConfigError(
            f"{title} has {len(usual)} containers", path="container", found="none named", expected=f"one of {', '.join(usual)}",
            suggestions=[f"--container {name}" for name in usual],
        )  # fmt: skip
    return usual[0]


def _why_not(pod: Object, name: str) -> str:
    """Return why a container does not run; empty where it does."""
    status = pod.get("status") or {}
    states = {one["name"]: one.get("state") or {} for part in _LISTS.values() for one in status.get(part) or ()}
    state: dict[str, Any] = states.get(name) or {}
    if "running" in state:
        return ""
    for how, details in state.items():
        code = f", exit code {details['exitCode']}" if "exitCode" in details else ""
        return f"{how}, {details.get('reason') or 'no reason given'}{code}"
    return f"the pod is {status.get('phase') or 'Unknown'}"
