"""What pods cost, and what nodes cost that nobody uses, after a table of prices."""

from decimal import Decimal

import msgspec

from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.quantities import Duration, Money, duration
from outrider.operators.kubernetes.billing import Bill, bill_of, idle_cost, total_bill
from outrider.operators.kubernetes.grouping import By, grouped, selected_pods
from outrider.operators.kubernetes.history import average_usage
from outrider.operators.kubernetes.places import ALL, Failure, NamespaceNames, Place, Places, in_each, places
from outrider.operators.kubernetes.prices import NodePrice, PriceTable
from outrider.operators.kubernetes.prometheus import Matchers, Prometheus, PrometheusAddress
from outrider.operators.kubernetes.reservations import CPU, GIB, MEMORY, of_node, runs
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.usage import Readings, Remark, usage_of_pods
from outrider.ports.kube.resources import NODES
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class CostParams(Places, kw_only=True):
    """Whose cost, and the prices. With all namespaces (`*`) what nobody uses is told too.

    Attributes:
        cpu_hour: Price of a processor for an hour, such as 0.03 USD, on all nodes without a price of their own.
        gib_hour: Price of a GiB of memory for an hour.
        node_prices: Prices on nodes with a label, of several that fit the first, each such as
            {"label": "pool=spot", "cpu_hour": "0.01 USD", "gib_hour": "0.001 USD"}.
        by: What pods are added up by.
        labels: Label selector of the pods, such as app=web.
        shared: Namespaces whose cost the others bear, in proportion to their own; only with all namespaces.
        prometheus: Take the usage on average over the window from a Prometheus server, not that of this moment: its address, or
            NAMESPACE/SERVICE:PORT of one in the cluster.
        matchers: Further label matchers, where it has the series of several clusters.
        window: For the average.
    """

    cpu_hour: Money | None = None
    gib_hour: Money | None = None
    node_prices: list[NodePrice] = msgspec.field(default_factory=list)
    by: By = "workload"
    labels: str = ""
    shared: NamespaceNames = ""
    prometheus: PrometheusAddress = ""
    matchers: Matchers = ""
    window: Duration = duration("24h")

    def check(self) -> None:
        """Check what is asked for, before anything is read.

        Raises:
            InvalidConfigError: Prices are missing or do not fit together, or costs cannot be shared out.
        """
        self.prices()
        if "," in self.cluster and self.prometheus.startswith("http"):
            raise InvalidConfigError(
                "prometheus: one server cannot tell the pods of several clusters apart", path="prometheus", found=self.prometheus,
                expected="one cluster", suggestions=["ask cluster by cluster, each with matchers", "that of each cluster: NAMESPACE/SERVICE:PORT"],
            )  # fmt: skip
        if self.shared and (self.namespace != ALL or self.labels or self.shared == ALL):
            raise InvalidConfigError(
                "shared: costs are shared out among all pods of the cluster", path="shared", found=self.shared, expected="single namespaces, with --namespace '*' and no labels"
            )  # fmt: skip
        if not 600 <= self.window <= 90 * 86_400:
            raise InvalidConfigError(
                "window is out of bounds", path="window", found=str(self.window), expected="10m to 90d"
            )

    def prices(self) -> PriceTable:
        """Return the prices.

        Raises:
            InvalidConfigError: They are missing, or do not fit together.
        """
        return PriceTable(self.cpu_hour, self.gib_hour, self.node_prices)


class CostRow(msgspec.Struct, kw_only=True):
    """What pods cost: of each resource what they have requested, or what they use where that is more.

    Attributes:
        cpu: Processors that are paid for.
        memory_gib: Memory that is paid for.
        monthly: For 730 hours.
        shared_monthly: Their part of what is shared; null where nothing is.
        used_percent: How much of what they cost they use; null where that is not known.
        unknown: Pods whose usage nobody has measured; they are counted with their request alone.
    """

    cluster: str
    namespace: str
    name: str
    pods: int
    cpu: float
    memory_gib: float
    hourly: Money
    monthly: Money
    shared_monthly: Money | None
    used_percent: float | None
    unknown: int


class ClusterCost(msgspec.Struct, kw_only=True):
    """What a cluster costs.

    Attributes:
        monthly: Of all that its nodes have, for 730 hours.
        pods_monthly: What of it its pods are to bear, the shared ones among them.
        shared_monthly: What of that is shared out.
        idle_monthly: What nobody has requested, nor uses.
    """

    cluster: str
    nodes: int
    hourly: Money
    monthly: Money
    pods_monthly: Money
    shared_monthly: Money
    idle_monthly: Money
    idle_percent: float


class CostResult(msgspec.Struct, kw_only=True):
    """Cost, the highest first.

    Attributes:
        sources: Who has measured the usage, by cluster.
        clusters: Where all namespaces were asked for.
        remarks: What is not known, and why.
        failed: Clusters and namespaces that gave none, and why.
    """

    sources: dict[str, str]
    items: list[CostRow]
    clusters: list[ClusterCost] = []
    remarks: list[Remark] = []
    failed: list[Failure] = []


