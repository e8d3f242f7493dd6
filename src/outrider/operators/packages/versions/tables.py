"""The versions of one package, sorted, and ranges over them as bitmasks."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.versions.ranges import Cut, Span, VersionRange
from outrider.operators.packages.versions.scheme import Scheme


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
        self.versions = [text for _, text in read]
        self._keys = [version.key for version, _ in read]
        self.everything = (1 << len(read)) - 1
        self.releases = sum(1 << bit for bit, (version, _) in enumerate(read) if not version.prerelease)
        # Few ranges are asked for very often: the 263,855 edges below react-scripts have 5,575.
        self._masks: dict[str, int] = {}

    def mask(self, text: str) -> int:
        """Return the versions that a range allows.

        Raises:
            InvalidConfigError: The text is no range.
        """
        mask = self._masks.get(text)
        if mask is None:
            mask = self._masks[text] = self.mask_of(self._scheme.range(text))
        return mask

    def mask_of(self, allowed: VersionRange) -> int:
        """Return the versions that a range allows."""
        mask = 0
        for span in allowed.spans:
            mask |= self._span(span)
        if allowed.texts is not None:
            mask &= sum(1 << bit for bit, text in enumerate(self.versions) if text in allowed.texts)
        return mask

    def _span(self, span: Span) -> int:
        first = 0 if span.low is None else self._position(span.low)
        end = len(self._keys) if span.high is None else self._position(span.high)
        if end <= first:
            return 0
        mask = (1 << end) - (1 << first)
        return mask & self.releases if span.releases_only else mask

    def _position(self, cut: Cut) -> int:
        return bisect_right(self._keys, cut.key) if cut.after else bisect_left(self._keys, cut.key)

    def named(self, mask: int) -> list[str]:
        """Return the versions of a mask, oldest first."""
        return [text for bit, text in enumerate(self.versions) if mask >> bit & 1]
