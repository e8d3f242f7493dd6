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
from outrider.kinds.agenttype.layout import (
    FILES,
    PREPARATION_FILE,
    SECRETS,
    SETTINGS,
    SHARED,
    SIDECAR_FILE,
    STATE,
    TEMPORARY,
    WORK,
)
from outrider.kinds.agenttype.place import inside
from outrider.kinds.agenttype.pod_settings import PodSettings
from outrider.kinds.agenttype.render import Workload

Manifest = dict[str, Any]
# The entry of a Secret that counts where none is named.
USUAL_ENTRY = "value"
# Of what stands beside the program; nobody's.
USER = 65532
# Until it listens the program is not started. A probe would find that out once a second only.
_WAIT = """
import socket, sys, time
end = time.monotonic() + 60
while True:
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1).close()
        break
    except OSError:
        if time.monotonic() > end:
            sys.exit("the sidecar does not listen")
        time.sleep(0.02)
"""
# Streams of the last calls end, and what they have cost is written down.
GRACE_SECONDS = 15
# For which a pod that is to end waits for a task, at most.
LONGEST_TASK_SECONDS = 300
_CONFINED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


class Images(msgspec.Struct, kw_only=True, frozen=True):
    """Of what stands beside the program.

    Attributes:
        outrider: With Outrider and its extra `sidecar`.
        pull_policy: Of it.
    """

    outrider: str
    pull_policy: str = "IfNotPresent"


class AgentPod(msgspec.Struct, kw_only=True, frozen=True):
    """What a pod is made from.

    Attributes:
        told: What its sidecar is told.
        images: Of what stands beside the program.
        prefix: Of the names of containers and volumes that are ours.
        user: Of what is ours, and its group; None for those that the pod says.
        secret_mode: Of the files of Secrets, which are mounted into the sidecar alone.
    """

    told: PodSettings
    images: Images
    prefix: str = ""
    user: int | None = USER
    # For the group alone, which is that of the sidecar's user.
    secret_mode: int = 0o440


def remembers(workload: Workload) -> bool:
    """Return whether the sidecar keeps memories in files, which must outlive the pod."""
    return any(not memory.url for memory in workload.sidecar.memories)


