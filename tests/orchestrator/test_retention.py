"""What is old goes, on a real store with a clock that the test moves."""

from typing import Any

import pytest
import sqlalchemy as sa

from outrider.core.errors import InvalidConfigError
from outrider.core.events import LogBatch, LogLine
from outrider.orchestrator import retention, tables
from tests.orchestrator.bench import Bench
from tests.orchestrator.test_schedules import WORKER, begun, passed

PLATFORM = """
---
apiVersion: outrider.dev/v1alpha1
kind: Platform
metadata: {{name: test}}
spec: {{retention: {{events: {events}, runs: {runs}}}}}
"""
DAY = 86_400.0


async def rows(bench: Bench, table: sa.Table) -> int:
    counted: Any = await bench.store.read(lambda c: c.scalar(sa.select(sa.func.count()).select_from(table)))
    return int(counted)


async def run_once(bench: Bench) -> None:
    """Make a run with a log, and let it end."""
    await bench.see(bench.event())
    instruction = await bench.take()
    assert instruction is not None
    await bench.engine.renew("hands", instruction.id, instruction.lease_epoch)
    batch = LogBatch(instruction.lease_epoch, 0, [LogLine("2026-01-01T00:00:00Z", "a line")])
    await bench.engine.append_log("hands", instruction.id, batch)
    await bench.finish(instruction)


async def prune(bench: Bench) -> int:
    return await retention.prune_once(bench.engine)


async def test_each_goes_when_its_time_is_over(bench: Bench) -> None:
    await bench.declare(more=PLATFORM.format(events="2d", runs="5d"))
    await run_once(bench)
    bench.clock.advance(1 * DAY)
    await run_once(bench)
    assert await prune(bench) == 0
    bench.clock.advance(1.5 * DAY)
    assert await prune(bench) == 1, "the first event"
    assert (await rows(bench, tables.events), await rows(bench, tables.runs)) == (1, 2)
    bench.clock.advance(10 * DAY)
    assert await prune(bench) == 3
    for table in (tables.events, tables.runs, tables.instructions, tables.attempts, tables.log_lines, tables.eligible):
        assert await rows(bench, table) == 0, table.name


async def test_what_is_not_done_stays(bench: Bench) -> None:
    await bench.declare(more=PLATFORM.format(events="1h", runs="1h"))
    await bench.see(bench.event())
    bench.clock.advance(30 * DAY)
    assert await prune(bench) == 1, "the event is a part of the run"
    assert await bench.states() == ["running"]
    instruction = await bench.take()
    assert instruction is not None
    await bench.finish(instruction)
    assert await prune(bench) == 0, "its end is new"


async def test_an_event_that_a_rule_holds_stays(bench: Bench) -> None:
    await bench.declare(limits="debounce: 3h", more=PLATFORM.format(events="1h", runs="1h"))
    await bench.see(bench.event())
    bench.clock.advance(2 * 3600)
    assert await prune(bench) == 0
    bench.clock.advance(3600)
    await bench.sweep()
    assert await bench.states() == ["running"]
    assert await prune(bench) == 1


async def test_a_lot_goes_in_pieces(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PIECE", 10)
    await bench.declare(more=PLATFORM.format(events="1h", runs="1h"))
    await bench.see(*(bench.event("up") for _ in range(25)))
    bench.clock.advance(2 * 3600)
    assert [await prune(bench) for _ in range(4)] == [10, 10, 5, 0]


async def test_a_scheduled_call_keeps_as_many_runs_as_it_says(bench: Bench) -> None:
    await begun(bench, more="historyLimit: 2")
    for _ in range(4):
        await passed(bench, 10)
        instruction = await bench.take(WORKER)
        assert instruction is not None
        await bench.finish(instruction, agent=WORKER)
    newest = [row.id for row in await bench.runs()][:2]
    assert await prune(bench) == 2
    assert [row.id for row in await bench.runs()] == newest


async def test_without_a_word_thirty_and_ninety_days(bench: Bench) -> None:
    await bench.declare()
    await run_once(bench)
    bench.clock.advance(29 * DAY)
    assert await prune(bench) == 0
    bench.clock.advance(2 * DAY)
    assert await prune(bench) == 1
    bench.clock.advance(60 * DAY)
    assert await prune(bench) == 1


async def test_too_short_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        await bench.declare(more=PLATFORM.format(events="10m", runs="1h"))
    assert caught.value.path == "spec.retention.events"
