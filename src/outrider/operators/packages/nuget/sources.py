"""Packages for a resolution, from all sources that may have them."""

import asyncio
from collections.abc import Iterable, Sequence

from outrider.operators.packages.nuget.feeds import NugetFeed
from outrider.operators.packages.nuget.frameworks import Framework
from outrider.operators.packages.nuget.packages import Item, NugetPackage
from outrider.operators.packages.nuget.settings import NugetSettings
from outrider.operators.packages.resolving.policies import Policy


class NugetSources:
    """Has packages.

    Args:
        settings: Which sources may have what.
        feeds: The sources, in the order of the settings.
        target: The framework of who asks.
        policy: What may be chosen.

    Attributes:
        packages: Those that were loaded, by name.
    """

    def __init__(self, settings: NugetSettings, feeds: Sequence[NugetFeed], target: Framework, policy: Policy) -> None:
        self._settings, self._feeds, self._target, self._policy = settings, feeds, target, policy
        self.packages: dict[str, NugetPackage] = {}

    async def load(self, names: Iterable[str]) -> None:
        """Have packages among `packages`; one that no source has is there without versions.

        Raises:
            UnavailableError: Nothing is kept of one, and nobody is to be asked.
            OutriderError: What a source says.
        """
        unknown = sorted(set(names) - self.packages.keys())
        for name, package in zip(unknown, await asyncio.gather(*map(self._package, unknown)), strict=True):
            self.packages[name] = package

    async def complete(self, wanted: Iterable[tuple[str, int]]) -> None:
        """Have what some versions, by name and bit, say of themselves.

        Raises:
            UnavailableError: Nothing is kept of one, and nobody is to be asked.
            OutriderError: What a source says.
        """
        await asyncio.gather(*(self._complete(self.packages[name], bit) for name, bit in wanted))

    async def address(self, item: Item) -> str:
        """Return where the file of a version is; empty where its source does not tell."""
        package = self.packages[item.name]
        release = package.release(item.bit)
        assert release is not None
        return await self._feeds[package.source(item.bit)].address(item.shown, item.version, release)

    async def notes(self) -> list[str]:
        """Return what is to be said of the sources."""
        found = list(self._settings.notes)
        for source, feed in zip(self._settings.sources, self._feeds, strict=True):
            services = await feed.services()
            if not services.registrations:
                found.append(f"source {source.name}: it has no registrations, and so no times and nothing unlisted")
            if not services.content:
                found.append(f"source {source.name}: it has no packages at addresses that follow from their names")
        return found

    def keep(self) -> None:
        """Write what was learned to disk.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        for feed in self._feeds:
            feed.keep()

    async def close(self) -> None:
        """Close all connections."""
        for feed in self._feeds:
            await feed.close()

    async def _package(self, name: str) -> NugetPackage:
        numbers = self._settings.sources_for(name)
        records = await asyncio.gather(*(self._feeds[number].record(name) for number in numbers))
        return NugetPackage(name, list(zip(numbers, records, strict=True)), self._target, self._policy)

    async def _complete(self, package: NugetPackage, bit: int) -> None:
        feed = self._feeds[package.source(bit)]
        if not await feed.complete(package.name, package.entry(bit).version):
            package.without(bit)
