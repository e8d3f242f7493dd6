"""From an AgentType and the pods of a workload that is there already to what these are given: a pure function.

What is added is worked out once for the template, and stands in a ConfigMap beside what the sidecar is told; the template is marked
with its digest. So each pod is given what its own template was marked for, whatever has become of the AgentType since, and nobody
changes what is added without changing the template.

What a pod has stays: its user and groups, its volumes, its containers, but for the variables by which the program finds its sidecar.
"""

from collections.abc import Iterator, Mapping

import msgspec

from outrider.core.codec import decode, digest, encode
from outrider.core.errors import InvalidConfigError, NotFoundError, UnsupportedError, did_you_mean
from outrider.core.objects import Object
from outrider.core.secrets import SecretRef
from outrider.kinds.agenttype import pod
from outrider.kinds.agenttype.bounds import check_bounds
from outrider.kinds.agenttype.environment import JOINED
from outrider.kinds.agenttype.layout import ROOT
from outrider.kinds.agenttype.manifests import labels_of, tasks_service
from outrider.kinds.agenttype.model import AgentTypeSpec, Program
from outrider.kinds.agenttype.pod import Images
from outrider.kinds.agenttype.pod_settings import Manifest, PodSettings, pod_settings, settings_name
from outrider.kinds.agenttype.render import References
from outrider.kinds.agenttype.target import TargetRef

PREFIX = "outrider-"
SIDECAR = f"{PREFIX}sidecar"
# Of pods that are to be given a sidecar: what becomes of those that cannot be.
INJECT = "outrider.dev/inject"
# Of a template: what its pods are given.
INJECTED = "outrider.dev/injected"
# In the ConfigMap of what the sidecar is told.
ADDITION_FILE = "addition.json"
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_ROOT_USER = 0


class Addition(msgspec.Struct, frozen=True):
    """What a pod is given.

    Attributes:
        agent: Name of the AgentType.
        container: Name of the program's.
        beside: Containers that are added.
        volumes: Volumes that are added, but for the one with what the sidecar is told.
        mounts: Of the program's container.
        env: Variables of the program's container.
    """

    agent: str
    container: str
    beside: list[Manifest]
    volumes: list[Manifest]
    mounts: list[Manifest]
    env: list[Manifest]

    @property
    def digest(self) -> str:
        """Tells this addition from every other one."""
        return digest(self)[:32]

    def pod_spec(self, there: Manifest) -> Manifest:
        """Return the spec of a pod with all of it.

        Args:
            there: The spec of the pod.

        Raises:
            NotFoundError: It has not the container.
        """
        containers = there.get("containers") or []
        if self.container not in [one["name"] for one in containers]:
            raise NotFoundError(
                f"the pod has no container '{self.container}'", found=", ".join(one["name"] for one in containers), expected=self.container,
                suggestions=["name its container in spec.targetRef.container"],
            )  # fmt: skip
        told = pod.settings_volume(settings_name(self.agent, self.digest), PREFIX)
        return {
            **there,
            # Before the pod's own, so that these find it already.
            "initContainers": [*self.beside, *(there.get("initContainers") or ())],
            "containers": [self._program(one) if one["name"] == self.container else one for one in containers],
            "volumes": [*(there.get("volumes") or ()), *self.volumes, told],
        }

    def _program(self, container: Manifest) -> Manifest:
        """Return the program's container: variables that it has stay where they are, as others may be made of them."""
        made = {one["name"]: one for one in self.env}
        kept = [made.pop(one["name"], one) for one in container.get("env") or ()]
        mounts = [*(container.get("volumeMounts") or ()), *self.mounts]
        return {**container, "env": [*kept, *made.values()], "volumeMounts": mounts}


class Injection(msgspec.Struct, frozen=True):
    """What is done for the pods of a workload.

    Attributes:
        addition: What they are given.
        told: What their sidecars are told.
        manifests: What must be there for it.
    """

    addition: Addition
    told: PodSettings
    manifests: list[Manifest]


def injection(item: Object, namespace: str, references: References, images: Images, target: Manifest) -> Injection:
    """Return what the pods of a workload are given.

    Args:
        item: The AgentType, with a targetRef.
        namespace: Where it is.
        references: What it may name.
        images: Of what is added.
        target: The template of the pods: metadata and spec.

    Raises:
        OutriderError: Such pods cannot have a sidecar, or what the AgentType names is not there.
    """
    spec: AgentTypeSpec = item.spec
    check_bounds(spec)
    assert spec.target_ref is not None
    there = target["spec"]
    _check(there)
    container = _container(spec.target_ref, target)
    told = pod_settings(_with_program(item, container), references, _ports(spec, there))
    made = pod.AgentPod(told=told, images=images, prefix=PREFIX, user=_user(there), secret_mode=0o444)
    variables = [pod.variable(name, value) for name, value in sorted(told.workload.env.items())]
    own = container.get("env") or ()
    addition = Addition(
        agent=item.name, container=container["name"], beside=pod.beside(made), mounts=pod.program_mounts(made),
        volumes=pod.volumes(made), env=[one for one in variables if one not in own],
    )  # fmt: skip
    told = msgspec.structs.replace(told, fixed=addition.digest)
    metadata = {"name": item.name, "namespace": namespace, "labels": labels_of(item.name)}
    config_map = told.config_map(metadata, "all")
    config_map["data"][ADDITION_FILE] = encode(addition).decode()
    services = [tasks_service(metadata, told)] if told.workload.invocation.port is not None else []
    return Injection(addition, told, [config_map, *services])


