"""What a pod cannot do: refused, as a promise that does not hold is worse than none.

Each bound is said twice, for whoever looks: in Python for the controller, and in CEL for the API server, which refuses what is
applied before anybody has to look at a status.
"""

from collections.abc import Callable

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.kinds.agenttype.model import AgentTypeSpec


class Bound(msgspec.Struct, frozen=True):
    """Something that is not for pods.

    Attributes:
        path: The field that asks for it.
        what: Why it cannot be.
        remedy: What to do.
        asked: Whether a spec asks for it.
        rule: CEL over `object`, true for an object that does not ask for it.
    """

    path: str
    what: str
    remedy: str
    asked: Callable[[AgentTypeSpec], bool]
    rule: str


def check_bounds(spec: AgentTypeSpec) -> None:
    """Refuse what a pod cannot do.

    Raises:
        UnsupportedError: Something of the spec is not for pods.
    """
    for bound in BOUNDS:
        if bound.asked(spec):
            raise UnsupportedError(bound.what, path=bound.path, suggestions=[bound.remedy])


def _several(spec: AgentTypeSpec) -> bool:
    """Return whether several pods of it may run at a time."""
    return spec.target_ref is not None or spec.invocation.port is None or spec.scaling.several


_ONE_POD = (
    "!has(object.spec.targetRef) && has(object.spec.invocation) && has(object.spec.invocation.port)"
    " && object.spec.?scaling.?replicas.orValue(1) <= 1 && object.spec.?scaling.?most.orValue(1) <= 1"
)
_MODE = "object.spec.?invocation.?mode.orValue('job')"
BOUNDS = (
    Bound(
        "spec.agent.image", "on Kubernetes an agent needs an image", "add image: REGISTRY/NAME:TAG",
        lambda spec: spec.agent is not None and not spec.agent.image,
        "!has(object.spec.agent) || object.spec.agent.?image.orValue('') != ''",
    ),
    Bound(
        "spec.wrapper.packages", "packages are not installed into pods", "put them into the image",
        lambda spec: bool(spec.wrapper.packages), "object.spec.?wrapper.?packages.orValue([]).size() == 0",
    ),
    Bound(
        "spec.egress.minLevel", "containers of a pod share one network: the program is not sealed off from what its sidecar reaches",
        "remove minLevel, and bound the pod by a NetworkPolicy",
        lambda spec: spec.egress.min_level == "sealed", "object.spec.?egress.?minLevel.orValue('') != 'sealed'",
    ),
    Bound(
        "spec.invocation.mode", "tasks of a queue are taken by a platform, and not in a pod yet", "use mode: http",
        lambda spec: spec.invocation.mode == "queue", f"{_MODE} != 'queue'",
    ),
    Bound(
        "spec.invocation.mode", "messages of A2A are not spoken by the door of a pod yet", "use mode: http",
        lambda spec: spec.invocation.mode == "a2a", f"{_MODE} != 'a2a'",
    ),
    Bound(
        "spec.tools", "operations are granted by a platform, and not in a pod yet", "grant tools of servers",
        lambda spec: any(use.operation is not None for use in spec.tools),
        "object.spec.?tools.orValue([]).all(one, !has(one.operation))",
    ),
    Bound(
        "spec.identity", "files of a certificate are not mounted into pods yet", "remove identity",
        lambda spec: spec.identity is not None, "!has(object.spec.identity)",
    ),
    Bound(
        "spec.isolation.minLevel", "a pod confines by its container", "remove isolation",
        lambda spec: spec.isolation.min_level != "landlock", "object.spec.?isolation.?minLevel.orValue('landlock') == 'landlock'",
    ),
    Bound(
        "spec.isolation.files", "a container has the files of its image", "remove isolation.files",
        lambda spec: bool(spec.isolation.files.read or spec.isolation.files.write),
        "object.spec.?isolation.?files.?read.orValue([]).size() + object.spec.?isolation.?files.?write.orValue([]).size() == 0",
    ),
    Bound(
        "spec.approval", "nobody can be asked from within a pod yet", "grant what needs no approval",
        lambda spec: spec.approval is not None or any(use.require_approval is not None for use in spec.tools),
        "!has(object.spec.approval) && object.spec.?tools.orValue([]).all(one, !has(one.requireApproval))",
    ),
    Bound(
        "spec.memory", "a memory in files is for one pod at a time",
        "keep it in a database: memory[].store, or run one pod with mode: http",
        lambda spec: _several(spec) and any(one.store is None for one in spec.memory),
        f"({_ONE_POD}) || object.spec.?memory.orValue([]).all(one, has(one.store))",
    ),
    Bound(
        "spec.llm.budget", "what was spent would be forgotten with the pod, and each pod would have a budget of its own",
        "name a store: llm.shared",
        lambda spec: spec.llm.budget is not None and spec.llm.shared is None,
        "!has(object.spec.llm) || !has(object.spec.llm.budget) || has(object.spec.llm.shared)",
    ),
    Bound(
        "spec.scaling", "the Deployment says how many of its pods there are", "remove scaling: outrider kubernetes scale, or an autoscaler for the Deployment",
        lambda spec: spec.target_ref is not None and (spec.scaling.replicas is not None or spec.scaling.most is not None),
        "!has(object.spec.targetRef) || !(has(object.spec.scaling) && (has(object.spec.scaling.replicas) || has(object.spec.scaling.most)))",
    ),
    Bound(
        "spec.mesh", "the Deployment says in which mesh its pods are", "remove mesh, and label the template of the Deployment",
        lambda spec: spec.target_ref is not None and spec.mesh is not None, "!has(object.spec.targetRef) || !has(object.spec.mesh)",
    ),
    Bound(
        "spec.resources", "the Deployment says what its containers may use", "remove size and resources",
        lambda spec: spec.target_ref is not None and (spec.size is not None or spec.resources is not None),
        "!has(object.spec.targetRef) || !(has(object.spec.size) || has(object.spec.resources))",
    ),
)  # fmt: skip
