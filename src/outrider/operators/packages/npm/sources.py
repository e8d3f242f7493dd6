"""npm packages for a resolution: from what is kept on disk, else from the registries."""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from outrider.core.errors import NotFoundError, UnavailableError, UnsupportedError
from outrider.operators.packages.npm.client import NpmClient
from outrider.operators.packages.npm.packages import Manifest, NpmPackage
from outrider.operators.packages.npm.records import Inside, NpmRecord, compiled, compiled_inside
from outrider.operators.packages.npm.store import NpmStore
from outrider.operators.packages.npm.tarballs import read_tarball
from outrider.operators.packages.npm.targets import NpmTarget
from outrider.operators.packages.registries.downloads import Document
from outrider.operators.packages.resolving.questions import Question

FRESH_SECONDS = 300.0
_AT_A_TIME = 24
_NOTHING = msgspec.Raw(b"null")


class _Versions(msgspec.Struct):
    versions: dict[str, msgspec.Raw] = {}


@contextmanager
def _telling(shown: str) -> Iterator[None]:
    """Tell in our words of what cannot be read."""
    try:
        yield
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnsupportedError(
            f"npm {shown}: its registry does not tell what a lock file has of it", found=str(error)[:200], expected="a version of the registry",
            suggestions=["have npm write the lock file"],
        ) from error  # fmt: skip


class NpmSource:
    """Has packages; one that no registry has is there without versions.

    Args:
        client: Who is asked.
        target: For what packages are meant.
        question: What may be used for an answer.
    """

    def __init__(self, client: NpmClient, target: NpmTarget, question: Question) -> None:
        self.client, self.target = client, target
        self._store, self._clock, self._offline = NpmStore(question.cache), question.clock, question.offline
        self._policy, self._preferred = question.policy, question.preferred
        self._whole = question.policy.asks_for_times or question.policy.asks_for_licences
        self._limit = asyncio.Semaphore(_AT_A_TIME)
        self._packages: dict[str, NpmPackage] = {}
        self._coming: dict[str, asyncio.Task[NpmPackage]] = {}

    async def package(self, name: str) -> NpmPackage:
        """Return a package.

        Raises:
            UnavailableError: Nothing is kept of it, and nobody is to be asked.
            OutriderError: What a registry says.
        """
        package = self._packages.get(name) or self._of_disk(name)
        if package is None:
            self.foresee((name,))
            package = await self._coming[name]
        return package

    async def said(self, manifest: Manifest, *, whole: bool = False) -> dict[str, Any]:
        """Return a version as its registry writes it, which is not kept.

        Args:
            manifest: The version.
            whole: Whether the long document is needed.

        Raises:
            UnavailableError: Nobody is to be asked.
            UnsupportedError: The version came within the tarball of another one.
            OutriderError: What a registry says.
        """
        versions = await self.document(manifest.name, whole=whole)
        with _telling(f"{manifest.name} {manifest.version}"):
            return msgspec.json.decode(versions.get(manifest.version, _NOTHING), type=dict[str, Any])

    async def document(self, name: str, *, whole: bool = False) -> dict[str, msgspec.Raw]:
        """Return all versions of a package as its registry writes them; the errors are those of `said`.

        Args:
            name: Of the package.
            whole: Whether the long document is needed.
        """
        if self._offline:
            raise self._unknown(f"{name} for a lock file")
        async with self._limit:
            content = (await self.client.packument(name, whole=whole)).content or b""
        with _telling(name):
            return msgspec.json.decode(content, type=_Versions).versions

    async def tarball(self, name: str, url: str) -> bytes:
        """Return the tarball of a package, which is not kept.

        Raises:
            UnavailableError: Nobody is to be asked.
            OutriderError: What the registry says.
        """
        if self._offline:
            raise self._unknown(f"{name} for a lock file")
        async with self._limit:
            return await self.client.tarball(name, url)

    def foresee(self, names: Iterable[str]) -> None:
        """Begin to fetch packages that will be needed."""
        for name in names:
            if name not in self._packages and name not in self._coming and self._of_disk(name) is None:
                self._coming[name] = asyncio.create_task(self._fetch(name))

    async def insides(self, manifest: Manifest) -> list[tuple[tuple[str, ...], Manifest]]:
        """Return the packages that came within the tarball of one, outer ones first, each with its path below that.

        Raises:
            UnavailableError: Nothing is kept of it, and nobody is to be asked.
            OutriderError: What a registry says.
        """
        url = self.client.registry(manifest.name).url
        found = self._store.insides(url, manifest.name, manifest.version)
        if found is None:
            found = await self._open(manifest)
            self._store.keep_insides(url, manifest.name, manifest.version, found)
        return [
            (one.path, NpmPackage(one.name, one.record, self.target, url).manifest(0))
            for one in found
            if one.record.versions
        ]

    async def _open(self, manifest: Manifest) -> list[Inside]:
        if self._offline:
            raise self._unknown(f"{manifest.name} {manifest.version}")
        assert manifest.package is not None
        tarball, _ = manifest.package.distribution(manifest.bit)
        async with self._limit:
            content = await self.client.tarball(manifest.name, tarball)
        shown = f"{manifest.name} {manifest.version}"
        found = await asyncio.to_thread(read_tarball, shown, content, shrinkwrap=manifest.shape.shrinkwrap)
        return [inside for path, one in found if (inside := compiled_inside(path, one)) is not None]

    async def close(self) -> None:
        """Give up what is still being fetched."""
        for task in self._coming.values():
            task.cancel()
        await asyncio.gather(*self._coming.values(), return_exceptions=True)

    def _of_disk(self, name: str) -> NpmPackage | None:
        url = self.client.registry(name).url
        record = self._store.record(url, name)
        if record is None or not (self._offline or self._clock.now() - record.fetched <= FRESH_SECONDS):
            return None
        if self._whole and not record.whole:
            return None
        return self._have(name, record, url)

    def _have(self, name: str, record: NpmRecord, url: str) -> NpmPackage:
        package = self._packages[name] = NpmPackage(name, record, self.target, url, self._policy)
        package.preferred = self._preferred(name, package.table.versions)
        return package

    def _unknown(self, shown: str) -> UnavailableError:
        return UnavailableError(
            f"npm {shown}: nothing is kept of it, and nobody is to be asked", found="offline",
            expected="what a registry says", suggestions=["ask without offline, once"],
        )  # fmt: skip

    async def _fetch(self, name: str) -> NpmPackage:
        if self._offline:
            raise self._unknown(name)
        url = self.client.registry(name).url
        record = self._store.record(url, name)
        if record is not None and record.whole != self._whole:
            record = None  # it is of the other document
        known = None if record is None else Document(content=None, url="", etag=record.etag, modified=record.modified)
        async with self._limit:
            try:
                document = await self.client.packument(name, known, whole=self._whole)
            except NotFoundError:
                return self._have(name, NpmRecord(), url)
        if document.content is not None:
            digest = hashlib.blake2b(document.content, digest_size=16).digest()
            if record is None or record.digest != digest:
                record = compiled(name, document.content, url, whole=self._whole)
            record.etag, record.modified, record.digest = document.etag, document.modified, digest
        assert record is not None
        record.fetched = self._clock.now()
        self._store.keep(url, name, record)
        return self._have(name, record, url)
