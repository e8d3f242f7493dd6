"""The sources of NuGet behind this one: all that may have a package, as NuGet.Config has it; of a version the first that has it."""

import asyncio
import binascii
import hashlib
from base64 import b64decode
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import msgspec

from outrider.core.errors import NotFoundError, UnsupportedError
from outrider.core.http.urls import origin
from outrider.operators.packages.nuget.client import NugetClient, is_name
from outrider.operators.packages.nuget.flat_container import file_name, place
from outrider.operators.packages.nuget.serving.feeds import Mark, Said, ServedFeed
from outrider.operators.packages.nuget.serving.kept import read_kept, versions_in, written
from outrider.operators.packages.nuget.settings import NugetSettings
from outrider.operators.packages.registries.downloads import Document
from outrider.operators.packages.serving.blobs import other_content
from outrider.operators.packages.serving.downloading import Receive
from outrider.operators.packages.serving.upstreams import FileSource
from outrider.ports.clock import Clock

# By what the sources were known that were asked, by their addresses.
_MARKS = msgspec.json.Decoder(dict[str, Mark | None])
# https://learn.microsoft.com/nuget/api/catalog-resource#package-details-catalog-items
_ALGORITHMS = {"SHA256": "sha256", "SHA512": "sha512"}


class _Place(NamedTuple):
    """Where a file is, and where its hash is told; nothing where that was told already, or never is."""

    url: str
    catalog: str


class NugetUpstream:
    """Asks the sources that NuGet uses on this machine.

    Args:
        settings: Of NuGet.
        own: The address of this registry: a source that leads there is passed over.
        clock: For the age of what is known of sources.

    Raises:
        UnsupportedError: There is no other source.
    """

    def __init__(self, settings: NugetSettings, own: str, clock: Clock) -> None:
        self._settings = settings
        self._feeds = {
            number: ServedFeed(NugetClient(source.registry, clock), clock)
            for number, source in enumerate(settings.sources)
            if not source.registry.url.startswith(own)
        }
        self._by_url = {feed.url: feed for feed in self._feeds.values()}
        if not self._feeds:
            raise UnsupportedError(
                "nuget: all sources lead to this registry itself", path="packageSources", found=own, expected="another source",
                suggestions=["start the registry in a folder with a NuGet.Config of its own that names one"],
            )  # fmt: skip

    async def fetch(self, name: str, known: Document | None) -> tuple[bytes | None, Document]:
        if not is_name(name):
            raise _nowhere(name, "no package has such a name")
        feeds = [self._feeds[one] for one in self._settings.sources_for(name) if one in self._feeds]
        marks = _MARKS.decode(known.etag) if known is not None else {}
        said = await asyncio.gather(*(feed.ask(name, marks.get(feed.url)) for feed in feeds))
        new = {feed.url: one.mark if one is not None else None for feed, one in zip(feeds, said, strict=True)}
        if known is not None and new.keys() == marks.keys() and all(map(_is_as_before, said, marks.values())):
            return None, known
        # One document is made of all, so that those that have not changed are needed too.
        whole = [
            await feed.ask(name, None) if one is not None and one.feed is None else one
            for feed, one in zip(feeds, said, strict=True)
        ]
        found = [one.feed for one in whole if one is not None and one.feed is not None]
        if not found:
            asked = ", ".join(feed.url for feed in feeds)
            raise _nowhere(name, f"not in {asked}" if asked else "packageSourceMapping names no source for it")
        return written(found), Document(content=None, url=found[0].url, etag=msgspec.json.encode(new).decode())

    def sources(self, name: str, raw: bytes) -> Mapping[str, FileSource]:
        found: dict[str, FileSource] = {}
        for version in versions_in(name, read_kept(raw)):
            feed = self._by_url.get(version.feed.url)
            file, content = file_name(name, version.text), version.feed.content
            url = place(content, name, version.text, file) if content else version.release.url
            if feed is not None and url:
                hashes = hashes_of(version.said)
                where = _Place(url, "" if hashes else _catalog(feed, version.said))
                found[file] = FileSource(version.text, hashes, partial(_fetch, feed, where))
        return found

    async def close(self) -> None:
        """Close all connections."""
        for feed in self._feeds.values():
            await feed.client.close()


def _is_as_before(said: Said | None, mark: Mark | None) -> bool:
    if said is None or mark is None:
        return said is None and mark is None
    return said.feed is None


def hashes_of(said: Mapping[str, Any]) -> dict[str, str]:
    """Return what the hash of a file must be, where an entry of a catalog tells it, by its algorithm."""
    algorithm, value = said.get("packageHashAlgorithm"), said.get("packageHash")
    if not isinstance(value, str) or not isinstance(algorithm, str) or algorithm.upper() not in _ALGORITHMS:
        return {}
    try:
        return {_ALGORITHMS[algorithm.upper()]: b64decode(value, validate=True).hex()}
    except (binascii.Error, ValueError):
        return {}


def _catalog(feed: ServedFeed, said: Mapping[str, Any]) -> str:
    """Return where the entry of the catalog is that a registration is made of; nobody else's document is asked for a hash."""
    url = said.get("@id")
    try:
        return url if isinstance(url, str) and origin(url) == origin(feed.url) else ""
    except ValueError:
        return ""


async def _fetch(feed: ServedFeed, where: _Place, receive: Receive) -> None:
    """Fetch a file, and compare it with what the catalog says of it, where that says something.

    Raises:
        ExecutionFailedError: It is another one.
        OutriderError: What the source says.
    """
    expected = hashes_of(await feed.told(where.catalog)) if where.catalog else {}
    made = {algorithm: hashlib.new(algorithm) for algorithm in expected}

    def take(piece: bytes) -> None:
        for one in made.values():
            one.update(piece)
        receive(piece)

    await feed.client.stream(where.url, take)
    for algorithm, one in made.items():
        if one.hexdigest() != expected[algorithm]:
            raise other_content(algorithm, one.hexdigest(), expected[algorithm])


def _nowhere(name: str, why: str) -> NotFoundError:
    return NotFoundError(f"nuget {name[:100]}: there is none", found=why, suggestions=["check the name"])
