"""What the controller needs of a cluster: the kinds, an account with just the rights that it uses, and itself."""

from typing import Any

from outrider.controller.definitions import AGENT_TYPES, GROUP, MODEL_PROVIDERS, TOOLS, converted_kinds, definitions
from outrider.controller.keeper import NAME, SECRET
from outrider.controller.owned import CHILD_KINDS
from outrider.controller.policy import policy
from outrider.controller.service import LEASE
from outrider.controller.webhooks import PODS_PATH
from outrider.kinds.agenttype.injection import INJECT
from outrider.ports.kube.resources import (
    CRDS,
    MUTATING_WEBHOOKS,
    PODS,
    SCALED_OBJECTS,
    SECRETS,
    VOLUME_CLAIMS,
    Resource,
)

NAMESPACE = "outrider-system"
Manifest = dict[str, Any]
_LABELS = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "outrider"}
_READ = ["get", "list", "watch"]
_WRITE = [*_READ, "create", "patch", "delete"]
_PORT, _WEBHOOKS_PORT = 8081, 8443
# Longer than the controller takes, and shorter than anybody waits for a pod.
_ANSWER_SECONDS = 5


def installation(
    image: str, *, namespace: str = NAMESPACE, replicas: int | str = 1, pull_policy: str = "IfNotPresent"
) -> list[Manifest]:
    """Return the objects of the controller, in the order in which they are made.

    Args:
        image: Of Outrider.
        namespace: Where it runs.
        replicas: Of these one acts; the others wait with filled caches. A text where it stands for a number to come, as in a chart.
        pull_policy: Of the image.
    """
    return [
        *definitions(),
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": {**_LABELS, "pod-security.kubernetes.io/enforce": "restricted"}}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata(namespace)},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": NAME, "labels": _LABELS}, "rules": cluster_rules()},
        _binding("ClusterRole", namespace),
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": _metadata(namespace), "rules": own_rules()},
        _binding("Role", namespace),
        _service(namespace),
        _webhooks(namespace),
        *policy(_LABELS),
        _deployment(image, namespace, replicas, pull_policy),
    ]  # fmt: skip


def cluster_rules() -> list[Manifest]:
    """Return what the controller may do in all namespaces: nothing with Secrets, and nothing with pods but to look.

    For its webhooks it says whom the API server is to trust, and keeps a Secret in its own namespace.
    """
    kept = [one for one in (*CHILD_KINDS, SCALED_OBJECTS) if one != VOLUME_CLAIMS]
    return [
        _rule(GROUP, [AGENT_TYPES.plural], [*_READ, "patch"]),
        _rule(GROUP, [MODEL_PROVIDERS.plural, TOOLS.plural], _READ),
        _rule(GROUP, [f"{AGENT_TYPES.plural}/status"], ["get", "patch"]),
        _rule(GROUP, [f"{AGENT_TYPES.plural}/finalizers"], ["update"]),
        {**_rule(MUTATING_WEBHOOKS.group, [MUTATING_WEBHOOKS.plural], [*_READ, "patch"]), "resourceNames": [NAME]},
        *(_rule(group, [one.plural for one in kept if one.group == group], _WRITE) for group in _groups(kept)),
        _rule("", [VOLUME_CLAIMS.plural], [*_READ, "create", "patch"]),
        _rule("", [PODS.plural], _READ),
        *({**_rule(CRDS.group, [CRDS.plural], ["get", "patch"]), "resourceNames": [one]} for one in converted_kinds()),
        # To know whether the cluster has KEDA.
        {**_rule(CRDS.group, [CRDS.plural], _READ), "resourceNames": [SCALED_OBJECTS.title]},
        _rule("events.k8s.io", ["events"], ["create", "patch"]),
    ]


def _groups(resources: list[Resource]) -> list[str]:
    return list(dict.fromkeys(one.group for one in resources))


def own_rules() -> list[Manifest]:
    """Return what it may do in its own namespace."""
    return [
        _rule("", [SECRETS.plural], ["create"]),
        {**_rule("", [SECRETS.plural], [*_READ, "update"]), "resourceNames": [SECRET]},
        _rule("coordination.k8s.io", ["leases"], ["create"]),
        {**_rule("coordination.k8s.io", ["leases"], ["get", "update"]), "resourceNames": [LEASE]},
    ]


def _rule(group: str, resources: list[str], verbs: list[str]) -> Manifest:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


def _metadata(namespace: str) -> Manifest:
    return {"name": NAME, "namespace": namespace, "labels": _LABELS}


def _binding(kind: str, namespace: str) -> Manifest:
    metadata = {"name": NAME, "labels": _LABELS} if kind == "ClusterRole" else _metadata(namespace)
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": f"{kind}Binding", "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": NAME},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}],
    }  # fmt: skip


def _service(namespace: str) -> Manifest:
    ports = [{"name": "webhooks", "port": 443, "targetPort": "webhooks", "protocol": "TCP"}]
    spec = {"selector": {"app.kubernetes.io/name": NAME}, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(namespace), "spec": spec}


def _webhooks(namespace: str) -> Manifest:
    """Return what has the API server ask about pods that are to be given a sidecar; whom it trusts the controller says."""
    return {
        "apiVersion": MUTATING_WEBHOOKS.api_version, "kind": MUTATING_WEBHOOKS.kind, "metadata": {"name": NAME, "labels": _LABELS},
        "webhooks": [_webhook(namespace, "refuse", "Fail"), _webhook(namespace, "start", "Ignore")],
    }  # fmt: skip


def _webhook(namespace: str, on_failure: str, policy: str) -> Manifest:
    """Return the webhook for pods of one kind, so that one that cannot be reached concerns no others."""
    return {
        "name": f"{on_failure}.sidecars.outrider.dev",
        "clientConfig": {"service": {"name": NAME, "namespace": namespace, "path": PODS_PATH, "port": 443}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"], "scope": "Namespaced"}],
        "objectSelector": {"matchLabels": {INJECT: on_failure}},
        "failurePolicy": policy, "matchPolicy": "Equivalent", "reinvocationPolicy": "Never", "sideEffects": "None",
        "timeoutSeconds": _ANSWER_SECONDS, "admissionReviewVersions": ["v1"],
    }  # fmt: skip


def _deployment(image: str, namespace: str, replicas: int | str, pull_policy: str) -> Manifest:
    selector = {"app.kubernetes.io/name": NAME}
    confined = {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True, "runAsNonRoot": True,
        "runAsUser": 65532, "runAsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    container = {
        "name": "controller", "image": image, "imagePullPolicy": pull_policy,
        "command": ["python3", "-m", "outrider", "controller", "serve", "--image", image, "--pull-policy", pull_policy],
        "env": [{"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}],
        "ports": [
            {"name": "health", "containerPort": _PORT, "protocol": "TCP"},
            {"name": "webhooks", "containerPort": _WEBHOOKS_PORT, "protocol": "TCP"},
        ],
        "startupProbe": {"httpGet": {"path": "/healthz", "port": "health"}, "periodSeconds": 1, "failureThreshold": 60},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "health"}, "periodSeconds": 10, "failureThreshold": 6},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "health"}, "periodSeconds": 2},
        "securityContext": confined,
        "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "512Mi"}},
    }  # fmt: skip
    pod = {
        "serviceAccountName": NAME,
        "securityContext": {"runAsNonRoot": True},
        "containers": [container],
        "terminationGracePeriodSeconds": 10,
    }
    spec = {
        "replicas": replicas, "selector": {"matchLabels": selector}, "template": {"metadata": {"labels": _LABELS}, "spec": pod},
    }  # fmt: skip
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata(namespace), "spec": spec}
