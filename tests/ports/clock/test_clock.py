import asyncio
import time

import pytest

from outrider.ports.clock import Clock, SystemClock
from outrider.ports.clock.manual import ManualClock


def as_clock(clock: Clock) -> Clock:
    return clock


def test_system_clock_tells_wall_time() -> None:
    before = time.time()
    assert before <= as_clock(SystemClock()).now() <= time.time()


def test_system_clock_counts_suspended_time() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= SystemClock().monotonic() <= time.clock_gettime(time.CLOCK_BOOTTIME)


async def test_system_clock_waits() -> None:
    clock = SystemClock()
    before = time.monotonic()
    await clock.sleep(0.02)
    assert time.monotonic() - before >= 0.02


async def test_sleepers_wake_earliest_first() -> None:
    clock, order = ManualClock(), []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        order.append(seconds)

    async with asyncio.TaskGroup() as group:
        for seconds in (3.0, 1.0, 2.0):
            group.create_task(sleeper(seconds))
        await clock.until_sleeping(3)
        clock.advance(3.0)
    assert order == [1.0, 2.0, 3.0]


async def test_nobody_wakes_early() -> None:
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(1.0))
    await clock.until_sleeping()
    clock.advance(0.999)
    await asyncio.sleep(0)
    assert not task.done()
    clock.advance(0.001)
    await task


async def test_cancelled_sleeper_is_forgotten() -> None:
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(1.0))
    await clock.until_sleeping()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    clock.advance(1.0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(clock.until_sleeping(), 0.01)


async def test_no_time_yields_once() -> None:
    clock = ManualClock()
    await clock.sleep(0)
    assert clock.monotonic() == 0.0


def test_advance_moves_both_times() -> None:
    clock = ManualClock(now=100.0)
    clock.advance(5.0)
    assert (clock.now(), clock.monotonic()) == (105.0, 5.0)


@pytest.mark.parametrize("hour", [3600.0, -3600.0])
def test_wall_jump_leaves_measured_time(hour: float) -> None:
    clock = ManualClock(now=10_000.0)
    clock.jump_wall(hour)
    assert (clock.now(), clock.monotonic()) == (10_000.0 + hour, 0.0)


async def test_small_steps_add_up() -> None:
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(1.0))
    await clock.until_sleeping()
    for _ in range(10):
        clock.advance(0.1)
    await task
