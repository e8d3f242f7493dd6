"""What the gateway says of itself."""

import msgspec

from outrider.sidecar.llm.budget import Budget
from outrider.sidecar.llm.routes import Route


class ProviderStatus(msgspec.Struct, kw_only=True):
    """A provider of a route; `circuit` is closed, open or half_open."""

    provider: str
    model: str
    dialect: str
    priority: int
    circuit: str


class RouteStatus(msgspec.Struct, kw_only=True):
    """A route and who answers."""

    alias: str
    providers: list[ProviderStatus]


class BudgetStatus(msgspec.Struct, kw_only=True):
    """Money of this period, in nano-units."""

    limit: int
    spent: int
    reserved: int


class GatewayStatus(msgspec.Struct, kw_only=True):
    """The gateway at a glance.

    Attributes:
        running: Calls under way.
        ledger: Why the ledger cannot be written; empty where it can.
        offline: Whether a script answers in place of the providers.
        guarded: How often what was found that must not pass.
        shares: Why nothing can be drawn from the store of shared amounts; empty where nothing is wrong, or shared.
        cache: Why answers are given to the same call only, though similar ones are to get them too; empty where nothing is wrong.
    """

    agent: str
    running: int
    ledger: str
    offline: bool
    budget: BudgetStatus | None
    routes: list[RouteStatus]
    guarded: dict[str, int] = {}
    shares: str = ""
    cache: str = ""


def route_status(route: Route) -> RouteStatus:
    """Return how the providers of a route do."""
    providers = [
        ProviderStatus(
            provider=one.name, model=one.model or route.alias, dialect=one.dialect, priority=one.priority, circuit=one.circuit.state
        )
        for one in route.providers
    ]  # fmt: skip
    return RouteStatus(alias=route.alias, providers=providers)


def budget_status(budget: Budget | None, moment: float) -> BudgetStatus | None:
    """Return what was spent in the period of a moment; None without a budget."""
    if budget is None:
        return None
    return BudgetStatus(limit=budget.limit, spent=budget.spent(moment), reserved=budget.reserved(moment))
