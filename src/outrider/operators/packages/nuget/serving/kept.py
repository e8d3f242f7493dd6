"""What is kept of a NuGet package: what each source says of its versions, and what a version says of itself."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from outrider.operators.packages.nuget.records import Entry, NugetRelease
from outrider.operators.packages.nuget.registrations import read_leaf


class KeptFeed(msgspec.Struct, array_like=True):
    """What a source says of a package.

    Attributes:
        url: Of its service index.
        content: The address below which it has packages; empty where it has none there.
        leaves: What its registration says of each version, as it came.
    """

    url: str
    content: str
    leaves: list[bytes]


class Version(NamedTuple):
    """A version as a registration tells of it.

    Attributes:
        feed: Which of the sources has it.
        entry: As it is understood.
        release: What it says of itself.
        said: All that is said of it, by the names of the registration.
    """

    feed: KeptFeed
    entry: Entry
    release: NugetRelease
    said: dict[str, Any]

    @property
    def text(self) -> str:
        """The version, as NuGet shows it."""
        return self.entry.version

    @property
    def tells_licence(self) -> bool:
        """Whether it says which licence it has, be it that it has no expression for one; some sources do not say it at all."""
        return "licenseExpression" in self.said

    @property
    def full(self) -> str:
        """The same with its build metadata, as registrations have it."""
        _, plus, build = str(self.said["version"]).partition("+")
        return f"{self.text}{plus}{build}"


class _Leaf(msgspec.Struct):
    catalogEntry: dict[str, Any]  # noqa: N815 - NuGet's name


_KEPT = msgspec.msgpack.Decoder(list[KeptFeed])
_LEAF = msgspec.json.Decoder(_Leaf)
_RELEASE = msgspec.msgpack.Decoder(NugetRelease)


def written(feeds: list[KeptFeed]) -> bytes:
    """Return what sources say in the form in which it is kept."""
    return msgspec.msgpack.encode(feeds)


def read_kept(raw: bytes) -> list[KeptFeed]:
    """Return what was kept."""
    return _KEPT.decode(raw)


def versions_in(name: str, feeds: list[KeptFeed]) -> Iterator[Version]:
    """Yield the versions of a package that can be read; of equal ones that of the first source, as NuGet prefers it.

    Args:
        name: In small letters.
        feeds: What the sources say.
    """
    seen: set[str] = set()
    for feed in feeds:
        for leaf in feed.leaves:
            version = read_version(name, feed, leaf)
            if version is not None and version.text.lower() not in seen:
                seen.add(version.text.lower())
                yield version


def read_version(name: str, feed: KeptFeed, leaf: bytes) -> Version | None:
    """Return what is said of a version; None where that cannot be read, or is about another package."""
    entry, _ = read_leaf(name, msgspec.Raw(leaf))
    if entry is None:
        return None
    return Version(feed, entry, _RELEASE.decode(entry.release), _LEAF.decode(leaf).catalogEntry)