def read_addition(agent: str, mark: str, data: Mapping[str, str]) -> Addition:
    """Return what a template was marked for.

    Args:
        agent: Name of the AgentType.
        mark: The mark of the template.
        data: Of the ConfigMap of that name.

    Raises:
        InvalidConfigError: It says something else than what the mark stands for.
    """
    addition = decode(data.get(ADDITION_FILE, "{}"), Addition)
    if addition.digest != mark or addition.agent != agent:
        raise InvalidConfigError(
            f"{ADDITION_FILE} of ConfigMap {settings_name(agent, mark)} has been changed", found=addition.digest, expected=mark,
            suggestions=["it is mended at once; if this goes on, see who writes it"],
        )  # fmt: skip
    return addition


def injected(there: Manifest) -> bool:
    """Return whether a pod, by its spec, has a sidecar already."""
    return any(one.get("name") == SIDECAR for one in there.get("initContainers") or ())


def _check(there: Manifest) -> None:
    for field, why in (
        ("hostNetwork", "on the network of its node everybody there would reach the sidecar"),
        (
            "shareProcessNamespace",
            "where containers see each other's processes the program would reach the sidecar's keys",
        ),
    ):
        if there.get(field):
            raise UnsupportedError(
                f"a pod with {field} gets no sidecar: {why}", path=f"spec.template.spec.{field}", found="true", expected="false",
                suggestions=[f"remove {field} from the Deployment"],
            )  # fmt: skip
    for kind in ("initContainers", "containers", "volumes"):
        for one in there.get(kind) or ():
            if one.get("name", "").startswith(PREFIX):
                raise InvalidConfigError(
                    f"{kind[:-1]} '{one['name']}' has a name that is kept for the sidecar", path=f"spec.template.spec.{kind}", found=one["name"],
                    expected=f"names that do not begin with {PREFIX}", suggestions=["rename it"],
                )  # fmt: skip


def _container(ref: TargetRef, target: Manifest) -> Manifest:
    """Return the container of the program."""
    by_name: dict[str, Manifest] = {one["name"]: one for one in target["spec"]["containers"]}
    said = target.get("metadata", {}).get("annotations") or {}
    usual = said.get(_DEFAULT_CONTAINER, "")
    name = ref.container or (usual if usual in by_name else next(iter(by_name)))
    if name not in by_name:
        raise NotFoundError(
            f"{ref.kind} {ref.name} has no container '{name}'", path="spec.targetRef.container", found=name, expected=", ".join(by_name),
            suggestions=did_you_mean(name, by_name) or ["name one of these"],
        )  # fmt: skip
    found = by_name[name]
    for mount in found.get("volumeMounts") or ():
        path = mount.get("mountPath", "")
        if path == str(ROOT) or path.startswith(f"{ROOT}/"):
            raise InvalidConfigError(
                f"container '{name}' has a volume at {path}, where the sidecar's are", path="spec.template.spec.containers", found=path,
                expected=f"nothing at {ROOT}", suggestions=["mount it elsewhere"],
            )  # fmt: skip
    return found


def _with_program(item: Object, container: Manifest) -> Object:
    """Return the AgentType with the program of a container, of which only the variables count."""
    own: dict[str, str | SecretRef] = {}
    for one in container.get("env") or ():
        if "valueFrom" not in one:
            own[one["name"]] = one.get("value", "")
        elif one["name"] in JOINED:
            raise UnsupportedError(
                f"container '{container['name']}' has {one['name']} from elsewhere, and it is joined with the sidecar's own value",
                path="spec.template.spec.containers", found="valueFrom", expected="a value", suggestions=["write it as value"],
            )  # fmt: skip
    program = Program(image=container.get("image") or "of the pod", env=own)
    return msgspec.structs.replace(item, spec=msgspec.structs.replace(item.spec, agent=program, target_ref=None))


def _ports(spec: AgentTypeSpec, there: Manifest) -> Iterator[int]:
    if spec.invocation.port is not None:
        yield spec.invocation.port
    for container in (*(there.get("initContainers") or ()), *there["containers"]):
        for port in container.get("ports") or ():
            yield port["containerPort"]


def _user(there: Manifest) -> int | None:
    """Return whose processes ours are: the pod's own user's, unless that is root; the image's where the pod says none."""
    return pod.USER if (there.get("securityContext") or {}).get("runAsUser") == _ROOT_USER else None
