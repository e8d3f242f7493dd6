from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import UnavailableError
from tests.plugins.harness import faults, module, on_this_host, refusal, running, until

CONFIG = {"above": 90, "below": 70, "for": "50ms", "every": "10ms"}
GB = 10**9


def answer(percent: float, *, swap: float = 0) -> dict[str, Any]:
    """Answer as the host does, for a machine of 10 GB and as much swap."""
    available, swap_free = round((100 - percent) * GB / 10), round((100 - swap) * GB / 10)
    return {
        "total": 10 * GB,
        "available": available,
        "percent": percent,
        "swap_total": 10 * GB,
        "swap_free": swap_free,
    }


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
    level = module("memory-monitor", "memory_monitor", monkeypatch).Level(90, 70, 2)
    seen = [(second, level.state) for second, percent in enumerate(percents) if level.changed(percent, float(second))]
    assert seen == expected


@pytest.mark.real
async def test_it_reports_high_and_normal() -> None:
    now = [5.0]
    async with running("memory-monitor", CONFIG, operations={"host.memory": lambda _: answer(now[0])}) as plugin:
        await plugin.seen(1)
        now[0] = 97.26
        await plugin.seen(2)
        now[0] = 80.0
        calls = len(plugin.calls)
        await until(lambda: len(plugin.calls) > calls + 10)
        now[0] = 3
        await plugin.seen(3)
    assert [event.data["state"] for event in plugin.events] == ["normal", "high", "normal"]
    assert [event.unhealthy for event in plugin.events] == [False, True, False]
    assert [event.severity for event in plugin.events] == ["low", "high", "low"]
    assert {event.key for event in plugin.events} == {"memory"}
    assert plugin.events[1].data == {
        "state": "high",
        "of": "memory",
        "percent": 97.3,
        "available": 274_000_000,
        "total": 10 * GB,
        "above": 90,
        "below": 70,
        "summary": "memory high: 97 % in use",
    }


@pytest.mark.real
async def test_swap_is_measured_apart_from_memory() -> None:
    now = [0.0]
    operations = {"host.memory": lambda _: answer(99, swap=now[0])}
    async with running("memory-monitor", {**CONFIG, "of": "swap"}, operations=operations) as plugin:
        await plugin.seen(1)
        now[0] = 92.5
        await plugin.seen(2)
    assert [(event.data["state"], event.data["percent"]) for event in plugin.events] == [("normal", 0), ("high", 92.5)]
    assert plugin.events[1].data["available"] == 750_000_000
    assert plugin.events[1].key == "swap"


@pytest.mark.real
async def test_a_machine_without_swap_is_normal() -> None:
    none = {**answer(99), "swap_total": 0, "swap_free": 0}
    async with running("memory-monitor", {**CONFIG, "of": "swap"}, operations={"host.memory": lambda _: none}) as it:
        await it.seen(1)
    assert (it.events[0].data["state"], it.events[0].data["percent"]) == ("normal", 0)


@pytest.mark.real
async def test_a_failing_measurement_changes_nothing() -> None:
    failing: list[Any] = [UnavailableError("no /proc/meminfo"), {"percent": None}, {"percent": 1}, [], None]
    answers: list[Any] = [answer(99)] * 20 + failing * 4 + [answer(99)]
    operations = {"host.memory": lambda _: answers[0] if len(answers) == 1 else answers.pop(0)}
    async with running("memory-monitor", CONFIG, operations=operations) as plugin:
        await plugin.seen(1)
        await until(lambda: len(answers) == 1)
        calls = len(plugin.calls)
        await until(lambda: len(plugin.calls) > calls + 10)
    assert [event.data["state"] for event in plugin.events] == ["high"]
    assert any("no /proc/meminfo" in line for line in plugin.lines)


@pytest.mark.real
@pytest.mark.parametrize("of", ["memory", "swap"])
async def test_the_operation_itself_answers_what_is_read(of: str, tmp_path: Path) -> None:
    name = {"memory": "MemTotal", "swap": "SwapTotal"}[of]
    facts = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    # What runs here uses some memory; a tenth of a percent is less than that.
    async with on_this_host(
        "memory-monitor", {"of": of, "above": 0.1, "for": "0s", "every": "10ms"}, tmp_path
    ) as plugin:
        await plugin.seen(1)
    data = plugin.events[0].data
    assert data["total"] == int(facts[name].split()[0]) * 1024
    assert 0 <= data["available"] <= data["total"]
    assert of == "swap" or (data["state"] == "high" and 0.1 <= data["percent"] <= 100)
    assert plugin.lines == []


@pytest.mark.real
async def test_thresholds_in_the_wrong_order_are_refused() -> None:
    error = await refusal("memory-monitor", {**CONFIG, "below": 95})
    assert error.code == "INVALID_CONFIG"
    assert "config.below is 95, expected at most config.above, 90" in error.message


@pytest.mark.parametrize(
    "bad",
    [{}, {"above": 0}, {"above": 101}, {"above": "90"}, {"above": 90, "for": "x"}, {"above": 90, "of": "disk"},
     {"above": 90, "over": "1s"}],
)  # fmt: skip
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults("memory-monitor", bad)
