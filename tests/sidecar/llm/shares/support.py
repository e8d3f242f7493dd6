"""A store of shared amounts in memory, which can be away, slow, and lost."""

import asyncio

from outrider.core.errors import UnavailableError
from outrider.sidecar.llm.shares.counter import Window, held


class MemoryCounter:
    """Rows by window.

    Attributes:
        away: Whether it does not answer.
        delay: Seconds before it does.
        draws: How often it was asked.
    """

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, int]] = {}
        self.away = False
        self.delay = 0.0
        self.draws = 0

    async def draw(self, window: Window, sidecar: str, *, has: int, wants: int) -> int:
        rows = await self._rows(window)
        rows[sidecar] = held(rows, sidecar, window.limit, has=has, wants=wants)
        return rows[sidecar]

    async def settle(self, window: Window, sidecar: str, used: int) -> None:
        (await self._rows(window))[sidecar] = used

    async def close(self) -> None:
        """Nothing is open."""

    async def _rows(self, window: Window) -> dict[str, int]:
        self.draws += 1
        await asyncio.sleep(self.delay)
        if self.away:
            raise UnavailableError("the store is away")
        return self.rows.setdefault((window.amount, window.name), {})

    def total(self, amount: str) -> int:
        """Return what all hold of an amount, in all windows."""
        return sum(sum(rows.values()) for (name, _), rows in self.rows.items() if name == amount)
