"""The pod of an AgentType: what prepares it, the sidecar, and the program's own container, which stays as it is.

    init       puts wrapper and hooks into the shared folder, and ends
    sidecar    starts before the program, ends after it, and is the program's only door (a container of init that goes on)
    program    the image as it came, with variables by which it finds its sidecar

It keeps to the strictest of Kubernetes' Pod Security Standards (`restricted`).
"""

from pathlib import Path
from typing import Any

import msgspec

from outrider.core.secrets import SecretRef
from outrider.kinds.agenttype.environment import AGENT_KEY, Joined, Value
from outrider.kinds.agenttype.render import Workload

Manifest = dict[str, Any]
ROOT = Path("/outrider")
SHARED, WORK, STATE = ROOT / "shared", ROOT / "work", ROOT / "state"
SETTINGS, FILES, SECRETS = ROOT / "settings", ROOT / "files", ROOT / "secrets"
# What programs that the sidecar starts must not see: keys, what it is told, and what it keeps.
PROTECTED = (SECRETS, SETTINGS, STATE)
# In the sidecar's container, whose own files cannot be changed.
TEMPORARY = Path("/tmp")  # noqa: S108 - a volume of the pod's own
SIDECAR_FILE, PREPARATION_FILE = "sidecar.json", "preparation.json"
# The entry of a Secret that counts where none is named.
USUAL_ENTRY = "value"
# Of what stands beside the program; nobody's.
USER = 65532
# Streams of the last calls end, and what they have cost is written down.
GRACE_SECONDS = 15
# For which a pod that is to end waits for a task, at most.
LONGEST_TASK_SECONDS = 300
_CONFINED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
_OWN = {**_CONFINED, "runAsUser": USER, "runAsGroup": USER, "runAsNonRoot": True, "readOnlyRootFilesystem": True}


class Images(msgspec.Struct, kw_only=True, frozen=True):
    """Of what stands beside the program.

    Attributes:
        outrider: With Outrider and its extra `sidecar`.
        pull_policy: Of it.
    """

    outrider: str
    pull_policy: str = "IfNotPresent"


class Ports(msgspec.Struct, kw_only=True, frozen=True):
    """Of the sidecar.

    Attributes:
        data: For the program, on 127.0.0.1 alone.
        admin: Health and metrics.
        tasks: For tasks, where the program is a server.
    """

    data: int = 4180
    admin: int = 4181
    tasks: int = 4182


class AgentPod(msgspec.Struct, kw_only=True, frozen=True):
    """What a pod is made from.

    Attributes:
        workload: As rendered.
        images: Of what stands beside the program.
        ports: Of the sidecar.
        secrets: Names of the Secrets that the sidecar reads; the program has none of them.
        labels: Of the pod.
        annotations: Of the pod.
        settings: The ConfigMap with what the sidecar is told.
    """

    workload: Workload
    images: Images
    ports: Ports
    secrets: list[str]
    labels: dict[str, str]
    annotations: dict[str, str]
    settings: str


def remembers(workload: Workload) -> bool:
    """Return whether the sidecar keeps memories in files, which must outlive the pod."""
    return any(not memory.url for memory in workload.sidecar.memories)


