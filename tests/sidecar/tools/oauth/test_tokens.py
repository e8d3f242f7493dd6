"""When a token is asked for, and when not."""

import asyncio
from collections.abc import Callable

import pytest

from outrider.core.errors import OutriderError, UnavailableError
from outrider.core.http.headers import Headers
from outrider.ports.clock.manual import ManualClock
from outrider.sidecar.tools.servers.oauth.answer import Token
from outrider.sidecar.tools.servers.oauth.tokens import Tokens

NONE = Headers()


class Endpoint:
    """Gives tokens that hold for a while, or fails.

    Attributes:
        asked: How often it was asked, and with which challenge.
        seconds: For which a token holds.
        error: What it raises.
        gate: Holds up every answer while it is not set.
    """

    def __init__(self, clock: ManualClock, *, unasked: bool = False) -> None:
        self.asked: list[Headers | None] = []
        self.seconds = 3600.0
        self.error: Callable[[], OutriderError] | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.closed = 0
        self.tokens = Tokens(self._ask, clock, close=self._close, unasked=unasked)

    async def _ask(self, challenge: Headers | None) -> Token:
        self.asked.append(challenge)
        await self.gate.wait()
        if self.error is not None:
            raise self.error()
        return Token(f"token-{len(self.asked)}", self.seconds)

    async def _close(self) -> None:
        self.closed += 1


def failing() -> OutriderError:
    return UnavailableError("it fails")


async def test_many_that_wait_ask_once() -> None:
    made = Endpoint(ManualClock())
    made.gate.clear()
    waiting = [asyncio.create_task(made.tokens.get()) for _ in range(200)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # the others wait on
    made.gate.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert set(found[1:]) == {"token-1"}
    assert "token-1" not in repr(made.tokens._kept)
    assert len(made.asked) == 1


async def test_it_is_asked_anew_shortly_before_its_end() -> None:
    clock = ManualClock()
    made = Endpoint(clock)
    assert await made.tokens.get() == "token-1"
    clock.advance(3600 - 61)
    assert await made.tokens.get() == "token-1"
    clock.advance(2)
    assert await made.tokens.get() == "token-2"


async def test_a_short_life_is_used_for_the_most_of_it() -> None:
    clock = ManualClock()
    made = Endpoint(clock)
    made.seconds = 10
    assert await made.tokens.get() == "token-1"
    clock.advance(7.9)
    assert await made.tokens.get() == "token-1"
    clock.advance(0.2)
    assert await made.tokens.get() == "token-2"


@pytest.mark.parametrize("jump", [-1e9, 1e9])
async def test_a_clock_that_is_set_changes_nothing(jump: float) -> None:
    clock = ManualClock()
    made = Endpoint(clock)
    assert await made.tokens.get() == "token-1"
    clock.jump_wall(jump)
    assert await made.tokens.get() == "token-1"
    clock.advance(3600)
    assert await made.tokens.get() == "token-2"


async def test_the_old_one_serves_while_no_new_one_is_to_be_had() -> None:
    clock = ManualClock()
    made = Endpoint(clock)
    await made.tokens.get()
    made.error = failing
    clock.advance(3590)
    assert [await made.tokens.get() for _ in range(3)] == ["token-1"] * 3
    assert len(made.asked) == 2
    clock.advance(11)
    with pytest.raises(UnavailableError, match="it fails"):
        await made.tokens.get()


async def test_an_endpoint_that_fails_is_asked_more_and_more_seldom() -> None:
    clock = ManualClock()
    made = Endpoint(clock)
    made.error = failing
    times = []
    for second in range(300):
        before = len(made.asked)
        for _ in range(5):
            with pytest.raises(UnavailableError, match="it fails"):
                await made.tokens.get()
        if len(made.asked) > before:
            assert len(made.asked) == before + 1
            times.append(second)
        clock.advance(1)
    assert times == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]
    made.error = None
    clock.advance(60)
    assert await made.tokens.get() == "token-11"
    made.error = failing
    made.tokens.refused("token-11", NONE)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            await made.tokens.get()
    clock.advance(1.1)  # it begins anew with the first pause
    made.error = None
    assert await made.tokens.get() == "token-13"


async def test_it_says_itself_when_it_may_be_asked_again() -> None:
    clock = ManualClock()
    made = Endpoint(clock)
    made.error = lambda: UnavailableError("busy", retry_after=30.0)
    with pytest.raises(UnavailableError) as first:
        await made.tokens.get()
    clock.advance(20)
    with pytest.raises(UnavailableError) as second:
        await made.tokens.get()
    assert (first.value.retry_after, second.value.retry_after) == (30.0, 10.0)
    assert first.value is not second.value
    assert len(made.asked) == 1
    clock.advance(11)
    made.error = None
    assert await made.tokens.get() == "token-2"


async def test_one_that_was_revoked_is_replaced_once_for_all() -> None:
    made = Endpoint(ManualClock())
    old = await made.tokens.get()
    assert all(made.tokens.refused(old, NONE) for _ in range(50))
    assert set(await asyncio.gather(*(made.tokens.get() for _ in range(50)))) == {"token-2"}
    assert made.tokens.refused(old, NONE), "a call that still had the old one tries again"
    assert await made.tokens.get() == "token-2"


async def test_a_server_that_takes_none_gets_new_ones_seldom() -> None:
    clock = ManualClock()
    made = Endpoint(clock)
    times = []
    for second in range(200):
        token = await made.tokens.get()
        if made.tokens.refused(token, NONE):
            times.append(second)
            assert not made.tokens.refused(await made.tokens.get(), NONE)
        clock.advance(1)
    assert times == [0, 2, 6, 14, 30, 62, 122, 182]


async def test_a_server_is_asked_without_one_first() -> None:
    clock = ManualClock()
    made = Endpoint(clock, unasked=True)
    assert await made.tokens.get() == ""
    assert made.asked == []
    said = Headers({"www-authenticate": "Bearer"})
    assert made.tokens.refused("", said)
    assert await made.tokens.get() == "token-1"
    assert made.asked == [said]
    made.tokens.refused("token-1", NONE)
    made.error = failing
    with pytest.raises(UnavailableError):
        await made.tokens.get()
    clock.advance(2)
    assert await made.tokens.get() == "", "the server may say something else by now"


async def test_closing_ends_what_is_under_way() -> None:
    made = Endpoint(ManualClock())
    made.gate.clear()
    waiting = asyncio.create_task(made.tokens.get())
    await asyncio.sleep(0.01)
    await made.tokens.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert made.closed == 1
