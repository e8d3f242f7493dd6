"""Pods that are to go: who made them, what speaks against it, and the budgets that guard them.

Sources: Kubernetes, "Safely Drain a Node", "Specifying a Disruption Budget for your Application", "API-initiated Eviction"; the
classes of pods are those of `kubectl drain`.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from outrider.core.errors import DeniedError
from outrider.operators.kubernetes.owners import controller_of
from outrider.operators.kubernetes.places import Place
from outrider.operators.kubernetes.selectors import selects
from outrider.operators.kubernetes.shown import Object
from outrider.ports.kube.resources import DISRUPTION_BUDGETS

_MIRROR = "kubernetes.io/config.mirror"
FORCE, DELETE_DATA = "force", "delete_empty_dir_data"
_OBJECTIONS = {
    FORCE: "has no controller and does not come back",
    DELETE_DATA: "loses the data of its emptyDir volumes",
}


class Budget(msgspec.Struct, frozen=True):
    """A PodDisruptionBudget.

    Attributes:
        allowed: How many of its pods may go now.
        healthy: How many of its pods are ready.
        needed: How many must be.
    """

    namespace: str
    name: str
    selector: dict[str, Any] | None
    allowed: int
    healthy: int
    needed: int

    @property
    def title(self) -> str:
        """What it says now."""
        many = "disruption" if self.allowed == 1 else "disruptions"
        return (
            f"PodDisruptionBudget {self.namespace}/{self.name} allows {self.allowed} {many} now "
            f"(ready {self.healthy}, needed {self.needed})"
        )

    def covers(self, pod: Object) -> bool:
        """Return whether it guards a pod."""
        metadata = pod["metadata"]
        return self.namespace == metadata["namespace"] and selects(self.selector, metadata.get("labels") or {})


async def budgets_in(place: Place, namespace: str) -> list[Budget]:
    """Return the budgets of a namespace, or of all where none is named; none where the caller may not read them.

    Raises:
        OutriderError: What else the server says.
    """
    try:
        found = await place.client.list(DISRUPTION_BUDGETS, namespace)
    except DeniedError:  # the server judges by them all the same
        return []
    return [_budget(one) for one in found]


def _budget(found: Object) -> Budget:
    metadata, status = found["metadata"], found.get("status") or {}
    return Budget(
        namespace=metadata["namespace"],
        name=metadata["name"],
        selector=found["spec"].get("selector"),
        allowed=int(status.get("disruptionsAllowed") or 0),
        healthy=int(status.get("currentHealthy") or 0),
        needed=int(status.get("desiredHealthy") or 0),
    )


def pod_title(pod: Object) -> str:
    """Return `NAMESPACE/pod/NAME`."""
    return f"{pod['metadata']['namespace']}/pod/{pod['metadata']['name']}"


def controller_title(pod: Object) -> str:
    """Return `KIND/NAME` of what makes a pod anew; empty where nothing does."""
    found = controller_of(pod)
    return f"{str(found['kind']).lower()}/{found['name']}" if found else ""


def is_ready(pod: Object) -> bool:
    """Return whether a pod serves: it is ready, and not on its way out."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")


def is_ending(pod: Object) -> bool:
    """Return whether a pod is on its way out already."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def is_finished(pod: Object) -> bool:
    """Return whether all containers of a pod have ended for good."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def is_static(pod: Object) -> bool:
    """Return whether a pod is the picture of one that its kubelet has from a file."""
    return _MIRROR in (pod["metadata"].get("annotations") or {})


def stays(pod: Object) -> str:
    """Return why a pod is left where it is when its node is drained; empty where it goes."""
    if is_static(pod):
        return "static pod"
    if is_finished(pod):
        return "finished"
    controller = controller_of(pod)
    return f"of DaemonSet {controller['name']}" if controller and controller["kind"] == "DaemonSet" else ""


def objections(pod: Object, granted: Iterable[str]) -> dict[str, str]:
    """Return what speaks against the end of a pod, by the parameter that grants it all the same."""
    found = []
    if controller_of(pod) is None:
        found.append(FORCE)
    if any("emptyDir" in volume for volume in pod["spec"].get("volumes") or ()):
        found.append(DELETE_DATA)
    allowed = set(granted)
    return {name: _OBJECTIONS[name] for name in found if name not in allowed}
