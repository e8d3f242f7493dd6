"""What a text selects of the versions of a module: https://docs.gradle.org/current/userguide/dependency_versions.html."""

import re
from functools import lru_cache
from typing import NamedTuple

from outrider.operators.packages.maven.gradle.order import read_version, version_key

_RANGE = re.compile(r"([\[(\]])\s*([^,\[\]()]*?)\s*(?:(,)\s*([^,\[\]()]*?)\s*)?([\])\[])")
_LATEST = "latest."
RELEASE, INTEGRATION = "release", "integration"
_REMEMBERED = 8192


class Bound(NamedTuple):
    """An end of a range.

    Attributes:
        version: At it; empty where the range has none there.
        is_within: Whether that version is of the range.
    """

    version: str
    is_within: bool


class Selector(NamedTuple):
    """What is selected.

    Attributes:
        text: As it is written.
        prefix: What versions begin with; None where that is not what counts.
        bounds: Of a range; None where it is none.
        status: Which versions are looked at for the latest; empty where that is not asked for.
    """

    text: str
    prefix: str | None = None
    bounds: tuple[Bound, Bound] | None = None
    status: str = ""

    @property
    def is_dynamic(self) -> bool:
        """Whether more than one version may do."""
        if self.bounds is not None:
            return self.bounds[0] != self.bounds[1]
        return self.prefix is not None or bool(self.status)

    def accepts(self, version: str) -> bool:
        """Return whether a version will do; of what is latest any does."""
        if self.status:
            return True
        if self.prefix is not None:
            return version.startswith(self.prefix)
        if self.bounds is not None:
            return _is_within(version, *self.bounds)
        return version == self.text


@lru_cache(_REMEMBERED)
def read_selector(text: str) -> Selector:
    """Read what is written in the place of a version; any text is something."""
    if text.startswith(_LATEST):
        return Selector(text, status=text.removeprefix(_LATEST))
    if match := _RANGE.fullmatch(text):
        return _range(text, match)
    if text.endswith("+"):
        return Selector(text, prefix=text[:-1])
    return Selector(text)


def _range(text: str, match: re.Match[str]) -> Selector:
    opening, low, comma, high, closing = match.groups()
    if comma is None:
        only = Bound(low, is_within=True)
        return Selector(text, bounds=(only, only))
    return Selector(text, bounds=(Bound(low, is_within=opening == "["), Bound(high, is_within=closing == "]")))


def _is_within(version: str, low: Bound, high: Bound) -> bool:
    key = version_key(version)
    if low.version:
        at = version_key(low.version)
        if key < at or (key == at and not low.is_within):
            return False
    if high.version:
        at = version_key(high.version)
        if key > at or (key == at and not high.is_within):
            return False
        # What a bound that is left out begins with is left out too: 2.0-rc1 is not of [1.0,2.0).
        if not high.is_within and read_version(version).base_parts == read_version(high.version).parts:
            return False
    return True
