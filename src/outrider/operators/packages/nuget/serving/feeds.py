"""One source of NuGet behind the registry: what it says of a package, all of it, where that has changed."""

import asyncio
from collections.abc import Awaitable
from typing import Any, NamedTuple, TypeVar

import msgspec

from outrider.core.errors import ExecutionFailedError, InvalidConfigError, NotFoundError
from outrider.core.remembered import Remembered
from outrider.operators.packages.nuget.client import NugetClient
from outrider.operators.packages.nuget.feeds import FRESH_SECONDS
from outrider.operators.packages.nuget.flat_container import read_versions
from outrider.operators.packages.nuget.records import ServicesRecord
from outrider.operators.packages.nuget.registrations import Page, read_index, read_page
from outrider.operators.packages.nuget.serving.kept import KeptFeed
from outrider.operators.packages.nuget.serving.nuspecs import read_nuspec
from outrider.operators.packages.registries.downloads import Document
from outrider.ports.clock import Clock

T = TypeVar("T")
_AT_A_TIME = 16
_MOST_MANIFESTS = 10_000


class Mark(msgspec.Struct, array_like=True, frozen=True):
    """By what it is known whether a source says something else; nothing where it does not have the package."""

    etag: str = ""
    modified: str = ""


class Said(NamedTuple):
    """What a source says: nothing in `feed` where it has not changed."""

    mark: Mark
    feed: KeptFeed | None


class ServedFeed:
    """A source.

    Args:
        client: Who asks it.
        clock: For the age of what is known of it.

    Attributes:
        url: Of its service index.
        client: Who asks it.
    """

    def __init__(self, client: NugetClient, clock: Clock) -> None:
        self.client, self._clock = client, clock
        self.url = client.registry.url
        self._services: ServicesRecord | None = None
        self._limit = asyncio.Semaphore(_AT_A_TIME)
        # Of a source that tells no more than versions; what a version says never changes.
        self._manifests = Remembered[tuple[str, str], bytes](_MOST_MANIFESTS)

    async def ask(self, name: str, mark: Mark | None) -> Said | None:
        """Return what the source says of a package; None where it does not have it.

        Args:
            name: Of the package, in small letters.
            mark: That of what is known; None where nothing is.

        Raises:
            ExecutionFailedError: Something that it names is not there.
            OutriderError: What else the source says.
        """
        services = await self._where()
        known = None
        if mark is not None and (mark.etag or mark.modified):
            known = Document(content=None, url=self.url, etag=mark.etag, modified=mark.modified)
        try:
            document = await self.client.package(services, name, known)
        except NotFoundError:
            return None
        new = Mark(document.etag, document.modified)
        if document.content is None:
            return Said(new, None)
        read = self._told if services.registrations else self._listed
        return Said(new, KeptFeed(self.url, services.content, await read(name, services, document.content)))

    async def _where(self) -> ServicesRecord:
        now = self._clock.now()
        if self._services is None or now - self._services.fetched > FRESH_SECONDS:
            self._services = await _there(self.client.services())
            self._services.fetched = now
        return self._services

    async def _told(self, name: str, services: ServicesRecord, content: bytes) -> list[bytes]:
        """Return what a registration says of each version."""
        del services
        pages = await asyncio.gather(*(self._page(name, page) for page in read_index(name, content)))
        return [bytes(leaf) for page in pages for leaf in page]

    async def _page(self, name: str, page: Page) -> list[msgspec.Raw]:
        if page.leaves is not None:
            return page.leaves
        async with self._limit:
            return read_page(name, await _there(self.client.page(page.url)))

    async def _listed(self, name: str, services: ServicesRecord, content: bytes) -> list[bytes]:
        """Return what the manifest of each version in a list says, in the form of a registration."""
        versions = [entry.version for entry in read_versions(name, content).entries]
        leaves = await asyncio.gather(*(self._manifest(name, services, version) for version in versions))
        return [leaf for leaf in leaves if leaf]

    async def _manifest(self, name: str, services: ServicesRecord, version: str) -> bytes:
        leaf = self._manifests.get((name, version))
        if leaf is None:
            async with self._limit:
                try:
                    leaf = _leaf(await self.client.manifest(services, name, version))
                except NotFoundError:
                    return b""
            self._manifests[name, version] = leaf
        return leaf

    async def told(self, url: str) -> dict[str, Any]:
        """Return a document that the source names; nothing where there is none, or it is no object.

        Raises:
            OutriderError: What else the source says.
        """
        try:
            found = msgspec.json.decode(await self.client.page(url))
        except (NotFoundError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


async def _there(asked: Awaitable[T]) -> T:
    """Return what has to be there: that it is not does not mean that there is no such package.

    Raises:
        ExecutionFailedError: It is not.
        OutriderError: What else the source says.
    """
    try:
        return await asked
    except NotFoundError as error:
        raise ExecutionFailedError(
            error.message, found=error.found, expected="a document that the source itself names", suggestions=["try again later"]
        ) from error  # fmt: skip


def _leaf(manifest: bytes) -> bytes:
    try:
        return msgspec.json.encode({"catalogEntry": read_nuspec(manifest).entry})
    except InvalidConfigError:
        return b""
