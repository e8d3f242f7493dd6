"""A diagnosis: what was found of one object, and how people read it."""

from collections.abc import Iterator

import msgspec

from outrider.operators.kubernetes.diagnosis.case import Case, condition, span
from outrider.operators.kubernetes.diagnosis.findings import Finding, Remedy, merged
from outrider.operators.kubernetes.diagnosis.others import (
    claim_findings,
    job_findings,
    node_findings,
    service_findings,
)
from outrider.operators.kubernetes.diagnosis.pods import pod_findings
from outrider.operators.kubernetes.diagnosis.rollouts import changes, roll_back, stalled, workload_findings
from outrider.operators.kubernetes.workloads import WORKLOADS, rollout_of

_OBJECT_FINDINGS = (workload_findings, service_findings, node_findings, claim_findings, job_findings)
_NAMED = 3


class Diagnosis(msgspec.Struct, kw_only=True):
    """What was found of an object.

    Attributes:
        healthy: All that is wanted of it is there, and nothing is wrong.
        summary: How it is, in a line.
        findings: Causes, errors first.
        fix: The first remedy that may be done unattended, for rules.
    """

    cluster: str
    namespace: str
    target: str
    healthy: bool
    summary: str
    findings: list[Finding] = []
    fix: Remedy | None = None


def diagnosed(case: Case, target: str, cluster: str) -> Diagnosis:
    """Return what is wrong with an object.

    Args:
        case: The object, or for a pod its workload, with what stands around it.
        target: What was asked for.
        cluster: Name of its cluster.
    """
    own = target == case.target
    found = [one for find in _OBJECT_FINDINGS for one in find(case)] if own else []
    of_pods = [one for pod in case.examined for one in pod_findings(case, pod)]
    _lead_back(case, of_pods)
    found += of_pods
    rollout = rollout_of(case.object) if own and case.target.partition("/")[0] in WORKLOADS else None
    if rollout is not None and rollout.state == "failed" and not any(one.severity == "error" for one in found):
        found.append(stalled(case))
        _lead_back(case, [found[-1]], everywhere=True)
    findings = merged(found)
    return Diagnosis(
        cluster=cluster,
        namespace=str(case.object["metadata"].get("namespace") or ""),
        target=target,
        healthy=not any(one.severity == "error" for one in findings) and (rollout is None or rollout.complete),
        summary=_summary(case, target),
        findings=findings,
        fix=next((remedy for one in findings for remedy in one.remedies if remedy.safe), None),
    )


def _lead_back(case: Case, findings: list[Finding], *, everywhere: bool = False) -> None:
    """Put the way back before the other remedies, where all pods that fail are of the newest revision."""
    wrong = [one for one in findings if one.severity == "error"]
    names = {name for one in wrong for name in one.objects}
    failing = [pod for pod in case.pods if f"pod/{pod['metadata']['name']}" in names]
    if everywhere:
        failing = [pod for pod in case.pods if case.newest(pod)]
    if (remedy := roll_back(case, failing)) is None:
        return
    changed = changes(case)
    for one in wrong:
        one.remedies.insert(0, remedy)
        one.evidence += [line for line in changed if line not in one.evidence]


def _summary(case: Case, target: str) -> str:
    kind = target.partition("/")[0]
    if kind in WORKLOADS:
        rollout = rollout_of(case.object)
        parts = [f"{max(0, rollout.available)} of {rollout.wanted} available"]
        if rollout.state == "failed":
            since = case.age(condition(case.object, "Progressing").get("lastTransitionTime"))
            parts.append(f"rollout stuck since {span(since)}" if since else "rollout failed")
        elif not rollout.complete and "available" not in rollout.message:
            parts.append(rollout.message)
        return " · ".join(parts)
    if kind == "pod":
        return str((case.examined[0].get("status") or {}).get("phase") or "Unknown")
    if kind == "service":
        ready = sum(condition(pod, "Ready").get("status") == "True" for pod in case.pods)
        return f"{ready} of {len(case.pods)} pods ready"
    if kind == "node":
        return "ready" if condition(case.object, "Ready").get("status") == "True" else "not ready"
    if kind == "job":
        return f"{case.status.get('succeeded') or 0} of {case.spec.get('completions') or 1} succeeded"
    return str(case.status.get("phase") or "")


def told(diagnosis: Diagnosis) -> Iterator[str]:
    """Give a diagnosis as lines for people."""
    place = f"{diagnosis.namespace}/" if diagnosis.namespace else ""
    healthy = "" if diagnosis.findings or not diagnosis.healthy else " · nothing is wrong"
    yield f"{place}{diagnosis.target}  {diagnosis.summary}{healthy}"
    for one in diagnosis.findings:
        yield f"  {'cause' if one.severity == 'error' else 'note':<8}  {_where(one)}{one.message}"
        for label, lines in (("evidence", one.evidence), ("remedy", [_remedy(remedy) for remedy in one.remedies])):
            for index, line in enumerate(lines):
                yield f"  {label if index == 0 else '':<8}  {line}"


def _where(finding: Finding) -> str:
    pods = [name for name in finding.objects if name.startswith("pod/") and name not in finding.message]
    if not pods:
        return ""
    more = f" and {len(pods) - _NAMED} more" if len(pods) > _NAMED else ""
    return f"{', '.join(pods[:_NAMED])}{more}: "


def _remedy(remedy: Remedy) -> str:
    return f"{remedy.command}    ({remedy.text})" if remedy.command else remedy.text
