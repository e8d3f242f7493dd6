"""Causes that a cluster of one node does not have by itself."""

from typing import Any

import pytest

from outrider.core.timestamps import timestamp
from outrider.operators.kubernetes.diagnosis.case import Case, span
from outrider.operators.kubernetes.diagnosis.findings import Address, by_call, merged
from outrider.operators.kubernetes.diagnosis.report import diagnosed
from outrider.operators.kubernetes.shown import Object

NOW = 1_800_000_000.0


def pod(status: Object, *, name: str = "web-1", owned: bool = True, **spec: Any) -> Object:
    owner = [{"kind": "ReplicaSet", "name": "web", "uid": "rs", "controller": True}] if owned else []
    metadata = {"name": name, "namespace": "shop", "uid": name, "ownerReferences": owner}
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": metadata,
        "spec": {"containers": [{"name": "web"}], "restartPolicy": "Always", **spec},
        "status": status,
    }


def findings(found: Object, *pods: Object, nodes: dict[str, Object] | None = None) -> Any:
    target = f"{found['kind'].lower()}/{found['metadata']['name']}"
    case = Case(
        target=target, object=found, address=Address("", "shop"), pods=list(pods or [found]), examined=list(pods or [found]),
        replica_sets=[], warnings={}, nodes=nodes or {}, now=NOW,
    )  # fmt: skip
    return diagnosed(case, target, "here")


def ended(code: int, *, reason: str = "Error", restarts: int = 3, ago: float = 60.0) -> Object:
    last = {
        "exitCode": code,
        "reason": reason,
        "startedAt": timestamp(NOW - ago - 5),
        "finishedAt": timestamp(NOW - ago),
    }
    state = {"waiting": {"reason": "CrashLoopBackOff"}}
    return {
        "containerStatuses": [
            {"name": "web", "restartCount": restarts, "state": state, "lastState": {"terminated": last}}
        ]
    }


@pytest.mark.parametrize(
    ("code", "cause", "said"),
    [(1, "CrashLoopBackOff", "exit code 1"), (127, "CrashLoopBackOff", "shell does not find"), (139, "CrashLoopBackOff", "SIGSEGV"),
     (137, "Killed", "SIGKILL"), (143, "Terminated", "SIGTERM"), (0, "Completed", "without a fault")],
)  # fmt: skip
def test_exit_codes(code: int, cause: str, said: str) -> None:
    (finding,) = findings(pod(ended(code))).findings
    assert (finding.cause, finding.container) == (cause, "web")
    assert said in finding.message
    assert "3 restarts" in finding.message


def test_a_container_without_a_limit_was_killed_for_its_node() -> None:
    (finding,) = findings(pod(ended(137, reason="OOMKilled"))).findings
    assert (finding.cause, finding.remedies[0].operation) == ("OOMKilled", "")
    assert "node had no memory" in finding.message


@pytest.mark.parametrize(("ago", "severities"), [(5.0, ["error"]), (60.0, ["warning"]), (7200.0, [])])
def test_an_end_of_long_ago_is_no_cause(ago: float, severities: list[str]) -> None:
    status = ended(1, ago=ago)
    status["containerStatuses"][0] |= {"state": {"running": {"startedAt": timestamp(NOW - ago)}}, "ready": True}
    found = findings(pod(status))
    assert [one.severity for one in found.findings] == severities
    assert found.healthy is (severities != ["error"])


def test_an_evicted_pod_may_be_removed_where_another_has_taken_its_place() -> None:
    status = {
        "phase": "Failed",
        "reason": "Evicted",
        "message": "The node was low on resource: memory. Threshold 100Mi.",
    }
    found = findings(pod(status))
    assert (found.findings[0].cause, found.findings[0].severity) == ("Evicted", "warning")
    assert "requests for memory" in found.findings[0].remedies[0].text
    assert found.fix.params == {"target": "pod/web-1", "namespace": "shop"}
    alone = findings(pod(status, owned=False))
    assert (alone.fix, alone.findings[0].severity) == (None, "error")


@pytest.mark.parametrize("reason", ["PreemptionByScheduler", "DeletionByTaintManager", "TerminationByKubelet"])
def test_a_pod_that_was_disrupted(reason: str) -> None:
    disrupted = {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": "somebody else came first"}
    (finding,) = findings(pod({"phase": "Failed", "conditions": [disrupted]})).findings
    assert (finding.cause, finding.message.partition(": ")[2]) == (reason, "somebody else came first")


def test_a_pod_that_does_not_go() -> None:
    found = pod({"phase": "Running"})
    found["metadata"] |= {"deletionTimestamp": timestamp(NOW - 300), "finalizers": ["example.org/backup"]}
    (finding,) = findings(found).findings
    assert finding.cause == "Terminating"
    assert "5 min: finalizers example.org/backup" in finding.message
    found["metadata"]["deletionTimestamp"] = timestamp(NOW + 20)
    assert not findings(found).findings


def node(**conditions: str) -> Object:
    told = [
        {"type": name, "status": status, "reason": "Why", "message": "because"} for name, status in conditions.items()
    ]
    return {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n1", "uid": "n1"}, "status": {"conditions": told}}


def test_a_pod_on_a_node_that_is_away() -> None:
    (finding,) = findings(pod({"phase": "Running"}, nodeName="n1"), nodes={"n1": node(Ready="Unknown")}).findings
    assert finding.cause == "NodeNotReady"
    assert not findings(pod({"phase": "Running"}, nodeName="n1"), nodes={"n1": node(Ready="True")}).findings


def test_a_readiness_gate_that_is_closed() -> None:
    ready = {"type": "ContainersReady", "status": "True"}
    (finding,) = findings(pod({"conditions": [ready]}, readinessGates=[{"conditionType": "example.org/lb"}])).findings
    assert (finding.cause, "example.org/lb" in finding.message) == ("ReadinessGate", True)


def test_nodes_under_pressure() -> None:
    found = node(Ready="True", MemoryPressure="True", DiskPressure="False")
    found["spec"] = {"unschedulable": True}
    assert [one.cause for one in findings(found, pod({})).findings] == ["MemoryPressure", "Cordoned"]
    assert not findings(node(Ready="False"), pod({})).healthy


def test_a_job_that_gave_up() -> None:
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too many"}
    job = {
        "kind": "Job",
        "metadata": {"name": "copy", "uid": "j", "namespace": "shop"},
        "status": {"conditions": [failed]},
    }
    assert findings(job, pod({"phase": "Succeeded"})).findings[0].cause == "BackoffLimitExceeded"


def test_the_same_in_many_pods_is_one_finding() -> None:
    pods = [pod(ended(1), name=f"web-{number}") for number in range(5)]
    found = merged(one for each in pods for one in findings(each).findings)
    assert [len(one.objects) for one in found] == [5]


def test_a_remedy_is_a_command_that_a_shell_takes() -> None:
    remedy = by_call("", "logs", "pod/a", Address("my cluster", "shop"), container="web", previous=True)
    assert (
        remedy.command
        == "outrider kubernetes logs pod/a --container web --previous --cluster 'my cluster' --namespace shop"
    )
    assert remedy.params == {
        "target": "pod/a",
        "container": "web",
        "previous": True,
        "cluster": "my cluster",
        "namespace": "shop",
    }


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5 s"), (119, "119 s"), (240, "4 min"), (7300, "2 h"), (200_000, "2 d")]
)
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text
