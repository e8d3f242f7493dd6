"""From an AgentType to the objects of Kubernetes that run it: a pure function, as `render` is, which it stands on."""

from typing import Any

import msgspec

from outrider.core.objects import Object
from outrider.kinds.agenttype import pod
from outrider.kinds.agenttype.bounds import check_bounds
from outrider.kinds.agenttype.mesh import AMBIENT_PORT
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.agenttype.pod import Images
from outrider.kinds.agenttype.pod_settings import PodSettings, pod_settings
from outrider.kinds.agenttype.render import References, Workload
from outrider.kinds.agenttype.scaling import Scaling

Manifest = dict[str, Any]
LABEL = "outrider.dev/agenttype"
# Of a pod: what it was started with, and cannot be changed while it runs.
FIXED = "outrider.dev/fixed-settings"


class Rendered(msgspec.Struct, frozen=True):
    """What an AgentType is on Kubernetes.

    Attributes:
        manifests: Its objects, in the order in which they are made.
        told: What its sidecar is told.
    """

    manifests: list[Manifest]
    told: PodSettings


def kubernetes_manifests(item: Object, namespace: str, references: References, images: Images) -> Rendered:
    """Return the objects that run an AgentType.

    Files that it names are those of the ConfigMap `NAME-files`, and a secret is the Secret of its name, both in its namespace.

    Args:
        item: The AgentType.
        namespace: Where it is.
        references: What it may name.
        images: Of what stands beside its program.

    Raises:
        OutriderError: What it names is not there, or it asks for what a pod cannot do.
    """
    spec: AgentTypeSpec = item.spec
    check_bounds(spec)
    told = pod_settings(item, references, [] if spec.invocation.port is None else [spec.invocation.port])
    made = pod.AgentPod(told=told, images=images)
    metadata = {"name": item.name, "namespace": namespace, "labels": labels_of(item.name)}
    manifests = [
        _account(metadata),
        told.config_map(metadata, "group"),
        *_memory(metadata, told.workload),
        *_running(metadata, made),
    ]
    return Rendered(manifests, told)


def labels_of(name: str) -> dict[str, str]:
    """Return the labels of the objects of an agent."""
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "outrider", LABEL: name}


def _account(metadata: Manifest) -> Manifest:
    # The program speaks with its sidecar, not with the API server.
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata, "automountServiceAccountToken": False}


def _memory(metadata: Manifest, workload: Workload) -> list[Manifest]:
    """Return the volume of what the sidecar remembers in files of its own."""
    if not pod.remembers(workload):
        return []
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return [
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": _named(metadata, "-memory"), "spec": claim}
    ]


def _running(metadata: Manifest, made: pod.AgentPod) -> list[Manifest]:
    workload = made.told.workload
    if workload.invocation.port is None:
        return [_network_policy(metadata, made), _template_of_jobs(metadata, made)]
    selector = {LABEL: metadata["name"]}
    scaling = workload.scaling
    spec: Manifest = {
        "selector": {"matchLabels": selector},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {"metadata": _of_pods(metadata, made), "spec": pod.pod_spec(made)},
    }
    if pod.remembers(workload):
        # Its volume is for one pod at a time.
        spec["strategy"] = {"type": "Recreate"}
    if scaling.most is None and scaling.replicas is not None:
        spec["replicas"] = scaling.replicas
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    # Before there are pods that it is for.
    return [
        _network_policy(metadata, made),
        deployment,
        tasks_service(metadata, made.told),
        *_scaled(metadata, workload),
    ]


def tasks_service(metadata: Manifest, told: PodSettings) -> Manifest:
    """Return the Service to which tasks are posted; it leads to the sidecars."""
    ports = [{"name": "tasks", "port": 80, "targetPort": told.ports.tasks, "protocol": "TCP"}]
    spec = {"selector": {LABEL: metadata["name"]}, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _scaled(metadata: Manifest, workload: Workload) -> list[Manifest]:
    scaling = workload.scaling
    made: list[Manifest] = []
    if scaling.triggers:
        made.append(_scaled_object(metadata, scaling))
    elif scaling.most is not None:
        # Of the program's own bounds: a share of what pods request would count the sidecar, and be reached by next to nothing.
        used = pod.processors(workload.resources.cpu * scaling.cpu / 100)
        metric = {"name": "cpu", "container": "agent", "target": {"type": "AverageValue", "averageValue": used}}
        spec = {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": metadata["name"]},
            "minReplicas": scaling.least, "maxReplicas": scaling.most,
            "metrics": [{"type": "ContainerResource", "containerResource": metric}],
        }  # fmt: skip
        made.append(
            {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}
        )
    if scaling.least > 1:
        budget = {"maxUnavailable": 1, "selector": {"matchLabels": {LABEL: metadata["name"]}}}
        made.append({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": budget})
    return made


def _scaled_object(metadata: Manifest, scaling: Scaling) -> Manifest:
    triggers = [
        {"type": one.type, "metadata": dict(one.metadata), **({"authenticationRef": {"name": one.authentication}} if one.authentication else {})}
        for one in scaling.triggers
    ]  # fmt: skip
    least = 1 if scaling.replicas is None else scaling.replicas
    spec = {
        "scaleTargetRef": {"name": metadata["name"]}, "minReplicaCount": least, "maxReplicaCount": scaling.most, "triggers": triggers,
    }  # fmt: skip
    return {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": metadata, "spec": spec}


def _network_policy(metadata: Manifest, made: pod.AgentPod) -> Manifest:
    """Return who reaches the pod: tasks come from its own namespace, and anybody may look at its health; nobody reaches the program."""
    ingress: list[Manifest] = [{"ports": [{"port": made.told.ports.admin, "protocol": "TCP"}]}]
    mesh = made.told.workload.mesh
    if mesh is not None and mesh.istio == "ambient":
        ingress.append({"from": [{"podSelector": {}}], "ports": [{"port": AMBIENT_PORT, "protocol": "TCP"}]})
    if made.told.workload.invocation.port is not None:
        ingress.append({"from": [{"podSelector": {}}], "ports": [{"port": made.told.ports.tasks, "protocol": "TCP"}]})
    spec = {"podSelector": {"matchLabels": {LABEL: metadata["name"]}}, "policyTypes": ["Ingress"], "ingress": ingress}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _template_of_jobs(metadata: Manifest, made: pod.AgentPod) -> Manifest:
    """Return what jobs are made from: `kubectl create job NAME --from=cronjob/AGENT`. It starts none itself."""
    job = {
        "backoffLimit": 0,
        "activeDeadlineSeconds": max(1, int(made.told.workload.invocation.timeout)),
        "ttlSecondsAfterFinished": 86_400,
        "template": {"metadata": _of_pods(metadata, made), "spec": {**pod.pod_spec(made), "restartPolicy": "Never"}},
    }
    spec = {"suspend": True, "schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec}


def _of_pods(metadata: Manifest, made: pod.AgentPod) -> Manifest:
    labels, annotations = metadata["labels"], {FIXED: made.told.fixed}
    if (mesh := made.told.workload.mesh) is not None:
        labels, annotations = labels | mesh.labels, annotations | mesh.annotations(made.told.ports.admin)
    return {"labels": labels, "annotations": annotations}


def _named(metadata: Manifest, suffix: str) -> Manifest:
    return {**metadata, "name": metadata["name"] + suffix}
