"""A repository behind this one: all that it says of a package, and whether that has changed."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from outrider.core.errors import NotFoundError
from outrider.operators.packages.composer.client import ComposerClient
from outrider.operators.packages.composer.naming import lister, matcher
from outrider.operators.packages.composer.releases import whole_versions
from outrider.operators.packages.composer.repositories import DEV
from outrider.operators.packages.composer.roots import ComposerRoot, inline_versions
from outrider.operators.packages.composer.settings import Place
from outrider.operators.packages.registries.downloads import Document
from outrider.ports.clock import Clock

# Packages of a repository that has them in its first document come no sooner than that; of others that says only where they are.
_ROOT_SECONDS = 60.0


class Mark(msgspec.Struct, array_like=True, frozen=True):
    """By what it is known whether a document has changed."""

    etag: str = ""
    modified: str = ""
    digest: str = ""


NO_MARK = Mark()


class Said(NamedTuple):
    """What a document says of a package.

    Attributes:
        mark: Of the document.
        url: Of it.
        versions: All of them; None where nothing has changed.
    """

    mark: Mark
    url: str
    versions: list[Any] | None


class UpstreamRepository:
    """A repository.

    Args:
        place: Where it is.
        client: Who is asked; None where its packages are in the settings.
        clock: For the age of what it says of itself.
    """

    def __init__(self, place: Place, client: ComposerClient | None, clock: Clock) -> None:
        self.place, self._client, self._clock = place, client, clock
        self._only, self._exclude = matcher(place.only), matcher(place.exclude)
        self._root, self._inline = ComposerRoot(), inline_versions([{"packages": {"": place.packages or []}}])
        self._has: Callable[[str], bool] = lister(self._root)
        self._document: Document | None = None
        self._asked = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    def allows(self, name: str) -> bool:
        """Return whether a package is looked for here."""
        if self._only is not None:
            return self._only(name)
        return self._exclude is None or not self._exclude(name)

    async def said(self, name: str, marks: Sequence[Mark]) -> list[Said]:
        """Return what documents say of a package; nothing where the repository does not have it.

        Args:
            name: In small letters.
            marks: Of what is known already, in the order in which it was returned.

        Raises:
            OutriderError: What the repository says.
        """
        await self._look()
        if name in self._inline:
            return [_as_marked(Said(NO_MARK, self.place.url, self._inline[name]), marks)]
        root = self._root
        if self._client is None or not self._has(name):
            return []
        if not root.metadata_url and name in root.providers:
            return [await self._provided(self._client, name, marks)]
        template = root.metadata_url or root.lazy_url
        documents = [name, name + DEV] if root.metadata_url else [name]
        known = [*marks, NO_MARK, NO_MARK] if len(marks) != len(documents) else marks
        asked = (_said(self._client, template, *one) for one in zip(documents, known, strict=False))
        # What is not there is in the order all the same, so that the rest is found again.
        found = await asyncio.gather(*asked)
        return found if any(one.mark != NO_MARK for one in found) else []

    async def providers(self, name: str) -> list[str]:
        """Return the names of packages that provide a name, as far as the repository tells it.

        Raises:
            OutriderError: What the repository says.
        """
        await self._look()
        if self._client is None or not self._root.providers_api:
            return []
        return await self._client.providers(self._root.providers_api, name)

    async def _provided(self, client: ComposerClient, name: str, marks: Sequence[Mark]) -> Said:
        mark = Mark(digest=self._root.providers[name])
        if list(marks) == [mark]:
            return Said(mark, self.place.url, None)
        content = await client.provided(self._root.providers_url, name, mark.digest)
        return Said(mark, self.place.url, _versions(content, name) or [])

    async def _look(self) -> None:
        """Have what the repository says of itself, as new as it has to be; it is asked once at a time."""
        if self._client is None or self._clock.monotonic() - self._asked <= _ROOT_SECONDS:
            return
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._read_root(self._client))
        await asyncio.shield(self._looking)

    async def _read_root(self, client: ComposerClient) -> None:
        root, documents, answer = await client.root_documents(self._document)
        self._asked = self._clock.monotonic()
        if root is not None:
            self._root, self._inline, self._has = root, inline_versions(documents), lister(root)
            self._document = Document(content=None, url=answer.url, etag=answer.etag, modified=answer.modified)

    async def close(self) -> None:
        """Give up what is being asked."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)


async def _said(client: ComposerClient, template: str, document: str, mark: Mark) -> Said:
    name = document.removesuffix(DEV)
    known = Document(content=None, url="", etag=mark.etag, modified=mark.modified) if mark != NO_MARK else None
    try:
        content, answer = await client.metadata(template, document, known)
    except NotFoundError:
        return Said(NO_MARK, "", [])
    if content is None:
        return Said(mark, answer.url, None)
    versions = _versions(content, name)
    if versions is None:
        return Said(NO_MARK, "", [])
    said = Said(Mark(answer.etag, answer.modified), answer.url, versions)
    return _as_marked(said, [mark])


def _versions(content: Any, name: str) -> list[Any] | None:
    """Return what a document says of the versions of a package; None where nothing is in it."""
    packages = content.get("packages") if isinstance(content, dict) else None
    if not isinstance(packages, dict) or name not in packages:
        return None
    return [*whole_versions(packages[name], minified=content.get("minified"))]


def _as_marked(said: Said, marks: Sequence[Mark]) -> Said:
    """Return what was said with the hash of it in its mark; without versions where that is the same as before."""
    digest = hashlib.sha256(msgspec.json.encode(said.versions)).hexdigest()
    mark = msgspec.structs.replace(said.mark, digest=digest)
    same = bool(marks) and marks[0].digest == digest
    return Said(marks[0] if same else mark, said.url, None if same else said.versions)
