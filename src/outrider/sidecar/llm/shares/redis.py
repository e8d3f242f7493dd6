"""Shared amounts in Redis: a hash for each window, with a field for each sidecar."""

from pathlib import Path
from urllib.parse import quote

from outrider.sidecar.llm.shares.counter import Window
from outrider.sidecar.memory.redis.database import RedisDatabase

_SCRIPTS = Path(__file__).parent / "scripts"


class RedisCounter:
    """Hashes of a database.

    Args:
        url: Of the database.
        password: Where it is not in the URL.

    Raises:
        InvalidConfigError: The URL cannot be read.
        MissingRequirementError: The driver is not installed.
    """

    def __init__(self, url: str, password: str | None) -> None:
        self._database = RedisDatabase(url, password=password, purpose="shares", scripts=_SCRIPTS)

    async def draw(self, window: Window, sidecar: str, *, has: int, wants: int) -> int:
        """Let a sidecar hold more; see Counter."""
        keys, expires = [_key(window)], str(int(window.expires))
        drawn = await self._database.change("draw", keys, sidecar, str(has), str(wants), str(window.limit), expires)
        return int(drawn)

    async def settle(self, window: Window, sidecar: str, used: int) -> None:
        """Note what a sidecar has used in all; see Counter."""
        await self._database.change("settle", [_key(window)], sidecar, str(used), str(int(window.expires)))

    async def close(self) -> None:
        """Close the connections."""
        await self._database.close()


def _key(window: Window) -> bytes:
    return f"outrider:shares:{'/'.join(quote(one, safe='') for one in (window.agent, window.amount, window.name))}".encode()


async def open_counter(url: str, password: str | None) -> RedisCounter:
    """Return the counter; the server is asked at the first draw.

    Raises:
        OutriderError: As `RedisCounter`.
    """
    return RedisCounter(url, password)
