"""Which source may have which package: https://learn.microsoft.com/nuget/consume-packages/package-source-mapping.

Of the patterns that fit a name the longest counts. Where a name and its prefix are the same, as in `Own` and `Own*`, the sources of both
do, as in `SearchTree` of https://github.com/NuGet/NuGet.Client/tree/dev/src/NuGet.Core/NuGet.Configuration.
"""

from collections.abc import Iterable

_LONGEST = 100


class SourceMapping:
    """Patterns of names.

    Args:
        patterns: Each with the name of a source.
    """

    def __init__(self, patterns: Iterable[tuple[str, str]]) -> None:
        self._sources: dict[str, set[str]] = {}
        self._open: set[str] = set()
        for written, source in patterns:
            pattern = written.strip().lower()
            if 0 < len(pattern) <= _LONGEST:
                stem, star, _ = pattern.partition("*")
                self._sources.setdefault(stem, set()).add(source.lower())
                if star:
                    self._open.add(stem)

    def __bool__(self) -> bool:
        """Whether there is any pattern; else all sources may have everything."""
        return bool(self._sources)

    def sources(self, name: str) -> set[str]:
        """Return the names of the sources that may have a package, in small letters.

        Args:
            name: In small letters.
        """
        for end in range(len(name), -1, -1):
            stem = name[:end]
            if stem in self._open or (end == len(name) and stem in self._sources):
                return self._sources[stem]
        return set()
