"""The versions that records of a package list, however they are written: 1.16 of PyPI is 1.16.0 too.

https://ossf.github.io/osv-schema/#affectedversions-field
"""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

from outrider.operators.packages.versions.reading import read_version
from outrider.operators.packages.versions.scheme import Version

_NUMBER = re.compile(r"[1-9][0-9]*")


class ListedVersions:
    """Versions of one package.

    Args:
        ecosystem: Of it.
        texts: All that any record lists.

    Attributes:
        alone: Those of them that none of the others can be the same as.
        first: One of those that may be the same, by their numbers: no other version is the same as one of them.
    """

    def __init__(self, ecosystem: str, texts: Collection[str]) -> None:
        self._ecosystem = ecosystem
        # To read all of them, of which there may be hundreds, would take longer than all else; nor is anything made for each of them.
        numbers = [*map(numbers_of, texts)]
        self.first = dict(zip(numbers, texts, strict=True))
        self._more: dict[str, list[str]] = {}
        if len(self.first) < len(numbers):
            for one, text in zip(numbers, texts, strict=True):
                if self.first[one] != text:
                    self._more.setdefault(one, []).append(text)
        self.alone = frozenset(text for one, text in self.first.items() if one not in self._more)

    def spelled_otherwise(self, text: str, version: Version) -> Sequence[str]:
        """Return which others of them are the same version.

        Args:
            text: The version.
            version: The same, as its ecosystem reads it.
        """
        numbers = numbers_of(text)
        near = [one for one in (self.first.get(numbers, text), *self._more.get(numbers, ())) if one != text]
        return self._same(near, text, version) if near else ()

    def _same(self, near: list[str], text: str, version: Version) -> list[str]:
        keys = {version.key}
        public, is_local, _ = text.partition("+")
        if is_local and self._ecosystem == "pypi" and (read := read_version("pypi", public)) is not None:
            # What others have built of a version has what that has.
            keys.add(read.key)
        others = ((one, read_version(self._ecosystem, one)) for one in near)
        return [one for one, read in others if read is not None and read.key in keys]


@lru_cache(maxsize=100_000)
def numbers_of(text: str) -> str:
    """Return what versions that are the same have in common in any ecosystem: their numbers but for zeros, without a local part."""
    return ".".join(_NUMBER.findall(text.partition("+")[0]))
