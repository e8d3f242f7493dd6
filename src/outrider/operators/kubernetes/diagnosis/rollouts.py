"""Workloads that get no pods, whose rollout has failed or rests; and what the newest revision has changed."""

import re
from collections.abc import Iterator

from outrider.operators.kubernetes.diagnosis.case import Case, condition, event
from outrider.operators.kubernetes.diagnosis.findings import Finding, Remedy, by_call, by_hand
from outrider.operators.kubernetes.shown import Object, differences
from outrider.operators.kubernetes.workloads import WORKLOADS, revision_of, rollout_of

_MOST_DIFFERENCES = 5
# Why the server refuses pods (admission plugins of the API server).
_REFUSALS = (
    (r"exceeded quota: (\S+?),", "QuotaExceeded", "ask for less, or raise ResourceQuota {0}"),
    (r"must specify (\S+)", "QuotaExceeded", "set {0} of its containers: a ResourceQuota counts it"),
    (r"violates PodSecurity \"?([^\"\s:]+)", "PodSecurity", "set what level {0} wants in the pod's securityContext, or take another namespace"),
    (r"(?:maximum|minimum) \S+ usage per", "LimitRange", "stay within the LimitRange of the namespace"),
    (r"serviceaccount \"?([^\"\s]+)\"? not found", "ServiceAccountMissing", "create ServiceAccount {0}, or correct its name"),
    (r"admission webhook \"?([^\"\s]+)", "AdmissionWebhook", "see what admission webhook {0} wants, or why it does not answer"),
    (r"PriorityClass", "PriorityClass", "create the PriorityClass, or correct its name"),
)  # fmt: skip


def workload_findings(case: Case) -> Iterator[Finding]:
    """Give what is wrong with a workload itself."""
    if case.target.partition("/")[0] not in WORKLOADS:
        return
    if refused := _refused(case):
        yield refused
    rollout = rollout_of(case.object)
    if rollout.state == "paused":
        yield Finding(
            cause="Paused", severity="warning", message=f"the rollout rests: {rollout.message}", objects=[case.target],
            evidence=["spec.paused: true"], remedies=[by_call("let it go on", "rollout_resume", case.target, case.address)],
        )  # fmt: skip
    if rollout.wanted == 0 and case.kind != "DaemonSet":
        yield Finding(
            cause="ScaledToZero", severity="warning", message="no pod is wanted", objects=[case.target], evidence=["spec.replicas: 0"],
            remedies=[by_call("have one", "scale", case.target, case.address, replicas=1)],
        )  # fmt: skip


def stalled(case: Case) -> Finding:
    """Return the finding for a rollout that failed, and nothing tells why."""
    return Finding(
        cause="ProgressDeadlineExceeded", message=rollout_of(case.object).message, objects=[case.target],
        evidence=["condition Progressing False", *changes(case)], remedies=[by_hand("see its pods and their logs")],
    )  # fmt: skip


def _refused(case: Case) -> Finding | None:
    """Find why the server takes no pod of it."""
    newest = case.replica_sets[0] if case.replica_sets else case.object
    wanted, there = _pods_wanted(case)
    failure = condition(case.object, "ReplicaFailure")
    # The condition may still tell of an earlier template.
    if there < wanted and (said := next(case.said(newest, "FailedCreate"), None)):
        message, evidence = said.message, event(said, message=False)
    elif failure.get("status") == "True":
        message, evidence = str(failure.get("message")), "condition ReplicaFailure True"
    else:
        return None
    cause, remedy = _refusal(message)
    return Finding(
        cause=cause, message=f"the server takes no more pods of it: {message}", objects=[case.target], evidence=[evidence],
        remedies=[by_hand(remedy)],
    )  # fmt: skip


def _pods_wanted(case: Case) -> tuple[int, int]:
    """Return how many pods of the newest template are wanted, and how many there are."""
    if not case.replica_sets:
        return rollout_of(case.object).wanted, len(case.pods)
    newest = case.replica_sets[0]
    return int(newest["spec"].get("replicas") or 0), int((newest.get("status") or {}).get("replicas") or 0)


def _refusal(message: str) -> tuple[str, str]:
    for pattern, cause, remedy in _REFUSALS:
        if match := re.search(pattern, message):
            return cause, remedy.format(*match.groups())
    return "FailedCreate", "see what the server says"


def changes(case: Case) -> list[str]:
    """Say in which fields the newest revision of a Deployment differs from the one before."""
    earlier = case.earlier()
    if earlier is None:
        return []
    before, after = (_template(one) for one in (earlier, case.replica_sets[0]))
    found = differences({"spec": before}, {"spec": after})
    said = [f"{one.path.removeprefix('spec.')}: {_short(one.before)} -> {_short(one.after)}" for one in found]
    more = [f"and {len(said) - _MOST_DIFFERENCES} more"] if len(said) > _MOST_DIFFERENCES else []
    if not said:
        return []
    return [f"revision {revision_of(case.replica_sets[0])} changed {', '.join(said[:_MOST_DIFFERENCES] + more)}"]


def _template(replica_set: Object) -> Object:
    spec: Object = replica_set["spec"]["template"]["spec"]
    return spec


def _short(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def roll_back(case: Case, failing: list[Object]) -> Remedy | None:
    """Return the way back, where the pods that fail are those of the newest revision and there is an earlier one.

    It is safe where pods of earlier revisions still do their work, and nobody else declares the workload.
    """
    if case.kind == "Deployment" and case.earlier() is None:
        return None
    if case.kind not in ("Deployment", "StatefulSet") or not failing or not all(case.newest(pod) for pod in failing):
        return None
    older = [pod for pod in case.pods if not case.newest(pod)]
    if case.kind == "StatefulSet" and not older:
        return None
    works = any(condition(pod, "Ready").get("status") == "True" for pod in older)
    return by_call(
        "go back to the revision before" if not works else "go back to the revision before, whose pods still work",
        "rollback", case.target, case.address, safe=works and case.free,
    )  # fmt: skip
