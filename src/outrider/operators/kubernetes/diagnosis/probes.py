"""Containers that run and are not ready, and those that are killed because a probe fails."""

import re
from typing import Any

from outrider.operators.kubernetes.diagnosis.case import Case, Container, event, pod_name, span
from outrider.operators.kubernetes.diagnosis.findings import Finding, Severity, by_hand
from outrider.operators.kubernetes.happenings import Happening
from outrider.operators.kubernetes.shown import Object

_FAULTS = (
    (r"connection refused", "let the program listen on that port, or correct the port; give it time with a startupProbe"),
    (r"statuscode: 40[0-9]", "correct the path of the probe, or what the program answers there"),
    (r"statuscode: 5", "the program says that it is not well: see its log"),
    (r"deadline exceeded|timeout|timed out", "raise timeoutSeconds, or let the program answer faster"),
    (r"executable file not found|no such file", "correct the command of the probe: the image has no such program"),
)  # fmt: skip


def failed_probe(case: Case, pod: Object, container: Container, *kinds: str) -> Happening | None:
    """Return the newest event that says that a probe of a container failed; `kinds` are Liveness, Readiness, Startup."""
    for one in case.said(pod, "Unhealthy"):
        if one.container in ("", container.name) and one.message.startswith(tuple(f"{kind} probe" for kind in kinds)):
            return one
    return None


def probe_finding(
    pod: Object, container: Container, probe: Happening, severity: Severity, evidence: list[str]
) -> Finding:
    """Return the finding for a container that is killed, or gets no requests, because of a probe."""
    kind, _, said = probe.message.partition(" probe ")
    what = "gets no requests" if kind == "Readiness" else "is killed and started again"
    wanted = container.spec.get(f"{kind.lower()}Probe") or {}
    remedy = next(
        (text for pattern, text in _FAULTS if re.search(pattern, said, re.IGNORECASE)), "see what the probe says"
    )
    return Finding(
        cause=f"{kind}ProbeFailed",
        severity=severity,
        message=f"{container.title} {what}: its {kind.lower()} probe fails: {said.partition(': ')[2] or said}",
        objects=[pod_name(pod)],
        container=container.name,
        evidence=[event(probe), f"{kind.lower()}Probe {_told(wanted)}", *evidence],
        remedies=[by_hand(remedy)],
    )  # fmt: skip


def _told(probe: dict[str, Any]) -> str:
    asked = "of a program in the container"
    if http := probe.get("httpGet"):
        asked = f"GET {http.get('path') or '/'} on port {http.get('port')}"
    elif tcp := probe.get("tcpSocket"):
        asked = f"connection to port {tcp.get('port')}"
    elif grpc := probe.get("grpc"):
        asked = f"gRPC health on port {grpc.get('port')}"
    elif run := probe.get("exec"):
        asked = " ".join(map(str, run.get("command") or ()))
    return (
        f"{asked}, every {probe.get('periodSeconds', 10)} s, answer within {probe.get('timeoutSeconds', 1)} s, "
        f"fails after {probe.get('failureThreshold', 3)}"
    )


def unready_finding(case: Case, pod: Object, container: Container) -> Finding | None:
    """Find why a container that runs is not ready; restarting it would help in no case."""
    if not container.running or container.status.get("ready"):
        return None
    since = span(case.age(container.running.get("startedAt")))
    if container.first:
        return Finding(
            cause="InitRunning", severity="warning", message=f"{container.title} has been running for {since}; the others wait for its end",
            objects=[pod_name(pod)], container=container.name, evidence=["initContainerStatuses.state.running"],
            remedies=[by_hand("read its log: what does it wait for?")],
        )  # fmt: skip
    if probe := failed_probe(case, pod, container, "Startup", "Readiness"):
        return probe_finding(pod, container, probe, "error", [])
    return Finding(
        cause="Starting", severity="warning", message=f"{container.title} has been running for {since} and is not ready yet",
        objects=[pod_name(pod)], container=container.name, evidence=["containerStatuses.ready: false, and no probe has failed yet"],
        remedies=[by_hand("wait for its first probe")],
    )  # fmt: skip
