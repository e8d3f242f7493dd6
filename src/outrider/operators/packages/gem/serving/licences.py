"""Licences of gems that other sources have. No index tells them: what a gem says of itself is had first."""

import asyncio
from collections import OrderedDict
from pathlib import Path

from outrider.core.errors import DeniedError, InvalidConfigError
from outrider.operators.packages.gem.serving.packages import metadata_of
from outrider.operators.packages.gem.serving.ruby_yaml import read_mapping
from outrider.operators.packages.gem.serving.specifications import licence_of, read_specification
from outrider.operators.packages.serving.downloading import Download
from outrider.operators.packages.serving.gates import denied
from outrider.operators.packages.serving.hub import Hub

_MOST = 10_000


class Licences:
    """Knows the licences of gems of other sources, as long as they are asked for.

    Args:
        hub: Has the gems.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._known: OrderedDict[str, str] = OrderedDict()

    async def refuse(self, name: str, file: str) -> None:
        """Refuse a gem whose licence policy does not want; what was published here was judged when it was.

        Args:
            name: Of the gem.
            file: Its name.

        Raises:
            DeniedError: The licence is refused, or cannot be known.
            OutriderError: What other sources say.
        """
        hub = self._hub
        if not hub.gate.asks_for_licences:
            return
        state = await hub.package(name)
        source = None if state.hosted else hub.sources(name, state).get(file)
        if source is None:
            return
        found = await hub.file(name, file)
        digest = await found.done() if isinstance(found, Download) else found.digest
        try:
            licence = await self._of(digest)
        except InvalidConfigError as error:
            raise DeniedError(
                f"gem {name}: {file} is not served: policy asks for its licence, and that cannot be had: {error.message}", found=error.found,
                expected="a specification that tells the licence", suggestions=["take another version"],
            ) from error  # fmt: skip
        with hub.gate.opened(hub.ecosystem) as policy:
            if why := policy.refuses_licence(name, source.version, licence):
                raise denied(hub.ecosystem, name, source.version, why)

    async def _of(self, digest: str) -> str:
        licence = self._known.get(digest)
        if licence is None:
            licence = await asyncio.to_thread(_read, self._hub.store.blobs.path(digest))
            self._known[digest] = licence
            if len(self._known) > _MOST:
                self._known.popitem(last=False)
        return licence


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return licence_of(read_specification(read_mapping(metadata_of(file))))
