"""Licences of files that other registries have, where no document tells them: what a file says of itself is had first."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from outrider.core.errors import DeniedError, InvalidConfigError
from outrider.core.remembered import Remembered
from outrider.operators.packages.serving.downloading import Download
from outrider.operators.packages.serving.gates import denied
from outrider.operators.packages.serving.hub import Hub

_MOST = 10_000


class FileLicences:
    """Knows the licences of files of other registries, as long as they are asked for.

    Args:
        hub: Has the packages.
        read: Returns the licence in a file, and raises InvalidConfigError where that cannot be read.
    """

    def __init__(self, hub: Hub, read: Callable[[Path], str]) -> None:
        self._hub, self._read = hub, read
        self._known = Remembered[str, str](_MOST)

    async def refuse(self, name: str, file: str) -> None:
        """Refuse a file whose licence policy does not want; what was published here was judged when it was.

        Args:
            name: Of the package.
            file: Its name.

        Raises:
            DeniedError: The licence is refused, or cannot be known.
            OutriderError: What other registries say.
        """
        await refuse_licence(self._hub, name, file, lambda: self._licence(name, file))

    async def _licence(self, name: str, file: str) -> str:
        found = await self._hub.file(name, file)
        digest = await found.done() if isinstance(found, Download) else found.digest
        try:
            return await self._of(digest)
        except InvalidConfigError as error:
            raise DeniedError(
                f"{self._hub.ecosystem} {name}: {file} is not served: policy asks for its licence, and that cannot be had: {error.message}",
                found=error.found, expected="a file that tells its licence", suggestions=["take another version"],
            ) from error  # fmt: skip

    async def _of(self, digest: str) -> str:
        licence = self._known.get(digest)
        if licence is None:
            licence = await asyncio.to_thread(self._read, self._hub.store.blobs.path(digest))
            self._known[digest] = licence
        return licence


async def refuse_licence(hub: Hub, name: str, file: str, licence_of: Callable[[], Awaitable[str]]) -> None:
    """Refuse a file whose licence policy does not want; what was published here was judged when it was.

    Args:
        hub: Has the package.
        name: Of the package.
        file: Its name.
        licence_of: Finds out what the file says of itself; only asked where that counts.

    Raises:
        DeniedError: The licence is refused, or cannot be known.
        OutriderError: What other registries say: what was not judged is not served.
    """
    if not hub.gate.asks_for_licences:
        return
    state = await hub.package(name)
    if state.hosted:
        return
    kept = hub.store.tables.kept(hub.ecosystem, name, file)
    known = kept or hub.sources(name, state).get(file)
    if known is None:
        return
    licence = await licence_of()
    with hub.gate.opened(hub.ecosystem) as policy:
        if why := policy.refuses_licence(name, known.version, licence):
            raise denied(hub.ecosystem, name, known.version, why)
