"""Pods that find no node, are put off theirs, do not go, or cannot be set up on it."""

import re
from collections.abc import Iterator
from decimal import Decimal

from outrider.operators.kubernetes.diagnosis.case import Case, condition, containers, event, pod_name, span
from outrider.operators.kubernetes.diagnosis.ends import end_finding
from outrider.operators.kubernetes.diagnosis.findings import Finding, Remedy, by_call, by_hand
from outrider.operators.kubernetes.diagnosis.images import creation_finding, image_finding
from outrider.operators.kubernetes.diagnosis.probes import unready_finding
from outrider.operators.kubernetes.owners import controller_of
from outrider.operators.kubernetes.quantities import parse_quantity, show_cpu, show_memory
from outrider.operators.kubernetes.shown import Object

# Of a pod whose node or scheduler gave it up (pkg/kubelet/eviction, lifecycle; pkg/controller/nodelifecycle, podgc).
_GIVEN_UP = (
    "Evicted", "Preempting", "NodeLost", "NodeAffinity", "NodeShutdown", "Terminated", "UnexpectedAdmissionError", "OutOfcpu", "OutOfmemory",
    "OutOfpods", "Shutdown",
)  # fmt: skip
_SETTING_UP = ("FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox")
_SLACK_SECONDS = 30.0
# What the scheduler's plugins say (pkg/scheduler/framework/plugins).
_SCHEDULING = (
    (r"Insufficient (\S+?)[,.]?(\s|$)", "ask for less {0}, or add a node that has it"),
    (r"Too many pods", "add a node: the nodes have as many pods as they may"),
    (r"untolerated taint\S* \{node\.kubernetes\.io/unschedulable", "a node takes no pods (it is cordoned): uncordon it or add one"),
    (r"untolerated taint\S* \{([^}]+)\}", "tolerate the taint {0} in the pod template, or remove it from a node"),
    (r"node affinity/selector|node\(s\) didn't match", "correct nodeSelector or affinity in the pod template, or label a node"),
    (r"unbound immediate PersistentVolumeClaims|persistentvolumeclaim", "see why its volume claims are not bound: outrider kubernetes events"),
    (r"free ports", "take another hostPort, or fewer replicas than there are nodes"),
    (r"topology spread|anti-affinity|pod affinity", "loosen its rules about other pods, or add nodes"),
    (r"no nodes available", "add a node"),
)  # fmt: skip


def pod_findings(case: Case, pod: Object) -> list[Finding]:
    """Return what is wrong with a pod: what hinders it as a whole, or else what is wrong with its containers."""
    if (pod.get("status") or {}).get("phase") == "Succeeded":
        return []
    if pod["metadata"].get("deletionTimestamp"):
        stuck = _stuck(case, pod)
        return [stuck] if stuck else []
    for find in (_given_up, _unscheduled, _node_lost, _not_set_up):
        if finding := find(case, pod):
            return [finding]
    found = list(_of_containers(case, pod))
    return found or [one for one in (_gate(pod),) if one is not None]


def _of_containers(case: Case, pod: Object) -> Iterator[Finding]:
    for container in containers(pod):
        for find in (image_finding, creation_finding, end_finding, unready_finding):
            if finding := find(case, pod, container):
                yield finding
                break


def _given_up(case: Case, pod: Object) -> Finding | None:
    status = pod.get("status") or {}
    reason, message = str(status.get("reason") or ""), str(status.get("message") or "")
    target = condition(pod, "DisruptionTarget")
    if reason not in _GIVEN_UP:
        if target.get("status") != "True" or status.get("phase") != "Failed":
            return None
        reason, message = str(target.get("reason")), str(target.get("message"))
    evidence = [f"status.reason {reason}: {message}"]
    if target.get("status") == "True":
        evidence.append(f"condition DisruptionTarget {target.get('reason')}")
    return Finding(
        cause=reason, severity="warning" if controller_of(pod) else "error",
        message=f"{pod_name(pod)} was given up by its node or the scheduler: {message or reason}", objects=[pod_name(pod)],
        evidence=evidence, remedies=list(_given_up_remedies(case, pod, reason, message)),
    )  # fmt: skip


def _given_up_remedies(case: Case, pod: Object, reason: str, message: str) -> Iterator[Remedy]:
    if reason == "Evicted" and (resource := re.search(r"low on resource: (\S+?)\.", message)):
        yield by_hand(f"set requests for {resource[1]} to what its containers use: who uses more than that goes first")
    if controller_of(pod) and (pod.get("status") or {}).get("phase") == "Failed":
        yield by_call(
            "remove what is left of it: its controller has made another", "delete", pod_name(pod), case.address, safe=True
        )  # fmt: skip


