"""The lists of all versions of other sources: fetched once, later only what came behind, and kept on disk, for they are large."""

import asyncio
import hashlib
from pathlib import Path

import msgspec

from outrider.core.errors import NotFoundError, OutriderError
from outrider.operators.packages.gem.client import GemClient, Known
from outrider.operators.packages.registries.record_files import read_record, write_record
from outrider.ports.clock import Clock
from outrider.ports.telemetry import logger

_log = logger(__name__)

# So old they are fetched before anybody gets them, unless nobody answers.
_STALE_SECONDS = 86_400.0
# So much later it is tried again where a source does not answer.
_RETRY_SECONDS = 30.0


class SourceLists:
    """The lists of some sources.

    Args:
        client: Of the sources.
        folder: Where they are kept; several processes may share it.
        clock: For their age.

    Attributes:
        state: Another one where a list is another one; None where nothing is known yet.
    """

    def __init__(self, client: GemClient, folder: Path, clock: Clock) -> None:
        self._client, self._folder, self._clock = client, folder, clock
        self._decoder = msgspec.msgpack.Decoder(Known)
        self._refreshing: asyncio.Task[None] | None = None
        self._asked = self._again = float("-inf")
        self.state: tuple[str, ...] | None = None

    async def look(self, fresh: float) -> None:
        """Have them as new as they have to be.

        Args:
            fresh: For how many seconds they count as new.

        Raises:
            OutriderError: Nothing is known, and a source says this.
        """
        now = self._clock.now()
        if self.state is None:
            await asyncio.to_thread(self._load)
        if self.state is None or now - self._asked > _STALE_SECONDS:
            try:
                await asyncio.shield(self._refresh())
            except OutriderError:
                if self.state is None:
                    raise
        elif now >= max(self._asked + fresh, self._again):
            self._refresh()

    def _load(self) -> None:
        """Begin with what was kept by an earlier process."""
        paths = [self._path(index) for index in self._client.indexes]
        try:
            asked = min(path.stat().st_mtime for path in paths)
        except FileNotFoundError:
            return
        self.state = tuple(_hash(self._content(index)) for index in self._client.indexes)
        self._asked = min(asked, self._clock.now())

    async def contents(self) -> list[bytes]:
        """Return the lists in the order of the sources; that of a source which has none is empty."""
        return await asyncio.to_thread(lambda: [self._content(index) for index in self._client.indexes])

    def _content(self, index: str) -> bytes:
        known = read_record(self._path(index), self._decoder)
        return b"" if known is None else known.content

    def _path(self, index: str) -> Path:
        return self._folder / hashlib.sha256(index.encode()).hexdigest()[:16]

    def _refresh(self) -> "asyncio.Task[None]":
        """Ask the sources, once at a time."""
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._fetch())
            self._refreshing.add_done_callback(self._forget)
        return self._refreshing

    def _forget(self, task: "asyncio.Task[None]") -> None:
        self._refreshing = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._again = self._clock.now() + _RETRY_SECONDS
            _log.warning("the list of gems: %s", error)

    async def _fetch(self) -> None:
        now = self._clock.now()
        found = [await self._fetched(index) for index in self._client.indexes]
        self._asked, self.state = now, tuple(found)

    async def _fetched(self, index: str) -> str:
        """Ask one source, and return the hash of its list."""
        path = self._path(index)
        known = await asyncio.to_thread(read_record, path, self._decoder)
        try:
            fetched = await self._client.versions(index, known)
        except NotFoundError:
            fetched = Known(b"", index)
        if fetched is not None:
            await asyncio.to_thread(write_record, path, fetched)
        content = (fetched or known or Known(b"", index)).content
        return await asyncio.to_thread(_hash, content)

    async def close(self) -> None:
        """Give up what is being fetched."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
