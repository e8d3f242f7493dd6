"""What one source knows of packages: from what is kept on disk, else from the source itself."""

import asyncio
from tempfile import SpooledTemporaryFile

import msgspec

from outrider.core.errors import NotFoundError, UnavailableError
from outrider.operators.packages.nuget.client import NugetClient
from outrider.operators.packages.nuget.flat_container import file_name, place, read_manifest, read_versions
from outrider.operators.packages.nuget.package_files import FileRecord, read_package_file
from outrider.operators.packages.nuget.records import Entry, NugetRecord, NugetRelease, PageRecord, ServicesRecord
from outrider.operators.packages.nuget.registrations import Page, compiled, read_index, read_page
from outrider.operators.packages.nuget.store import NugetStore
from outrider.operators.packages.registries.downloads import Document
from outrider.ports.clock import Clock

# NuGet itself keeps what it was told for half an hour.
FRESH_SECONDS = 600.0
_AT_A_TIME = 32
# Of a file that is being read; a larger one is on disk meanwhile.
_MOST_IN_MEMORY = 4 << 20


class NugetFeed:
    """Knows packages of one source.

    Args:
        client: Who is asked.
        store: What is kept.
        clock: For the age of what is kept.
        offline: Whether to do with what is kept.
    """

    def __init__(self, client: NugetClient, store: NugetStore, clock: Clock, *, offline: bool = False) -> None:
        self._client, self._store, self._clock, self._offline = client, store, clock, offline
        self._limit = asyncio.Semaphore(_AT_A_TIME)
        self._starting = asyncio.Lock()
        self._records: dict[str, NugetRecord] = {}
        self._learned: set[str] = set()
        self._services: ServicesRecord | None = None

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def services(self) -> ServicesRecord:
        """Return where the source has what.

        Raises:
            UnavailableError: Nothing is kept of it, and nobody is to be asked.
            OutriderError: What the source says.
        """
        async with self._starting:
            if self._services is None:
                self._services = self._store.services()
            if self._services is None or not self._is_fresh(self._services.fetched):
                if self._offline:
                    raise self._nothing_kept("the source")
                self._services = await self._client.services()
                self._services.fetched = self._clock.now()
                self._store.keep_services(self._services)
        return self._services

    async def record(self, name: str) -> NugetRecord:
        """Return what is known of a package; of one that the source does not have, that it has no versions.

        Raises:
            UnavailableError: Nothing is kept of it, and nobody is to be asked.
            OutriderError: What the source says.
        """
        known = self._records.get(name) or self._store.record(name)
        if known is None or not self._is_fresh(known.fetched):
            if self._offline:
                raise self._nothing_kept(name)
            known = await self._fetch(name, known)
            self._learned.add(name)
        self._records[name] = known
        return known

    async def complete(self, name: str, version: str) -> bool:
        """Have what a version says of itself in the record of its package; return whether that can be read.

        Raises:
            UnavailableError: Nothing is kept of it, and nobody is to be asked.
            OutriderError: What the source says.
        """
        entry = next(one for one in self._records[name].entries() if one.version == version)
        if entry.release:
            return True
        if self._offline:
            raise self._nothing_kept(f"{name} {version}")
        services = await self.services()
        async with self._limit:
            try:
                release = read_manifest(await self._client.manifest(services, name, version))
            except NotFoundError:
                release = None
        if release is not None:
            entry.release = msgspec.msgpack.encode(release)
            self._learned.add(name)
        return release is not None

    async def address(self, name: str, version: str, release: NugetRelease) -> str:
        """Return where the file of a version is; empty where the source does not tell."""
        services = await self.services()
        if services.content:
            return place(services.content, name, version, file_name(name, version))
        return release.url

    async def file(self, name: str, version: str, url: str) -> FileRecord:
        """Return what the file of a version tells, which is fetched once.

        Raises:
            UnavailableError: It was never fetched, and nobody is to be asked.
            ExecutionFailedError: It is no package.
            OutriderError: What the source says.
        """
        record, place = self._records[name], f"{name} {version}"
        found = record.files.get(version)
        if found is None:
            if self._offline:
                raise self._nothing_kept(f"the file of {place}")
            async with self._limit:
                with SpooledTemporaryFile(_MOST_IN_MEMORY) as file:
                    await self._client.stream(url, file.write)
                    found = await asyncio.to_thread(read_package_file, place, file)
            record.files[version] = found
            self._learned.add(name)
        return found

    def keep(self) -> None:
        """Write what was learned to disk.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        for name in sorted(self._learned):
            self._store.keep(name, self._records[name])
        self._learned.clear()

    def _is_fresh(self, fetched: float) -> bool:
        return self._offline or self._clock.now() - fetched <= FRESH_SECONDS

    async def _fetch(self, name: str, record: NugetRecord | None) -> NugetRecord:
        services = await self.services()
        only_names = not services.registrations
        if record is not None and record.only_names is not only_names:
            record = None  # it is from another kind of document
        known = None if record is None else Document(content=None, url="", etag=record.etag, modified=record.modified)
        async with self._limit:
            try:
                document = await self._client.package(services, name, known)
            except NotFoundError:
                return NugetRecord(fetched=self._clock.now(), only_names=only_names)
        if record is None or document.content is not None:
            content, before = document.content or b"", record or NugetRecord()
            made = _listed(name, content, before) if only_names else await self._told(name, content, before)
            made.etag, made.modified, made.files, record = document.etag, document.modified, before.files, made
        record.fetched = self._clock.now()
        return record

    async def _told(self, name: str, content: bytes, before: NugetRecord) -> NugetRecord:
        """Return what a registration says; of its parts only those are fetched that have changed."""
        known = {(page.url, page.stamp): page for page in before.pages if page.stamp}
        pages = read_index(name, content)
        made = await asyncio.gather(*(self._part(name, page, known.get((page.url, page.stamp))) for page in pages))
        shown = [spelled for _, spelled in made if spelled]
        return NugetRecord(name=shown[-1] if shown else before.name, pages=[page for page, _ in made])

    async def _part(self, name: str, page: Page, known: PageRecord | None) -> tuple[PageRecord, str]:
        if page.leaves is not None:
            return compiled(name, page, page.leaves)
        if known is not None:
            return known, ""
        async with self._limit:
            content = await self._client.page(page.url)
        return compiled(name, page, read_page(name, content))

    def _nothing_kept(self, what: str) -> UnavailableError:
        return UnavailableError(
            f"nuget: nothing is kept of {what}, and nobody is to be asked", found="offline", expected="what a source says",
            suggestions=["ask without offline, once"],
        )  # fmt: skip


def _listed(name: str, content: bytes, before: NugetRecord) -> NugetRecord:
    """Return what a list of versions says; what was learned of them before is still so."""
    page = read_versions(name, content)
    known = {entry.version: entry.release for entry in before.entries()}
    page.entries = [Entry(entry.version, release=known.get(entry.version, b"")) for entry in page.entries]
    return NugetRecord(name=before.name, pages=[page], only_names=True)
