"""The repositories behind this one, in the order in which Composer asks them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from outrider.core.errors import MissingRequirementError, NotFoundError, OutriderError
from outrider.operators.packages.composer.client import ComposerClient
from outrider.operators.packages.composer.serving.archives import Archives, archive_of
from outrider.operators.packages.composer.serving.kept import FIELDS, read_kept, written
from outrider.operators.packages.composer.serving.repositories import Mark, Said, UpstreamRepository
from outrider.operators.packages.registries.downloads import Document
from outrider.operators.packages.serving.downloading import Receive
from outrider.operators.packages.serving.upstreams import FileSource


class Behind(NamedTuple):
    """Who is asked.

    Attributes:
        repositories: In the order in which they are.
        clients: Of these.
        archives: Fetches archives.
    """

    repositories: Sequence[UpstreamRepository]
    clients: Sequence[ComposerClient]
    archives: Archives


_MARKS = msgspec.json.Decoder(dict[str, list[Mark]])


class ComposerUpstream:
    """Asks the repositories that Composer uses on this machine.

    Args:
        opening: Returns who is asked; it is awaited when somebody asks first, since Composer takes its time.
    """

    def __init__(self, opening: Callable[[], Awaitable[Behind]]) -> None:
        self._opening = opening
        self._opened: Behind | None = None
        self._lock = asyncio.Lock()

    async def behind(self) -> Behind:
        """Return who is asked.

        Raises:
            MissingRequirementError: Nobody is known.
            OutriderError: The settings of Composer cannot be used.
        """
        async with self._lock:
            if self._opened is None:
                self._opened = await self._opening()
            return self._opened

    async def is_alone(self) -> bool:
        """Return whether nobody else is known; that settings cannot be used is told to those who ask for a package."""
        try:
            await self.behind()
        except MissingRequirementError:
            return True
        except OutriderError:
            return False
        return False

    async def fetch(self, name: str, known: Document | None) -> tuple[bytes | None, Document]:
        before = _marks(known)
        said = await self._asked(name, before)
        if not said:
            raise NotFoundError(f"composer {name}: no repository has it", found=name, suggestions=["check the name"])
        if known is not None and _marks_of(said) == before:
            return None, known
        if any(one.versions is None for ones in said.values() for one in ones):
            # One package is made of all documents, so that those that have not changed are needed too.
            said = await self._asked(name, {})
        versions = [version for ones in said.values() for one in ones for version in one.versions or ()]
        url = next((one.url for ones in said.values() for one in ones if one.url), "")
        etag = msgspec.json.encode(_marks_of(said)).decode()
        return written(versions), Document(content=None, url=url, etag=etag)

    async def _asked(self, name: str, marks: Mapping[str, Sequence[Mark]]) -> dict[str, list[Said]]:
        """Return what the repositories say that are asked: the first that has a package has it alone, unless it says otherwise.

        https://getcomposer.org/doc/articles/repository-priorities.md
        """
        found: dict[str, list[Said]] = {}
        for place, repository in enumerate((await self.behind()).repositories):
            if not repository.allows(name):
                continue
            key = f"{place} {repository.place.url}"
            if said := await repository.said(name, marks.get(key, ())):
                found[key] = said
                if repository.place.canonical:
                    break
        return found

    async def providers(self, name: str) -> set[str]:
        """Return the names of packages that provide a name, as far as repositories tell it.

        Raises:
            OutriderError: What a repository says.
        """
        found: set[str] = set()
        for repository in (await self.behind()).repositories:
            found.update(await repository.providers(name))
        return found

    def sources(self, name: str, raw: bytes) -> Mapping[str, FileSource]:
        found: dict[str, FileSource] = {}
        for content in read_kept(raw):
            archive = archive_of(name, FIELDS.decode(content))
            if archive is not None and archive.url:
                hashes = {"sha1": archive.sha1} if archive.sha1 else {}
                fetch = partial(self._fetch, archive.url)
                found.setdefault(archive.file, FileSource(archive.version, hashes, fetch))
        return found

    async def _fetch(self, url: str, receive: Receive) -> None:
        await (await self.behind()).archives.fetch(url, receive)

    async def close(self) -> None:
        """Close all connections."""
        if self._opened is not None:
            for repository in self._opened.repositories:
                await repository.close()
            for client in self._opened.clients:
                await client.close()
            await self._opened.archives.close()


def _marks(known: Document | None) -> dict[str, list[Mark]]:
    try:
        return _MARKS.decode(known.etag if known is not None else b"{}")
    except msgspec.DecodeError:
        return {}


def _marks_of(said: Mapping[str, Sequence[Said]]) -> dict[str, list[Mark]]:
    return {key: [one.mark for one in ones] for key, ones in said.items()}
