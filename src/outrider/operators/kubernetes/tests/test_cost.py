import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.core.quantities import Money
from outrider.operators.kubernetes.billing import Bill, bill_of, idle_cost, total_bill
from outrider.operators.kubernetes.prices import NodePrice, Price, PriceTable
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.operators.kubernetes.tests.meters import host_of, metrics_server, prometheus, relayed
from outrider.operators.kubernetes.tests.scenery import deployment
from outrider.operators.kubernetes.usage import UNKNOWN, Usage
from outrider.ports.kube.resources import DEPLOYMENTS
from tests.servers.ports import free_port

PRICES: Any = {"cpu_hour": "0.04 USD", "gib_hour": "0.005 USD"}
PRICE = Price(40_000_000, 5_000_000)
AMOUNTS = st.none() | st.decimals(0, 64, places=3)
GIB = 2**30


def pod(cpu: Decimal | None = None, memory: Decimal | None = None) -> dict[str, Any]:
    requests = {"cpu": cpu, "memory": memory}
    texts = {name: str(amount) for name, amount in requests.items() if amount is not None}
    return {"spec": {"containers": [{"name": "a", "resources": {"requests": texts}}]}}


def money(text: str) -> Money:
    return Money.parse(text)


@given(request_=AMOUNTS, used=AMOUNTS)
def test_the_greater_of_request_and_usage_is_paid(request_: Decimal | None, used: Decimal | None) -> None:
    bill = bill_of(pod(request_), PRICE, Usage(used, Decimal(0)))
    known = [amount for amount in (request_, used) if amount is not None]
    assert bill.cpu == max(known, default=0)
    assert bill.cost == bill.cpu * PRICE.cpu
    assert bill.used <= bill.cost
    assert bill.unknown == (used is None)


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), max_size=5), st.decimals(1, 64, places=3))
def test_what_is_paid_and_what_is_idle_are_the_node(pods: list[Any], size: Decimal) -> None:
    bills = [bill_of(pod(request_), PRICE, Usage(used, Decimal(0))) for request_, used in pods]
    whole = total_bill(bills)
    node = {"status": {"capacity": {"cpu": str(size), "memory": "0"}}}
    assert whole.pods == len(pods)
    assert idle_cost(node, PRICE, whole) == max(Decimal(0), PRICE.hourly(size, Decimal(0)) - whole.cost)


def test_an_example_by_hand() -> None:
    bill = bill_of(pod(Decimal("0.25"), Decimal(GIB)), PRICE, Usage(Decimal("0.1"), Decimal(3 * GIB)))
    prices = PriceTable(money("0.04 USD"), money("0.005 USD"), [])
    # 0.25 x 0.04 + 3 x 0.005
    assert str(prices.money(bill.cost)) == "0.025 USD"
    assert str(prices.monthly(bill.cost)) == "18.25 USD"
    assert total_bill([]) == Bill()
    assert bill_of(pod(), PRICE, UNKNOWN) == Bill(pods=1, unknown=1)


def test_prices_are_those_of_the_node() -> None:
    spot = NodePrice(label="pool=spot", cpu_hour=money("0.01 USD"), gib_hour=money("0.001 USD"))
    prices = PriceTable(money("0.04 USD"), money("0.005 USD"), [spot])
    assert prices.of({"metadata": {"name": "a", "labels": {"pool": "spot"}}}).cpu == 10_000_000
    assert prices.of({"metadata": {"name": "b"}}).cpu == 40_000_000
    with pytest.raises(InvalidConfigError, match="node b has no price"):
        PriceTable(None, None, [spot]).of({"metadata": {"name": "b"}})


