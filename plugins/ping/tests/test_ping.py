from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import MissingRequirementError
from tests.plugins.harness import Running, faults, on_this_host, refusal, running, until

CONFIG = {"host": "gateway.example", "every": "10ms"}


def answer(received: int, *, sent: int = 4, latency: float = 2.0, reason: str = "") -> dict[str, Any]:
    return {
        "answered": received > 0, "address": "192.0.2.1", "sent": sent, "received": received, "latency_ms": latency,
        "worst_ms": latency, "reason": reason,
    }  # fmt: skip


def states(plugin: Running) -> list[tuple[str, bool | None]]:
    return [(event.data["state"], event.unhealthy) for event in plugin.events]


async def more_calls(plugin: Running) -> None:
    before = len(plugin.calls)
    await until(lambda: len(plugin.calls) > before + 2)


async def test_it_reports_changes_only() -> None:
    now = [answer(4)]
    async with running("ping", {**CONFIG, "count": 4}, operations={"host.ping": lambda _: now[0]}) as plugin:
        await plugin.seen(1)
        for number, (found, state) in enumerate(
            [(answer(0, reason="no answer within 1 s"), "down"), (answer(1), "degraded"), (answer(2), "up")], 2
        ):
            now[0] = found
            assert (await plugin.seen(number))[-1].data["state"] == state
            await more_calls(plugin)
    assert states(plugin) == [("up", False), ("down", True), ("degraded", True), ("up", False)]
    down, degraded = plugin.events[1], plugin.events[2]
    assert (down.key, down.severity, down.data["summary"]) == (
        "gateway.example", "high", "gateway.example down: no answer within 1 s",
    )  # fmt: skip
    assert (degraded.data["loss_percent"], degraded.data["detail"]) == (75, "1 of 4 answered")
    assert plugin.calls[0].params == {"host": "gateway.example", "count": 4, "timeout": "1s"}


async def test_slow_answers_are_degraded() -> None:
    now = [answer(4, latency=250.0)]
    given = {**CONFIG, "max_latency": "200ms", "severity": "low"}
    async with running("ping", given, operations={"host.ping": lambda _: now[0]}) as plugin:
        event = (await plugin.seen(1))[0]
        now[0] = answer(4, latency=200.0)
        await plugin.seen(2)
    assert event.data["detail"] == "4 of 4 answered, in 250 ms, expected at most 200 ms"
    assert states(plugin) == [("degraded", True), ("up", False)]


@pytest.mark.parametrize(
    "bad", [MissingRequirementError("this user may send no ICMP"), {}, {"sent": 0, "received": 0}, "?"]
)
async def test_what_cannot_be_told_changes_no_state(bad: Any) -> None:
    now: list[Any] = [bad]
    async with running("ping", CONFIG, operations={"host.ping": lambda _: now[0]}) as plugin:
        await until(lambda: any("cannot be measured" in text for text in plugin.lines))
        await until(lambda: len(plugin.calls) > 3)
        assert plugin.events == []
        now[0] = answer(4)
        await plugin.seen(1)
    assert sum("cannot be measured" in text for text in plugin.lines) == 1


@pytest.mark.real
async def test_it_pings_this_host(tmp_path: Path) -> None:
    async with on_this_host("ping", {"host": "127.0.0.1", "every": "20ms"}, tmp_path) as plugin:
        event = (await plugin.seen(1))[0]
    assert (event.data["state"], event.data["address"], event.data["received"]) == ("up", "127.0.0.1", 3)


@pytest.mark.parametrize(
    "change", [{"host": ""}, {"host": "a b"}, {"count": 0}, {"max_loss": 100}, {"every": "soon"}, {"port": 1}]
)
def test_wrong_configurations(change: dict[str, Any]) -> None:
    assert faults("ping", {"host": "a", **change})


@pytest.mark.parametrize(
    ("change", "field"), [({"every": "0s"}, "every"), ({"timeout": "0s"}, "timeout"), ({"timeout": "1h"}, "timeout")]
)
async def test_refused_configurations(change: dict[str, Any], field: str) -> None:
    error = await refusal("ping", {"host": "a", **change})
    assert error.code == "INVALID_CONFIG"
    assert f"config.{field} is" in error.message
