"""Deployments, StatefulSets and DaemonSets: how far a rollout is, its pods, its revisions.

When a rollout is complete: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#complete-deployment, and what
`kubectl rollout status` does for the two others.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from outrider.core.errors import ConflictError, DeadlineExceededError, ExecutionFailedError, InvalidConfigError
from outrider.core.timestamps import parse_timestamp
from outrider.operators.kubernetes.edits import Live
from outrider.operators.kubernetes.owners import controller_of
from outrider.operators.kubernetes.places import Place
from outrider.ports.kube.resources import PODS, REPLICA_SETS
from outrider.runtime.context import Context

Object = dict[str, Any]
REVISION = "deployment.kubernetes.io/revision"
WORKLOADS = ("deployment", "statefulset", "daemonset")
_LOOK_SECONDS = 0.3
# Of a Deployment that names none.
_PROGRESS_DEADLINE_SECONDS = 600


class Rollout(msgspec.Struct, kw_only=True):
    """How far a rollout is.

    Attributes:
        state: `failed` where the workload's own progress deadline has passed.
        wanted: Pods that are to run.
        updated: Pods of the newest template.
        available: Pods that have been ready for long enough.
        generation: Of the workload when it was looked at.
        message: What it waits for.
    """

    state: str
    wanted: int
    updated: int
    available: int
    generation: int
    paused: bool = False
    message: str = ""

    @property
    def complete(self) -> bool:
        """Whether all pods are of the newest template and available."""
        return self.state == "complete"


def check_workload(target: str) -> None:
    """Refuse targets that have no rollout.

    Raises:
        InvalidConfigError: It is of another kind.
    """
    kind = target.partition("/")[0]
    if kind not in WORKLOADS:
        raise InvalidConfigError(
            f"target: a {kind} has no rollout", path="target", found=target, expected=" or ".join(f"{one}/NAME" for one in WORKLOADS),
            suggestions=[f"name the workload that the {kind} belongs to"] if kind in ("pod", "replicaset") else (),
        )  # fmt: skip


def check_not_paused(live: Live) -> None:
    """Refuse what a paused Deployment would only do once it is resumed.

    Raises:
        ConflictError: It is paused.
    """
    if (live.object.get("spec") or {}).get("paused"):
        raise ConflictError(
            f"{live.title} is paused", found="spec.paused: true", expected="a Deployment whose rollout goes on",
            suggestions=[f"outrider kubernetes rollout_resume {_target(live)}"],
        )  # fmt: skip


def rollout_of(found: Object) -> Rollout:
    """Return how far the rollout of a workload is."""
    spec, status, kind = found.get("spec") or {}, found.get("status") or {}, found["kind"]
    generation = int(found["metadata"].get("generation") or 0)
    numbers = _daemon_numbers(status) if kind == "DaemonSet" else _replica_numbers(kind, spec, status)
    wanted, updated, available, old = numbers
    paused = bool(spec.get("paused"))
    state, message = "progressing", ""
    if int(status.get("observedGeneration") or 0) < generation:
        message = f"the {kind} controller has not yet seen the change"
    elif failure := _failure(found):
        state, message = "failed", failure
    elif _strategy(spec) == "OnDelete":
        state, message = "complete", "updateStrategy OnDelete: pods are replaced when they are deleted"
    elif updated < wanted:
        message = f"{updated} of {wanted} pods are of the newest template"
    elif old:
        message = f"{old} pods of older templates are still there"
    elif available < updated:
        message = f"{available} of {updated} pods are available"
    else:
        state = "complete"
    if paused and state == "progressing":
        state, message = "paused", f"paused: {message}"
    return Rollout(
        state=state, wanted=wanted, updated=updated, available=available, generation=generation, paused=paused, message=message
    )  # fmt: skip


def _strategy(spec: Mapping[str, Any]) -> str:
    return str((spec.get("updateStrategy") or {}).get("type") or "RollingUpdate")


def _daemon_numbers(status: Mapping[str, Any]) -> tuple[int, int, int, int]:
    wanted = int(status.get("desiredNumberScheduled") or 0)
    return wanted, int(status.get("updatedNumberScheduled") or 0), int(status.get("numberAvailable") or 0), 0


def _replica_numbers(kind: str, spec: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Return how many pods are wanted, updated, available and of older templates."""
    replicas = 1 if spec.get("replicas") is None else int(spec["replicas"])
    updated, there = int(status.get("updatedReplicas") or 0), int(status.get("replicas") or 0)
    available = int(status.get("availableReplicas") or 0)
    if kind == "Deployment":
        return replicas, updated, available, max(0, there - updated)
    partition = int(((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition") or 0)
    whole = status.get("updateRevision") == status.get("currentRevision")
    # Pods below the partition keep their template on purpose.
    wanted = max(0, replicas - partition)
    if partition == 0 and whole:
        updated = max(updated, min(there, replicas))
    return wanted, updated, available - (replicas - wanted), 0


def _failure(found: Object) -> str:
    for condition in (found.get("status") or {}).get("conditions") or ():
        passed = condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded"
        if passed and not _is_of_an_earlier_template(condition, found):
            return str(condition.get("message") or "the progress deadline has passed")
    return ""


def _is_of_an_earlier_template(condition: Mapping[str, Any], found: Object) -> bool:
    """Return whether a rollout failed sooner than the present template could.

    After a rollback the failure stays in the status until the rollout makes progress (syncRolloutStatus of kube-controller-manager).
    """
    changes = [
        parse_timestamp(entry["time"])
        for entry in found["metadata"].get("managedFields") or ()
        if entry.get("time") and "f:template" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
    ]
    failed = condition.get("lastUpdateTime")
    if not changes or not failed:
        return False
    deadline = int(found["spec"].get("progressDeadlineSeconds") or _PROGRESS_DEADLINE_SECONDS)
    # A failure of the present template comes a whole deadline after it; the half leaves room for two clocks.
    return parse_timestamp(failed) < max(changes) + deadline / 2


async def wait_for_rollout(live: Live, context: Context) -> Rollout:
    """Wait until the rollout that a workload is in has come to its end.

    Raises:
        ExecutionFailedError: It failed, was paused, or a newer one has taken its place.
        DeadlineExceededError: The call ends before it.
    """
    resource, metadata = live.kind.resource, live.object["metadata"]
    first = int(metadata.get("generation") or 0)
    rollout = rollout_of(live.object)
    while True:
        if rollout.complete:
            return rollout
        if rollout.generation != first:
            raise _ended(live, "superseded", f"generation {rollout.generation} has taken the place of {first}", rollout)
        if rollout.state in ("failed", "paused"):
            raise _ended(live, rollout.state, rollout.message, rollout)
        if context.deadline - context.clock.monotonic() < 2 * _LOOK_SECONDS:
            raise DeadlineExceededError(
                f"{live.title}: the rollout is not complete: {rollout.message}", found=rollout.message, expected="a complete rollout",
                context=msgspec.to_builtins(rollout), suggestions=["give a longer timeout", f"outrider kubernetes diagnose {_target(live)}"],
            )  # fmt: skip
        await context.clock.sleep(_LOOK_SECONDS)
        rollout = rollout_of(await live.place.client.get(resource, metadata["name"], metadata.get("namespace", "")))


def _target(live: Live) -> str:
    return f"{live.kind.resource.kind.lower()}/{live.object['metadata']['name']}"


def _ended(live: Live, how: str, why: str, rollout: Rollout) -> ExecutionFailedError:
    return ExecutionFailedError(
        f"{live.title}: the rollout is {how}: {why}", found=how, expected="a complete rollout", context=msgspec.to_builtins(rollout),
        suggestions=[f"outrider kubernetes diagnose {_target(live)}", f"outrider kubernetes rollback {_target(live)}"],
    )  # fmt: skip


def label_selector(selector: Mapping[str, Any] | None) -> str:
    """Return a label selector (meta/v1) as queries have it; one that is empty or absent selects nothing."""
    if not selector:
        return ""
    parts = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for one in selector.get("matchExpressions") or ():
        key, operator, values = one["key"], one["operator"], ",".join(one.get("values") or ())
        parts.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": key,
                "DoesNotExist": f"!{key}",
            }[operator]
        )
    return ",".join(parts)


async def pods_of(found: Object, place: Place) -> list[Object]:
    """Return the pods that an object stands for: itself, those that it selects, or those on a node, in the order of their names.

    Raises:
        InvalidConfigError: It has no pods.
    """
    kind, metadata = found["kind"], found["metadata"]
    if kind == "Pod":
        return [found]
    if kind == "Node":
        return await place.client.list(PODS, fields=f"spec.nodeName={metadata['name']}")
    selector = (found.get("spec") or {}).get("selector")
    if kind in ("Service", "ReplicationController"):
        selector = {"matchLabels": selector}
    labels = label_selector(selector) if isinstance(selector, dict) else ""
    if not labels:
        raise InvalidConfigError(
            f"{kind} {metadata['name']} has no pods", path="target", found=kind, expected="a pod, workload, service or node"
        )  # fmt: skip
    pods = await place.client.list(PODS, str(metadata.get("namespace") or ""), labels=labels)
    if kind not in ("Service", "Job"):
        # Labels may be shared by workloads that should not share them: what belongs to another one is left out.
        mine = {metadata["uid"], *await _replica_set_uids(found, place)}
        pods = [pod for pod in pods if (maker := controller_of(pod)) is None or maker["uid"] in mine]
    return sorted(pods, key=lambda pod: str(pod["metadata"]["name"]))


async def _replica_set_uids(found: Object, place: Place) -> set[str]:
    if found["kind"] != "Deployment":
        return set()
    return {str(one["metadata"]["uid"]) for one in await replica_sets(found, place)}


async def replica_sets(deployment: Object, place: Place) -> list[Object]:
    """Return the ReplicaSets of a Deployment, the newest revision first."""
    metadata = deployment["metadata"]
    labels = label_selector(deployment["spec"].get("selector"))
    found = await place.client.list(REPLICA_SETS, str(metadata["namespace"]), labels=labels)
    mine = [one for one in found if (maker := controller_of(one)) and maker["uid"] == metadata["uid"]]
    return sorted(mine, key=revision_of, reverse=True)


def revision_of(found: Object) -> int:
    """Return the revision of a ReplicaSet or Deployment, 0 where it has none yet."""
    text = str((found["metadata"].get("annotations") or {}).get(REVISION) or "")
    return int(text) if text.isdecimal() else 0
