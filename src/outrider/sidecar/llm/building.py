"""The gateway's parts, from its settings."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from outrider.core.errors import InvalidConfigError
from outrider.ports.certificates.tls import trusting
from outrider.sidecar.llm.budget import LONGEST_SECONDS, Budget
from outrider.sidecar.llm.ledger import Ledger
from outrider.sidecar.llm.prices import Price, read_prices
from outrider.sidecar.llm.routes import Provider, Route, TargetMaker, make_provider
from outrider.sidecar.llm.settings import BudgetSettings, LlmSettings, ProviderSettings
from outrider.sidecar.proxy.pool import Target
from outrider.sidecar.proxy.proxy import Proxy


def build_routes(settings: LlmSettings, proxy: Proxy) -> dict[str, Route]:
    """Return the routes by their aliases.

    Raises:
        InvalidConfigError: Two have one alias, an address is none, or a budget is to hold where a price is not known.
    """
    prices = read_prices(settings.prices).models if settings.prices is not None else {}
    routes: dict[str, Route] = {}
    targets: dict[tuple[str, int, object, bool], Target] = {}

    def make_target(host: str, port: int, provider: ProviderSettings) -> Target:
        secure = provider.url.startswith("https:")
        key = (host, port, provider.ca, secure)
        if key not in targets:
            targets[key] = proxy.add(
                Target(
                    proxy,
                    host,
                    port,
                    trusting(provider.ca, path=f"provider {provider.provider}: ca") if secure else None,
                )
            )
        return targets[key]

    for route in settings.routes:
        if route.alias in routes:
            raise InvalidConfigError(
                f"two routes are called '{route.alias}'", path="llm.routes", found=route.alias,
                suggestions=["put their providers into one"],
            )  # fmt: skip
        providers = [_provider(one, route.alias, prices, make_target, settings.budget) for one in route.providers]
        routes[route.alias] = Route(route.alias, providers)
    return routes


def _provider(
    settings: ProviderSettings, alias: str, prices: Mapping[str, Price], make_target: TargetMaker, budget: BudgetSettings | None
) -> Provider:  # fmt: skip
    name = f"{settings.provider}/{settings.model or alias}"
    price = prices.get(name)
    if budget is not None and price is None:
        raise InvalidConfigError(
            f"the price of {name} is not known, and there is a budget to keep", path="llm.prices", found=", ".join(prices) or "no prices",
            expected=name, suggestions=["add it to the file of prices, or remove the budget"],
        )  # fmt: skip
    return make_provider(settings, make_target, price)


def build_budget(settings: BudgetSettings | None, ledger: Ledger, moment: float) -> Budget | None:
    """Return the budget, with what the ledger says was spent in the period of a moment; None where there is none.

    Raises:
        InvalidConfigError: There is no such time zone.
    """
    if settings is None:
        return None
    try:
        budget = Budget(settings.amount, settings.per, ZoneInfo(settings.zone))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidConfigError(
            f"budget.zone: no time zone is called '{settings.zone}'", path="budget.zone", found=settings.zone,
            expected="a name such as Europe/Berlin",
        ) from error  # fmt: skip
    for entry in ledger.entries(moment - LONGEST_SECONDS):
        budget.know(entry.time, entry.cost)
    return budget
