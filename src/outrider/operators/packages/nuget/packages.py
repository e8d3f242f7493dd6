"""Packages of NuGet: their versions, whatever source has them, and which of them is taken for a range."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.nuget.compatibility import fallbacks_of, nearest
from outrider.operators.packages.nuget.frameworks import Framework, read_framework
from outrider.operators.packages.nuget.ranges import NugetRange, best, read_range
from outrider.operators.packages.nuget.records import Entry, NugetRecord, NugetRelease, table_of
from outrider.operators.packages.resolving.policies import Policy, refused
from outrider.operators.packages.versions.ranges import Key

_DECODER = msgspec.msgpack.Decoder(NugetRelease)


class Need(NamedTuple):
    """What is needed of a package.

    Attributes:
        name: Of the package, in small letters.
        range: What is allowed of it.
    """

    name: str
    range: NugetRange


class Item:
    """A version of a package, or what there is not.

    Attributes:
        name: Of the package, in small letters.
        shown: As its source writes it.
        version: Empty where there is none.
        key: Of the version; where there is none that of the lowest one that would do, and empty where any would.
        bit: Of the version; -1 where there is none.
        needs: Of other packages.
        by_name: The same.
        private: What it needs for itself alone, of a project that lies here: it stands in for what is needed below, and is not taken.
        fallback: For which framework its needs are written, where that is not one that the target can use.
    """

    __slots__ = ("bit", "by_name", "fallback", "key", "name", "needs", "private", "shown", "version")

    def __init__(
        self, name: str, shown: str, *, version: str = "", key: Key = (), bit: int = -1, needs: Sequence[Need] = ()
    ) -> None:
        self.name, self.shown, self.version, self.key, self.bit, self.needs = name, shown, version, key, bit, needs
        self.fallback = ""
        self.private: Sequence[Need] = ()
        self.by_name: dict[str, list[Need]] = {}
        for need in needs:
            self.by_name.setdefault(need.name, []).append(need)

    @property
    def is_there(self) -> bool:
        """Whether there is such a version."""
        return self.bit >= 0


class NugetPackage:
    """A package.

    Args:
        name: In small letters.
        records: What the sources that may have it know, each with the number of the source.
        target: The framework of who asks.
        policy: What may be chosen.
        locked: Versions that are taken before others, where a range floats.

    Attributes:
        shown: The name as a source writes it.
        table: Its versions, sorted.
        usable: The mask of those that may be chosen.
        listed: The mask of those that people are shown.
        refusals: How many versions may not be chosen, by the reason.
        left_out: How many versions are in a form that cannot be read.
    """

    def __init__(
        self,
        name: str,
        records: Sequence[tuple[int, NugetRecord]],
        target: Framework,
        policy: Policy,
        locked: Collection[str] = (),
    ) -> None:
        self.name, self._target, self._policy = name, target, policy
        self.shown = next((record.name for _, record in records if record.name), name)
        self.left_out = sum(record.left_out for _, record in records)
        entries: dict[str, tuple[int, Entry]] = {}
        for source, record in records:
            for entry in record.entries():
                # The first source that has a version has it.
                entries.setdefault(entry.version.lower(), (source, entry))
        self.table = table_of(entry.version for _, entry in entries.values())
        self._entries = [entries[version.lower()] for version in self.table.versions]
        self.listed = sum(entry.is_listed << bit for bit, (_, entry) in enumerate(self._entries))
        self.refusals: Counter[str] = Counter()
        self.usable = self.table.everything & ~self._refused()
        self._preferred = sum(1 << bit for bit, version in enumerate(self.table.versions) if version in locked)
        self._releases: dict[int, NugetRelease] = {}
        self._items: dict[int | Key, Item] = {}

    def _refused(self) -> int:
        times = [entry.published for _, entry in self._entries] if self._policy.asks_for_times else []
        refusals = self._policy.refusals(self.name, self.table, times if any(times) else [])
        for one in refusals:
            self.refusals[one.why] += (one.versions & self.table.everything).bit_count()
        return refused(refusals)

    def source(self, bit: int) -> int:
        """Return the number of the source of a version."""
        return self._entries[bit][0]

    def entry(self, bit: int) -> Entry:
        """Return what its source tells of a version."""
        return self._entries[bit][1]

    def release(self, bit: int) -> NugetRelease | None:
        """Return what a version says of itself; None where that was not looked at."""
        found = self._releases.get(bit)
        if found is None and self.entry(bit).release:
            found = self._releases[bit] = _DECODER.decode(self.entry(bit).release)
        return found

    def without(self, bit: int) -> None:
        """Leave out a version that turned out to be unreadable."""
        self.usable &= ~(1 << bit)
        self.left_out += 1

    def item(self, wanted: NugetRange) -> Item | int:
        """Return the version that is taken for a range, or the bit of one of which more must be known before."""
        while (bit := best(wanted, self.table, self.usable, self._preferred)) is not None:
            if bit in self._items:
                return self._items[bit]
            release = self.release(bit)
            if release is None:
                return bit
            if not self._refuses_licence(bit, release.licence):
                return self._made(bit, release)
        key = wanted.low or ()
        if key not in self._items:
            self._items[key] = Item(self.name, self.shown, key=key)
        return self._items[key]

    def _refuses_licence(self, bit: int, licence: str) -> bool:
        if not self._policy.asks_for_licences:
            return False
        why = self._policy.refuses_licence(self.name, self.table.versions[bit], licence)
        if why:
            self.refusals[why] += 1
            self.usable &= ~(1 << bit)
        return bool(why)

    def _made(self, bit: int, release: NugetRelease) -> Item:
        needs, fallback = needs_of(release, self._target)
        version = self.table.versions[bit]
        item = Item(self.name, self.shown, version=version, key=self.key(bit), bit=bit, needs=needs)
        self._items[bit] = item
        item.fallback = fallback
        return item

    def key(self, bit: int) -> Key:
        """Return the key of a version."""
        low = read_range(self.table.versions[bit]).low
        assert low is not None
        return low


def needs_of(release: NugetRelease, target: Framework) -> tuple[list[Need], str]:
    """Return what a version needs for a framework, and for which one that is written, where it is not one that the target can use.

    The group of the nearest framework counts, and no other: https://learn.microsoft.com/nuget/reference/nuspec#dependency-groups.
    """
    needs, fallback = group_of(release, target)
    return [Need(name.lower(), read_range(text)) for name, text in needs], fallback


def group_of(release: NugetRelease, target: Framework) -> tuple[list[tuple[str, str]], str]:
    """Return the same with names and ranges as they are written."""
    groups = {read_framework(text): needs for text, needs in reversed(release.groups)}
    found = nearest(target, list(groups))
    fallback = ""
    for other in fallbacks_of(target) if found is None else ():
        if found is None and (found := nearest(other, list(groups))) is not None:
            fallback = next(text for text, _ in release.groups if read_framework(text) == found)
    return groups[found] if found is not None else [], fallback


def is_range(text: str) -> bool:
    """Return whether a text is a range that NuGet reads."""
    try:
        read_range(text)
    except InvalidConfigError:
        return False
    return True
