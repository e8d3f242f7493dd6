import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.harness import faults, refusal, running, until

pytestmark = pytest.mark.real


def written(path: Path, ago: float) -> str:
    text = (datetime.now(UTC) - timedelta(seconds=ago)).isoformat().replace("+00:00", "Z")
    path.write_text(text + "\n")
    return text


async def test_intervals_are_even_and_none_is_left_out() -> None:
    async with running("schedule", {"every": "100ms"}) as plugin:
        await plugin.seen(8)
    times = [datetime.fromisoformat(event.data["scheduled"].rstrip("Z")) for event in plugin.events]
    assert all(moment.microsecond % 100_000 == 0 for moment in times)
    assert times == sorted(set(times))
    assert all("missed" not in event.data for event in plugin.events)


async def test_without_a_state_file_missed_runs_are_forgotten(tmp_path: Path) -> None:
    began = time.time()
    async with running("schedule", {"every": "200ms"}) as plugin:
        await plugin.seen(1)
    first = datetime.fromisoformat(plugin.events[0].data["scheduled"].rstrip("Z")).replace(tzinfo=UTC)
    assert first.timestamp() > began - 0.01
    assert list(tmp_path.iterdir()) == []


async def test_missed_runs_are_reported_once_with_their_number(tmp_path: Path) -> None:
    state = tmp_path / "last"
    written(state, 3600 * 10.5)
    async with running("schedule", {"every": "1h", "state_file": str(state)}) as plugin:
        await plugin.seen(1)
        await until(lambda: state.read_text() == plugin.events[0].data["scheduled"] + "\n")
    assert plugin.events[0].data["missed"] in (9, 10)
    async with running("schedule", {"every": "1h", "state_file": str(state)}) as again:
        assert again.events == []


async def test_missed_runs_of_cron_are_counted_up_to_a_bound(tmp_path: Path) -> None:
    state = tmp_path / "last"
    written(state, 86400 * 365)
    async with running("schedule", {"cron": "* * * * *", "state_file": str(state)}) as plugin:
        await plugin.seen(1)
        assert plugin.events[0].data["missed"] == 10_000


@pytest.mark.parametrize("content", ["", "no date", "9999-12-31T00:00:00Z", "2020-01-01T00:00:00+02:00", "\x00\xff"])
async def test_a_broken_state_file_is_as_none(tmp_path: Path, content: str) -> None:
    state = tmp_path / "last"
    state.write_bytes(content.encode("latin-1"))
    async with running("schedule", {"every": "100ms", "state_file": str(state)}) as plugin:
        await plugin.seen(2)
        await until(lambda: state.read_text().startswith("20"))


async def test_a_state_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    async with running("schedule", {"every": "100ms", "state_file": str(tmp_path / "none" / "last")}) as plugin:
        await plugin.seen(2)
        assert any("config.state_file" in line for line in plugin.lines)


async def test_an_impossible_date_is_refused() -> None:
    error = await refusal("schedule", {"cron": "0 0 31 2 *"})
    assert error.code == "INVALID_CONFIG"
    assert "never comes" in error.message


async def test_an_interval_of_nothing_is_refused() -> None:
    assert (await refusal("schedule", {"every": "0s"})).code == "INVALID_CONFIG"


@pytest.mark.parametrize("bad", [{}, {"cron": "* * *"}, {"cron": "* * * * *", "every": "1s"}, {"every": 5}])
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults("schedule", bad)
