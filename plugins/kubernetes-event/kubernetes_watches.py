"""What can be looked for: kinds, conditions and what is told of an object, in CEL over `object`."""

from __future__ import annotations

# All containers, those that run first too; a pod that was not yet set up has no statuses.
_CONTAINERS = (
    "((has(object.status.initContainerStatuses) ? object.status.initContainerStatuses : []) + "
    "(has(object.status.containerStatuses) ? object.status.containerStatuses : []))"
)
_ILL = (
    '(has(c.state.waiting) && has(c.state.waiting.reason) && !(c.state.waiting.reason in ["ContainerCreating", "PodInitializing"])) || '
    "(has(c.state.terminated) && c.state.terminated.exitCode != 0)"
)
_STATE = "(has(c.state.waiting) ? c.state.waiting : c.state.terminated)"
_FAILED = 'object.status.phase == "Failed"'
_NODE = (
    '(c.type == "Ready" && c.status != "True") || '
    '(c.type in ["MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"] && c.status == "True")'
)
_STALLED = 'c.type == "Progressing" && c.status == "False"'


def _of_first(condition: str, value: str, *, among: str = "object.status.conditions") -> str:
    """Return the expression for a value of the first element that meets a condition."""
    return f"{among}.filter(c, {condition}).map(c, {value})[0]"


class Watch:
    """What is looked for.

    Args:
        kind: Of the objects.
        condition: Holds for an object that is ill.
        values: What is told of it.
        once: Whether each object is reported once.
    """

    def __init__(self, kind: str, condition: str, values: dict[str, str], *, once: bool = False) -> None:
        self.kind = kind
        self.condition = condition
        self.values = values
        self.once = once


WATCHES = {
    "pod-crash": Watch(
        "pods",
        f"!has(object.metadata.deletionTimestamp) && ({_FAILED} || {_CONTAINERS}.exists(c, {_ILL}))",
        {
            "reason": f"has(object.status.reason) ? object.status.reason : {_of_first(_ILL, f'{_STATE}.reason', among=_CONTAINERS)}",
            "message": f"has(object.status.message) ? object.status.message : {_of_first(_ILL, f'{_STATE}.message', among=_CONTAINERS)}",
            "container": _of_first(_ILL, "c.name", among=_CONTAINERS),
            "restarts": _of_first(_ILL, "c.restartCount", among=_CONTAINERS),
        },
    ),
    "failed-rollout": Watch(
        "deployments",
        f"object.status.conditions.exists(c, {_STALLED})",
        {"reason": _of_first(_STALLED, "c.reason"), "message": _of_first(_STALLED, "c.message")},
    ),
    "node-pressure": Watch(
        "nodes",
        f"object.status.conditions.exists(c, {_NODE})",
        {"reason": _of_first(_NODE, "c.type"), "message": _of_first(_NODE, "c.message")},
    ),
    "warning": Watch(
        "events",
        'object.type == "Warning"',
        {
            "reason": "object.reason",
            "message": "object.message",
            "about": 'object.involvedObject.kind + "/" + object.involvedObject.name',
        },
        once=True,
    ),
}
