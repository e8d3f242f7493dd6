"""What people hold back, on a real store with a clock that the test moves."""

from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError
from outrider.orchestrator.wire import HoldRequest, HoldRow
from tests.orchestrator.bench import Bench
from tests.orchestrator.test_schedules import scheduled

BY = "user:ana"


async def hold(bench: Bench, kind: str, subject: str = "", **more: Any) -> HoldRow:
    return await bench.engine.hold(HoldRequest(kind=kind, subject=subject, **more), BY)


async def told(bench: Bench) -> list[str]:
    return [f"{entry.subject} {entry.text}" for entry in await bench.engine.timeline.after(0, 0)]


async def test_a_pause_lets_nothing_begin_and_a_resume_lets_what_waited_go_on(bench: Bench) -> None:
    await bench.declare()
    await bench.see(bench.event())
    await hold(bench, "pause", comment="moving house")
    assert await bench.take() is None
    await bench.see(bench.event("down"))
    assert len(await bench.runs()) == 1, "the event while paused starts nothing"
    assert "heal matched, not run: the platform is paused" in await told(bench)
    await bench.engine.lift("pause:", BY)
    instruction = await bench.take()
    assert instruction is not None
    await bench.finish(instruction)
    assert await bench.states() == ["completed"]


async def test_what_runs_at_a_pause_goes_on(bench: Bench) -> None:
    await bench.declare()
    await bench.see(bench.event())
    instruction = await bench.take()
    await hold(bench, "pause")
    assert instruction is not None
    await bench.finish(instruction)
    assert await bench.states() == ["completed"]


async def test_a_cordoned_agent_is_given_nothing_and_others_are(bench: Bench) -> None:
    await bench.declare()
    await hold(bench, "cordon", "hands")
    await bench.see(bench.event())
    assert await bench.take("hands") is None
    assert await bench.take("more-hands") is not None
    await bench.see(bench.event())
    await bench.engine.lift("cordon:hands", BY)
    assert await bench.take("hands") is not None


@pytest.mark.parametrize(
    ("subject", "held"),
    [
        ("rule/heal", True),
        ("rule/h*", True),
        ("rule/other", False),
        ("trigger/eyes/web", True),
        ("trigger/eyes/*", True),
        ("trigger/ears/*", False),
        ("rule/eyes/web", False),
    ],
)
async def test_a_silence_speaks_of_rules_or_of_triggers(bench: Bench, subject: str, held: bool) -> None:
    await bench.declare()
    await hold(bench, "silence", subject, comment="maintenance")
    await bench.see(bench.event())
    assert len(await bench.runs()) == (0 if held else 1)
    assert any("silenced: maintenance" in line for line in await told(bench)) is held


async def test_a_silenced_event_uses_no_window_up(bench: Bench) -> None:
    await bench.declare(limits="oncePer: {key: event.source, period: 1h}")
    await hold(bench, "silence", "rule/heal", seconds=60.0)
    await bench.see(bench.event())
    bench.clock.advance(61)
    await bench.see(bench.event())
    assert len(await bench.runs()) == 1


async def test_what_was_held_by_debounce_is_silenced_when_it_is_due(bench: Bench) -> None:
    await bench.declare(limits="debounce: 30s")
    await bench.see(bench.event())
    await hold(bench, "silence", "rule/heal")
    bench.clock.advance(31)
    await bench.sweep()
    assert await bench.runs() == []


async def test_time_ends_a_hold(bench: Bench) -> None:
    await bench.declare()
    row = await hold(bench, "pause", seconds=60.0)
    assert row.until
    await bench.see(bench.event())
    bench.clock.advance(61)
    assert await bench.take() is None, "nothing came, so it was not looked for"
    await bench.sweep()
    await bench.see(bench.event())
    assert await bench.take() is not None
    assert await bench.store.read(bench.engine.held) == []
    assert any("its time is over" in line for line in await told(bench))


async def test_scheduled_calls_are_left_out_while_paused(bench: Bench) -> None:
    bench.clock.advance(600 - bench.clock.now() % 600 + 10)
    await bench.declare(more=scheduled())
    await bench.sweep()
    await hold(bench, "pause")
    bench.clock.advance(600)
    await bench.sweep()
    assert await bench.runs() == []


async def test_a_new_engine_knows_what_is_held(tmp_path: Path) -> None:
    first = Bench(tmp_path)
    await first.engine.open()
    await first.declare()
    await hold(first, "pause", comment="x")
    await first.see(first.event())
    await first.close()
    second = Bench(tmp_path)
    await second.engine.open()
    await second.see(second.event(id="later"))
    assert await second.runs() == []
    assert [row.comment for row in await second.store.read(second.engine.held)] == ["x"]
    await second.close()


async def test_everything_is_on_record(bench: Bench) -> None:
    await bench.declare()
    row = await hold(bench, "cordon", "hands")
    await bench.engine.lift(row.id, "user:bo")
    chain = bench.audit.path.read_text()
    assert '"principal":"user:ana","action":"platform.cordon","target":"hands"' in chain
    assert '"principal":"user:bo","action":"platform.cordon","target":"hands"' in chain


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (HoldRequest(kind="paus"), "kind"),
        (HoldRequest(kind="pause", subject="x"), "subject"),
        (HoldRequest(kind="pause", seconds=0.0), "seconds"),
        (HoldRequest(kind="cordon", subject="eyes"), "subject"),
        (HoldRequest(kind="cordon", subject="hnds"), "subject"),
        (HoldRequest(kind="silence", subject="heal"), "subject"),
        (HoldRequest(kind="silence", subject="rule/"), "subject"),
    ],
)
async def test_what_cannot_be_held_is_said(bench: Bench, request_: HoldRequest, path: str) -> None:
    await bench.declare()
    with pytest.raises(InvalidConfigError) as caught:
        await bench.engine.hold(request_, BY)
    assert caught.value.path == path
    assert caught.value.suggestions


async def test_twice_is_a_conflict_and_nothing_is_not_found(bench: Bench) -> None:
    await bench.declare()
    await hold(bench, "pause")
    with pytest.raises(ConflictError, match="paused already"):
        await hold(bench, "pause")
    with pytest.raises(NotFoundError):
        await bench.engine.lift("cordon:hands", BY)
