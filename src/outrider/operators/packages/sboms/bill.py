"""What a bill of materials says, whatever its format: the packages of locks, and which needs which."""

import uuid
from collections.abc import Iterable

import msgspec

from outrider.operators.packages.locks.lock import Lock, LockedPackage
from outrider.operators.packages.locks.package_urls import url_of


class Part(msgspec.Struct, frozen=True):
    """A package of a bill.

    Attributes:
        url: Its package URL, which is unique in the bill.
        package: It.
        needs: Package URLs of what it needs.
        complete: Whether these are all: not every lock says what its packages need, and of a name with several versions not every lock
            says which one is meant.
    """

    url: str
    package: LockedPackage
    needs: tuple[str, ...]
    complete: bool


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """A bill.

    Attributes:
        name: Of what it is about.
        version: Of that; may be empty.
        created: When, as RFC 3339 has it.
        parts: By package URL.
    """

    name: str
    version: str
    created: str
    parts: list[Part]

    @property
    def identity(self) -> uuid.UUID:
        """The same for the same content (RFC 9562, version 5)."""
        content = "\n".join(
            [
                self.name,
                self.version,
                self.created,
                *(f"{one.url} {' '.join(one.needs)}{one.package.licence}" for one in self.parts),
            ]
        )
        return uuid.uuid5(uuid.NAMESPACE_URL, content)


def bill_of(locks: Iterable[Lock], *, name: str, version: str, created: str) -> Bill:
    """Return the bill of locks; a package that stands in several of them is in it once."""
    packages: dict[tuple[str, str, str], LockedPackage] = {}
    told: set[tuple[str, str, str]] = set()
    for lock in locks:
        for one in lock.packages:
            key = (one.ecosystem, one.name, one.version)
            known = packages.get(key)
            packages[key] = one if known is None else _joined(known, one)
            # Of what a distribution has packed, nothing says here what it needs.
            if lock.tells_needs and one.packed is None:
                told.add(key)
    urls: dict[tuple[str, str], list[str]] = {}
    for one in packages.values():
        urls.setdefault((one.ecosystem, one.name), []).append(url_of(one))
    parts = [_part(one, urls, is_told=key in told) for key, one in packages.items()]
    return Bill(name=name, version=version, created=created, parts=sorted(parts, key=lambda one: one.url))


def _joined(one: LockedPackage, two: LockedPackage) -> LockedPackage:
    return msgspec.structs.replace(
        one, needs=tuple(sorted({*one.needs, *two.needs})), development=one.development and two.development,
        hashes={**two.hashes, **one.hashes}, licence=one.licence or two.licence,
    )  # fmt: skip


def _part(package: LockedPackage, urls: dict[tuple[str, str], list[str]], *, is_told: bool) -> Part:
    url = url_of(package)
    found = [urls.get((package.ecosystem, name), []) for name in package.needs]
    # What a lock leaves out, such as a peer that is not there, is no part.
    needs = tuple(sorted({one[0] for one in found if len(one) == 1} - {url}))
    return Part(url, package, needs, is_told and all(len(one) <= 1 for one in found))
