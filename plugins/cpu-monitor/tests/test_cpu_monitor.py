from typing import Any

import pytest

from outrider.core.errors import UnavailableError
from tests.plugins.harness import faults, module, refusal, running, until

CONFIG = {"above": 90, "below": 70, "for": "50ms", "every": "10ms", "over": "5ms"}


def states(monkeypatch: pytest.MonkeyPatch, percents: list[float], lasting: float) -> list[tuple[int, str]]:
    level = module("cpu-monitor", "cpu_monitor", monkeypatch).Level(90, 70, lasting)
    return [(second, level.state) for second, percent in enumerate(percents) if level.changed(percent, float(second))]


@pytest.mark.parametrize(
    ("percents", "expected"),
    [
        ([10, 95, 95, 95, 95], [(0, "normal"), (3, "high")]),
        ([10, 95, 95, 89, 95, 95, 95], [(0, "normal"), (6, "high")]),
        ([95, 95, 95, 80, 80, 80, 80], [(2, "high")]),
        ([95, 95, 95, 70, 70, 71, 70, 70, 70], [(2, "high"), (8, "normal")]),
        ([80, 90, 90, 90, 0, 0, 0], [(0, "normal"), (3, "high"), (6, "normal")]),
    ],
)
def test_levels_have_hysteresis_and_last(
    monkeypatch: pytest.MonkeyPatch, percents: list[float], expected: list[tuple[int, str]]
) -> None:
    assert states(monkeypatch, percents, 2) == expected


@pytest.mark.real
async def test_it_reports_high_and_normal() -> None:
    load = [5.0]
    async with running("cpu-monitor", CONFIG, operations={"host.cpu": lambda _: {"percent": load[0]}}) as plugin:
        await plugin.seen(1)
        load[0] = 97.26
        await plugin.seen(2)
        load[0] = 80.0
        calls = len(plugin.calls)
        await until(lambda: len(plugin.calls) > calls + 10)
        load[0] = 3
        await plugin.seen(3)
    assert [event.data["state"] for event in plugin.events] == ["normal", "high", "normal"]
    assert [event.unhealthy for event in plugin.events] == [False, True, False]
    assert plugin.events[1].data["percent"] == 97.3
    assert plugin.events[1].data["summary"] == "cpu high: 97 %"
    assert plugin.calls[0].params == {"over": "5ms"}


@pytest.mark.real
async def test_a_failing_measurement_changes_nothing() -> None:
    answers: list[Any] = [{"percent": 99}] * 3 + [
        UnavailableError("no /proc/stat"),
        {"percent": None},
        [],
        {"percent": 99},
    ]
    operations = {"host.cpu": lambda _: answers[0] if len(answers) == 1 else answers.pop(0)}
    async with running("cpu-monitor", CONFIG, operations=operations) as plugin:
        await plugin.seen(1)
        assert plugin.events[0].data["state"] == "high"
        assert any("no /proc/stat" in line for line in plugin.lines)


@pytest.mark.real
async def test_thresholds_in_the_wrong_order_are_refused() -> None:
    error = await refusal("cpu-monitor", {**CONFIG, "below": 95})
    assert error.code == "INVALID_CONFIG"


@pytest.mark.parametrize("bad", [{}, {"above": 0}, {"above": 101}, {"above": "90"}, {"above": 90, "for": "x"}])
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults("cpu-monitor", bad)
