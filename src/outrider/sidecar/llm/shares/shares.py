"""Draws for the shares of one sidecar, and tells the store now and then what they hold."""

import asyncio
import contextlib
from collections.abc import Callable

from outrider.core.errors import DeadlineExceededError, OutriderError
from outrider.ports.clock import Clock
from outrider.ports.telemetry import logger
from outrider.sidecar.llm.shares.counter import Counter, Window
from outrider.sidecar.llm.shares.share import Share

# A store that does not answer by then is away.
DRAW_SECONDS = 2.0
# How often a store that may have been lost is told what is held, and what had run out is asked for again; and one that is away.
TELL_SECONDS, RETRY_SECONDS = 10.0, 1.0
_log = logger(__name__)


class Shares:
    """The shares of one sidecar.

    Args:
        counter: The store.
        agent: Whose amounts.
        sidecar: Its name in the store; one that has it after a restart goes on with what it holds.
        clock: Time.
        allotment: Of each amount, what is drawn at a time, from 0 to 1.
        alone: Of each amount, what may be used in a window while the store is away, from 0 to 1.
    """

    def __init__(
        self, counter: Counter, *, agent: str, sidecar: str, clock: Clock, allotment: float, alone: float
    ) -> None:  # fmt: skip
        self._counter, self._agent, self._sidecar, self._clock = counter, agent, sidecar, clock
        self._allotment, self._alone = allotment, alone
        self._lasts: dict[Share, float] = {}
        self._spent: dict[Share, Callable[[str], int]] = {}  # of what is given back at the end
        self._draws: dict[Share, asyncio.Task[None]] = {}

    def share(self, amount: str, limit: int, *, lasts: float) -> Share:
        """Return the share of an amount.

        Args:
            amount: Which.
            limit: What all may hold together in a window.
            lasts: The longest window, in seconds.
        """
        made = Share(
            amount, limit, allotment=int(limit * self._allotment), alone=int(limit * self._alone), ask=self._begin
        )  # fmt: skip
        self._lasts[made] = lasts
        return made

    def give_back(self, share: Share, spent: Callable[[str], int]) -> None:
        """Give back at the end what was not used of a share; `spent` tells what was, in a window."""
        self._spent[share] = spent

    @property
    def problem(self) -> str:
        """Why nothing can be drawn; empty where something can."""
        return next((share.problem for share in self._lasts if share.problem), "")

    async def drawn(self, share: Share, within: float = DRAW_SECONDS) -> None:
        """Wait for the draw of a share that is under way, at most so many seconds."""
        if (draw := self._draws.get(share)) is not None:
            await asyncio.wait({draw}, timeout=within)

    async def keep_telling(self) -> None:
        """Tell the store what is held, until cancelled."""
        while True:
            await self._clock.sleep(RETRY_SECONDS if self.problem else TELL_SECONDS)
            for share in self._lasts:
                share.look_again()
                for window in share.windows()[-1:]:
                    with contextlib.suppress(OutriderError):
                        await self._ask(share, window, 0)

    async def close(self) -> None:
        """Give back what was not used, and tell what was."""
        await self._end_draws()
        for share, spent in self._spent.items():
            for window in share.windows()[-1:]:
                used = spent(window)
                # It may have been more, too. Where nothing answers, a draw may have been made of which nobody has heard.
                if used != share.drawn(window) or share.problem:
                    await self._settle(self._window(share, window), used)
        await self._counter.close()

    async def _end_draws(self) -> None:
        """Wait for draws that are under way: one that is left may be made behind what is given back, and would be lost."""
        if draws := set(self._draws.values()):
            _, late = await asyncio.wait(draws, timeout=DRAW_SECONDS)
            for draw in late:
                draw.cancel()
            await asyncio.wait(draws)

    async def _settle(self, window: Window, used: int) -> None:
        try:
            async with asyncio.timeout(DRAW_SECONDS):
                await self._counter.settle(window, self._sidecar, used)
        except (OutriderError, TimeoutError) as error:
            _log.warning("what is left of '%s' was not given back: %s", window.amount, error)

    def _begin(self, share: Share) -> None:
        if share not in self._draws:
            task = asyncio.get_running_loop().create_task(self._draw(share))
            self._draws[share] = task
            task.add_done_callback(lambda task: self._ended(share, task))

    def _ended(self, share: Share, draw: "asyncio.Task[None]") -> None:
        """Draw again where more is wanted by now: who waits for a draw is not made to wait for the next one."""
        del self._draws[share]
        if not draw.cancelled() and draw.exception() is None and share.wanted():
            self._begin(share)

    async def _draw(self, share: Share) -> None:
        with contextlib.suppress(OutriderError):
            for window, total in share.wanted().items():
                await self._ask(share, window, max(total, share.drawn(window) + share.allotment))

    async def _ask(self, share: Share, window: str, wants: int) -> None:
        """Draw once.

        Raises:
            OutriderError: The store does not answer, which the share knows then.
        """
        spent = self._spent.get(share)
        has = max(share.drawn(window), spent(window) if spent is not None else 0)
        try:
            try:
                async with asyncio.timeout(DRAW_SECONDS):
                    drawn = await self._counter.draw(self._window(share, window), self._sidecar, has=has, wants=wants)
            except TimeoutError as error:
                raise DeadlineExceededError(f"no answer within {DRAW_SECONDS:g} s") from error
        except OutriderError as error:
            if not share.problem:
                _log.warning("nothing can be drawn of the shared '%s': %s", share.amount, error)
            share.failed(window, error.message)
            raise
        if share.problem:
            _log.info("the shared '%s' can be drawn again", share.amount)
        share.drew(window, drawn, wants)

    def _window(self, share: Share, name: str) -> Window:
        return Window(
            agent=self._agent, amount=share.amount, name=name, limit=share.limit,
            expires=self._clock.now() + 2 * self._lasts[share],
        )  # fmt: skip