def _stuck(case: Case, pod: Object) -> Finding | None:
    metadata = pod["metadata"]
    # The time of deletion already has the grace period in it.
    late = case.age(metadata.get("deletionTimestamp"))
    if late < _SLACK_SECONDS:
        return None
    finalizers = metadata.get("finalizers") or []
    node = case.nodes.get(str(pod["spec"].get("nodeName") or ""))
    if finalizers:
        why, remedy = f"finalizers {', '.join(finalizers)} hold it", "see why their controllers do not end"
    elif node is not None and condition(node, "Ready").get("status") != "True":
        why = f"node {node['metadata']['name']} is not ready"
        remedy = "bring the node back, or delete it: pods go with it"
    else:
        why, remedy = "the kubelet does not end it", "see the node's kubelet and container runtime"
    return Finding(
        cause="Terminating", message=f"{pod_name(pod)} should have been gone for {span(late)}: {why}", objects=[pod_name(pod)],
        evidence=[f"metadata.deletionTimestamp {metadata['deletionTimestamp']}"], remedies=[by_hand(remedy)],
    )  # fmt: skip


def _unscheduled(case: Case, pod: Object) -> Finding | None:
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") != "False":
        return None
    reason, message = str(scheduled.get("reason") or "Unschedulable"), str(scheduled.get("message") or "")
    if reason == "SchedulingGated":
        gates = ", ".join(str(one["name"]) for one in pod["spec"].get("schedulingGates") or ())
        return Finding(
            cause=reason, message=f"{pod_name(pod)} waits for its scheduling gates: {gates}", objects=[pod_name(pod)],
            evidence=["condition PodScheduled SchedulingGated"], remedies=[by_hand(f"see why the controllers of {gates} do not open them")],
        )  # fmt: skip
    remedies = [
        by_hand(text.format(*match.groups())) for pattern, text in _SCHEDULING if (match := re.search(pattern, message))
    ]
    return Finding(
        cause=reason, message=f"{pod_name(pod)} finds no node: {message}", objects=[pod_name(pod)],
        evidence=["condition PodScheduled False", *_asked_for(case, pod)], remedies=remedies[:2] or [by_hand("see what the scheduler says")],
    )  # fmt: skip


def _asked_for(case: Case, pod: Object) -> Iterator[str]:
    """Say what a pod asks for, and what the largest node has."""
    for resource, show in (("cpu", show_cpu), ("memory", show_memory)):
        asked = sum(
            (parse_quantity(str(((one.spec.get("resources") or {}).get("requests") or {}).get(resource) or "0"))
             for one in containers(pod) if not one.first), Decimal(0),
        )  # fmt: skip
        there = [
            parse_quantity(str(amounts[resource]))
            for node in case.nodes.values()
            if resource in (amounts := (node.get("status") or {}).get("allocatable") or {})
        ]
        if asked and there:
            yield f"asks for {show(asked)} {resource}; the largest node has {show(max(there))}"


def _node_lost(case: Case, pod: Object) -> Finding | None:
    node = case.nodes.get(str(pod["spec"].get("nodeName") or ""))
    if node is None or (ready := condition(node, "Ready")).get("status") in ("True", None):
        return None
    name = str(node["metadata"]["name"])
    return Finding(
        cause="NodeNotReady", message=f"{pod_name(pod)} is on node {name}, which is not ready: {ready.get('message')}", objects=[pod_name(pod)],
        evidence=[f"node {name}, condition Ready {ready['status']}, {ready.get('reason')}"],
        remedies=[by_hand(f"bring node {name} back; after five minutes its pods are made anew elsewhere")],
    )  # fmt: skip


def _not_set_up(case: Case, pod: Object) -> Finding | None:
    if any(one.running or one.ended for one in containers(pod)):
        return None
    said = next(case.said(pod, *_SETTING_UP), None)
    if said is None:
        return None
    missing = re.search(r'(configmap|secret) "([^"]+)" not found', said.message)
    if missing:
        kind = "ConfigMap" if missing[1] == "configmap" else "Secret"
        remedy = f"create {kind} {missing[2]}, or correct its name in the pod template"
    elif said.reason == "FailedCreatePodSandBox":
        remedy = "see the network plugin and the container runtime of the node"
    else:
        remedy = "see the volume, its claim and its driver"
    return Finding(
        cause=said.reason, message=f"{pod_name(pod)} cannot be set up on its node: {said.message}", objects=[pod_name(pod)],
        evidence=[event(said)], remedies=[by_hand(remedy)],
    )  # fmt: skip


def _gate(pod: Object) -> Finding | None:
    gates = [str(one["conditionType"]) for one in pod["spec"].get("readinessGates") or ()]
    closed = [gate for gate in gates if condition(pod, gate).get("status") != "True"]
    if not closed or condition(pod, "ContainersReady").get("status") != "True":
        return None
    return Finding(
        cause="ReadinessGate", message=f"{pod_name(pod)} waits for its readiness gates: {', '.join(closed)}", objects=[pod_name(pod)],
        evidence=["condition ContainersReady True, Ready False"], remedies=[by_hand("see why their controllers do not open them")],
    )  # fmt: skip
