"""Packages for a resolution, from all sources that may have them."""

import asyncio
from collections.abc import Iterable, Sequence

import msgspec

from outrider.operators.packages.nuget.details import NugetTarget
from outrider.operators.packages.nuget.feeds import NugetFeed
from outrider.operators.packages.nuget.frameworks import Framework
from outrider.operators.packages.nuget.package_files import FileRecord
from outrider.operators.packages.nuget.packages import Item, Need, NugetPackage
from outrider.operators.packages.nuget.ranges import ANY, read_range
from outrider.operators.packages.nuget.records import Entry, NugetRecord, NugetRelease, PageRecord
from outrider.operators.packages.nuget.settings import NugetSettings
from outrider.operators.packages.resolving.policies import ADMIT_ALL
from outrider.operators.packages.resolving.questions import Question

# Of a project that lies here; what it is called does not count.
_VERSION = "1.0.0"
_NOTHING_ELSE = NugetTarget()


class NugetSources:
    """Has packages.

    Args:
        settings: Which sources may have what.
        feeds: The sources, in the order of the settings.
        target: The framework of who asks.
        question: Its policy says what may be chosen.
        asked: Projects that lie here, which stand for packages of their names.

    Attributes:
        packages: Those that were loaded, by name; and projects that lie here.
        projects: The names of the latter.
        target: The framework of who asks.
    """

    def __init__(
        self,
        settings: NugetSettings,
        feeds: Sequence[NugetFeed],
        target: Framework,
        question: Question,
        asked: NugetTarget = _NOTHING_ELSE,
    ) -> None:
        self._settings, self._feeds, self.target, self._question = settings, feeds, target, question
        self.packages = {
            name.lower(): _project(name, needs, asked.private.get(name, ()), target)
            for name, needs in asked.projects.items()
        }
        self.projects = frozenset(self.packages)

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

    async def file(self, item: Item) -> FileRecord:
        """Return what the file of a version tells.

        Raises:
            UnavailableError: It was never fetched, and nobody is to be asked.
            ExecutionFailedError: It is no package.
            OutriderError: What its source says.
        """
        package = self.packages[item.name]
        feed = self._feeds[package.source(item.bit)]
        return await feed.file(item.name, package.entry(item.bit).version, await self.address(item))

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

    async def _package(self, name: str) -> NugetPackage:
        numbers = self._settings.sources_for(name)
        records = await asyncio.gather(*(self._feeds[number].record(name) for number in numbers))
        question = self._question
        return NugetPackage(
            name, list(zip(numbers, records, strict=True)), self.target, question.policy, question.locked.get(name, ())
        )

    async def _complete(self, package: NugetPackage, bit: int) -> None:
        feed = self._feeds[package.source(bit)]
        if not await feed.complete(package.name, package.entry(bit).version):
            package.without(bit)


def _project(
    name: str, needs: Sequence[tuple[str, str]], private: Sequence[tuple[str, str]], target: Framework
) -> NugetPackage:
    """Return a project that lies here as a package of one version."""
    release = msgspec.msgpack.encode(NugetRelease([("", list(needs))]))
    record = NugetRecord(name=name, pages=[PageRecord("", "", [Entry(_VERSION, release=release)])])
    package = NugetPackage(name.lower(), [(-1, record)], target, ADMIT_ALL)
    item = package.item(read_range(ANY))
    assert isinstance(item, Item)
    item.private = [Need(other.lower(), read_range(text)) for other, text in private]
    return package
