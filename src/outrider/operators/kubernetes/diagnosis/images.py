"""Images that cannot be pulled, and containers that cannot be made of them."""

import re

from outrider.operators.kubernetes.diagnosis.case import Case, Container, event, pod_name
from outrider.operators.kubernetes.diagnosis.findings import Finding, by_hand
from outrider.operators.kubernetes.shown import Object

# Reasons of the kubelet (pkg/kubelet/images/types.go).
_PULLING = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "SignatureValidationFailed", "ImageInspectError")
_CREATING = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PostStartHookError")
# What registries and their networks say; the first that is met counts.
_PULL_FAULTS = (
    (r"unauthorized|denied|forbidden|authentication required|\b40[13]\b",
     "the registry refuses it: there is no such repository, or no right to it",
     "correct the name of the image, or give its pull secret: spec.imagePullSecrets"),
    (r"not found|manifest unknown|does not exist", "there is no such image or tag", "correct the name or the tag of the image"),
    (r"toomanyrequests|\b429\b", "the registry has had too many requests", "wait, sign in to the registry, or use a mirror"),
    (r"x509|certificate", "the node does not trust the certificate of the registry", "give the node the registry's certificate authority"),
    (r"no such host|connection refused|timeout|timed out|no route|unreachable|i/o|reset by peer|\bEOF\b",
     "the node does not reach the registry", "see whether the node resolves and reaches the registry"),
    (r"no space left", "the disk of the node is full", "free the node's disk: unused images, logs, files of pods"),
)  # fmt: skip
_CREATION_FAULTS = (
    (r'configmap "?([^"\s]+)"? not found', "create ConfigMap {0}, or correct its name in the pod template"),
    (r'secret "?([^"\s]+)"? not found', "create Secret {0}, or correct its name in the pod template"),
    (r"couldn't find key (\S+) in (\w+) (\S+)", "add the key {0} to {1} {2}, or correct it in the pod template"),
    (r"runAsNonRoot|run as root|non-numeric user", "set securityContext.runAsUser to a number other than 0, or take an image whose user is one"),
    (r"executable file not found|no such file or directory", "correct command in the pod template: the image has no such program"),
    (r"permission denied", "let the program of the image be executable for its user"),
)  # fmt: skip


def image_finding(case: Case, pod: Object, container: Container) -> Finding | None:
    """Find an image that cannot be had."""
    reason, message = container.waiting.get("reason"), str(container.waiting.get("message") or "")
    image = str(container.spec.get("image") or "")
    if reason == "InvalidImageName":
        why, remedy = "that is no name of an image", "write it as REGISTRY/NAME:TAG"
    elif reason == "ErrImageNeverPull":
        why, remedy = "it is not on the node, and may not be pulled", "load it on the node, or change imagePullPolicy"
    elif reason in _PULLING:
        said = [one for one in case.said(pod, "Failed", "InspectFailed") if one.container in ("", container.name)]
        # The back-off says nothing of the fault itself.
        texts = [message, *(one.message for one in said)]
        why, remedy = _pull_fault(" ".join(texts))
        message = next((text for text in texts if "rpc error" in text or ": " in text), message)
        reason = "ImagePullBackOff"
    else:
        return None
    return Finding(
        cause=reason,
        message=f"{container.title}: image {image} cannot be pulled: {why}",
        objects=[pod_name(pod)],
        container=container.name,
        evidence=[f"state.waiting {container.waiting['reason']}: {message}"],
        remedies=[by_hand(remedy)],
    )


def _pull_fault(text: str) -> tuple[str, str]:
    for pattern, why, remedy in _PULL_FAULTS:
        if re.search(pattern, text, re.IGNORECASE):
            return why, remedy
    return "see the evidence", "see the evidence; pull the image by hand on the node"


def creation_finding(case: Case, pod: Object, container: Container) -> Finding | None:
    """Find a container that cannot be created or started."""
    reason, message = container.waiting.get("reason"), str(container.waiting.get("message") or "")
    field = "state.waiting"
    if container.ended.get("reason") in ("StartError", "ContainerCannotRun") and not container.running:
        reason, message, field = "StartError", str(container.ended.get("message") or ""), "lastState.terminated"
    elif reason not in _CREATING:
        return None
    evidence = [
        f"{field} {reason}: {message}",
        *(event(one, message=False) for one in list(case.said(pod, "Failed"))[:1]),
    ]
    return Finding(
        cause=str(reason),
        message=f"{container.title} cannot be started: {message.rpartition('exec: ')[2] or message}",
        objects=[pod_name(pod)],
        container=container.name,
        evidence=evidence,
        remedies=[by_hand(_creation_remedy(message))],
    )


def _creation_remedy(message: str) -> str:
    for pattern, remedy in _CREATION_FAULTS:
        if match := re.search(pattern, message, re.IGNORECASE):
            return remedy.format(*match.groups())
    return "see the evidence; correct the container in the pod template"
