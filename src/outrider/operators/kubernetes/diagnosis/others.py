"""Services without endpoints, nodes under pressure, volume claims without volumes, jobs that failed."""

from collections.abc import Iterator

from outrider.operators.kubernetes.diagnosis.case import Case, condition, containers, event
from outrider.operators.kubernetes.diagnosis.findings import Address, Finding, by_call, by_hand
from outrider.operators.kubernetes.shown import Object

_PRESSURES = {
    "MemoryPressure": "find what uses the memory, or add a node; pods without requests are put off first",
    "DiskPressure": "free the node's disk: unused images, logs, files of pods",
    "PIDPressure": "find what starts so many processes",
    "NetworkUnavailable": "see the network plugin of the node",
}


def service_findings(case: Case) -> Iterator[Finding]:
    """Give what is wrong with a Service itself."""
    if case.kind != "Service":
        return
    selector = case.spec.get("selector") or {}
    if selector and not case.pods:
        labels = ", ".join(f"{key}={value}" for key, value in selector.items())
        yield Finding(
            cause="NoEndpoints", message=f"no pod has the labels that it selects: {labels}", objects=[case.target], evidence=["spec.selector"],
            remedies=[by_hand("correct the selector, or see why the workload has no pods")],
        )  # fmt: skip
        return
    for port in case.spec.get("ports") or ():
        name = port.get("targetPort")
        if isinstance(name, str) and case.pods and not any(_has_port(pod, name) for pod in case.pods):
            yield Finding(
                cause="NoTargetPort", message=f"port {port['port']} goes to a port '{name}' that none of its pods has", objects=[case.target],
                evidence=["spec.ports.targetPort"], remedies=[by_hand("name a port of the containers, or its number")],
            )  # fmt: skip


def _has_port(pod: Object, name: str) -> bool:
    return any(port.get("name") == name for one in containers(pod) for port in one.spec.get("ports") or ())


def node_findings(case: Case) -> Iterator[Finding]:
    """Give what is wrong with a node."""
    if case.kind != "Node":
        return
    ready = condition(case.object, "Ready")
    if ready.get("status") != "True":
        yield Finding(
            cause="NodeNotReady", message=f"the node is not ready: {ready.get('message') or 'its kubelet has said nothing yet'}",
            objects=[case.target], evidence=[f"condition Ready {ready.get('status')}, {ready.get('reason')}"],
            remedies=[by_hand("see its kubelet, its container runtime and its network plugin")],
        )  # fmt: skip
    for name, remedy in _PRESSURES.items():
        if (found := condition(case.object, name)).get("status") == "True":
            yield Finding(
                cause=name, message=f"{name}: {found.get('message')}", objects=[case.target], evidence=[f"condition {name} True, {found.get('reason')}"],
                remedies=[by_hand(remedy)],
            )  # fmt: skip
    if case.spec.get("unschedulable"):
        yield Finding(
            cause="Cordoned", severity="warning", message="it takes no new pods", objects=[case.target], evidence=["spec.unschedulable: true"],
            remedies=[by_call("once its work is done", "uncordon", case.target, Address(case.address.cluster, ""))],
        )  # fmt: skip


def claim_findings(case: Case) -> Iterator[Finding]:
    """Give what is wrong with a volume claim."""
    if case.kind != "PersistentVolumeClaim" or case.status.get("phase") == "Bound":
        return
    said = next(case.said(case.object, "ProvisioningFailed", "FailedBinding"), None)
    if said is not None:
        message = said.message
    elif case.status.get("phase") == "Lost":
        message = "its volume is gone"
    else:
        message = "no volume fits it yet, or none is made before a pod uses it"
    wanted = case.spec.get("storageClassName")
    remedy = (
        "make a volume that fits, or name a StorageClass that makes one"
        if not wanted
        else f"see StorageClass {wanted} and its driver"
    )
    yield Finding(
        cause="VolumeUnbound", message=f"it has no volume: {message}", objects=[case.target],
        evidence=[event(said) if said else f"status.phase {case.status.get('phase')}"], remedies=[by_hand(remedy)],
    )  # fmt: skip


def job_findings(case: Case) -> Iterator[Finding]:
    """Give what is wrong with a Job or CronJob."""
    if case.kind == "CronJob" and case.spec.get("suspend"):
        yield Finding(
            cause="Suspended", severity="warning", message="it starts no Jobs", objects=[case.target], evidence=["spec.suspend: true"],
            remedies=[by_hand("set spec.suspend to false")],
        )  # fmt: skip
    failed = condition(case.object, "Failed") if case.kind == "Job" else {}
    if failed.get("status") == "True":
        yield Finding(
            cause=str(failed.get("reason") or "Failed"), message=f"the job failed: {failed.get('message')}", objects=[case.target],
            evidence=["condition Failed True"], remedies=[by_hand("read the logs of its pods, then delete it and apply it again")],
        )  # fmt: skip
