from typing import Any

import pytest

from outrider.operators.kubernetes.workloads import rollout_of


def deployment(changed: str, failed: str, deadline: int | None = 60) -> dict[str, Any]:
    """Return a Deployment whose template was changed at one time and whose rollout failed at another, on 1 July 2026."""
    spec: dict[str, Any] = {"replicas": 1, "template": {}}
    if deadline is not None:
        spec["progressDeadlineSeconds"] = deadline
    fields: dict[str, Any] = {"f:spec": {"f:template": {"f:spec": {}}}}
    condition = {
        "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out",
        "lastUpdateTime": f"2026-07-01T{failed}Z",
    }  # fmt: skip
    return {
        "kind": "Deployment",
        "metadata": {
            "name": "web", "generation": 3,
            "managedFields": [{"time": f"2026-07-01T{changed}Z", "fieldsV1": fields}, {"fieldsV1": {"f:status": {}}}],
        },
        "spec": spec,
        "status": {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 1, "conditions": [condition]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "failed", "deadline", "state"),
    [
        ("10:00:00", "10:01:00", 60, "failed"),
        ("10:00:05", "10:01:00", 60, "failed"),
        ("10:01:00", "10:01:00", 60, "progressing"),
        ("10:20:00", "10:01:00", 60, "progressing"),
        ("10:00:00", "10:00:01", 1, "failed"),
        ("10:00:00", "10:00:00", 1, "progressing"),
        ("10:00:00", "10:10:00", None, "failed"),
        ("10:00:00", "10:01:00", None, "progressing"),
    ],
)
def test_a_failure_counts_for_the_template_that_failed(
    changed: str, failed: str, deadline: int | None, state: str
) -> None:
    assert rollout_of(deployment(changed, failed, deadline)).state == state


def test_a_failure_counts_where_nobody_noted_a_change() -> None:
    found = deployment("10:20:00", "10:01:00")
    del found["metadata"]["managedFields"]
    assert rollout_of(found).state == "failed"
