"""What a store of shared amounts can do."""

from typing import Protocol

import msgspec


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """An amount within a time.

    Attributes:
        agent: Whose.
        amount: Which: `budget`, `requests` or `tokens`.
        name: Of the time, such as `2026-11-28`.
        limit: What all may hold together.
        expires: Seconds since the epoch after which nobody asks for it any more.
    """

    agent: str
    amount: str
    name: str
    limit: int
    expires: float


class Counter(Protocol):
    """Knows what each sidecar holds. A sidecar tells what it holds with every draw: a store that was lost is filled again."""

    async def draw(self, window: Window, sidecar: str, *, has: int, wants: int) -> int:
        """Let a sidecar hold more, as far as the others leave anything, and return what it holds.

        Args:
            window: Of what.
            sidecar: Who.
            has: What it holds at least, whatever the store knows.
            wants: What it would like to hold in all.

        Raises:
            OutriderError: The store does not answer.
        """
        ...

    async def settle(self, window: Window, sidecar: str, used: int) -> None:
        """Note that a sidecar has ended and holds only what it has used.

        Raises:
            OutriderError: The store does not answer.
        """
        ...

    async def close(self) -> None:
        """Give back what it holds."""
        ...


def held(rows: dict[str, int], sidecar: str, limit: int, *, has: int, wants: int) -> int:
    """Return what a sidecar holds after a draw, of what all held before it."""
    mine = max(rows.get(sidecar, 0), has)
    others = sum(amount for name, amount in rows.items() if name != sidecar)
    return max(mine, min(wants, limit - others))
