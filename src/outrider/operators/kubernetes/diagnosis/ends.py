"""Containers that end though they are to run on: out of memory, killed, crashed."""

from collections.abc import Iterator
from decimal import Decimal

from outrider.operators.kubernetes.diagnosis.case import Case, Container, event, pod_name, span
from outrider.operators.kubernetes.diagnosis.findings import Finding, Remedy, Severity, by_call, by_hand
from outrider.operators.kubernetes.diagnosis.probes import failed_probe, probe_finding
from outrider.operators.kubernetes.quantities import parse_quantity, show_memory
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.workloads import WORKLOADS

# What ran through since then without another end is no longer a cause of anything.
_RECENT_SECONDS = 3600
# A container that crashes again and again runs for a moment in between, and is ready where nothing probes it.
_SETTLED_SECONDS = 30
_MORE_MEMORY = Decimal("1.5")
# 128 + number of the signal; 126 and 127 are the shell's (POSIX.1-2024, 2.8.2).
_MEANINGS = {
    126: "the program may not be executed",
    127: "the shell does not find the program",
    134: "the program aborted itself (SIGABRT)",
    139: "the program used memory that is not its own (SIGSEGV)",
}
# What such an end is called, what happened, and what to do.
_ENDS = {
    0: ("Completed", "comes to its end without a fault, though it is to run on",
        "let its program stay in the foreground; what comes to an end belongs into a Job"),
    137: ("Killed", "was killed (SIGKILL), and neither its memory limit nor a probe is seen to be the reason",
          "see what ends it: memory of the node, the container runtime, or a kill inside of the container"),
    143: ("Terminated", "ended when it was told to (SIGTERM)", "see who ends it, if it comes back"),
}  # fmt: skip


def end_finding(case: Case, pod: Object, container: Container) -> Finding | None:
    """Find why a container ended that is to run on, or that is to end well before others begin."""
    ended, severity = container.ended, _severity(case, container)
    if not ended or severity is None or _ended_well(pod, container):
        return None
    code = int(ended.get("exitCode") or 0)
    evidence = list(_evidence(case, pod, container, code))
    if ended.get("reason") == "OOMKilled":
        return _out_of_memory(case, pod, container, severity, evidence)
    if probe := failed_probe(case, pod, container, "Liveness", "Startup"):
        return probe_finding(pod, container, probe, severity, evidence)
    cause, why, remedy = _end(case, pod, container, code)
    return Finding(
        cause=cause,
        severity=severity,
        message=f"{container.title} {why}{_times(container)}",
        objects=[pod_name(pod)],
        container=container.name,
        evidence=evidence,
        remedies=[remedy],
    )


def _severity(case: Case, container: Container) -> Severity | None:
    lives = case.age(container.running.get("startedAt"))
    if not container.running or not container.status.get("ready") or lives < _SETTLED_SECONDS:
        return "error"
    return "warning" if case.age(container.ended.get("finishedAt")) < _RECENT_SECONDS else None


def _ended_well(pod: Object, container: Container) -> bool:
    if container.ended.get("exitCode") != 0 or container.ended.get("reason") == "OOMKilled":
        return False
    return container.first or pod["spec"].get("restartPolicy") != "Always"


def _evidence(case: Case, pod: Object, container: Container, code: int) -> Iterator[str]:
    ended = container.ended
    now = "state" if (container.status.get("state") or {}).get("terminated") else "lastState"
    lived = f", {span(case.age(ended.get('startedAt')) - case.age(ended.get('finishedAt')))} after its start"
    yield f"{now}.terminated {ended.get('reason') or 'Error'}, exit code {code}{lived if ended.get('startedAt') else ''}"
    if message := str(ended.get("message") or "").strip():
        yield f"its last message: {message}"
    for one in case.said(pod, "BackOff"):
        if one.container in ("", container.name):
            yield event(one, message=False)
            return


def _end(case: Case, pod: Object, container: Container, code: int) -> tuple[str, str, Remedy]:
    """Return cause, what happened and the remedy for an exit code."""
    if code in _ENDS:
        cause, why, remedy = _ENDS[code]
        return cause, why, by_hand(remedy)
    looping = container.restarts > 0 or container.waiting.get("reason") == "CrashLoopBackOff"
    meaning = f": {_MEANINGS[code]}" if code in _MEANINGS else ""
    why = f"{'keeps crashing' if looping else 'crashed'} with exit code {code}{meaning}"
    previous = {"previous": True} if container.running or container.waiting else {}
    read = by_call("read all that it wrote", "logs", pod_name(pod), case.address, container=container.name, **previous)
    return "CrashLoopBackOff" if looping else "Error", why, read


def _times(container: Container) -> str:
    return f", {container.restarts} restart{'s' if container.restarts > 1 else ''}" if container.restarts else ""


def _out_of_memory(case: Case, pod: Object, container: Container, severity: Severity, evidence: list[str]) -> Finding:
    limit = str((((container.spec.get("resources") or {}).get("limits")) or {}).get("memory") or "")
    about = f"limit {limit}" if limit else "no limit: the node had no memory left"
    return Finding(
        cause="OOMKilled",
        severity=severity,
        message=f"{container.title} used more memory than it may ({about}) and was killed{_times(container)}",
        objects=[pod_name(pod)],
        container=container.name,
        evidence=evidence,
        remedies=[_more_memory(case, container, limit)],
    )


def _more_memory(case: Case, container: Container, limit: str) -> Remedy:
    if not limit:
        return by_hand("set its memory limit and request, so that the node keeps memory for it")
    more = show_memory(parse_quantity(limit) * _MORE_MEMORY)
    if container.first or case.target.partition("/")[0] not in WORKLOADS:
        return by_hand(f"raise its memory limit, such as to {more}")
    return by_call(
        "give it more memory", "set_resources", case.target, case.address, container=container.name, memory=more
    )
