"""A token that is kept while it holds, asked for once for all who wait, and not too often."""

import asyncio
import copy
from collections.abc import Awaitable, Callable

import msgspec

from outrider.core.errors import OutriderError
from outrider.core.http.headers import Headers
from outrider.ports.clock import Clock
from outrider.sidecar.tools.servers.oauth.answer import Token

# It is asked for anew so long before its end, or a fifth of its life.
MARGIN_SECONDS = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0


class Kept(msgspec.Struct, frozen=True):
    """A token and its times, of a clock that cannot be set."""

    value: str
    since: float
    renew: float
    ends: float

    def __repr__(self) -> str:  # event loops write what came of a task into their log
        return "Kept(***)"


class Tokens:
    """The token for one server.

    Args:
        ask: Gets one, with the headers of the server's last refusal.
        clock: Time.
        close: Gives back what that holds.
        unasked: Whether the server is asked without one first, so that its refusal says where tokens come from.
    """

    def __init__(
        self, ask: Callable[[Headers | None], Awaitable[Token]], clock: Clock, *, close: Callable[[], Awaitable[None]],
        unasked: bool = False,
    ) -> None:  # fmt: skip
        self._ask, self._clock, self._unasked, self._close = ask, clock, unasked, close
        self._kept: Kept | None = None
        self._asking: asyncio.Task[Kept | OutriderError] | None = None
        self._challenge: Headers | None = None
        # After a failure.
        self._error: OutriderError | None = None
        self._failures, self._next = 0, 0.0
        # After a token that the server did not take.
        self._pause, self._spared = FIRST_PAUSE, 0.0

    async def get(self) -> str:
        """Return a token; empty where the server has not asked for one yet.

        Raises:
            OutriderError: There is none.
        """
        now, kept = self._clock.monotonic(), self._kept
        if kept is not None and now < kept.renew:
            return kept.value
        if self._error is not None and now < self._next:
            return self._otherwise(self._error, now)
        if self._unasked and self._challenge is None:
            return ""
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._renew())
        # Who is cancelled takes nothing from the others that wait.
        found = await asyncio.shield(self._asking)
        return found.value if isinstance(found, Kept) else self._otherwise(found, self._clock.monotonic())

    def refused(self, sent: str, challenge: Headers) -> bool:
        """Hear that the server does not take a token, and return whether another one is worth a second request.

        Args:
            sent: The token; empty for none.
            challenge: Headers of the refusal.
        """
        if self._unasked:
            self._challenge = challenge
        kept, now = self._kept, self._clock.monotonic()
        if kept is None or kept.value != sent:  # another one is there or on its way
            return True
        if now < self._spared:
            return False
        # One that held for a while was revoked; one that never did will not be followed by a better one soon.
        lasted = now - kept.since > LONGEST_PAUSE
        self._pause = FIRST_PAUSE if lasted else min(2 * self._pause, LONGEST_PAUSE)
        self._spared, self._kept = now + self._pause, None
        return True

    async def close(self) -> None:
        """End what is under way."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        await self._close()

    async def _renew(self) -> Kept | OutriderError:
        began = self._clock.monotonic()
        try:
            token = await self._ask(self._challenge)
        except OutriderError as error:
            pause = min(FIRST_PAUSE * 2.0 ** min(self._failures, 10), LONGEST_PAUSE)
            self._failures, self._error = self._failures + 1, error
            self._next = self._clock.monotonic() + max(pause, error.retry_after or 0.0)
            self._challenge = None  # the server may say something else by then
            return error
        finally:
            self._asking = None
        self._failures, self._error = 0, None
        ends = began + token.seconds
        self._kept = Kept(token.value, began, ends - min(MARGIN_SECONDS, token.seconds / 5), ends)
        return self._kept

    def _otherwise(self, error: OutriderError, now: float) -> str:
        """Return the token of before where it still holds.

        Raises:
            OutriderError: It does not; why there is no other.
        """
        kept = self._kept
        if kept is not None and now < kept.ends:
            return kept.value
        told = copy.copy(error)  # each gets its own: who raises one adds to it
        if self._next > now:
            told.retry_after = round(self._next - now, 1)
        raise told from None