def pod_spec(made: AgentPod) -> Manifest:
    """Return the spec of the pod."""
    workload = made.told.workload
    return {
        "serviceAccountName": workload.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_SECONDS + min(int(workload.invocation.timeout), LONGEST_TASK_SECONDS),
        # Folders that the program and its sidecar share belong to this group; the program's user stays its own.
        "securityContext": {"fsGroup": USER, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "initContainers": beside(made),
        "containers": [_program(made)],
        "volumes": [*volumes(made), settings_volume(made.told.name)],
    }


def beside(made: AgentPod) -> list[Manifest]:
    """Return what stands beside the program: what prepares the pod, and the sidecar."""
    return [_init(made), _sidecar(made)]


def program_mounts(made: AgentPod) -> list[Manifest]:
    """Return the folders that the program gets."""
    return [_mount(made, "shared", SHARED, read_only=True), _mount(made, "work", WORK)]


def _init(made: AgentPod) -> Manifest:
    command = ["python3", "-m", "outrider.sidecar.preparation", str(inside(SETTINGS, PREPARATION_FILE))]
    mounts = [
        _mount(made, "shared", SHARED),
        _mount(made, "work", WORK),
        _mount(made, "settings", SETTINGS, read_only=True),
        _mount(made, "files", FILES, read_only=True),
    ]
    return {
        **_ours(made, "init"),
        "command": command,
        "volumeMounts": mounts,
        "resources": _resources("50m", "64Mi", "256Mi"),
    }


def _sidecar(made: AgentPod) -> Manifest:
    command = ["python3", "-m", "outrider", "sidecar", "serve", "--settings", str(inside(SETTINGS, SIDECAR_FILE))]
    secrets = [
        _mount(made, _volume(number), SECRETS / name, read_only=True) for number, name in enumerate(made.told.secrets)
    ]
    mounts = [
        _mount(made, "state", STATE), _mount(made, "work", WORK), _mount(made, "settings", SETTINGS, read_only=True), _mount(made, "files", FILES, read_only=True),
        _mount(made, "temporary", TEMPORARY), *secrets,
    ]  # fmt: skip
    ports = [{"name": f"{made.prefix}admin", "containerPort": made.told.ports.admin, "protocol": "TCP"}]
    if made.told.workload.invocation.port is not None:
        ports.append({"name": f"{made.prefix}tasks", "containerPort": made.told.ports.tasks, "protocol": "TCP"})
    return {
        **_ours(made, "sidecar"),
        "command": command,
        "restartPolicy": "Always",
        "ports": ports,
        "volumeMounts": mounts,
        "lifecycle": {
            "postStart": {"exec": {"command": ["python3", "-I", "-S", "-c", _WAIT, str(made.told.ports.data)]}}
        },
        "readinessProbe": {**_asks(made, "/ready"), "periodSeconds": 1, "failureThreshold": 3},
        "livenessProbe": {**_asks(made, "/health"), "periodSeconds": 10, "failureThreshold": 6},
        "resources": _resources("50m", "128Mi", "1Gi"),
    }


def _program(made: AgentPod) -> Manifest:
    workload = made.told.workload
    bounds = workload.resources
    container: Manifest = {
        "name": "agent",
        "image": workload.image,
        "imagePullPolicy": "IfNotPresent",
        "env": [variable(name, value) for name, value in sorted(workload.env.items())],
        "securityContext": dict(_CONFINED),
        "volumeMounts": program_mounts(made),
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


def volumes(made: AgentPod) -> list[Manifest]:
    """Return the volumes of what is ours, but for the one with what the sidecar is told."""
    name = made.told.workload.name
    state: Manifest = {"name": "state", "emptyDir": {}}
    if remembers(made.told.workload):
        state = {"name": "state", "persistentVolumeClaim": {"claimName": f"{name}-memory"}}
    found = [
        {"name": "shared", "emptyDir": {"sizeLimit": "64Mi"}},
        {"name": "work", "emptyDir": {}},
        {"name": "temporary", "emptyDir": {}},
        state,
        {"name": "files", "configMap": {"name": f"{name}-files", "optional": True}},
        *(
            {"name": _volume(number), "secret": {"secretName": secret, "defaultMode": made.secret_mode, "optional": True}}
            for number, secret in enumerate(made.told.secrets)
        ),
    ]  # fmt: skip
    return [{**one, "name": made.prefix + one["name"]} for one in found]


def settings_volume(name: str, prefix: str = "") -> Manifest:
    """Return the volume with what the sidecar is told.

    Args:
        name: Of the ConfigMap.
        prefix: Of the names of volumes that are ours.
    """
    return {"name": f"{prefix}settings", "configMap": {"name": name}}


def _ours(made: AgentPod, name: str) -> Manifest:
    user = {} if made.user is None else {"runAsUser": made.user, "runAsGroup": made.user}
    return {
        "name": made.prefix + name,
        "image": made.images.outrider,
        "imagePullPolicy": made.images.pull_policy,
        "securityContext": {**_CONFINED, **user, "runAsNonRoot": True, "readOnlyRootFilesystem": True},
    }


def variable(name: str, value: Value) -> Manifest:
    """Return a variable of the program. The sidecar asks nobody for a key within the pod, but programs insist on one."""
    if isinstance(value, Joined):
        return {"name": name, "value": f"{value.before}{AGENT_KEY.secret}"}
    if not isinstance(value, SecretRef):
        return {"name": name, "value": value}
    if value == AGENT_KEY:
        return {"name": name, "value": AGENT_KEY.secret}
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": value.secret, "key": value.key or USUAL_ENTRY}}}


def _asks(made: AgentPod, path: str) -> Manifest:
    return {"httpGet": {"path": path, "port": f"{made.prefix}admin"}, "timeoutSeconds": 2}


def _mount(made: AgentPod, volume: str, path: Path, *, read_only: bool = False) -> Manifest:
    return {"name": made.prefix + volume, "mountPath": str(path)} | ({"readOnly": True} if read_only else {})


def _volume(number: int) -> str:
    return f"secret-{number}"


def processors(number: float) -> str:
    """Return a number of processors as Kubernetes writes it."""
    thousandths = max(1, round(number * 1000))
    return str(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"


def _resources(cpu: str, memory: str, most: str) -> Manifest:
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": most}}
