"""What processors and memory cost: prices of the caller, and exact sums of money."""

from decimal import ROUND_HALF_UP, Decimal

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.quantities import Money
from outrider.operators.kubernetes.reservations import GIB
from outrider.operators.kubernetes.shown import Object

# As cloud providers count it.
MONTH_HOURS = 730
# Money is kept in nano-units: sums of a month are told in cents.
_CENT = 10_000_000


class NodePrice(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Prices on some of the nodes.

    Attributes:
        label: Of the nodes, such as node.kubernetes.io/instance-type=m5.large.
        cpu_hour: For a processor for an hour.
        gib_hour: For a GiB of memory for an hour.
    """

    label: str
    cpu_hour: Money
    gib_hour: Money


class Price(msgspec.Struct, frozen=True):
    """Nano-units for an hour of a processor and of a GiB of memory."""

    cpu: int
    gib: int

    def hourly(self, cpu: Decimal, memory: Decimal) -> Decimal:
        """Return the nano-units for processors and bytes for an hour."""
        return cpu * self.cpu + memory / GIB * self.gib


class PriceTable:
    """The prices of a call.

    Args:
        cpu_hour: For a processor for an hour on all nodes that have no price of their own.
        gib_hour: For a GiB of memory, likewise.
        nodes: Prices of nodes; the first one whose label a node has counts.

    Raises:
        InvalidConfigError: There are none, one of two is missing, or they are in different currencies.
    """

    def __init__(self, cpu_hour: Money | None, gib_hour: Money | None, nodes: list[NodePrice]) -> None:
        if (cpu_hour is None) != (gib_hour is None) or (cpu_hour is None and not nodes):
            raise InvalidConfigError(
                "prices are missing: what a processor and a GiB of memory cost in an hour", path="gib_hour" if cpu_hour is not None else "cpu_hour",
                found="none", expected="cpu_hour and gib_hour", suggestions=['--cpu-hour "0.03 USD" --gib-hour "0.004 USD", as your provider has them'],
            )  # fmt: skip
        given = [one for one in (cpu_hour, gib_hour) if one is not None]
        given += [price for one in nodes for price in (one.cpu_hour, one.gib_hour)]
        currencies = sorted({one.currency for one in given})
        if len(currencies) > 1:
            raise InvalidConfigError(
                "prices are in different currencies", path="cpu_hour", found=", ".join(currencies), expected="one currency", suggestions=["convert them"]
            )  # fmt: skip
        for one in nodes:
            if not all(one.label.partition("=")):
                raise InvalidConfigError(
                    "node_prices: a label is KEY=VALUE", path="node_prices.label", found=one.label, expected="node.kubernetes.io/instance-type=m5.large"
                )  # fmt: skip
        self._currency = currencies[0]
        self._usual = Price(int(cpu_hour), int(gib_hour)) if cpu_hour is not None and gib_hour is not None else None
        self._nodes = [(one.label, Price(int(one.cpu_hour), int(one.gib_hour))) for one in nodes]

    @property
    def needs_nodes(self) -> bool:
        """Whether a price depends on the labels of the node."""
        return bool(self._nodes)

    def of(self, node: Object | None) -> Price:
        """Return the price on a node; the usual one where its labels do not matter.

        Raises:
            InvalidConfigError: It has none.
        """
        metadata = (node or {}).get("metadata") or {}
        labels = {f"{key}={value}" for key, value in (metadata.get("labels") or {}).items()}
        found = next((price for label, price in self._nodes if label in labels), self._usual)
        if found is None:
            name = str(metadata.get("name") or "")
            raise InvalidConfigError(
                f"node {name} has no price: none of node_prices has one of its labels, and there is no usual price", path="node_prices", found=name,
                expected="cpu_hour and gib_hour for all other nodes", suggestions=[f"outrider kubernetes get node {name} -o yaml"],
            )  # fmt: skip
        return found

    def money(self, nano: Decimal) -> Money:
        """Return nano-units as money."""
        made = Money(nano.to_integral_value(ROUND_HALF_UP))
        made.currency = self._currency
        return made

    def monthly(self, nano: Decimal) -> Money:
        """Return what comes of nano-units an hour in a month, in whole cents."""
        return self.money((nano * MONTH_HOURS / _CENT).to_integral_value(ROUND_HALF_UP) * _CENT)