def pod_spec(made: AgentPod) -> Manifest:
    """Return the spec of the pod."""
    name = made.workload.name
    return {
        "serviceAccountName": name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_SECONDS
        + min(int(made.workload.invocation.timeout), LONGEST_TASK_SECONDS),
        # Folders that the program and its sidecar share belong to this group; the program's user stays its own.
        "securityContext": {"fsGroup": USER, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "initContainers": [_init(made), _sidecar(made)],
        "containers": [_program(made)],
        "volumes": _volumes(made),
    }


def _init(made: AgentPod) -> Manifest:
    command = ["python3", "-m", "outrider.sidecar.preparation", str(SETTINGS / PREPARATION_FILE)]
    mounts = [
        _mount("shared", SHARED),
        _mount("work", WORK),
        _mount("settings", SETTINGS, read_only=True),
        _mount("files", FILES, read_only=True),
    ]
    return {
        **_ours(made, "init"),
        "command": command,
        "volumeMounts": mounts,
        "resources": _resources("50m", "64Mi", "256Mi"),
    }


def _sidecar(made: AgentPod) -> Manifest:
    command = ["python3", "-m", "outrider", "sidecar", "serve", "--settings", str(SETTINGS / SIDECAR_FILE)]
    secrets = [_mount(_volume(number), SECRETS / name, read_only=True) for number, name in enumerate(made.secrets)]
    mounts = [
        _mount("state", STATE), _mount("work", WORK), _mount("settings", SETTINGS, read_only=True), _mount("files", FILES, read_only=True),
        _mount("temporary", TEMPORARY), *secrets,
    ]  # fmt: skip
    ports = [{"name": "admin", "containerPort": made.ports.admin, "protocol": "TCP"}]
    if made.workload.invocation.port is not None:
        ports.append({"name": "tasks", "containerPort": made.ports.tasks, "protocol": "TCP"})
    return {
        **_ours(made, "sidecar"),
        "command": command,
        "restartPolicy": "Always",
        "ports": ports,
        "volumeMounts": mounts,
        "startupProbe": {**_asks("/health"), "periodSeconds": 1, "failureThreshold": 60},
        "readinessProbe": {**_asks("/ready"), "periodSeconds": 1, "failureThreshold": 3},
        "livenessProbe": {**_asks("/health"), "periodSeconds": 10, "failureThreshold": 6},
        "resources": _resources("50m", "128Mi", "1Gi"),
    }


def _program(made: AgentPod) -> Manifest:
    workload = made.workload
    bounds = workload.resources
    container: Manifest = {
        "name": "agent",
        "image": workload.image,
        "imagePullPolicy": "IfNotPresent",
        "env": [_variable(name, value) for name, value in sorted(workload.env.items())],
        "securityContext": dict(_CONFINED),
        "volumeMounts": [_mount("shared", SHARED, read_only=True), _mount("work", WORK)],
        "resources": {
            "requests": {
                "cpu": processors(min(0.1, bounds.cpu)),
                "memory": str(min(int(bounds.memory), 64 << 20)),
            },
            "limits": {"cpu": processors(bounds.cpu), "memory": str(int(bounds.memory))},
        },
    }
    if workload.command:
        container["command"] = workload.command
    if workload.inside:
        container["workingDir"] = workload.inside
    return container


def _volumes(made: AgentPod) -> list[Manifest]:
    name = made.workload.name
    state: Manifest = {"name": "state", "emptyDir": {}}
    if remembers(made.workload):
        state = {"name": "state", "persistentVolumeClaim": {"claimName": f"{name}-memory"}}
    return [
        {"name": "shared", "emptyDir": {"sizeLimit": "64Mi"}},
        {"name": "work", "emptyDir": {}},
        {"name": "temporary", "emptyDir": {}},
        state,
        {"name": "settings", "configMap": {"name": made.settings}},
        {"name": "files", "configMap": {"name": f"{name}-files", "optional": True}},
        # Readable for its group alone, which is that of the sidecar's user.
        *(
            {"name": _volume(number), "secret": {"secretName": secret, "defaultMode": 0o440, "optional": True}}
            for number, secret in enumerate(made.secrets)
        ),
    ]  # fmt: skip


def _ours(made: AgentPod, name: str) -> Manifest:
    return {
        "name": name,
        "image": made.images.outrider,
        "imagePullPolicy": made.images.pull_policy,
        "securityContext": dict(_OWN),
    }


def _variable(name: str, value: Value) -> Manifest:
    """Return a variable of the program. The sidecar asks nobody for a key within the pod, but programs insist on one."""
    if isinstance(value, Joined):
        return {"name": name, "value": f"{value.before}{AGENT_KEY.secret}"}
    if not isinstance(value, SecretRef):
        return {"name": name, "value": value}
    if value == AGENT_KEY:
        return {"name": name, "value": AGENT_KEY.secret}
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": value.secret, "key": value.key or USUAL_ENTRY}}}


def _asks(path: str) -> Manifest:
    return {"httpGet": {"path": path, "port": "admin"}, "timeoutSeconds": 2}


def _mount(volume: str, path: Path, *, read_only: bool = False) -> Manifest:
    return {"name": volume, "mountPath": str(path)} | ({"readOnly": True} if read_only else {})


def _volume(number: int) -> str:
    return f"secret-{number}"


def processors(number: float) -> str:
    """Return a number of processors as Kubernetes writes it."""
    thousandths = max(1, round(number * 1000))
    return str(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"


def _resources(cpu: str, memory: str, most: str) -> Manifest:
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": most}}
