"""The gateway's parts, from its settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from outrider.core.errors import InvalidConfigError, near_names
from outrider.core.mutual_tls import check_mutual_tls
from outrider.core.sidecar_settings import BudgetSettings, LimitSettings, LlmSettings, ProviderSettings
from outrider.ports.certificates.tls import trusting
from outrider.ports.clock import Clock
from outrider.ports.secrets import Resolver
from outrider.sidecar.llm.buckets import Limits, Rate, per_minute
from outrider.sidecar.llm.budget import LONGEST_SECONDS, PERIOD_SECONDS, Budget
from outrider.sidecar.llm.ledger import Ledger
from outrider.sidecar.llm.prices import Price, PriceList, known_prices
from outrider.sidecar.llm.routes import Provider, Route, TargetMaker, make_provider
from outrider.sidecar.proxy.pool import Target
from outrider.sidecar.proxy.proxy import Proxy

if TYPE_CHECKING:
    from outrider.sidecar.llm.cache import ResponseCache
    from outrider.sidecar.llm.guard.guard import Guard
    from outrider.sidecar.llm.hooks.hooks import Hooks
    from outrider.sidecar.llm.samples import Samples
    from outrider.sidecar.llm.shares.shares import Shares
    from outrider.sidecar.tools.servers.opening import Surroundings

# Below the state folder of a sidecar.
SAMPLES, HOOKS = "samples", "hooks"
# A tool that looks at prompts gives them back at most as long as they may be.
LONGEST_VERDICT = 4 * 1024 * 1024
# As numbers of Lua and of JSON are exact.
LARGEST_SHARED = 2**53


def build_routes(settings: LlmSettings, proxy: Proxy) -> dict[str, Route]:
    """Return the routes by their aliases.

    Raises:
        InvalidConfigError: Two have one alias, an address is none, or a budget is to hold where a price is not known.
    """
    prices = known_prices(settings.prices)
    _check_currency(settings.budget, prices)
    routes: dict[str, Route] = {}
    targets: dict[tuple[str, int, object, bool], Target] = {}

    def make_target(host: str, port: int, provider: ProviderSettings) -> Target:
        check_mutual_tls(provider.mutual_tls, provider.url)
        secure = provider.url.startswith("https:")
        key = (host, port, (provider.ca, provider.mutual_tls), secure)
        if key not in targets:
            targets[key] = proxy.add(
                Target(
                    proxy,
                    host,
                    port,
                    trusting(provider.ca, path=f"provider {provider.provider}: ca", mutual=provider.mutual_tls)
                    if secure
                    else None,
                )
            )
        return targets[key]

    for route in settings.routes:
        if not route.providers and settings.offline is None:
            raise InvalidConfigError(
                f"route '{route.alias}' has no providers", path="llm.routes", found="providers: []",
                expected="a provider, or a script to answer offline", suggestions=["add a provider"],
            )  # fmt: skip
        if route.alias in routes:
            raise InvalidConfigError(
                f"two routes are called '{route.alias}'", path="llm.routes", found=route.alias,
                suggestions=["put their providers into one"],
            )  # fmt: skip
        providers = [
            _provider(one, route.alias, prices.models, make_target, settings.budget) for one in route.providers
        ]
        routes[route.alias] = Route(route.alias, providers)
    return routes


def _provider(
    settings: ProviderSettings, alias: str, prices: Mapping[str, Price], make_target: TargetMaker, budget: BudgetSettings | None
) -> Provider:  # fmt: skip
    name = f"{settings.provider}/{settings.model or alias}"
    price = prices.get(name)
    if budget is not None and price is None:
        raise InvalidConfigError(
            f"the price of {name} is not known, and there is a budget to keep", path="llm.prices", found=name,
            expected="a model with a price",
            suggestions=[*_near_models(name, prices), f"add {name} to a file of prices, with 0 if it costs nothing, and name that in llm.prices"],
        )  # fmt: skip
    return make_provider(settings, make_target, price)


def _near_models(name: str, prices: Mapping[str, Price]) -> list[str]:
    """Return suggestions of models of the same provider, whose name alone makes no model near."""
    provider, _, model = name.partition("/")
    models = [known.removeprefix(f"{provider}/") for known in prices if known.startswith(f"{provider}/")]
    return [f"did you mean '{provider}/{near}'?" for near in near_names(model, models)[:2]]


def _check_currency(budget: BudgetSettings | None, prices: PriceList) -> None:
    if budget is not None and budget.currency not in ("", prices.currency):
        raise InvalidConfigError(
            f"the budget is in {budget.currency}, the prices are in {prices.currency}", path="llm.budget.amount",
            found=budget.currency, expected=prices.currency, suggestions=["name a file of prices in the currency of the budget"],
        )  # fmt: skip


def build_limits(settings: LimitSettings, clock: Clock, shares: "Shares | None") -> Limits:
    """Return the limits of the agent; how many calls run at a time counts for this sidecar alone."""

    def rate(amount: str, limit: int | None) -> Rate | None:
        if shares is None or limit is None:
            return per_minute(limit, clock.monotonic())
        from outrider.sidecar.llm.shares.rate import MINUTE, SharedRate  # noqa: PLC0415 - most sidecars share nothing

        return SharedRate(shares.share(amount, limit, lasts=MINUTE), clock.now)

    return Limits(
        requests=rate("requests", settings.requests_per_minute), tokens=rate("tokens", settings.tokens_per_minute),
        concurrent=settings.concurrent,
    )  # fmt: skip


def build_budget(
    settings: BudgetSettings | None, ledger: Ledger, moment: float, shares: "Shares | None" = None
) -> Budget | None:  # fmt: skip
    """Return the budget, with what the ledger says was spent in the period of a moment; None where there is none.

    Raises:
        InvalidConfigError: There is no such time zone.
    """
    if settings is None:
        return None
    share = shares.share("budget", settings.amount, lasts=PERIOD_SECONDS[settings.per]) if shares is not None else None
    try:
        budget = Budget(
            settings.amount, settings.per, ZoneInfo(settings.zone), finishes=settings.on_exceed == "finish", share=share
        )  # fmt: skip
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidConfigError(
            f"budget.zone: no time zone is called '{settings.zone}'", path="budget.zone", found=settings.zone,
            expected="a name such as Europe/Berlin",
        ) from error  # fmt: skip
    for entry in ledger.entries(moment - LONGEST_SECONDS):
        budget.know(entry.time, entry.cost)
    if shares is not None and share is not None:
        shares.give_back(share, budget.used)
        budget.begin_share(moment)
    return budget


async def build_shares(
    settings: LlmSettings, agent: str, state: Path, secrets: Resolver, clock: Clock
) -> "Shares | None":
    """Return what several sidecars of an agent share; None where they do not. What it needs is imported only then.

    Raises:
        OutriderError: The store cannot be used.
    """
    if settings.shared is None or settings.offline is not None:  # a script spends nothing of anybody
        return None
    if settings.budget is not None and settings.budget.amount > LARGEST_SHARED:
        raise InvalidConfigError(
            "the budget is too large to be shared", path="llm.budget.amount", found=f"{settings.budget.amount} nano-units",
            expected=f"at most {LARGEST_SHARED}: not every store counts further without a fault",
            suggestions=["name a shorter period"],
        )  # fmt: skip
    from outrider.sidecar.llm.shares.opening import open_shares  # noqa: PLC0415 - see above

    return await open_shares(settings.shared, agent, state, secrets, clock)


def build_guard(settings: LlmSettings) -> "Guard | None":
    """Return what guards calls and answers; None where nothing does. What it needs is imported only then.

    Raises:
        OutriderError: A pattern is none, or RE2 is not there.
    """
    if not settings.guard:
        return None
    from outrider.sidecar.llm.guard.guard import Guard  # noqa: PLC0415 - see above

    return Guard(settings.guard)


def build_hooks(settings: LlmSettings, agent: str, around: "Surroundings") -> "Hooks | None":
    """Return what asks tools about prompts; None where none is asked.

    Raises:
        OutriderError: A server of one cannot be used.
    """
    if not settings.hooks:
        return None
    from outrider.sidecar.llm.hooks.hooks import Hook, Hooks  # noqa: PLC0415 - as the guard
    from outrider.sidecar.tools.servers.opening import open_server  # noqa: PLC0415 - as the guard

    return Hooks(agent, [Hook(one, open_server(one.server, around, LONGEST_VERDICT)) for one in settings.hooks])


def build_cache(settings: LlmSettings, clock: Clock, gateway: str) -> "ResponseCache | None":
    """Return what keeps answers; None where nothing does.

    Args:
        settings: Of the gateway.
        clock: Time.
        gateway: Its address for its own calls.
    """
    if settings.cache is None:
        return None
    if settings.cache.similar is not None:
        from outrider.sidecar.llm.similar.cache import open_similar  # noqa: PLC0415 - as the guard

        return open_similar(settings.cache, settings.cache.similar, clock.monotonic, gateway)
    from outrider.sidecar.llm.cache import ResponseCache  # noqa: PLC0415 - as the guard

    return ResponseCache(settings.cache, clock.monotonic)


def build_samples(settings: LlmSettings, state: Path, clock: Clock) -> "Samples | None":
    """Return what keeps a share of the calls; None where nothing does."""
    if settings.samples is None:
        return None
    from outrider.sidecar.llm.samples import Samples  # noqa: PLC0415 - as the guard

    return Samples(settings.samples, state / SAMPLES, clock.now)
