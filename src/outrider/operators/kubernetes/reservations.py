"""What pods keep for themselves, and may use: requests and limits, as the scheduler counts them.

Source: https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers, KEP-753 (sidecars),
KEP-2837 (resources of the whole pod).
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Literal

import msgspec

from outrider.operators.kubernetes.quantities import parse_quantity
from outrider.operators.kubernetes.shown import Object

CPU, MEMORY = "cpu", "memory"
MIB, GIB = 2**20, 2**30
_ENDED = ("Succeeded", "Failed")


class Reserved(msgspec.Struct, frozen=True):
    """Processors, or bytes; None where nothing is said.

    Attributes:
        request: What is kept.
        limit: What may be used at most.
    """

    request: Decimal | None = None
    limit: Decimal | None = None


def lives(pod: Object) -> bool:
    """Return whether a pod has not come to its end."""
    return (pod.get("status") or {}).get("phase") not in _ENDED


def runs(pod: Object) -> bool:
    """Return whether a pod has a place on a node and has not come to its end."""
    return lives(pod) and bool(pod["spec"].get("nodeName"))


def running_containers(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the containers of a pod that run as long as it does: its own, and its sidecars."""
    yield from spec.get("containers") or ()
    yield from (one for one in spec.get("initContainers") or () if _is_sidecar(one))


def of_container(container: dict[str, Any], resource: str) -> Reserved:
    """Return what a container keeps; a limit alone is a request too."""
    limit = _amount(container, "limits", resource)
    request = _amount(container, "requests", resource)
    return Reserved(limit if request is None else request, limit)


def of_pod(pod: Object, resource: str) -> Reserved:
    """Return what a pod keeps on its node; its limit is known where every container has one."""
    spec = pod["spec"]
    entire = of_container(spec, resource)
    running = [of_container(one, resource) for one in running_containers(spec)]
    request = entire.request if entire.request is not None else _most(spec, resource, running)
    overhead = parse_quantity(str((spec.get("overhead") or {}).get(resource) or "0"))
    limit = entire.limit if entire.limit is not None else whole(one.limit for one in running)
    return Reserved(
        (request or Decimal()) + overhead if overhead or request is not None else None,
        limit + overhead if limit is not None else None,
    )


def of_node(node: Object, resource: str, kind: Literal["capacity", "allocatable"]) -> Decimal:
    """Return what a node has, or what of it pods may have: processors or bytes."""
    return parse_quantity(str(((node.get("status") or {}).get(kind) or {}).get(resource) or "0"))


def total(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """Return the sum of what is known; None where nothing is."""
    known = [one for one in amounts if one is not None]
    return sum(known, Decimal()) if known else None


def whole(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """Return the sum; None where a part is not known."""
    parts = list(amounts)
    return None if None in parts else total(parts)


def _most(spec: dict[str, Any], resource: str, running: list[Reserved]) -> Decimal | None:
    """Return what is needed at most at a time: by what runs on, or by an init container beside the sidecars before it."""
    needs = [total(one.request for one in running)]
    sidecars: list[Decimal | None] = []
    for one in spec.get("initContainers") or ():
        request = of_container(one, resource).request
        needs.append(total([*sidecars, request]))
        if _is_sidecar(one):
            sidecars.append(request)
    return max((need for need in needs if need is not None), default=None)


def _is_sidecar(init_container: dict[str, Any]) -> bool:
    return init_container.get("restartPolicy") == "Always"


def _amount(part: dict[str, Any], kind: str, resource: str) -> Decimal | None:
    found = ((part.get("resources") or {}).get(kind) or {}).get(resource)
    return None if found is None else parse_quantity(str(found))
