"""What a bill of materials says, whatever its format: the packages of locks, and which needs which."""

import uuid
from collections.abc import Iterable

import msgspec

from outrider.operators.packages.locks.lock import Lock, LockedPackage
from outrider.operators.packages.locks.package_urls import url_of
from outrider.operators.packages.sboms.graph import Aggregate, Graph, Key, key_of


class Part(msgspec.Struct, frozen=True):
    """A package of a bill.

    Attributes:
        url: Its package URL, which is unique in the bill.
        package: It.
        needs: Package URLs of what it needs.
        aggregate: How much that is of all that it needs: not every lock says what its packages need, and of a name with several
            versions not every lock says which one is meant.
    """

    url: str
    package: LockedPackage
    needs: tuple[str, ...]
    aggregate: Aggregate


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """A bill.

    Attributes:
        name: Of what it is about.
        version: Of that; may be empty.
        created: When, as RFC 3339 has it.
        parts: By package URL.
        top: Package URLs of what it asks for itself; where the locks do not say so, of what nothing else in them needs.
        is_whole: Whether the locks say so, and all of what they are about could be read.
    """

    name: str
    version: str
    created: str
    parts: list[Part]
    top: tuple[str, ...] = ()
    is_whole: bool = True

    @property
    def identity(self) -> uuid.UUID:
        """The same for the same content (RFC 9562, version 5)."""
        content = "\n".join(
            [
                self.name,
                self.version,
                self.created,
                " ".join(self.top),
                *(f"{one.url} {' '.join(one.needs)}{one.package.licence}" for one in self.parts),
            ]
        )
        return uuid.uuid5(uuid.NAMESPACE_URL, content)


def bill_of(locks: Iterable[Lock], *, name: str, version: str, created: str) -> Bill:
    """Return the bill of locks; a package that stands in several of them is in it once."""
    packages: dict[Key, LockedPackage] = {}
    graph = Graph()
    for lock in locks:
        for one in lock.packages:
            known = packages.get(key_of(one))
            packages[key_of(one)] = one if known is None else _joined(known, one)
        graph.take(lock)
    urls = {key: url_of(one) for key, one in packages.items()}
    parts = [
        Part(urls[key], one, tuple(sorted({urls[each] for each in graph.needs.get(key, ())})), graph.aggregate(key))
        for key, one in packages.items()
    ]
    return Bill(
        name=name, version=version, created=created, parts=sorted(parts, key=lambda one: one.url),
        top=tuple(sorted(urls[key] for key in graph.top)), is_whole=graph.is_whole,
    )  # fmt: skip


def _joined(one: LockedPackage, two: LockedPackage) -> LockedPackage:
    return msgspec.structs.replace(
        one, development=one.development and two.development, optional=one.optional and two.optional,
        hashes={**two.hashes, **one.hashes}, licence=one.licence or two.licence,
    )  # fmt: skip
