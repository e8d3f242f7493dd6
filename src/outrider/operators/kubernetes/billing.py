"""What pods are to pay for: of each resource what they have requested, or what they use where that is more (OpenCost specification,
"Workload Costs"). What they have not requested and nobody has measured is not known, and not counted.
"""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from outrider.operators.kubernetes.prices import Price
from outrider.operators.kubernetes.reservations import CPU, MEMORY, of_node, of_pod
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.usage import Usage

_NOTHING = Decimal()


class Bill(msgspec.Struct, frozen=True):
    """What pods pay for together.

    Attributes:
        cpu: Processors.
        memory: Bytes.
        cost: Nano-units for an hour.
        used: How much of the cost is for what is used.
        pods: How many.
        unknown: How many of them nobody has measured.
    """

    cpu: Decimal = _NOTHING
    memory: Decimal = _NOTHING
    cost: Decimal = _NOTHING
    used: Decimal = _NOTHING
    pods: int = 0
    unknown: int = 0


def bill_of(pod: Object, price: Price, usage: Usage) -> Bill:
    """Return what a pod pays for."""
    used_cpu, used_memory = usage.cpu or _NOTHING, usage.memory or _NOTHING
    cpu = max(of_pod(pod, CPU).request or _NOTHING, used_cpu)
    memory = max(of_pod(pod, MEMORY).request or _NOTHING, used_memory)
    unknown = usage.cpu is None or usage.memory is None
    return Bill(cpu, memory, price.hourly(cpu, memory), price.hourly(used_cpu, used_memory), 1, int(unknown))


def total_bill(bills: Iterable[Bill]) -> Bill:
    """Return what several pay for together."""
    sums = [sum(parts) for parts in zip(*map(msgspec.structs.astuple, bills), strict=True)]
    return Bill(*sums) if sums else Bill()


def idle_cost(node: Object, price: Price, bill: Bill) -> Decimal:
    """Return the nano-units an hour for what a node has and its pods do not pay for; none where they use more than it has."""
    cpu = max(_NOTHING, of_node(node, CPU, "capacity") - bill.cpu)
    memory = max(_NOTHING, of_node(node, MEMORY, "capacity") - bill.memory)
    return price.hourly(cpu, memory)
