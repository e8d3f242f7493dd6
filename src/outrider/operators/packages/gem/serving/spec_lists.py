"""The files that RubyGems searches in: an array of the name, the version and the platform of each gem, as Marshal and gzip.

https://github.com/rubygems/rubygems/blob/v3.3.15/lib/rubygems/indexer.rb.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator

from outrider.operators.packages.gem.serving.listing import Listing, Variant
from outrider.operators.packages.gem.serving.marshalling import HEAD, Writer, number

_LEVEL = 6


def specs(listing: Listing, kind: str) -> bytes:
    """Return one of the files.

    Args:
        listing: Of all gems.
        kind: One of `SPECS`.
    """
    choose = SPECS[kind]
    triples = ((name, *one) for name, variants in listing.gems() for one in choose(variants))
    return gzip.compress(_marshalled(triples), _LEVEL, mtime=0)


def _releases(variants: Iterable[Variant]) -> list[Variant]:
    return [one for one in variants if _is_release(one.version)]


def _prereleases(variants: Iterable[Variant]) -> list[Variant]:
    return [one for one in variants if not _is_release(one.version)]


def _latest(variants: Iterable[Variant]) -> list[Variant]:
    """Return the newest release for each platform."""
    newest: dict[str, tuple[list[int], Variant]] = {}
    for one in _releases(variants):
        # Of numbers alone this is their order, and there may be millions; 1.0 is 1.
        numbers = [int(word) for word in one.version.split(".")]
        while numbers and not numbers[-1]:
            numbers.pop()
        if one.platform not in newest or numbers > newest[one.platform][0]:
            newest[one.platform] = (numbers, one)
    return [one for _, one in newest.values()]


def _is_release(version: str) -> bool:
    return version.replace(".", "").isdecimal()


SPECS: dict[str, Callable[[Iterable[Variant]], list[Variant]]] = {
    "specs": _releases,
    "latest_specs": _latest,
    "prerelease_specs": _prereleases,
}


def _marshalled(triples: Iterator[tuple[str, str, str]]) -> bytes:
    array = _Array()
    for triple in triples:
        array.add(*triple)
    return array.content()


class _Array:
    """An array of arrays in which each name, version and platform stands once: there may be millions.

    Objects have numbers in the order in which they begin, and what stood before is named by its number.
    """

    def __init__(self) -> None:
        self._writer = Writer()
        self._texts: dict[str, bytes] = {}
        self._versions: dict[str, bytes] = {}
        self._parts: list[bytes] = []
        self._count = 0
        self._objects = 1

    def add(self, name: str, version: str, platform: str) -> None:
        self._count += 1
        self._objects += 1
        self._parts += (b"[" + number(3), self._text(name), self._version(version), self._text(platform))

    def _text(self, text: str) -> bytes:
        if text in self._texts:
            return self._texts[text]
        self._texts[text] = self._link(1)
        return self._writer.text(text)

    def _version(self, text: str) -> bytes:
        if text in self._versions:
            return self._versions[text]
        # It is made of an array with a text.
        self._versions[text] = self._link(3)
        return b"U" + self._writer.symbol("Gem::Version") + b"[" + number(1) + self._writer.text(text)

    def _link(self, objects: int) -> bytes:
        link = b"@" + number(self._objects)
        self._objects += objects
        return link

    def content(self) -> bytes:
        return HEAD + b"[" + number(self._count) + b"".join(self._parts)
