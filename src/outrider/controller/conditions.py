"""How an AgentType does, in conditions whose messages say what to do."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import msgspec

from outrider.controller.children import NameTakenError
from outrider.controller.sidecars import Look, tool_problem
from outrider.controller.status import Condition, ConditionStatus
from outrider.controller.targets import TargetMissingError
from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError, UnsupportedError
from outrider.kinds.agenttype.injection import injected
from outrider.ports.kube.objects import KubeObject, part, plain

_REASONS: tuple[tuple[type[OutriderError], str], ...] = (
    (InvalidConfigError, "InvalidSpec"), (TargetMissingError, "TargetMissing"), (NotFoundError, "ReferenceMissing"), (UnsupportedError, "Unsupported"), (NameTakenError, "NameTaken"),
)  # fmt: skip
TYPES = ("Ready", "Progressing", "Degraded", "ToolsReady")
# Why a container waits, and what helps (the reference's table of diagnosis).
_REMEDIES = {
    "ErrImagePull": "check name, tag and pull secret of the image",
    "ImagePullBackOff": "check name, tag and pull secret of the image",
    "ErrImageNeverPull": "load the image into the node",
    "InvalidImageName": "correct the name of the image",
    "CreateContainerConfigError": "check that its Secrets and ConfigMaps are there, and that the image has a numeric user that is not root",
    "CrashLoopBackOff": "read the log: kubectl logs {pod} -c {container} --previous",
}


# Of a Deployment only what is counted is read: its template is most of it.
class _DeploymentSpec(msgspec.Struct):
    replicas: int = 1


class _DeploymentStatus(msgspec.Struct, rename="camel"):
    observed_generation: int = 0
    replicas: int = 0
    ready_replicas: int = 0
    updated_replicas: int = 0
    available_replicas: int = 0
    conditions: list[dict[str, Any]] = []


class Seen(msgspec.Struct, frozen=True, dict=True):
    """What the cluster shows of an AgentType.

    Attributes:
        generation: Of its spec.
        jobs: Whether it is made of jobs.
        deployment: None where it is made of jobs, or nothing is there yet.
        current: Whether that is the Deployment that is wanted now, and not one of before.
        pods: Its pods.
        fault: Why what it declares could not be made.
        target: Whether the Deployment was there already.
    """

    generation: int
    jobs: bool = False
    deployment: KubeObject | None = None
    current: bool = True
    pods: Sequence[KubeObject] = ()
    fault: OutriderError | None = None
    target: bool = False

    @property
    def complete(self) -> bool:
        """Whether all pods are those that are wanted now."""
        return self.jobs or (self.current and self.counts is not None and self.counts.complete)

    @cached_property
    def counts(self) -> "_Counts | None":
        """The numbers of the Deployment, where there is one; read once, as several ask for them."""
        return None if self.deployment is None else _Counts(self.deployment)


class _Counts:
    """The numbers of a Deployment."""

    def __init__(self, deployment: KubeObject) -> None:
        status = part(deployment.status, _DeploymentStatus)
        self.wanted = part(deployment.spec, _DeploymentSpec).replicas
        self.ready, self.updated = status.ready_replicas, status.updated_replicas
        self.total, self.available = status.replicas, status.available_replicas
        self.current = status.observed_generation >= deployment.metadata.generation
        self.conditions = status.conditions

    @property
    def complete(self) -> bool:
        return self.current and self.updated == self.wanted == self.total == self.available

    @property
    def problem(self) -> str:
        """Why no pods are made, or they do not come up in time."""
        for one in self.conditions:
            if one.get("type") == "ReplicaFailure" and one.get("status") == "True":
                return (
                    f"no pod can be made: {one.get('message', '')} · check quotas, and what the namespace lets pods do"
                )
            if one.get("reason") == "ProgressDeadlineExceeded":
                return "the rollout does not come to its end · kubectl describe pods, and look at their logs"
        return ""


def conditions(seen: Seen, looks: Sequence[Look] = (), *, tools: int = 0) -> list[Condition]:
    """Return the conditions of an AgentType; the first one has the message that matters most.

    Args:
        seen: What the cluster shows.
        looks: What its sidecars say.
        tools: How many tools it is granted.
    """
    found = _of_pods(seen)
    if tools:
        found.append(_of_tools(seen, looks))
    refused = next((look.refused for look in looks if look.refused), "")
    if not refused:
        return found
    message = f"its sidecar goes on with what it was told before: {refused}"
    degraded = _condition(seen, "Degraded", "True", "SettingsRefused", message)
    return [degraded if (one.type, one.status) == ("Degraded", "False") else one for one in found]


def _of_tools(seen: Seen, looks: Sequence[Look]) -> Condition:
    reason, message = tool_problem(looks)
    if reason:
        return _condition(seen, "ToolsReady", "False", reason, message)
    if not looks:
        return _condition(seen, "ToolsReady", "Unknown", "NobodyAsked", "no sidecar runs that could say")
    return _condition(seen, "ToolsReady", "True", "AsGranted")


def _of_pods(seen: Seen) -> list[Condition]:
    if seen.fault is not None:
        reason = next((name for kind, name in _REASONS if isinstance(seen.fault, kind)), "Refused")
        message = " · ".join(filter(None, (_told(seen.fault), seen.fault.hint)))
        return [
            _condition(seen, "Ready", "False", reason, message),
            _condition(seen, "Progressing", "False", reason),
            _condition(seen, "Degraded", "True", reason, message),
        ]
    if seen.jobs:
        how = "jobs can be made of it: kubectl create job NAME --from=cronjob/ITS-NAME"
        return [
            _condition(seen, "Ready", "True", "TakesJobs", how),
            _condition(seen, "Progressing", "False", "Complete"),
            _condition(seen, "Degraded", "False", "AsDeclared"),
        ]
    if seen.counts is None or not seen.current:
        return [
            _condition(seen, "Ready", "False", "RollingOut", "what was declared last is being rolled out"),
            _condition(seen, "Progressing", "True", "RollingOut"),
            _condition(seen, "Degraded", "False", "AsDeclared"),
        ]
    return _of_deployment(seen, seen.counts)


def _of_deployment(seen: Seen, counts: _Counts) -> list[Condition]:
    bare = [pod.metadata.name for pod in seen.pods if seen.target and not _has_sidecar(pod)]
    problem = next(filter(None, map(pod_problem, seen.pods)), "") or counts.problem
    if bare and not problem:
        problem = f"pod {bare[0]} runs without its sidecar, as none could be added when it was made · delete it"
    shown = f"{counts.ready} of {counts.wanted} pods ready"
    if counts.wanted == 0:
        first = _condition(
            seen,
            "Ready",
            "False",
            "ScaledToZero",
            f"no pods are wanted · {'scale the Deployment' if seen.target else 'raise spec.scaling.replicas'}",
        )
    elif counts.current and counts.ready >= counts.wanted and counts.updated >= counts.wanted:
        first = _condition(seen, "Ready", "True", "PodsReady", problem or shown)
    else:
        first = _condition(seen, "Ready", "False", "PodsNotReady", problem or shown)
    return [
        first,
        _condition(
            seen, "Progressing", "False" if counts.complete else "True", "Complete" if counts.complete else "RollingOut"
        ),
        _condition(seen, "Degraded", "True" if problem else "False", "PodsFail" if problem else "AsDeclared", problem),
    ]


def _has_sidecar(pod: KubeObject) -> bool:
    return bool(pod.metadata.deletion_timestamp) or injected(plain(pod.spec))


def pod_problem(pod: KubeObject) -> str:
    """Return what is wrong with a pod, and what to do; empty where nothing is."""
    status = plain(pod.status)
    if pod.metadata.deletion_timestamp or status.get("phase") in ("Failed", "Succeeded"):
        return ""  # others have taken its place
    for one in status.get("conditions", ()):
        if one.get("type") == "PodScheduled" and one.get("status") == "False":
            return (
                f"pod {pod.metadata.name} finds no node: {one.get('message', '')} · check requests, taints and volumes"
            )
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        if text := _container_problem(pod.metadata.name, container):
            return text
    return ""


def _container_problem(pod: str, container: dict[str, Any]) -> str:
    name, state = container.get("name", ""), container.get("state") or {}
    waiting = state.get("waiting") or {}
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
    reason, why = waiting.get("reason", ""), waiting.get("message", "")
    if state.get("terminated") and ended.get("exitCode"):
        reason = "CrashLoopBackOff"  # it has just ended, and will be started again
    if reason not in _REMEDIES:
        return ""
    if reason == "CrashLoopBackOff" and ended:
        if ended.get("reason") == "OOMKilled":
            return f"pod {pod}: container {name} was out of memory · raise spec.resources.memory"
        why = f"it ended with exit code {ended.get('exitCode')}"
    return f"pod {pod}: container {name}: {reason}: {why} · {_REMEDIES[reason].format(pod=pod, container=name)}"[:1000]


def _told(fault: OutriderError) -> str:
    texts = [cause.message for cause in fault.causes] or [fault.message]
    path = f"{fault.path}: " if fault.path and not fault.causes and not texts[0].startswith(fault.path) else ""
    return (path + "; ".join(texts))[:1000]


def _condition(seen: Seen, kind: str, status: ConditionStatus, reason: str, message: str = "") -> Condition:
    return Condition(type=kind, status=status, reason=reason, message=message, observed_generation=seen.generation)
