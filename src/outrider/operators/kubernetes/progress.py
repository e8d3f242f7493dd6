"""How far Argo CD or Flux is with what it brings from git, read from what they say of themselves.

Argo CD: an Application is deployed where it is Synced to the revision and Healthy (argocd "Health" and "Sync Phases").
Flux: where the condition Ready is True of the present generation and the revision was applied (Flux "Kustomization", "Status").
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from outrider.operators.kubernetes.deliveries import APPLICATION
from outrider.operators.kubernetes.kinds import kind_of_object
from outrider.operators.kubernetes.shown import Object

_SHORTEST = 7
_GIVEN_UP = ("Failed", "Error")


class Progress(msgspec.Struct, kw_only=True, frozen=True):
    """How far it is.

    Attributes:
        revisions: What it is at: commits, or the version of a chart; one for each source.
        earlier: What it was at before.
        sync: Synced, OutOfSync, Progressing, Failed, Suspended or Unknown.
        health: Of the objects, in the words of Argo CD; empty where nobody looks at it.
        message: What it says of what is not as it should be.
        failed: Whether it has given up on what it is at.
        automatic: Whether it does by itself what changes in git.
    """

    revisions: tuple[str, ...]
    earlier: tuple[str, ...] = ()
    sync: str = "Unknown"
    health: str = ""
    message: str = ""
    failed: bool = False
    automatic: bool = True

    @property
    def deployed(self) -> bool:
        """Whether what it is at is in the cluster and well."""
        return self.sync == "Synced" and self.health in ("Healthy", "")


def progress_of(found: Object) -> Progress:
    """Return how far an Application, Kustomization or HelmRelease is."""
    argo = kind_of_object(found["apiVersion"], found["kind"]) == APPLICATION
    return _argo(found) if argo else _flux(found)


def is_at(revisions: tuple[str, ...], wanted: str) -> bool:
    """Return whether one of several revisions is the wanted one, which may be the beginning of a commit."""
    short = re.fullmatch(rf"[0-9a-f]{{{_SHORTEST},}}", wanted) is not None
    return any(one == wanted or (short and one.startswith(wanted)) for one in map(commit_of, revisions))


def commit_of(revision: str) -> str:
    """Return the commit of a revision; Flux writes `main@sha1:COMMIT`."""
    return revision.rpartition(":")[2]


def _argo(found: Object) -> Progress:
    status, spec = found.get("status") or {}, found.get("spec") or {}
    sync, operation = status.get("sync") or {}, status.get("operationState") or {}
    revisions = _revisions(sync)
    phase = str(operation.get("phase") or "")
    tried = _revisions(operation.get("syncResult") or {}) or _revisions(
        (operation.get("operation") or {}).get("sync") or {}
    )
    state = str(sync.get("status") or "Unknown")
    errors = [
        f"{one.get('type')}: {one.get('message')}" for one in status.get("conditions") or ()
        if str(one.get("type")).endswith("Error")
    ]  # fmt: skip
    failed = state != "Synced" and (bool(errors) or (phase in _GIVEN_UP and tried == revisions))
    running = phase in ("Running", "Terminating") or bool(found.get("operation"))
    health = status.get("health") or {}
    told = [
        *errors,
        str(operation.get("message") or "") if running or state != "Synced" else "",
        str(health.get("message") or ""),
    ]
    return Progress(
        revisions=revisions,
        earlier=tuple(one for entry in status.get("history") or () for one in _revisions(entry)),
        sync="Progressing" if running else state,
        health=str(health.get("status") or "Unknown"),
        message="; ".join(filter(None, told)),
        failed=failed and not running,
        automatic=_is_automatic(spec),
    )


def _is_automatic(spec: dict[str, Any]) -> bool:
    automated = (spec.get("syncPolicy") or {}).get("automated")
    return automated is not None and automated.get("enabled") is not False


def _revisions(part: dict[str, Any]) -> tuple[str, ...]:
    return tuple(map(str, part.get("revisions") or filter(None, [part.get("revision")])))


def _flux(found: Object) -> Progress:
    status, metadata = found.get("status") or {}, found["metadata"]
    conditions = {str(one.get("type")): one for one in status.get("conditions") or ()}
    ready = conditions.get("Ready") or {}
    current = metadata.get("generation") in (None, ready.get("observedGeneration"), status.get("observedGeneration"))
    suspended = bool((found.get("spec") or {}).get("suspend"))
    stalled = (conditions.get("Stalled") or {}).get("status") == "True"
    attempted, applied = (str(status.get(key) or "") for key in ("lastAttemptedRevision", "lastAppliedRevision"))
    is_ready = str(ready.get("status") or "Unknown")
    # Of what it depends on, it waits for more.
    failed = current and (stalled or (is_ready == "False" and ready.get("reason") != "DependencyNotReady"))
    whole = current and is_ready == "True" and applied in ("", attempted)
    return Progress(
        revisions=tuple(filter(None, [attempted or applied])),
        earlier=tuple(filter(None, [applied, *_history(status)])),
        sync="Suspended" if suspended else "Synced" if whole else "Failed" if failed else "Progressing",
        health=_flux_health(conditions),
        message="" if whole else str(ready.get("message") or ""),
        failed=failed,
        automatic=not suspended,
    )


def _history(status: dict[str, Any]) -> Iterator[str]:
    for one in status.get("history") or ():
        yield str((one.get("metadata") or {}).get("revision") or one.get("chartVersion") or "")


def _flux_health(conditions: dict[str, dict[str, Any]]) -> str:
    """Return the health of the objects; a Kustomization looks at it only where it is told to."""
    healthy = conditions.get("Healthy")
    return {"True": "Healthy", "False": "Degraded"}.get(str(healthy.get("status")), "Progressing") if healthy else ""
