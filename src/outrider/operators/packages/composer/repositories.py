"""One repository in a resolution: its documents from disk or from itself, and which versions of it may be chosen, in its order."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from outrider.core.errors import NotFoundError, UnavailableError
from outrider.operators.packages.composer.client import ComposerClient
from outrider.operators.packages.composer.naming import lister, matcher
from outrider.operators.packages.composer.records import ComposerRecord, compiled_document
from outrider.operators.packages.composer.roots import ComposerRoot, inline_packages, is_name
from outrider.operators.packages.composer.settings import Place
from outrider.operators.packages.composer.stabilities import DEV as BRANCH
from outrider.operators.packages.composer.stabilities import stability_of
from outrider.operators.packages.composer.store import ComposerStore
from outrider.operators.packages.composer.written_versions import WrittenVersions
from outrider.operators.packages.registries.downloads import Document
from outrider.ports.clock import Clock

# Composer asks anew each time; those who resolve often would wait for that.
FRESH_SECONDS = 600.0
_AT_A_TIME = 32
DEV = "~dev"


class ComposerRepository:
    """A repository.

    Args:
        place: Where it is.
        client: Who is asked; None where its packages are in the settings.
        store: What is kept of it.
        clock: For the age of what is kept.
        offline: Whether to do with what is kept.
    """

    def __init__(
        self, place: Place, client: ComposerClient | None, store: ComposerStore, clock: Clock, *, offline: bool = False
    ) -> None:
        self.place, self._client, self._store, self._clock, self._offline = place, client, store, clock, offline
        self._root: ComposerRoot | None = None
        if place.packages is not None:
            self._root = ComposerRoot(inline=inline_packages([{"packages": {"": place.packages}}]))
        self._limit = asyncio.Semaphore(_AT_A_TIME)
        self._only, self._exclude = matcher(place.only), matcher(place.exclude)
        self._listed: Callable[[str], bool] | None = None
        self._documents: dict[str, ComposerRecord] = {}
        self._learned: set[str] = set()
        self._written = WrittenVersions(place, client)

    @property
    def root(self) -> ComposerRoot:
        """What it says of itself; it must be loaded."""
        assert self._root is not None
        return self._root

    async def load(self, names: Mapping[str, bool]) -> None:
        """Have the documents of packages.

        Args:
            names: Each with whether its branches are wanted too, which some repositories have in a document of their own.

        Raises:
            UnavailableError: Nothing is kept of one, and nobody is to be asked.
            OutriderError: What the repository says.
        """
        if self._root is None:
            self._root = await self._load_root()
        wanted = [one for name in sorted(names) for one in self._wanted(name, with_dev=names[name])]
        await asyncio.gather(*(self._load(name) for name in wanted if name not in self._documents))

    def allows(self, name: str) -> bool:
        """Return whether a package is looked for here."""
        if self._only is not None:
            return self._only(name)
        return self._exclude is None or not self._exclude(name)

    def document(self, document: str) -> ComposerRecord | None:
        """Return what is known of a document, by its name; None where there is none, or nothing of the package in it."""
        record = self._documents.get(document)
        return record if record is not None and record.found else None

    def records(self, name: str) -> list[ComposerRecord]:
        """Return what is known of a package, by document; nothing where nobody has asked for it here."""
        if self._root is None or not self.allows(name):
            return []
        if name in self.root.inline:
            return [self.root.inline[name]]
        return [one for document in (name, name + DEV) if (one := self.document(document)) is not None]

    async def written(self, name: str, version: str) -> dict[str, Any]:
        """Return a version that was loaded, as the repository writes it, which is not kept.

        Raises:
            UnavailableError: Nobody is to be asked.
            OutriderError: What the repository says.
        """
        if self._offline and self._client is not None:
            raise _nothing_kept(f"{name} {version} for a lock file")
        root = self.root
        likely = (name + DEV, name) if stability_of(version) == BRANCH else (name, name + DEV)
        documents = [one for one in likely if self.document(one) is not None]
        async with self._limit:
            if not root.metadata_url and name in root.providers:
                template = root.providers_url.replace("%hash%", root.providers[name])
                return await self._written.get(documents, template, name, version)
            return await self._written.get(documents, root.metadata_url or root.lazy_url, name, version)

    async def providers(self, name: str) -> list[str]:
        """Return the names of packages that provide or replace a name, as far as the repository tells it without these.

        Raises:
            OutriderError: What the repository says.
        """
        if self._root is None or not is_name(name):
            return []
        if self._root.providers_api and self._client is not None and not self._offline:
            return await self._client.providers(self._root.providers_api, name)
        return [
            one
            for one, record in self._root.inline.items()
            if any(
                name in {**said.provides, **said.replaces} for said in map(record.release, range(len(record.releases)))
            )
        ]

    def keep(self) -> None:
        """Write what was learned to disk.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        for document in sorted(self._learned):
            self._store.keep(document, self._documents[document])
        self._learned.clear()

    def _wanted(self, name: str, *, with_dev: bool) -> Iterator[str]:
        """Yield the names of the documents of a package."""
        root = self.root
        if root.is_whole or name in root.inline or not is_name(name) or not self.allows(name) or not self._has(name):
            return
        yield name
        if with_dev and root.metadata_url:
            yield name + DEV

    def _has(self, name: str) -> bool:
        """Return whether the repository may have a package, by what it says of itself."""
        if self._listed is None:
            self._listed = lister(self.root)
        return self._listed(name)

    async def _load_root(self) -> ComposerRoot:
        kept = self._store.root()
        if kept is not None and self._is_fresh(kept.fetched):
            return kept
        if self._offline or self._client is None:
            raise _nothing_kept(self.place.url)
        root, document = await self._client.root(None if kept is None else _known(kept))
        if root is None:
            assert kept is not None
            root = kept
        else:
            root.modified, root.etag = document.modified, document.etag
        root.fetched = self._clock.now()
        self._store.keep_root(root)
        return root

    async def _load(self, document: str) -> None:
        kept = self._store.record(document)
        if kept is not None and self._is_fresh(kept.fetched):
            self._documents[document] = kept
            return
        if self._offline:
            raise _nothing_kept(document)
        async with self._limit:
            record = await self._fetch(document, kept)
        record.fetched = self._clock.now()
        self._documents[document] = record
        self._learned.add(document)

    async def _fetch(self, document: str, kept: ComposerRecord | None) -> ComposerRecord:
        assert self._client is not None
        name, root = document.removesuffix(DEV), self.root
        try:
            if not root.metadata_url and name in root.providers:
                digest = root.providers[name]
                if kept is not None and kept.etag == digest:
                    return kept
                record = compiled_document(name, await self._client.provided(root.providers_url, name, digest))
                record.etag = digest
                return record
            template = root.metadata_url or root.lazy_url
            content, answer = await self._client.metadata(template, document, None if kept is None else _known(kept))
        except NotFoundError:
            return ComposerRecord()
        if content is None and kept is not None:
            return kept
        record = compiled_document(name, content)
        record.modified, record.etag = answer.modified, answer.etag
        return record

    def _is_fresh(self, fetched: float) -> bool:
        return self._offline or 0 <= self._clock.now() - fetched <= FRESH_SECONDS


def _known(kept: Any) -> Document:
    return Document(content=None, url="", etag=kept.etag, modified=kept.modified)


def _nothing_kept(what: str) -> UnavailableError:
    return UnavailableError(
        f"composer: nothing is kept of {what}, and nobody is to be asked", found="offline", expected="what a repository says",
        suggestions=["ask without offline, once"],
    )  # fmt: skip
