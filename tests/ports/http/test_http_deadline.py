"""A bound of time behaves as asyncio.timeout does."""

import asyncio

import pytest

from outrider.ports.http.deadline import Deadline


async def test_time_that_is_over_is_a_timeout() -> None:
    with pytest.raises(TimeoutError), Deadline(0.0):
        await asyncio.sleep(60)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_what_ends_in_time_is_left_alone() -> None:
    with Deadline(60.0):
        await asyncio.sleep(0)
    with pytest.raises(ValueError, match="own"), Deadline(60.0):
        raise ValueError("own")


async def test_a_cancellation_from_elsewhere_is_none_of_its_own() -> None:
    async def bounded(seconds: float) -> None:
        with Deadline(seconds):
            await asyncio.sleep(60)

    task = asyncio.ensure_future(bounded(60.0))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_from_elsewhere_goes_on_where_the_time_is_over_too() -> None:
    async def bounded() -> None:
        task = asyncio.current_task()
        assert task is not None
        with Deadline(0.0):
            asyncio.get_running_loop().call_later(0.0, task.cancel)
            await asyncio.sleep(0.01)
            await asyncio.sleep(60)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.ensure_future(bounded())
