"""Licences of gems that other sources have. No index tells them: what a gem says of itself is had first."""

import asyncio
from pathlib import Path

from outrider.core.errors import DeniedError, InvalidConfigError
from outrider.core.remembered import Remembered
from outrider.operators.packages.gem.serving.packages import metadata_of
from outrider.operators.packages.gem.serving.ruby_yaml import read_mapping
from outrider.operators.packages.gem.serving.specifications import licence_of, read_specification
from outrider.operators.packages.serving.downloading import Download
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.licences import refuse_licence

_MOST = 10_000


class Licences:
    """Knows the licences of gems of other sources, as long as they are asked for.

    Args:
        hub: Has the gems.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._known = Remembered[str, str](_MOST)

    async def refuse(self, name: str, file: str) -> None:
        """Refuse a gem whose licence policy does not want; what was published here was judged when it was.

        Args:
            name: Of the gem.
            file: Its name.

        Raises:
            DeniedError: The licence is refused, or cannot be known.
            OutriderError: What other sources say.
        """
        await refuse_licence(self._hub, name, file, lambda: self._licence(name, file))

    async def _licence(self, name: str, file: str) -> str:
        found = await self._hub.file(name, file)
        digest = await found.done() if isinstance(found, Download) else found.digest
        try:
            return await self._of(digest)
        except InvalidConfigError as error:
            raise DeniedError(
                f"gem {name}: {file} is not served: policy asks for its licence, and that cannot be had: {error.message}", found=error.found,
                expected="a specification that tells the licence", suggestions=["take another version"],
            ) from error  # fmt: skip

    async def _of(self, digest: str) -> str:
        licence = self._known.get(digest)
        if licence is None:
            licence = await asyncio.to_thread(_read, self._hub.store.blobs.path(digest))
            self._known[digest] = licence
        return licence


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return licence_of(read_specification(read_mapping(metadata_of(file))))
