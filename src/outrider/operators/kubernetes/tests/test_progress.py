from typing import Any

import pytest

from outrider.operators.kubernetes.progress import is_at, progress_of

NEW, OLD = "a" * 40, "b" * 40


def argo(sync: str = "Synced", health: str = "Healthy", revision: str = NEW, **more: Any) -> dict[str, Any]:
    status = {"sync": {"status": sync, "revision": revision}, "health": {"status": health}, **more}
    return {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "shop"},
        "spec": {"syncPolicy": {"automated": {}}}, "status": status,
    }  # fmt: skip


def operation(phase: str, revision: str = NEW, message: str = "one object is wrong") -> dict[str, Any]:
    return {"phase": phase, "message": message, "syncResult": {"revision": revision}}


def flux(
    ready: str = "True", reason: str = "ReconciliationSucceeded", *, attempted: str = NEW, **more: Any
) -> dict[str, Any]:
    condition = {"type": "Ready", "status": ready, "reason": reason, "message": "said", "observedGeneration": 2}
    status = {
        "lastAttemptedRevision": f"main@sha1:{attempted}", "lastAppliedRevision": f"main@sha1:{NEW}", "observedGeneration": 2,
        "conditions": [condition], **more,
    }  # fmt: skip
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": {"name": "apps", "generation": 2},
        "spec": {}, "status": status,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("found", "sync", "deployed", "failed"),
    [
        (argo(), "Synced", True, False),
        (argo(operationState=operation("Failed", OLD)), "Synced", True, False),
        (argo(health="Degraded"), "Synced", False, False),
        (argo("OutOfSync"), "OutOfSync", False, False),
        (argo("OutOfSync", operationState=operation("Running")), "Progressing", False, False),
        (argo("OutOfSync", operationState=operation("Failed")), "OutOfSync", False, True),
        (argo("OutOfSync", operationState=operation("Error", OLD)), "OutOfSync", False, False),
        (argo("Unknown", conditions=[{"type": "ComparisonError", "message": "m"}]), "Unknown", False, True),
        (argo("Unknown", conditions=[{"type": "OrphanedResourceWarning", "message": "m"}]), "Unknown", False, False),
        ({**argo(), "operation": {"sync": {}}}, "Progressing", False, False),
        (flux(), "Synced", True, False),
        (flux(observedGeneration=1, conditions=[]), "Progressing", False, False),
        (flux("Unknown", "Progressing"), "Progressing", False, False),
        (flux("False", "BuildFailed", attempted=OLD), "Failed", False, True),
        (flux("False", "DependencyNotReady"), "Progressing", False, False),
        ({**flux(), "spec": {"suspend": True}}, "Suspended", False, False),
    ],
)
def test_how_far_it_is(found: dict[str, Any], sync: str, deployed: bool, failed: bool) -> None:
    progress = progress_of(found)
    assert (progress.sync, progress.deployed, progress.failed) == (sync, deployed, failed)


def test_what_it_says_is_told() -> None:
    conditions = [{"type": "ComparisonError", "message": "no such path"}]
    assert progress_of(argo("Unknown", conditions=conditions)).message == "ComparisonError: no such path"
    assert progress_of(argo("OutOfSync", operationState=operation("Failed"))).message == "one object is wrong"
    assert progress_of(flux("False", "BuildFailed")).message == "said"
    assert progress_of(flux()).message == ""
    healthy = [{"type": "Healthy", "status": "False"}, *flux()["status"]["conditions"]]
    assert progress_of(flux(conditions=healthy)).health == "Degraded"
    assert progress_of(flux(attempted=OLD)).earlier == (f"main@sha1:{NEW}",)
    assert progress_of(argo(history=[{"revision": OLD}, {"revisions": [NEW]}])).earlier == (OLD, NEW)
    assert not progress_of({**argo(), "spec": {"syncPolicy": {"automated": {"enabled": False}}}}).automatic


def test_revisions_are_told_apart() -> None:
    assert is_at((f"main@sha1:{NEW}",), NEW)
    assert is_at((OLD, NEW), NEW[:7])
    assert not is_at((NEW,), NEW[:6])
    assert not is_at((NEW,), OLD)
    assert is_at(("1.2.3",), "1.2.3")
    assert not is_at(("1.2.30",), "1.2.3")
