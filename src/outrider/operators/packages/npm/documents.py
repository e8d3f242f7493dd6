"""Documents of npm registries as they are written, each fetched once."""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec

from outrider.operators.packages.npm.packages import Manifest
from outrider.operators.packages.npm.sources import NpmSource

_NOTHING = msgspec.Raw(b"{}")


class NpmDocuments:
    """Reads documents.

    Args:
        source: Where packages come from.
    """

    def __init__(self, source: NpmSource) -> None:
        self._source = source
        self._documents: dict[tuple[str, bool], asyncio.Task[dict[str, msgspec.Raw]]] = {}

    async def said(self, manifest: Manifest, *, whole: bool = False) -> dict[str, Any]:
        """Return a version as its registry writes it.

        Args:
            manifest: Which one.
            whole: Whether the long document is read.

        Raises:
            OutriderError: What a registry says.
        """
        self.foresee((manifest.name,), whole=whole)
        document = await self._documents[manifest.name, whole]
        return msgspec.json.decode(document.get(manifest.version, _NOTHING), type=dict[str, Any])

    def foresee(self, names: Iterable[str], *, whole: bool = False) -> None:
        """Begin to fetch what will be read."""
        for name in names:
            if (name, whole) not in self._documents:
                task = asyncio.create_task(self._source.document(name, whole=whole))
                self._documents[name, whole] = task

    async def close(self) -> None:
        """Give up what is still being fetched."""
        for task in self._documents.values():
            task.cancel()
        await asyncio.gather(*self._documents.values(), return_exceptions=True)