class _Found(msgspec.Struct):
    place: Place
    readings: Readings
    items: list[CostRow] = []
    cluster: ClusterCost | None = None


async def run(params: CostParams, context: Context) -> CostResult:
    """Work it out.

    Raises:
        InvalidConfigError: Prices are missing or do not fit together, or a node has none.
    """
    params.check()
    async with places(params, context, every=True) as here:
        found, failed = await in_each(here, lambda place: _cost_of(params, place, context))
    items = [row for one in found for row in one.items]
    return CostResult(
        sources={one.place.cluster.name: one.readings.source for one in found},
        items=sorted(items, key=lambda row: (-row.hourly, row.namespace, row.name)),
        clusters=[one.cluster for one in found if one.cluster is not None],
        remarks=list(dict.fromkeys(remark for one in found for remark in one.readings.remarks)),
        failed=failed,
    )


async def _cost_of(params: CostParams, place: Place, context: Context) -> _Found:
    prices = params.prices()
    pods = [pod for pod in await selected_pods(place, "", params.labels) if runs(pod)]
    whole = place.namespace == ALL and not params.labels
    nodes = await place.client.list(NODES) if whole or prices.needs_nodes else []
    by_name = {str(node["metadata"]["name"]): node for node in nodes}
    readings = await _usage(params, place, pods, context)

    def billed(some: list[Object]) -> Bill:
        return total_bill(
            bill_of(pod, prices.of(by_name.get(pod["spec"]["nodeName"])), readings.of_pod(pod)) for pod in some
        )

    found = _Found(place, readings)
    bearers = {key: billed(members) for key, members in grouped(pods, params.by).items()}
    shared = total_bill(bearers.pop(key) for key in list(bearers) if key[0] in params.shared.split(","))
    own = total_bill(bearers.values()).cost
    for key, bill in bearers.items():
        part = shared.cost * bill.cost / own if own and params.shared else None
        found.items.append(_row(place, key, bill, prices, part))
    if whole:
        on_nodes: dict[str, list[Object]] = {name: [] for name in by_name}
        for pod in pods:
            on_nodes.setdefault(pod["spec"]["nodeName"], []).append(pod)
        bills = {name: billed(there) for name, there in on_nodes.items()}
        found.cluster = _cluster(place, nodes, bills, prices, shared)
    return found


async def _usage(params: CostParams, place: Place, pods: list[Object], context: Context) -> Readings:
    if params.prometheus:
        prometheus = Prometheus(params.prometheus, params.matchers, place, context)
        containers = await average_usage(prometheus, place.searched, params.window)
        return Readings(source="prometheus", containers=containers, remarks=prometheus.remarks)
    try:
        return await usage_of_pods(place, pods)
    except OutriderError as error:
        # Costs are then those of the requests, and every pod is counted as unknown.
        return Readings(source="none", remarks=[Remark(place.cluster.name, error.message)])


def _row(place: Place, key: tuple[str, str], bill: Bill, prices: PriceTable, part: Decimal | None) -> CostRow:
    return CostRow(
        cluster=place.cluster.name,
        namespace=key[0],
        name=key[1],
        pods=bill.pods,
        cpu=round(float(bill.cpu), 4),
        memory_gib=round(float(bill.memory / GIB), 3),
        hourly=prices.money(bill.cost),
        monthly=prices.monthly(bill.cost),
        shared_monthly=None if part is None else prices.monthly(part),
        used_percent=round(float(100 * bill.used / bill.cost), 1) if bill.cost and not bill.unknown else None,
        unknown=bill.unknown,
    )


def _cluster(
    place: Place, nodes: list[Object], bills: dict[str, Bill], prices: PriceTable, shared: Bill
) -> ClusterCost:
    all_of_it, idle = Decimal(), Decimal()
    for node in nodes:
        price = prices.of(node)
        all_of_it += price.hourly(of_node(node, CPU, "capacity"), of_node(node, MEMORY, "capacity"))
        idle += idle_cost(node, price, bills[str(node["metadata"]["name"])])
    return ClusterCost(
        cluster=place.cluster.name,
        nodes=len(nodes),
        hourly=prices.money(all_of_it),
        monthly=prices.monthly(all_of_it),
        pods_monthly=prices.monthly(total_bill(bills.values()).cost),
        shared_monthly=prices.monthly(shared.cost),
        idle_monthly=prices.monthly(idle),
        idle_percent=round(float(100 * idle / all_of_it), 1) if all_of_it else 0.0,
    )


OPERATION = Implementation(
    params=CostParams, result=CostResult, run=run,
    target=lambda params: tuple(f"namespace/{name}" for name in params.namespace.split(",")) if params.namespace else "namespace/*",
)  # fmt: skip
