"""What tokens cost."""

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.core.sidecar_settings import BudgetSettings, LlmSettings, ProviderSettings, RouteSettings
from outrider.sidecar.llm.budget import Budget
from outrider.sidecar.llm.building import build_routes
from outrider.sidecar.llm.prices import STANDARD, known_prices, read_prices

OWN = {"openai/gpt-5-mini": {"input": 1, "output": 2}, "mine/small": {"input": 3, "output": 4}}


def prices_in(path: Path, currency: str) -> Path:
    path.write_text(json.dumps({"date": "2026-11-28", "currency": currency, "models": OWN}))
    return path


def test_the_list_that_comes_with_the_sidecar_is_plausible() -> None:
    found = read_prices(STANDARD)
    assert found.date
    assert found.currency == "USD"
    assert {name.partition("/")[0] for name in found.models} == {"openai", "anthropic", "gemini"}
    for name, price in found.models.items():
        assert 0 < price.input < 10**12, name
        assert price.cached is None or price.cached <= price.input, name


def test_own_prices_lie_over_the_others(tmp_path: Path) -> None:
    found = known_prices(prices_in(tmp_path / "p.json", "USD")).models
    assert found["openai/gpt-5-mini"].input == 1
    assert found["mine/small"].output == 4
    assert "openai/gpt-5" in found


def test_prices_in_another_currency_stand_alone(tmp_path: Path) -> None:
    found = known_prices(prices_in(tmp_path / "p.json", "EUR"))
    assert found.currency == "EUR"
    assert set(found.models) == set(OWN)


def test_a_budget_in_another_currency_is_refused() -> None:
    budget = BudgetSettings(amount=1, currency="EUR", per="day")
    with pytest.raises(InvalidConfigError, match="in EUR, the prices are in USD"):
        build_routes(LlmSettings(budget=budget), None)  # type: ignore[arg-type]  # it does not come to a proxy


@pytest.mark.parametrize(
    ("model", "suggested"),
    [("m", []), ("gpt-5-mni", ["did you mean 'openai/gpt-5-mini'?"])],
)
def test_a_model_without_a_price_is_named_with_what_helps(model: str, suggested: list[str]) -> None:
    provider = ProviderSettings(provider="openai", dialect="openai", url="https://api.openai.com/v1", model=model)
    settings = LlmSettings(
        routes=[RouteSettings(alias="default", providers=[provider])], budget=BudgetSettings(amount=1, per="day")
    )
    with pytest.raises(InvalidConfigError) as caught:
        build_routes(settings, None)  # type: ignore[arg-type]  # as above
    *near, last = caught.value.suggestions
    assert near[:1] == suggested
    assert last.startswith(f"add openai/{model} to a file of prices, with 0 if it costs nothing")


def test_what_has_begun_may_finish() -> None:
    for finishes in (False, True):
        budget = Budget(100, "day", ZoneInfo("UTC"), finishes=finishes)
        held = budget.reserve(90, 0.0, 60.0)
        assert held is not None
        assert budget.extend(held, 50, 0.0) is finishes
        assert budget.reserve(20, 0.0, 60.0) is None
        budget.settle(held, 140)
        assert budget.spent(0.0) == 140
        assert budget.reserve(0, 0.0, 60.0) is None