@pytest.mark.parametrize(
    ("cpu", "gib", "nodes", "path"),
    [
        (None, None, [], "cpu_hour"),
        ("1.00 USD", None, [], "gib_hour"),
        ("1.00 USD", "1.00 EUR", [], "cpu_hour"),
        ("1.00 USD", "1.00 USD", ["pool"], "node_prices.label"),
    ],
)
def test_prices_are_never_guessed(cpu: str | None, gib: str | None, nodes: list[str], path: str) -> None:
    table = [NodePrice(label=label, cpu_hour=money("1.00 USD"), gib_hour=money("1.00 USD")) for label in nodes]
    with pytest.raises(InvalidConfigError) as caught:
        PriceTable(money(cpu) if cpu else None, money(gib) if gib else None, table)
    assert caught.value.path == path


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_the_cost_of_a_workload(shop: Shop, tmp_path: Path) -> None:
    await shop.web(replicas=2)
    await shop.settled()
    async with metrics_server(shop, tmp_path, lambda _: {"cpu": "30m", "memory": "8Mi"}):
        found = await shop.run("cost", **PRICES)
    [row] = found.items
    # Usage of processors, 30m; request of memory, 16Mi; twice.
    assert (row.name, row.pods, row.cpu, row.memory_gib, row.unknown) == ("deployment/web", 2, 0.06, 0.031, 0)
    assert (str(row.hourly), str(row.monthly)) == ("0.00255625 USD", "1.87 USD")
    assert row.used_percent == pytest.approx(96.9, abs=0.1)
    assert (found.clusters, found.remarks) == ([], [])


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_a_cluster_is_what_its_pods_pay_and_what_is_idle(shop: Shop) -> None:
    await shop.web(replicas=2)
    await shop.make(DEPLOYMENTS, deployment("big", resources={"requests": {"cpu": "1000"}}))
    await shop.settled()
    found = await shop.run("cost", namespace="*", by="namespace", **PRICES)
    [cluster] = found.clusters
    assert int(cluster.pods_monthly) + int(cluster.idle_monthly) == pytest.approx(int(cluster.monthly), abs=2e7)
    mine = next(row for row in found.items if row.namespace == shop.namespace)
    assert mine.pods == 2, "a pod without a node costs nothing"
    shared = await shop.run("cost", namespace="*", by="namespace", shared=shop.namespace, **PRICES)
    assert shop.namespace not in {row.namespace for row in shared.items}
    assert shared.clusters[0].shared_monthly > 0
    borne = sum(row.shared_monthly or 0 for row in shared.items)
    assert borne == (pytest.approx(int(shared.clusters[0].shared_monthly), abs=5e7) if shared.items else 0)
    assert (await shop.refused("cost", shared="kube-system", **PRICES)).path == "shared"
    assert (await shop.refused("cost")).path == "cpu_hour"
    assert (await shop.refused("cost", cluster="a,b", prometheus="http://x:1", **PRICES)).path == "prometheus"
    by_label = [{"label": "kubernetes.io/os=linux", **PRICES}]
    assert (await shop.run("cost", node_prices=by_label)).items[0].name == "deployment/web"


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_usage_is_the_average_that_prometheus_has(shop: Shop, tmp_path: Path) -> None:
    """A pod that was there for one of twelve hours has used what it used in that hour."""
    await shop.web()
    await shop.settled()
    name = (await shop.run("metrics")).items[0].name
    labels = f'{{namespace="{shop.namespace}",pod="{name}",container="web"}}'
    now = int(time.time())
    history = ["# TYPE container_cpu_usage_seconds counter"]
    history += [f"container_cpu_usage_seconds_total{labels} {(t - now) * 0.5 + 9999} {t}" for t in range(now - 3600, now, 60)]  # fmt: skip
    history += ["# TYPE container_memory_working_set_bytes gauge"]
    history += [f"container_memory_working_set_bytes{labels} {2**30} {t}" for t in range(now - 3600, now, 60)]
    port = free_port()
    await relayed(shop, "prometheus", port)
    with prometheus(tmp_path, host_of(shop), port, history) as address:
        [row] = (await shop.run("cost", labels="app=web", prometheus=address, window="12h", **PRICES)).items
        assert (row.cpu, row.memory_gib, row.unknown) == (pytest.approx(0.5, abs=0.05), 1.0, 0)
        inside = f"{shop.namespace}/prometheus:80"
        through = await shop.run("cost", labels="app=web", prometheus=inside, window="12h", **PRICES)
        assert through.items[0].cpu == pytest.approx(0.5, abs=0.05)
        other = await shop.run(
            "cost", labels="app=web", prometheus=address, matchers='cluster="other"', window="12h", **PRICES
        )
        assert (other.items[0].unknown, other.items[0].cpu) == (1, 0.01)
        refused = await shop.refused("cost", prometheus=address, matchers='cluster="', **PRICES)
        assert (refused.code, refused.suggestions[0]) == ("EXECUTION_FAILED", "correct the matchers")
        strange = await shop.refused("cost", prometheus=f"{address}/elsewhere", **PRICES)
        assert "no answer of the Prometheus API" in strange.message
    assert (await shop.refused("cost", prometheus=address, **PRICES)).code == "CONNECTION_FAILED"
