"""What a diagnosis looks at: an object, with what stands around it."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.timestamps import parse_timestamp
from outrider.operators.kubernetes.diagnosis.findings import Address
from outrider.operators.kubernetes.happenings import Happening
from outrider.operators.kubernetes.owners import TEMPLATE_HASH, owner_of
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.workloads import revision_of


class Container(msgspec.Struct, frozen=True):
    """A container of a pod.

    Attributes:
        spec: As the pod wants it.
        status: As the kubelet says it is; empty before it says anything.
        first: Whether it must end before the others begin; one with restartPolicy Always (a sidecar) need not.
    """

    spec: Object
    status: Object
    first: bool

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.spec["name"])

    @property
    def title(self) -> str:
        """Its name in messages."""
        return f"{'init container' if self.first else 'container'} {self.name}"

    @property
    def waiting(self) -> Object:
        """Why it does not run."""
        return (self.status.get("state") or {}).get("waiting") or {}

    @property
    def running(self) -> Object:
        """Since when it runs."""
        return (self.status.get("state") or {}).get("running") or {}

    @property
    def ended(self) -> Object:
        """How it ended, now or the last time."""
        state, last = self.status.get("state") or {}, self.status.get("lastState") or {}
        return state.get("terminated") or last.get("terminated") or {}

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return int(self.status.get("restartCount") or 0)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """An object with what stands around it.

    Attributes:
        target: The object as operations name it.
        object: The object itself.
        address: Where it is.
        pods: Those that it stands for.
        examined: Those of them that are looked at.
        replica_sets: Of a Deployment, the newest first.
        warnings: What was said of objects, by their uid, the newest last.
        nodes: By name, as far as they may be read.
        now: Time of the caller, in seconds since 1970.
    """

    target: str
    object: Object
    address: Address
    pods: list[Object]
    examined: list[Object]
    replica_sets: list[Object]
    warnings: Mapping[str, list[Happening]]
    nodes: Mapping[str, Object]
    now: float

    @property
    def kind(self) -> str:
        """Kind of the object."""
        return str(self.object["kind"])

    @property
    def spec(self) -> Object:
        """What is wanted of it."""
        return self.object.get("spec") or {}

    @property
    def status(self) -> Object:
        """How it is."""
        return self.object.get("status") or {}

    @property
    def free(self) -> bool:
        """Whether nobody would set a change of the object back."""
        return owner_of(self.object) is None

    def said(self, found: Object, *reasons: str) -> Iterator[Happening]:
        """Give the warnings about an object, the newest first; those of some reasons alone where they are named."""
        for one in reversed(self.warnings.get(str(found["metadata"]["uid"]), [])):
            if not reasons or one.reason in reasons:
                yield one

    def newest(self, pod: Object) -> bool:
        """Return whether a pod is of the newest template of its workload."""
        labels = pod["metadata"].get("labels") or {}
        if self.kind == "Deployment":
            first = self.replica_sets[0] if self.replica_sets else None
            return first is not None and labels.get(TEMPLATE_HASH) == (first["metadata"].get("labels") or {}).get(
                TEMPLATE_HASH
            )
        revision = self.status.get("updateRevision")
        return revision is None or labels.get("controller-revision-hash") == revision

    def earlier(self) -> Object | None:
        """Return the ReplicaSet of a Deployment's revision before the newest."""
        there = [one for one in self.replica_sets if revision_of(one)]
        return there[1] if len(there) > 1 else None

    def age(self, time: Any) -> float:
        """Return how many seconds ago a time of the server was, by the clock of the caller; 0 where there is none."""
        try:
            return max(0.0, self.now - parse_timestamp(str(time))) if time else 0.0
        except InvalidConfigError:
            return 0.0


def containers(pod: Object) -> Iterator[Container]:
    """Give the containers of a pod in the order in which they are started."""
    spec, status = pod["spec"], pod.get("status") or {}
    for wanted, states in (("initContainers", "initContainerStatuses"), ("containers", "containerStatuses")):
        by_name = {one["name"]: one for one in status.get(states) or ()}
        for one in spec.get(wanted) or ():
            first = wanted == "initContainers" and one.get("restartPolicy") != "Always"
            yield Container(one, by_name.get(one["name"]) or {}, first)


def condition(found: Object, name: str) -> Object:
    """Return a condition of an object, empty where it has none of this type."""
    conditions = (found.get("status") or {}).get("conditions") or ()
    return next((one for one in conditions if one.get("type") == name), {})


def pod_name(pod: Object) -> str:
    """Return a pod as findings name it."""
    return f"pod/{pod['metadata']['name']}"


def event(happening: Happening, *, message: bool = True) -> str:
    """Return an event as evidence; without its message where that says nothing new."""
    times = f" x{happening.count}" if happening.count > 1 else ""
    return f"event {happening.reason}{times}{f': {happening.message}' if message else ''}"


def span(seconds: float) -> str:
    """Return a time roughly, such as `4 min`."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
