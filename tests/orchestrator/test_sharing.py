"""Two orchestrators on one real PostgreSQL database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from outrider.core.errors import ConflictError
from outrider.orchestrator.sharing import CHANNEL
from outrider.orchestrator.wire import HoldRequest
from outrider.ports.store import PostgresqlStore, open_postgresql
from tests.orchestrator.bench import Bench, result

pytestmark = pytest.mark.real


@pytest.fixture
async def pair(tmp_path: Path, postgresql_address: str) -> AsyncIterator[tuple[Bench, Bench]]:
    """Return two engines, as two processes would have them: nothing in memory is shared."""
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made.append(Bench(tmp_path / name, open_postgresql(postgresql_address)))
        await made[-1].engine.open()
    yield made[0], made[1]
    for bench in made:
        await bench.close()


async def test_what_one_applies_the_other_uses_at_once(pair: tuple[Bench, Bench]) -> None:
    one, two = pair
    await one.declare()
    await two.see(two.event())
    assert len(await one.runs()) == len(await two.runs()) == 1
    await two.declare(limits="enabled: false")
    await one.see(one.event(id="later"))
    assert len(await one.runs()) == 1


async def test_an_event_that_comes_to_both_counts_once(pair: tuple[Bench, Bench]) -> None:
    one, two = pair
    await one.declare(when="{any: [{trigger: eyes/web}], count: 3, within: 1m}")
    outcomes = [(await bench.see(bench.event(id=name)))[0].outcome for name in "abc" for bench in pair]
    assert sorted(outcomes) == ["accepted"] * 3 + ["duplicate"] * 3
    assert len(await two.runs()) == 1


async def test_windows_are_the_same_for_both_under_load(pair: tuple[Bench, Bench]) -> None:
    one, _ = pair
    await one.declare(when="{any: [{trigger: eyes/web}], count: 10, within: 1h}")
    await asyncio.gather(
        *(bench.see(bench.event(id=f"{name}{n}")) for n in range(100) for name, bench in zip("ab", pair, strict=True))
    )
    assert len(await one.runs()) == 20


async def test_an_instruction_goes_to_one_of_two_that_poll(pair: tuple[Bench, Bench]) -> None:
    one, two = pair
    await one.declare()
    await one.see(*(one.event() for _ in range(40)))
    answers = await asyncio.gather(*(bench.engine.poll("hands", 5, 0) for _ in range(8) for bench in pair))
    ids = [instruction.id for answer in answers for instruction in answer.instructions]
    assert len(ids) == len(set(ids)) == 40
    # A result may come to the other one.
    instruction = next(answer.instructions[0] for answer in answers if answer.instructions)
    await two.finish(instruction)
    with suppress(ConflictError):
        assert (await one.engine.finish("hands", instruction.id, result(instruction))).duplicate


async def test_a_poll_at_one_is_woken_by_an_event_at_the_other(pair: tuple[Bench, Bench]) -> None:
    one, two = pair
    await one.declare()
    assert isinstance(two.store, PostgresqlStore)
    listening = asyncio.create_task(two.store.listen(CHANNEL, two.engine.hear))
    await two.engine.poll("hands", 1, 0)
    polling = asyncio.create_task(two.engine.poll("hands", 1, 20))
    await asyncio.sleep(1.0)  # it listens and waits by now
    await one.see(one.event())
    answer = await asyncio.wait_for(polling, 5)
    assert answer.instruction is not None
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening


async def test_a_pause_at_one_holds_for_the_other(pair: tuple[Bench, Bench]) -> None:
    one, two = pair
    await one.declare()
    await one.engine.hold(HoldRequest(kind="pause"), "user:ana")
    await two.see(two.event())
    assert await two.runs() == []
    await two.engine.lift("pause:", "user:ana")
    await one.see(one.event(id="later"))
    assert len(await one.runs()) == 1


async def test_a_schedule_starts_once(pair: tuple[Bench, Bench]) -> None:
    one, two = pair
    await one.declare(when="{schedule: '* * * * *'}")
    for _ in range(3):
        for bench in pair:
            await bench.sweep()
            bench.clock.advance(60)
    assert len(await two.runs()) == 2


async def test_an_agent_that_one_revokes_the_other_refuses(pair: tuple[Bench, Bench]) -> None:
    one, two = pair
    await one.declare()
    await one.engine.revoke("hands")
    await two.sweep()
    assert two.engine.revoked == one.engine.revoked
