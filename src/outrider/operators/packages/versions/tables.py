"""The versions of one package, sorted, and ranges over them as bitmasks."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Self

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.versions.ranges import Cut, Key, Span, VersionRange
from outrider.operators.packages.versions.scheme import Scheme

# Time grows with the square of the terms that must all hold, and whoever publishes a package writes them.
_LONGEST = 8192


class VersionTable:
    """The versions of a package, oldest first; bit k of a mask stands for the k-th.

    Args:
        scheme: The rules of its ecosystem.
        versions: In any order.

    Attributes:
        versions: Those that can be sorted.
        unsorted: Those that its ecosystem no longer reads. They are found by their text only.
        releases: The mask of those that are no prereleases.
        everything: The mask of all.
    """

    def __init__(self, scheme: Scheme, versions: Iterable[str]) -> None:
        self._scheme = scheme
        self.unsorted: list[str] = []
        read = []
        for text in sorted(set(versions)):
            try:
                read.append((scheme.parse(text), text))
            except InvalidConfigError:
                self.unsorted.append(text)
        read.sort(key=lambda one: one[0].key)
        prereleases = sum(1 << bit for bit, (version, _) in enumerate(read) if version.prerelease)
        self._begin([text for _, text in read], prereleases, [version.key for version, _ in read])

    @classmethod
    def of_sorted(cls, scheme: Scheme, versions: list[str], prereleases: int) -> Self:
        """Return the table of versions that were sorted before; of them only those are read that ranges are compared with.

        Args:
            scheme: The rules of their ecosystem.
            versions: Oldest first, each one that can be read.
            prereleases: The mask of those that are.
        """
        table = cls(scheme, ())
        table._begin(versions, prereleases, [None] * len(versions))
        return table

    def _begin(self, versions: list[str], prereleases: int, keys: "list[Key] | list[None]") -> None:
        self.versions = versions
        self.everything = (1 << len(versions)) - 1
        self.releases = self.everything & ~prereleases
        self._keys: list[Key | None] = [*keys]
        # Few ranges are asked for very often: the 263,855 edges below react-scripts have 5,575.
        self._masks: dict[str, int] = {}

    def mask(self, text: str) -> int:
        """Return the versions that a range allows.

        Raises:
            InvalidConfigError: The text is no range.
        """
        mask = self._masks.get(text)
        if mask is None:
            if len(text) > _LONGEST:
                raise InvalidConfigError(
                    f"a range of {len(text)} characters", found=f"{text[:40]}…", expected=f"at most {_LONGEST} characters",
                    suggestions=["name fewer versions"],
                )  # fmt: skip
            mask = self._masks[text] = self.mask_of(self._scheme.range(text))
        return mask

    def from_on(self, version: str) -> int:
        """Return the versions that are not older than one, by the rules that these are sorted by.

        Raises:
            InvalidConfigError: It is no version.
        """
        return self.mask_of(VersionRange((Span.at_least(self._scheme.parse(version).key),)))

    def mask_of(self, allowed: VersionRange) -> int:
        """Return the versions that a range allows."""
        mask = 0
        for span in allowed.spans:
            mask |= self._span(span)
        if allowed.texts is not None:
            mask &= sum(1 << bit for bit, text in enumerate(self.versions) if text.lower() in allowed.texts)
        return mask

    def _span(self, span: Span) -> int:
        first = 0 if span.low is None else self._position(span.low)
        end = len(self.versions) if span.high is None else self._position(span.high)
        if end <= first:
            return 0
        mask = (1 << end) - (1 << first)
        return mask & self.releases if span.releases_only else mask

    def _position(self, cut: Cut) -> int:
        search = bisect_right if cut.after else bisect_left
        return search(range(len(self.versions)), cut.key, key=self._key)

    def _key(self, bit: int) -> Key:
        key = self._keys[bit]
        if key is None:
            key = self._keys[bit] = self._scheme.parse(self.versions[bit]).key
        return key

    def named(self, mask: int) -> list[str]:
        """Return the versions of a mask, oldest first."""
        return [text for bit, text in enumerate(self.versions) if mask >> bit & 1]
