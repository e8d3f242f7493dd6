"""Nodes that take no new pods, or take them again (spec.unschedulable)."""

from collections.abc import Mapping
from typing import Any

from outrider.operators.kubernetes.edits import Decide, Edit, EditParams, Live
from outrider.operators.kubernetes.kinds import NodeWord, target_name
from outrider.operators.kubernetes.places import Place
from outrider.ports.kube.resources import NODES
from outrider.runtime.implementation import Inverse


class NodeParams(EditParams, kw_only=True):
    """Which node.

    Attributes:
        target: `node/NAME`, or its name alone.
    """

    target: NodeWord

    def __post_init__(self) -> None:
        """Bring the target into its one form."""
        self.target = node_target(self.target)


def node_target(word: str) -> str:
    """Return `node/NAME`."""
    return target_name(word if "/" in word else f"node/{word}")


def marked(*, unschedulable: bool) -> Decide[NodeParams]:
    """Return the change that closes a node to new pods, or opens it."""

    async def decide(params: NodeParams, live: Live) -> Edit | None:
        del params
        if is_closed(live.object) == unschedulable:
            return None
        if not unschedulable:
            return Edit({"spec": {"unschedulable": None}})
        return Edit({"spec": {"unschedulable": True}}, warnings=await without_it(live.place, live.object))

    return decide


def is_closed(node: dict[str, Any]) -> bool:
    """Return whether a node takes no new pods."""
    return bool((node.get("spec") or {}).get("unschedulable"))


async def without_it(place: Place, node: dict[str, Any]) -> tuple[str, ...]:
    """Return a warning where no other node takes pods.

    Raises:
        OutriderError: What the server says.
    """
    name = node["metadata"]["name"]
    found = await place.client.list(NODES, fields="spec.unschedulable=false", most=2)
    others = [one for one in found if one["metadata"]["name"] != name]
    return () if others else (f"no node but {name} takes pods: new ones will wait",)


def undone_by(verb: str, params: NodeParams, result: Mapping[str, Any]) -> Inverse | None:
    """Return the call that undoes a change; None where nothing was changed."""
    if not any(part["difference"] for part in result["results"]):
        return None
    return verb, {"cluster": params.cluster, "target": params.target}
