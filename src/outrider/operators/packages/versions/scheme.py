"""What an ecosystem says about versions: how they are sorted, and which of them a range allows."""

from typing import NamedTuple, Protocol

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.versions.ranges import Key, VersionRange

_SHOWN = 80


class Version(NamedTuple):
    """A version that was read.

    Attributes:
        key: Versions are sorted by it; equal ones have equal keys.
        prerelease: Whether its ecosystem takes it for one.
    """

    key: Key
    prerelease: bool


class Scheme(Protocol):
    """Versions and ranges of one ecosystem."""

    def parse(self, text: str) -> Version:
        """Read a version.

        Raises:
            InvalidConfigError: It is none.
        """

    def range(self, text: str) -> VersionRange:
        """Read a range.

        Raises:
            InvalidConfigError: It is none.
        """


def invalid_version(ecosystem: str, text: str, expected: str) -> InvalidConfigError:
    """Return the error for what is no version.

    Args:
        ecosystem: Whose rules it breaks.
        text: What was found.
        expected: What a version looks like.
    """
    shown = text[:_SHOWN]
    return InvalidConfigError(
        f"{shown!r} is not a version of {ecosystem}", found=shown, expected=expected, suggestions=[f"write {expected}"]
    )


def invalid_range(ecosystem: str, text: str, expected: str) -> InvalidConfigError:
    """Return the error for what is no range; the parameters are those of `invalid_version`."""
    shown = text[:_SHOWN]
    return InvalidConfigError(
        f"{shown!r} is not a range of {ecosystem}", found=shown, expected=expected, suggestions=[f"write {expected}"]
    )
