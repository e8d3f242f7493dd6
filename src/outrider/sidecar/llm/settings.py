"""What the gateway is told."""

from pathlib import Path
from typing import Annotated

import msgspec

from outrider.core.secrets import SecretRef
from outrider.sidecar.llm.budget import Period
from outrider.sidecar.llm.dialects import Dialect


class ProviderSettings(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A model of a provider, in a route.

    Attributes:
        provider: Its name, as prices, ledger and metrics show it.
        dialect: Which it speaks.
        url: Its address; that of OpenAI's dialect holds the version, such as `https://api.openai.com/v1`.
        model: As the provider names it; empty where the name that the agent uses is the provider's.
        key: Secret with its key; none where it wants none.
        priority: Those of the lowest number are asked first, others where these fail.
        weight: Share of the calls among those of one priority.
        ca: File with the authorities to trust, in place of the machine's.
    """

    provider: str
    dialect: Dialect
    url: str
    model: str = ""
    key: SecretRef | None = None
    priority: int = 0
    weight: Annotated[int, msgspec.Meta(ge=1)] = 1
    ca: Path | None = None


class RouteSettings(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A name that the agent uses for a model, and who may answer."""

    alias: str
    providers: Annotated[list[ProviderSettings], msgspec.Meta(min_length=1)]


class LimitSettings(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Bounds of the agent; None for none."""

    requests_per_minute: Annotated[int, msgspec.Meta(ge=1)] | None = None
    tokens_per_minute: Annotated[int, msgspec.Meta(ge=1)] | None = None
    concurrent: Annotated[int, msgspec.Meta(ge=1)] | None = None


class BudgetSettings(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Money for a period.

    Attributes:
        amount: In nano-units of the currency of the prices.
        zone: Where a period begins, such as `Europe/Berlin`.
    """

    amount: Annotated[int, msgspec.Meta(ge=0)]
    per: Period
    zone: str = "UTC"


class LlmSettings(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The gateway to the models.

    Attributes:
        routes: Models by the names that the agent uses; any other one is refused.
        limits: Bounds of the agent.
        budget: Money; none for no bound.
        prices: File of prices; without one nothing costs anything.
        usual_answer: Tokens that are reserved for an answer where the client names no bound.
        offline: File with answers in place of every provider; no key is opened then, and every answer says so.
    """

    routes: list[RouteSettings]
    limits: LimitSettings = LimitSettings()
    budget: BudgetSettings | None = None
    prices: Path | None = None
    usual_answer: int = 4096
    offline: Path | None = None
