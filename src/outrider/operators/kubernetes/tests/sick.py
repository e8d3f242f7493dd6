"""Workloads with a fault each, and the cause that a diagnosis is to find."""

from typing import Any

from outrider.operators.kubernetes.tests.scenery import deployment
from tests.servers.images import BUSYBOX


def _shell(text: str) -> list[str]:
    return ["sh", "-c", text]


def _sick(name: str, pod: dict[str, Any] | None = None, **container: Any) -> dict[str, Any]:
    one = {"apiVersion": "apps/v1", "kind": "Deployment", **deployment(name, **container)}
    one["spec"]["template"]["spec"].update(pod or {})
    return one


_PROBE = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
_SETTING = {"configMapKeyRef": {"name": "nosuch", "key": "k"}}
_CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
CASES: dict[str, dict[str, Any]] = {
    "CrashLoopBackOff": _sick("crash", command=_shell("echo cannot open config; exit 3")),
    "OOMKilled": _sick("oom", command=_shell("tail /dev/zero"), resources={"limits": {"memory": "16Mi"}}),
    "ImagePullBackOff": _sick("image", image="127.0.0.1:1/x:1"),
    "InvalidImageName": _sick("badname", image="Bad:Name:x"),
    "ErrImageNeverPull": _sick("never", image="docker.io/library/never:1", imagePullPolicy="Never"),
    "CreateContainerConfigError": _sick("config", env=[{"name": "A", "valueFrom": _SETTING}]),
    "StartError": _sick("start", command=["nosuchprogram"]),
    "Completed": _sick("complete", command=_shell("exit 0")),
    "LivenessProbeFailed": _sick("live", livenessProbe=_PROBE),
    "ReadinessProbeFailed": _sick("ready", readinessProbe=_PROBE),
    "Unschedulable": _sick("big", resources={"requests": {"cpu": "640"}}),
    "SchedulingGated": _sick("gated", {"schedulingGates": [{"name": "example.org/gate"}]}),
    "FailedMount": _sick(
        "mount", {"volumes": [{"name": "v", "configMap": {"name": "missing"}}]},
        volumeMounts=[{"name": "v", "mountPath": "/v"}],
    ),
    "InitRunning": _sick(
        "waits", {"initContainers": [{"name": "wait", "image": BUSYBOX, "command": _shell("sleep 1000")}]}
    ),
    "ServiceAccountMissing": _sick("account", {"serviceAccountName": "nosuch"}),
    "NoEndpoints": {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "nopods"},
        "spec": {"selector": {"app": "nosuch"}, "ports": [{"port": 80}]},
    },
    "NoTargetPort": {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "noport"},
        "spec": {"selector": {"app": "fine"}, "ports": [{"port": 80, "targetPort": "http"}]},
    },
    "VolumeUnbound": {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": _CLAIM,
    },
}  # fmt: skip
# A sidecar runs on, which is as it should be.
HEALTHY = [
    _sick("fine"),
    _sick(
        "beside",
        {
            "initContainers": [
                {"name": "side", "image": BUSYBOX, "restartPolicy": "Always", "command": _shell("sleep 1000")}
            ]
        },
    ),
]
