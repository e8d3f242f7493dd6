"""From an AgentType to the objects of Kubernetes that run it: a pure function, as `render` is, which it stands on."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.codec import digest, encode
from outrider.core.errors import UnsupportedError
from outrider.core.objects import Object
from outrider.core.secrets import SecretRef
from outrider.core.sidecar_settings import SidecarSettings, TaskSettings
from outrider.kinds.agenttype import pod
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.agenttype.place import Place
from outrider.kinds.agenttype.pod import Images, Ports
from outrider.kinds.agenttype.render import References, Workload, render

Manifest = dict[str, Any]
LABEL = "outrider.dev/agenttype"
# Of a pod: what it was started with, and cannot be changed while it runs.
FIXED = "outrider.dev/fixed-settings"
_DEFAULT_PORTS = Ports()


class Rendered(msgspec.Struct, frozen=True):
    """What an AgentType is on Kubernetes.

    Attributes:
        manifests: Its objects, in the order in which they are made.
        tools: How many tools its grants name.
        model: The route that its program asks first; empty for none.
    """

    manifests: list[Manifest]
    tools: int
    model: str


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
    _check(item)
    ports = _ports(item)
    workload = render(item, _place(ports), references)
    settings = _settings(workload, ports)
    secrets = sorted({one.secret for one in secret_refs(settings)})
    labels = {"app.kubernetes.io/name": item.name, "app.kubernetes.io/managed-by": "outrider", LABEL: item.name}
    fixed = digest(_fixed(settings))[:16]
    made = pod.AgentPod(
        workload=workload, images=images, ports=ports, secrets=secrets, labels=labels, annotations={FIXED: fixed},
        # Those that still run keep what they were started for, until the others have taken their place.
        settings=f"{item.name}-sidecar-{fixed[:8]}",
    )  # fmt: skip
    metadata = {"name": item.name, "namespace": namespace, "labels": labels}
    manifests = [
        _account(metadata),
        _config_map({**metadata, "name": made.settings}, workload, settings),
        *_memory(metadata, workload),
        *_running(metadata, made),
    ]
    routes = workload.sidecar.llm.routes
    return Rendered(manifests, _tools(workload.sidecar), routes[0].alias if routes else "")


def secret_refs(value: Any) -> Iterator[SecretRef]:
    """Yield the references to secrets in settings."""
    if isinstance(value, SecretRef):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from secret_refs(getattr(value, name))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from secret_refs(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from secret_refs(inner)


def _check(item: Object) -> None:
    """Refuse what a pod cannot do, as a promise that does not hold is worse than none."""
    spec: AgentTypeSpec = item.spec
    for found, path, what, remedy in (
        (not spec.agent.image, "spec.agent.image", "on Kubernetes an agent needs an image", "add image: REGISTRY/NAME:TAG"),
        (bool(spec.wrapper.packages), "spec.wrapper.packages", "packages are not installed into pods", "put them into the image"),
        (
            spec.egress.min_level == "sealed", "spec.egress.minLevel",
            "containers of a pod share one network: the program is not sealed off from what its sidecar reaches",
            "remove minLevel, and bound the pod by a NetworkPolicy",
        ),
        (spec.invocation.mode == "queue", "spec.invocation.mode", "tasks of a queue are taken by a platform, and not in a pod yet", "use mode: http"),
        (
            any(use.operation is not None for use in spec.tools), "spec.tools", "operations are granted by a platform, and not in a pod yet",
            "grant tools of servers",
        ),
        (spec.identity is not None, "spec.identity", "files of a certificate are not mounted into pods yet", "remove identity"),
        (spec.invocation.mode == "a2a", "spec.invocation.mode", "messages of A2A are not spoken by the door of a pod yet", "use mode: http"),
        (spec.isolation.min_level != "landlock", "spec.isolation.minLevel", "a pod confines by its container", "remove isolation"),
        (bool(spec.isolation.files.read or spec.isolation.files.write), "spec.isolation.files", "a container has the files of its image", "remove isolation.files"),
        (
            spec.approval is not None or any(use.require_approval is not None for use in spec.tools), "spec.approval",
            "nobody can be asked from within a pod yet", "grant what needs no approval",
        ),
        (
            _several(spec) and any(one.store is None for one in spec.memory), "spec.memory",
            "a memory in files is for one pod at a time", "keep it in a database: memory[].store, or run one pod with mode: http",
        ),
        (
            spec.llm.budget is not None and spec.llm.shared is None, "spec.llm.budget",
            "what was spent would be forgotten with the pod, and each pod would have a budget of its own", "name a store: llm.shared",
        ),
    ):  # fmt: skip
        if found:
            raise UnsupportedError(what, path=path, suggestions=[remedy])


def _several(spec: AgentTypeSpec) -> bool:
    """Return whether several pods of it may run at a time."""
    return spec.invocation.port is None or spec.scaling.several


def _ports(item: Object) -> Ports:
    """Return the sidecar's ports; none of them is the program's."""
    own = item.spec.invocation.port
    taken = {own} if own is not None else set()
    free = [number for number in range(_DEFAULT_PORTS.data, _DEFAULT_PORTS.data + 10) if number not in taken]
    return Ports(data=free[0], admin=free[1], tasks=free[2])


def _place(ports: Ports) -> Place:
    address = f"127.0.0.1:{ports.data}"
    return Place(
        address=address,
        listen=address,
        shared=pod.SHARED,
        work=pod.WORK,
        state=pod.STATE,
        key=Path("/dev/null"),
        folder=pod.FILES,
    )


def _settings(workload: Workload, ports: Ports) -> SidecarSettings:
    """Return what the sidecar is told. Within a pod nobody else reaches it, so that it asks for no key."""
    invocation = workload.invocation
    tasks = None
    if invocation.port is not None:
        tasks = TaskSettings(
            listen=f"0.0.0.0:{ports.tasks}", url=f"http://127.0.0.1:{invocation.port}", path=invocation.path, ready=invocation.ready,
            timeout=float(invocation.timeout),
        )  # fmt: skip
    told = msgspec.structs.replace(
        workload.sidecar,
        keys=[],
        admin=f"0.0.0.0:{ports.admin}",
        tasks=tasks,
        protected=list(pod.PROTECTED),
        secret_sources={},
    )
    sources = {one.secret: {"folder": str(pod.SECRETS / one.secret)} for one in secret_refs(told)}
    return msgspec.structs.replace(told, secret_sources=dict(sorted(sources.items())))


def _fixed(settings: SidecarSettings) -> list[Any]:
    """Return what a running sidecar cannot take over, so that other pods take the place of those that have it otherwise."""
    shared = settings.llm.shared
    amounts = [settings.llm.limits, settings.llm.budget] if shared is not None else []
    return [settings.listen, settings.admin, settings.tasks, settings.egress, shared, *amounts]


def _account(metadata: Manifest) -> Manifest:
    # The program speaks with its sidecar, not with the API server.
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata, "automountServiceAccountToken": False}


def _config_map(metadata: Manifest, workload: Workload, settings: SidecarSettings) -> Manifest:
    preparation = msgspec.structs.replace(workload.init.settings(pod.SHARED, pod.FILES), shared_with_group=True)
    data = {pod.SIDECAR_FILE: encode(settings).decode(), pod.PREPARATION_FILE: encode(preparation).decode()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _memory(metadata: Manifest, workload: Workload) -> list[Manifest]:
    """Return the volume of what the sidecar remembers in files of its own."""
    if not pod.remembers(workload):
        return []
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return [
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": _named(metadata, "-memory"), "spec": claim}
    ]


def _running(metadata: Manifest, made: "pod.AgentPod") -> list[Manifest]:
    workload = made.workload
    if workload.invocation.port is None:
        return [_network_policy(metadata, made), _template_of_jobs(metadata, made)]
    selector = {LABEL: metadata["name"]}
    scaling = workload.scaling
    spec: Manifest = {
        "selector": {"matchLabels": selector},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {"metadata": _of_pods(made), "spec": pod.pod_spec(made)},
    }
    if pod.remembers(workload):
        # Its volume is for one pod at a time.
        spec["strategy"] = {"type": "Recreate"}
    if scaling.most is None and scaling.replicas is not None:
        spec["replicas"] = scaling.replicas
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": metadata,
        "spec": {"selector": selector, "ports": [{"name": "tasks", "port": 80, "targetPort": made.ports.tasks, "protocol": "TCP"}]},
    }  # fmt: skip
    # Before there are pods that it is for.
    return [_network_policy(metadata, made), deployment, service, *_scaled(metadata, workload)]


def _scaled(metadata: Manifest, workload: Workload) -> list[Manifest]:
    scaling = workload.scaling
    made: list[Manifest] = []
    if scaling.most is not None:
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


def _network_policy(metadata: Manifest, made: "pod.AgentPod") -> Manifest:
    """Return who reaches the pod: tasks come from its own namespace, and anybody may look at its health; nobody reaches the program."""
    ingress: list[Manifest] = [{"ports": [{"port": made.ports.admin, "protocol": "TCP"}]}]
    if made.workload.invocation.port is not None:
        ingress.append({"from": [{"podSelector": {}}], "ports": [{"port": made.ports.tasks, "protocol": "TCP"}]})
    spec = {"podSelector": {"matchLabels": {LABEL: metadata["name"]}}, "policyTypes": ["Ingress"], "ingress": ingress}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _template_of_jobs(metadata: Manifest, made: "pod.AgentPod") -> Manifest:
    """Return what jobs are made from: `kubectl create job NAME --from=cronjob/AGENT`. It starts none itself."""
    job = {
        "backoffLimit": 0,
        "activeDeadlineSeconds": max(1, int(made.workload.invocation.timeout)),
        "ttlSecondsAfterFinished": 86_400,
        "template": {"metadata": _of_pods(made), "spec": {**pod.pod_spec(made), "restartPolicy": "Never"}},
    }
    spec = {"suspend": True, "schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec}


def _of_pods(made: "pod.AgentPod") -> Manifest:
    return {"labels": made.labels, "annotations": made.annotations}


def _named(metadata: Manifest, suffix: str) -> Manifest:
    return {**metadata, "name": metadata["name"] + suffix}


def _tools(settings: SidecarSettings) -> int:
    return len(settings.tools.grants)
